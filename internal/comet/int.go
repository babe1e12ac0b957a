package comet

import (
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// State tells null and absent from a value.
type State uint8

// States of a field.
const (
	Absent State = iota
	Null
	Present
)

// Int is an integer field that may be null or absent.
type Int struct {
	N     int64
	State State
}

// IntOf returns the present integer n.
func IntOf(n int64) Int { return Int{N: n, State: Present} }

// Ptr returns a pointer to the number, or nil when there is none.
func (i Int) Ptr() *int64 {
	if i.State != Present {
		return nil
	}
	n := i.N
	return &n
}

func appendInt(dst []byte, i Int) []byte {
	if i.State != Present {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, i.N, 10)
}

func appendText(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return wire.AppendQuoted(dst, *s)
}
