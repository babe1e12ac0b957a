//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"errors"
	"os"
	"syscall"
)

// lockFile locks f until it is closed, and returns [errLocked] if another
// process has locked it. Where a file system has no locks there are none.
func lockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

// publish gives f, the file from, the name to, and closes it. It is locked until
// it has that name, so that no other process takes it for a partial file.
func publish(f *os.File, from, to string) error {
	return errors.Join(os.Rename(from, to), f.Close())
}
