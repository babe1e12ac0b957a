package transport

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// A try asks for few answers as they are, and all that follow are in the form that is
// faster.
func TestLinkTakesTheFasterForm(t *testing.T) {
	const n, answers = 1 << 20, 20_000
	for name, tt := range map[string]struct {
		connect          time.Duration
		compressed, asIs time.Duration // for a megabyte; twice as much before the first look if below 0
		least, most      int           // answers as they are
	}{
		"same machine":             {100 * time.Microsecond, 4 * time.Millisecond, 2 * time.Millisecond, answers - 20, answers - 1},
		"a gigabit":                {100 * time.Microsecond, 4 * time.Millisecond, 8 * time.Millisecond, 1, answers / 200},
		"slow":                     {100 * time.Microsecond, 100 * time.Millisecond, 800 * time.Millisecond, 1, answers / 200},
		"no difference":            {100 * time.Microsecond, 4 * time.Millisecond, 4 * time.Millisecond, 1, answers / 200},
		"slower at the first look": {100 * time.Microsecond, 4 * time.Millisecond, -2500 * time.Microsecond, answers - 20, answers - 1},
		"far":                      {2 * time.Millisecond, 4 * time.Millisecond, 2 * time.Millisecond, 0, 0},
		"unknown":                  {0, 4 * time.Millisecond, 2 * time.Millisecond, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLink()
			if tt.connect > 0 {
				l.connected(tt.connect)
				l.connected(time.Second)
			}
			asIs := 0
			for range answers {
				plain, took := l.ask(), tt.compressed
				if plain {
					asIs++
					took = tt.asIs
				}
				l.begin(plain)
				for range 10 {
					switch {
					case took > 0:
						l.took(plain, n, took)
					case l.looks == 0:
						l.took(plain, n, -2*took)
					default:
						l.took(plain, n, -took)
					}
				}
				l.end(plain)
			}
			if asIs < tt.least || asIs > tt.most {
				t.Errorf("%d of %d answers are asked for as they are, want %d to %d", asIs, answers, tt.least, tt.most)
			}
		})
	}
}

// At the beginning of a try, answers that have just begun end; those that have gone on
// for long do not.
func TestLinkEndsYoungAnswers(t *testing.T) {
	l := NewLink()
	l.connected(time.Microsecond)
	read := func(m *measured, n int) error {
		_, err := io.CopyN(io.Discard, m, int64(n))
		return err
	}
	body := func(plain bool) *measured {
		return l.measure(io.NopCloser(strings.NewReader(strings.Repeat(" ", 3*restartable))), plain)
	}
	old, young := body(false), body(false)
	if err := read(old, restartable+1); err != nil {
		t.Fatal(err)
	}
	if err := read(young, restartable-1); !errors.Is(err, ErrSlow) {
		t.Errorf("a compressed answer that has just begun: %v", err)
	}
	if err := read(old, restartable); err != nil {
		t.Errorf("a compressed answer that has gone on for long: %v", err)
	}
	if !l.ask() {
		t.Error("after the first look, no answer is asked for as it is")
	}
	l.compressed.found = 1e18
	old = body(true)
	if err := read(old, lookBytes/2); err != nil {
		t.Fatal(err)
	}
	young = body(true)
	old.n = restartable
	if err := read(old, restartable); err != nil {
		t.Errorf("an answer as it is that has gone on for long: %v", err)
	}
	if err := read(young, small/2); err != nil {
		t.Errorf("an answer as it is that may be small: %v", err)
	}
	if err := read(young, small); !errors.Is(err, ErrSlow) {
		t.Errorf("an answer as it is that has just begun: %v", err)
	}
	if l.ask() {
		t.Error("after a try that was slower, an answer is asked for as it is")
	}
	for _, m := range []*measured{old, young} {
		m.Close()
	}
	if l.asIs.open != 0 {
		t.Errorf("%d answers as they are stay open", l.asIs.open)
	}
}
