package exporter

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
)

// errNotUnicode is why an item is not in the stream as the source has it.
var errNotUnicode = judge.ItemErrorf("some of its text is not Unicode; the stream has U+FFFD and a number for each byte of it")

// notUnicode are the answers with text that is not Unicode, by the experiment that
// they are of, "" for those of none.
type notUnicode struct {
	mu   sync.Mutex
	seen map[string][]notUnicodeItem
}

type notUnicodeItem struct {
	of        stream.Kind
	name      string
	workspace string
}

// calls are the beginnings of the paths of calls, the longer ones first, and what
// their answers hold. Those of experiments are told in their groups. Listings of
// experiments are not among them: their metadata say the same.
var calls = []struct {
	path, name string
	of         stream.Kind
	group      bool
}{
	{"experiment/metadata", "metadata", stream.KindExperiment, true},
	{"experiment/tags", "tags", stream.KindExperiment, true},
	{"experiment/parameters", "", stream.KindParameters, true},
	{"experiment/log-other", "", stream.KindOthers, true},
	{"experiment/metrics/", "", stream.KindMetrics, true},
	{"experiment/system-details", "", stream.KindSystem, true},
	{"experiment/git/metadata", "", stream.KindGit, true},
	{"experiment/code", "", stream.KindCode, true},
	{"experiment/graph", "", stream.KindGraph, true},
	{"experiment/html", "", stream.KindHTML, true},
	{"experiment/output", "", stream.KindOutput, true},
	{"experiment/asset/", "", stream.KindAsset, true},
	{"project/notes", "", stream.KindNotes, false},
	{"project", "metadata", stream.KindProject, false},
	{"artifacts/", "", stream.KindArtifact, false},
	{"get/artifacts", "", stream.KindLineage, false},
	{"registry-model", "", stream.KindModel, false},
	{"code-panel/", "", stream.KindPanel, false},
	{"views/", "", stream.KindView, false},
}

// note takes an answer.
func (n *notUnicode) note(path string, query url.Values) {
	for _, c := range calls {
		if !strings.HasPrefix(path, c.path) {
			continue
		}
		key := ""
		if c.group {
			key = query.Get("experimentKey")
		}
		i := notUnicodeItem{c.of, c.name, cmp.Or(query.Get("workspaceName"), query.Get("workspace"))}
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.seen == nil {
			n.seen = make(map[string][]notUnicodeItem)
		}
		if !slices.Contains(n.seen[key], i) {
			n.seen[key] = append(n.seen[key], i)
		}
		return
	}
}

// skip names what the stream does not have as the source has it, of an experiment
// or of none.
func (n *notUnicode) skip(out *output, key string) error {
	n.mu.Lock()
	items := n.seen[key]
	delete(n.seen, key)
	n.mu.Unlock()
	slices.SortFunc(items, func(a, b notUnicodeItem) int {
		return cmp.Or(cmp.Compare(a.of, b.of), strings.Compare(a.name, b.name), strings.Compare(a.workspace, b.workspace))
	})
	var err error
	for _, i := range items {
		err = errors.Join(err, out.skipAt(i.of, i.workspace, "", key, "", i.name, errNotUnicode))
	}
	return err
}
