package comet

import (
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Int is an integer that may be missing: null or absent.
type Int struct {
	N  int64
	OK bool // N is there
}

// IntOf returns the integer n.
func IntOf(n int64) Int { return Int{N: n, OK: true} }

// Ptr returns a pointer to the number, or nil when there is none.
func (i Int) Ptr() *int64 {
	if !i.OK {
		return nil
	}
	n := i.N
	return &n
}

func appendInt(dst []byte, i Int) []byte {
	if !i.OK {
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
