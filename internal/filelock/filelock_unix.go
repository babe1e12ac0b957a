//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"cmp"
	"errors"
	"os"
	"syscall"
	"time"
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

// Wait is Try that waits for its turn, so long at most. It closes f where it returns
// an error.
func Wait(f *os.File, patience time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- lock(f, syscall.LOCK_EX) }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err != nil {
			_ = f.Close()
		}
		return err
	case <-timer.C:
		go func() {
			_ = errors.Join(<-done, f.Close()) // in this order
		}()
		return ErrLocked
	}
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
