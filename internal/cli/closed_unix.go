//go:build darwin || linux

package cli

import (
	"os"
	"syscall"
)

// maybeClosed reports whether f, a standard stream, may have been closed when the
// process began. The runtime of Go has then opened the null device in its place, for
// reading and writing, as Python's subprocess.DEVNULL does; a shell opens it for one
// of them.
func maybeClosed(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	null, err := os.Stat(os.DevNull)
	if err != nil || !os.SameFile(info, null) {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var flags uintptr
	err = conn.Control(func(fd uintptr) {
		flags, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	})
	return err == nil && flags&syscall.O_ACCMODE == syscall.O_RDWR
}
