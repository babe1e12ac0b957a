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
			l := new(Link)
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
				l.count(plain, 1)
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
				l.count(plain, -1)
			}
			if asIs < tt.least || asIs > tt.most {
				t.Errorf("%d of %d answers are asked for as they are, want %d to %d", asIs, answers, tt.least, tt.most)
			}
		})
	}
}

// When the form changes, answers that have just begun end; those that have gone on for
// long do not.
func TestLinkEndsYoungAnswers(t *testing.T) {
	l := new(Link)
	l.connected(time.Microsecond)
	const much = 2 * lookBytes
	read := func(m *measured) error {
		_, err := io.CopyN(io.Discard, m, much)
		return err
	}
	body := func(plain, old bool) *measured {
		m := l.measure(io.NopCloser(strings.NewReader(strings.Repeat(" ", 3*much))), plain)
		if old {
			m.began = m.began.Add(-young)
		}
		return m
	}
	old, recent := body(false, true), body(false, false)
	if err := read(old); err != nil || !l.ask() {
		t.Fatalf("after the first look: %v, as it is: %v", err, l.ask())
	}
	if err := read(recent); !errors.Is(err, ErrSlow) {
		t.Errorf("a compressed answer that has just begun: %v", err)
	}
	if err := read(old); err != nil {
		t.Errorf("a compressed answer that has gone on for long: %v", err)
	}
	old.Close()
	l.compressed.found = 1e18
	old, recent = body(true, true), body(true, false)
	if err := read(old); err != nil || l.ask() {
		t.Fatalf("after a trial that was slower: %v, as it is: %v", err, l.ask())
	}
	if err := read(old); err != nil {
		t.Errorf("an answer as it is that has gone on for long: %v", err)
	}
	if err := read(recent); !errors.Is(err, ErrSlow) {
		t.Errorf("an answer as it is that has just begun: %v", err)
	}
	for _, m := range []*measured{old, recent} {
		m.Close()
	}
	if l.asIs.open != 0 || l.compressed.open != 0 {
		t.Errorf("%d and %d answers stay open", l.compressed.open, l.asIs.open)
	}
}

// An answer of which little has come is not asked for again, when the form changes.
func TestLinkLeavesSmallAnswers(t *testing.T) {
	l := new(Link)
	l.plain, l.trials = true, 1
	m := l.measure(io.NopCloser(strings.NewReader(strings.Repeat(" ", small-1))), false)
	if n, err := io.Copy(io.Discard, m); n != small-1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	m = l.measure(io.NopCloser(strings.NewReader(strings.Repeat(" ", small+1))), false)
	if _, err := io.Copy(io.Discard, m); !errors.Is(err, ErrSlow) {
		t.Errorf("a larger one: %v, want it asked for again", err)
	}
}
