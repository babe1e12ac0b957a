package scan

import (
	"errors"
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
