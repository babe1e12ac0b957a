package pack

import (
	"errors"
	"fmt"
)

// The classes of faults. Package stream has them as its own.
var (
	ErrCorrupt = errors.New("stream is damaged")
	ErrLimit   = errors.New("over a limit of the format")
)

// A Fault says what is wrong with bytes. Package stream adds where they are.
type Fault struct {
	Class  error // ErrCorrupt or ErrLimit
	Reason string
}

// Error returns what is wrong.
func (f *Fault) Error() string { return f.Reason }

// Unwrap returns the class.
func (f *Fault) Unwrap() error { return f.Class }

// Corrupt returns an [ErrCorrupt].
func Corrupt(format string, args ...any) *Fault {
	return &Fault{ErrCorrupt, fmt.Sprintf(format, args...)}
}

// TooLarge returns an [ErrLimit].
func TooLarge(format string, args ...any) *Fault {
	return &Fault{ErrLimit, fmt.Sprintf(format, args...)}
}
