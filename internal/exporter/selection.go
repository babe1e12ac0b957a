package exporter

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/stream"
)

// Archived says what to do with archived experiments.
type Archived string

// The values of [Archived]; the zero value is ArchivedInclude.
const (
	ArchivedInclude Archived = "include"
	ArchivedExclude Archived = "exclude"
	ArchivedOnly    Archived = "only"
)

// A Selection narrows down what is exported. What it leaves out is counted,
// and is not skipped: it was not asked for. The zero value selects everything.
type Selection struct {
	Keys     map[string]bool // these experiments alone; nil = all
	SkipKeys map[string]bool // not these experiments
	Since    time.Time       // started or ended at this time or later, or running
	// SinceText is Since as the user gave it: "30d" says the same today and
	// tomorrow, when Since does not.
	SinceText string
	Archived  Archived

	AssetTypes   []string     // assets of these types alone; none = all
	MaxAssetSize stream.Int64 // larger assets are left out
}

// options returns the selection as the header of a stream has it: two exports
// of the same paths are the same if these are.
func (s *Selection) options() []string {
	var list []string
	add := func(name, value string) { list = append(list, "--"+name+" "+valid(value)) }
	if s.Archived != "" && s.Archived != ArchivedInclude {
		add("archived", string(s.Archived))
	}
	for _, typ := range slices.Compact(slices.Sorted(slices.Values(s.AssetTypes))) {
		add("asset-type", typ)
	}
	if s.Keys != nil {
		add("keys-from", fingerprint(s.Keys))
	}
	if s.MaxAssetSize.OK {
		add("max-asset-size", strconv.FormatInt(s.MaxAssetSize.V, 10))
	}
	if !s.Since.IsZero() {
		add("since", cmp.Or(s.SinceText, s.Since.UTC().Format(time.RFC3339Nano)))
	}
	if len(s.SkipKeys) > 0 {
		add("skip-keys-from", fingerprint(s.SkipKeys))
	}
	return list
}

// fingerprint stands for a set of keys.
func fingerprint(keys map[string]bool) string {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(maps.Keys(keys)), "\n")))
	return fmt.Sprintf("%d:%x", len(keys), sum[:8])
}

// experiment reports whether an experiment is selected.
func (s *Selection) experiment(e *listed) bool {
	switch {
	case s.Keys != nil && !s.Keys[e.key], s.SkipKeys[e.key]:
		return false
	case s.Archived == ArchivedExclude && e.archived, s.Archived == ArchivedOnly && !e.archived:
		return false
	case s.Since.IsZero() || e.running:
		return true
	}
	// One without times may be younger; comet-filter keeps it as well.
	since := s.Since.UnixMilli()
	return e.start == nil && e.end == nil || e.start != nil && *e.start >= since || e.end != nil && *e.end >= since
}

// asset reports whether an asset of this type and size is selected. An asset
// without a type is one of type "asset".
func (s *Selection) asset(typ string, size int64) bool {
	if typ == "" {
		typ = "asset"
	}
	return (len(s.AssetTypes) == 0 || slices.Contains(s.AssetTypes, typ)) &&
		(!s.MaxAssetSize.OK || size <= s.MaxAssetSize.V)
}

// ReadKeys reads a list of experiment keys: one a line, or a line as -l prints
// it (path and key, separated by tabs), or a line of a report of an import or
// an export. Empty lines and lines that begin with # are passed over. Of a
// report, only experiments that came out well are taken when done is true, so
// that what failed is tried again.
func ReadKeys(r io.Reader, done bool) (map[string]bool, error) {
	keys := make(map[string]bool)
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 16<<20)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := keyOfLine(line, done)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if key != "" {
			keys[key] = true
		}
	}
	return keys, scanner.Err()
}

// keyOfLine returns the key in a line, "" if the line is not about one.
func keyOfLine(line string, done bool) (string, error) {
	if line[0] == '{' {
		return keyOfReport(line, done)
	}
	first, rest, tabs := strings.Cut(line, "\t")
	if !tabs || !strings.Contains(first, "/") {
		rest = first
	}
	key, _, _ := strings.Cut(rest, "\t")
	key = strings.TrimSpace(key)
	if key == "" || strings.ContainsAny(key, " \"',;/{}") {
		return "", fmt.Errorf("%q is no experiment key", key)
	}
	return key, nil
}

// reportLine is what a line of a report, of an import or an export, says of an
// experiment.
type reportLine struct {
	Kind    string          `json:"kind"` // "" in the report of an export
	Key     string          `json:"key"`  // of the source
	Result  string          `json:"result"`
	Missing json.RawMessage `json:"missing"` // a list, but in lines about all of them
	Issues  []struct {
		Class string `json:"class"`
	} `json:"issues"`
}

// done reports whether nothing is left to do.
func (l *reportLine) done() bool {
	switch l.Result {
	case ResultExported, ResultKept, "created", "completed", "already there":
	default:
		return false
	}
	for _, issue := range l.Issues {
		if issue.Class != "noted" {
			return false
		}
	}
	return len(l.Missing) == 0 || string(l.Missing) == "[]"
}

func keyOfReport(line string, done bool) (string, error) {
	var l reportLine
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		return "", fmt.Errorf("not a line of a report: %w", err)
	}
	if l.Kind != "" && l.Kind != "experiment" || done && !l.done() {
		return "", nil
	}
	return l.Key, nil
}
