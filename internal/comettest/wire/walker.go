// Package wire reads JSON as clients send it: exact names, Python's numbers, steps that
// are no integers, and long documents in one go.
package wire

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// A Walker goes over a JSON document once, and checks it on the way: a document
// that it has come to the end of without an error is valid. It gives the values
// as they are written.
type Walker struct {
	Rest []byte // what is left to read
}

// ErrNotJSON is the answer for a body that is not JSON.
var ErrNotJSON = refusal.BadRequest("request body is not JSON")

// Object calls f with the name of each member of the object that comes next.
// f takes the value from the walker.
func (w *Walker) Object(f func(name []byte) error) error {
	if w.next() != '{' {
		return refusal.BadRequest("%.40s is not an object", w.Rest)
	}
	return w.items('}', func(int) error {
		if w.next() != '"' {
			return ErrNotJSON
		}
		name, err := w.Value()
		if err != nil {
			return err
		}
		if w.next() != ':' {
			return ErrNotJSON
		}
		w.Rest = w.Rest[1:]
		return f(name)
	})
}

// List calls f for each item of the list that comes next. f takes the item
// from the walker.
func (w *Walker) List(f func(i int) error) error {
	if w.next() != '[' {
		return refusal.BadRequest("%.40s is not a list", w.Rest)
	}
	return w.items(']', f)
}

// items calls f for each item between the bracket that comes next and its end.
func (w *Walker) items(end byte, f func(i int) error) error {
	w.Rest = w.Rest[1:]
	if w.next() == end {
		w.Rest = w.Rest[1:]
		return nil
	}
	for i := 0; ; i++ {
		if err := f(i); err != nil {
			return err
		}
		c := w.next()
		if c != ',' && c != end {
			return ErrNotJSON
		}
		w.Rest = w.Rest[1:]
		if c == end {
			return nil
		}
	}
}

// next skips space and returns the byte that comes, 0 at the end.
func (w *Walker) next() byte {
	for i, c := range w.Rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			w.Rest = w.Rest[i:]
			return c
		}
	}
	w.Rest = nil
	return 0
}

// End reports an error if anything but space follows.
func (w *Walker) End() error {
	if w.next(); len(w.Rest) > 0 {
		return ErrNotJSON
	}
	return nil
}

// Value takes the next value, whatever it is.
func (w *Walker) Value() ([]byte, error) {
	var n int
	switch w.next() {
	case '"':
		n = stringEnd(w.Rest)
	case '{', '[':
		n = nestedEnd(w.Rest)
	case 'n':
		n = prefix(w.Rest, "null")
	case 't':
		n = prefix(w.Rest, "true")
	case 'f':
		n = prefix(w.Rest, "false")
	default:
		n = numberEnd(w.Rest)
	}
	if n == 0 {
		return nil, ErrNotJSON
	}
	v := w.Rest[:n]
	w.Rest = w.Rest[n:]
	return v, nil
}

// prefix is the length of text if b begins with it, else 0.
func prefix(b []byte, text string) int {
	if len(b) < len(text) || string(b[:len(text)]) != text {
		return 0
	}
	return len(text)
}

// nestedEnd is the length of the object or list at the start of b, 0 if it is
// not valid.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := stringEnd(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				if !json.Valid(b[:i+1]) {
					return 0
				}
				return i + 1
			}
		}
	}
	return 0
}

// stringEnd is the length of the string at the start of b, quotes included, 0
// if it is not valid.
func stringEnd(b []byte) int {
	plain := true
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if !plain && !json.Valid(b[:i+1]) {
				return 0
			}
			return i + 1
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			return 0
		}
	}
	return 0
}

// numberEnd is the length of the number at the start of b, 0 if there is none.
func numberEnd(b []byte) int {
	i := prefix(b, "-")
	n := digits(b[i:])
	if n == 0 || n > 1 && b[i] == '0' {
		return 0
	}
	i += n
	if i < len(b) && b[i] == '.' {
		n = digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n = digits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}

// digits is how many digits b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
