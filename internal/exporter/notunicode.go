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

// otherCalls are those outside experiments. Listings of experiments are not among
// them: their metadata say the same.
var otherCalls = []call{
	{path: "project/notes", of: stream.KindNotes},
	{path: "project", name: "metadata", of: stream.KindProject},
	{path: "artifacts/", of: stream.KindArtifact},
	{path: "get/artifacts", of: stream.KindLineage},
	{path: "registry-model", of: stream.KindModel},
	{path: "code-panel/", of: stream.KindPanel},
	{path: "views/", of: stream.KindView},
}

var allCalls = slices.Concat(experimentCalls, otherCalls)

// note takes an answer.
func (n *notUnicode) note(path string, query url.Values) {
	for _, c := range allCalls {
		if !strings.HasPrefix(path, c.path) {
			continue
		}
		key := ""
		if c.asked != 0 {
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
		err = errors.Join(err, out.skip(judge.Item{Kind: i.of, Workspace: i.workspace, Experiment: key, Name: i.name}, errNotUnicode))
	}
	return err
}
