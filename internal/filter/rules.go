package filter

import (
	"fmt"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// Rules say what a filter drops and changes. The zero value keeps everything as
// it is.
type Rules struct {
	selection.Selection // of experiments and assets

	Without stream.Resources // what is left out
	Renames Renames
	// Holding says of experiments, by key, whether they fulfil the conditions of
	// the selection; see [Survey].
	Holding map[string]bool
}

// Empty reports whether the rules keep everything as it is.
func (r *Rules) Empty() bool { return r.Without == 0 && r.Selection.Empty() && r.Renames.empty() }

// experiment reports whether an experiment is kept, and notes it in search. It cannot tell by tags
// where the stream has left them out.
func (r *Rules) experiment(e *stream.Experiment, search *selection.Search) (bool, error) {
	if len(r.Tags) > 0 && e.Doc == nil {
		return false, fmt.Errorf("experiment %q: its tags are not in the stream, which was made without metadata", e.Key)
	}
	var holds *bool
	if hold, known := r.Holding[e.Key]; known {
		holds = &hold
	}
	return search.Experiment(&selection.Experiment{
		Key: e.Key, Name: e.Name, Tags: e.Tags, Holds: holds, Start: e.Start, End: e.End, Archived: e.Archived, Running: e.Running,
	}), nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// assetType returns the type of an asset; one that is absent is "asset".
func assetType(typ string) string {
	if typ == "" {
		return "asset"
	}
	return typ
}
