package filter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/selection"
)

// matches notes what rules name and the streams of an input have.
type matches struct {
	rules  *Rules
	search *selection.Search
	places map[Place]bool
}

func newMatches(rules *Rules) *matches {
	return &matches{rules: rules, search: rules.Search(), places: make(map[Place]bool)}
}

// key notes that an experiment is in the input.
func (m *matches) key(key string) { m.search.Found(key) }

// place notes that a project or workspace is.
func (m *matches) place(p Place) {
	for _, rule := range []Place{p, {Workspace: p.Workspace}} {
		if _, ok := m.rules.Renames.to[rule]; ok {
			m.places[rule] = true
		}
	}
}

// missing returns an error for what rules want to keep or rename and no stream
// has had: a [*MissingError], a [*selection.NothingError] or both. It is nil if
// there is nothing such.
func (m *matches) missing() error {
	e := &MissingError{Keys: m.search.Missing()}
	for rule := range m.rules.Renames.to {
		if !m.places[rule] {
			e.Places = append(e.Places, rule)
		}
	}
	nothing := cmp.Or(m.search.Nothing(), m.search.NoAsset())
	if len(e.Keys)+len(e.Places) == 0 {
		return nothing
	}
	slices.SortFunc(e.Places, func(a, b Place) int { return cmp.Compare(a.String(), b.String()) })
	return errors.Join(nothing, e)
}

// A MissingError lists what rules name and no stream of the input has.
type MissingError struct {
	Keys   []string // of experiments
	Places []Place  // to be renamed
}

// Error names them.
func (e *MissingError) Error() string {
	var parts []string
	if len(e.Keys) > 0 {
		parts = append(parts, selection.QuoteKeys(e.Keys))
	}
	for _, p := range e.Places {
		if p.Project == "" {
			parts = append(parts, fmt.Sprintf("workspace %q", p))
		} else {
			parts = append(parts, fmt.Sprintf("project %q", p))
		}
	}
	return "not in the stream: " + strings.Join(parts, ", ")
}
