// Package filelock locks files against other processes of the same user. A lock
// ends with the process that has it.
package filelock

import (
	"errors"
	"os"
)

// ErrLocked says that another process has a file.
var ErrLocked = errors.New("another process is writing it")

// Try locks f until it is closed, and returns [ErrLocked] if another process, or
// another open file of this one, has locked it. Where there are no locks, as on some
// file systems, nothing is locked.
func Try(f *os.File) error {
	if err := Exclusive(f); errors.Is(err, ErrLocked) {
		return err
	}
	return nil
}
