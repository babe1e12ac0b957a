//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"cmp"
	"errors"
	"os"
	"syscall"
)

// Supported says whether this system has the locks.
const Supported = true

// Try locks f until it is closed, and returns [ErrLocked] if another process, or
// another open file of this one, has locked it. Where a file system has no locks
// there are none.
func Try(f *os.File) error {
	if errors.Is(lock(f, syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return nil
}

func lock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		for locked = syscall.EINTR; errors.Is(locked, syscall.EINTR); {
			locked = syscall.Flock(int(fd), how)
		}
	})
	return cmp.Or(err, locked)
}
