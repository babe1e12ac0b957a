package find

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/internal/suggest"
)

// NotFoundError says that a path leads nowhere, and what exists near it.
type NotFoundError struct {
	What    string   // "workspace", "project" or "experiment"
	Name    string   // as given
	In      string   // where it was looked for, "" for the instance
	Similar []string // what it may have been meant for
	Count   int      // how many of its kind there are
}

// Error names what was not found.
func (e *NotFoundError) Error() string {
	if e.In == "" {
		return fmt.Sprintf("no %s %q", e.What, e.Name)
	}
	return fmt.Sprintf("no %s %q in %q", e.What, e.Name, e.In)
}

// Hint says what exists near it.
func (e *NotFoundError) Hint() []string {
	switch {
	case len(e.Similar) > 0:
		return []string{"there is " + QuoteAll(e.Similar)}
	case e.Count == 0:
		return []string{fmt.Sprintf("there is no %s at all that the key may see", e.What)}
	case e.In == "":
		return []string{fmt.Sprintf("the key may see %d; comet-export -l lists them", e.Count)}
	}
	return []string{fmt.Sprintf("there are %d; comet-export -l %s lists them", e.Count, e.In)}
}

// QuoteAll returns names as an error lists them.
func QuoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

// KeysError says that nothing in the paths has keys that were asked for.
type KeysError struct{ Keys []string }

// Error names the first of them.
func (e *KeysError) Error() string {
	return "not found in what the paths name: " + selection.QuoteKeys(e.Keys)
}

// AmbiguousError says that several experiments have the name in a path.
type AmbiguousError struct {
	Path Path
	Keys []string
}

// Error names the path.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%d experiments are called %q in %q", len(e.Keys), e.Path.Experiment, e.Path.Workspace+"/"+e.Path.Project)
}

// Hint lists their keys.
func (e *AmbiguousError) Hint() []string {
	return []string{"name one by its key: " + strings.Join(e.Keys, ", ")}
}

func notFoundExperiment(p Path, all []Experiment) error {
	names := make([]string, 0, 2*len(all))
	for _, e := range all {
		names = append(names, e.Key)
		if e.Name != "" {
			names = append(names, e.Name)
		}
	}
	return &NotFoundError{
		What: "experiment", Name: p.Experiment, In: p.Workspace + "/" + p.Project,
		Similar: suggest.Nearest(p.Experiment, names, 5), Count: len(all),
	}
}
