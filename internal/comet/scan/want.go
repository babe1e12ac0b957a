package scan

import (
	"strings"
)

// Wants is a member that an answer must have, by one of its names. The zero
// value wants nothing.
type Wants struct {
	kind  wantedKind
	Bare  bool // a list that is not empty will do without a name
	Names []string
}

type wantedKind uint8

const (
	wantedText  wantedKind = iota // of any type, or null: the server knows that there is none
	wantedValue                   // of any type, but not null
	wantedList                    // an array, or null for one with nothing in it
	wantedArray                   // an array: null would mean that the server does not tell
)

// ListNamed wants a list, or null for one with nothing in it, ArrayNamed a list that
// is not null; ValueNamed wants what is not null, TextNamed anything. One of the
// names will do.
func ListNamed(names ...string) Wants  { return Wants{kind: wantedList, Names: names} }
func ValueNamed(names ...string) Wants { return Wants{kind: wantedValue, Names: names} }
func ArrayNamed(names ...string) Wants { return Wants{kind: wantedArray, Names: names} }
func TextNamed(names ...string) Wants  { return Wants{kind: wantedText, Names: names} }

// OrBare also takes a list that is all of the document, unless it is empty.
func (w Wants) OrBare() Wants {
	w.Bare = true
	return w
}

// String returns what is wanted, as an error says it.
func (w Wants) String() string {
	what := strings.Join(w.Names, `" or "`)
	if w.kind == wantedList || w.kind == wantedArray {
		return `the list "` + what + `"`
	}
	return `"` + what + `"`
}
