//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Supported says whether this system has the locks.
const Supported = true

// Exclusive locks f until it is unlocked or closed, in place of what lock it has. It
// returns [ErrLocked] at once if another process, or another open file of this one,
// has any lock of it.
func Exclusive(f *os.File) error { return lock(f, syscall.LOCK_EX|syscall.LOCK_NB) }

// Shared is Exclusive for a lock that many can have at once.
func Shared(f *os.File) error { return lock(f, syscall.LOCK_SH|syscall.LOCK_NB) }

// Unlock ends the lock of f.
func Unlock(f *os.File) error { return lock(f, syscall.LOCK_UN) }

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
	if errors.Is(locked, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return cmp.Or(err, locked)
}

// Private opens a file that is for this user alone to read and write, in a folder
// that nobody else writes to. It makes both if told to. What is of another kind or
// owner, or open to others, is an error, and a link is not followed.
func Private(name string, create bool) (*os.File, error) {
	flags, dir := os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, filepath.Dir(name)
	if create {
		flags |= os.O_CREATE
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || !owned(info, 0o022) {
		return nil, fmt.Errorf("%s: not a folder of this user alone", dir)
	}
	f, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && (!info.Mode().IsRegular() || !owned(info, 0o077)) {
		err = fmt.Errorf("%s: not a file of this user alone", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// owned reports whether something is of this user, and has none of some permissions.
func owned(info fs.FileInfo, none fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&none == 0
}
