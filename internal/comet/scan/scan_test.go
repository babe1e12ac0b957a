package scan

import (
	"errors"
	"strings"
	"testing"
)

// endless is a list that never ends.
type endless struct{ begun bool }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "1,"[i%2]
	}
	if !e.begun {
		e.begun = true
		return copy(p, "[1,"), nil
	}
	return len(p) &^ 1, nil
}

// A list that never ends is not read for ever.
func TestEndless(t *testing.T) {
	s := New(&endless{}, 1<<10, nil)
	s.left = 1 << 20
	var n int
	err := s.Array(func([]byte, bool) error { n++; return nil })
	if !errors.Is(err, ErrTooLarge) || n < 1<<18 || n > 1<<20 {
		t.Errorf("%v after %d elements", err, n)
	}
}

// Only what reads a long document takes the room for one.
func TestFirstSize(t *testing.T) {
	for size, want := range map[int]int{10: firstSize, firstSize - 10: firstSize, firstSize + 1: 64 << 10, 1 << 20: 64 << 10} {
		text := "[" + strings.Repeat("1,", size/2) + "1]"
		s := New(strings.NewReader(text), 64<<10, nil)
		n := 0
		if err := s.Array(func([]byte, bool) error { n++; return nil }); err != nil || n != size/2+1 {
			t.Errorf("%d bytes: %d elements, %v; want %d", size, n, err, size/2+1)
		}
		if len(s.buf) != want {
			t.Errorf("%d bytes: a buffer of %d, want %d", size, len(s.buf), want)
		}
	}
}
