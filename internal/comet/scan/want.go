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

// ListNamed wants a list of one of the names, or null for one with nothing in it.
func ListNamed(names ...string) Wants { return Wants{kind: wantedList, Names: names} }

// ValueNamed wants what is not null.
func ValueNamed(names ...string) Wants { return Wants{kind: wantedValue, Names: names} }

// ArrayNamed wants a list that is not null.
func ArrayNamed(names ...string) Wants { return Wants{kind: wantedArray, Names: names} }

// TextNamed wants anything, or null.
func TextNamed(names ...string) Wants { return Wants{kind: wantedText, Names: names} }

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
