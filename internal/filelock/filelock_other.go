//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filelock

import (
	"errors"
	"os"
)

// Supported says whether this system has the locks.
const Supported = false

// Exclusive, Shared, Unlock and Private return [errors.ErrUnsupported]: this system has
// no such locks, or locks of another kind.
func Exclusive(*os.File) error { return errors.ErrUnsupported }

// Shared is as Exclusive.
func Shared(*os.File) error { return errors.ErrUnsupported }

// Unlock is as Exclusive.
func Unlock(*os.File) error { return errors.ErrUnsupported }

// Private is as Exclusive.
func Private(string, bool) (*os.File, error) { return nil, errors.ErrUnsupported }
