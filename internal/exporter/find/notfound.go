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
	switch {
	case e.maybeKey():
		return fmt.Sprintf("no workspace, and no experiment with the key %q", e.Name)
	case e.In == "":
		return fmt.Sprintf("no %s %q", e.What, e.Name)
	}
	return fmt.Sprintf("no %s %q in %q", e.What, e.Name, e.In)
}

// maybeKey reports whether the name may have been meant as the key of an experiment.
func (e *NotFoundError) maybeKey() bool { return e.What == "workspace" && IsKey(e.Name) }

// Hint says what exists near it.
func (e *NotFoundError) Hint() []string {
	what := e.What
	if e.Count != 1 {
		what += "s"
	}
	switch low := strings.ToLower(e.Name); {
	case e.maybeKey() && low != e.Name:
		return []string{fmt.Sprintf("most keys are in lower case: did you mean %q?", low)}
	case len(e.Similar) == 1:
		return []string{fmt.Sprintf("did you mean %q?", e.Similar[0])}
	case len(e.Similar) > 1:
		return []string{"did you mean one of " + QuoteAll(e.Similar) + "?"}
	case e.Count == 0:
		return []string{fmt.Sprintf("the key can see no %s", what)}
	case e.In == "":
		return []string{fmt.Sprintf("the key can see %d %s; comet-export -l lists them", e.Count, what)}
	}
	return []string{fmt.Sprintf("%q has %d %s; comet-export -l %s lists them", e.In, e.Count, what, e.In)}
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
	return selection.QuoteKeys(e.Keys) + ": not found under the given paths"
}

// AmbiguousError says that several experiments have the name in a path.
type AmbiguousError struct {
	Path Path
	Keys []string
}

// Error names the path.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%d experiments have the name %q in %q", len(e.Keys), e.Path.Experiment, e.Path.Workspace+"/"+e.Path.Project)
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
