package stream

import (
	"errors"
	"fmt"
)

// The classes of faults. Package stream has them as its own.
var (
	errCorrupt = errors.New("stream is damaged")
	errLimit   = errors.New("over a limit of the format")
)

// A packFault says what is wrong with bytes. Package stream adds where they stand.
type packFault struct {
	class  error // errCorrupt or errLimit
	reason string
}

// Error returns what is wrong.
func (f *packFault) Error() string { return f.reason }

// Unwrap returns the class.
func (f *packFault) Unwrap() error { return f.class }

func corrupt(format string, args ...any) *packFault {
	return &packFault{errCorrupt, fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) *packFault {
	return &packFault{errLimit, fmt.Sprintf(format, args...)}
}
