package filter

import (
	"strconv"
	"unicode"
)

// quoted returns a text from a stream for a line of output: as it is where it is
// printable, else as a Go string, so that it can neither drive a terminal nor add
// columns and lines.
func quoted(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(s)
		}
	}
	return s
}
