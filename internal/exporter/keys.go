package exporter

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/text"
)

// A KeyList is what a list of experiment keys says.
type KeyList struct {
	Keys map[string]bool
	// Listed are the experiments where the lines place them; nil unless all lines do.
	Listed find.Listed
}

// ReadKeys reads a list of experiment keys: one a line, or the path of an
// experiment, or a line as -l prints it (path and key, separated by tabs), or a
// line of a report of an import or an export. The list may be in UTF-8 or UTF-16.
// Empty lines and lines that begin with # are passed over. If done is true, only
// experiments that came out well are taken from a report, so that failed ones are
// tried again.
func ReadKeys(r io.Reader, done bool) (*KeyList, error) {
	list := &KeyList{Keys: make(map[string]bool), Listed: make(find.Listed)}
	scanner := bufio.NewScanner(text.NewReader(r))
	scanner.Buffer(nil, 16<<20)
	scanner.Split(text.ScanLines)
	for n := 1; scanner.Scan(); n++ {
		// Lists that were put together have byte order marks within.
		line := strings.TrimSpace(strings.TrimLeft(scanner.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		l, err := parseKeyLine(line, done)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if l.Key != "" {
			list.add(l)
		}
	}
	return list, scanner.Err()
}

// add takes the experiment of a line. One line that says no place makes a listing
// necessary, which then has all of them.
func (list *KeyList) add(l *keyLine) {
	l.Key = strings.Clone(l.Key) // not the whole line
	list.Keys[l.Key] = true
	p, err := find.ParsePath(l.Path)
	switch {
	case list.Listed == nil:
	case err != nil || p.Kind != "" || p.Experiment != l.Key:
		list.Listed = nil
	default:
		list.Listed.Add(&p, find.Experiment{
			Key: l.Key, Start: listing.ParseTime(l.Start), Archived: listing.IsArchived(l.State), Stateless: l.State == "",
		})
	}
}

// parseKeyLine returns what a line says. Its Key is "" if the line is not about an
// experiment, or about one that is not done.
func parseKeyLine(line string, done bool) (*keyLine, error) {
	if line[0] == '{' {
		return parseReportLine(line, done)
	}
	columns := strings.Split(line, "\t")
	l := &keyLine{Key: columns[0]}
	switch {
	case len(columns) > 1 && strings.Contains(columns[0], "/"):
		l.Path, l.Key = columns[0], columns[1]
		if len(columns) > 4 {
			l.Start, l.State = columns[2], columns[4]
		}
	case strings.Count(columns[0], "/") >= 2:
		l.Path, l.Key = columns[0], columns[0][strings.LastIndexByte(columns[0], '/')+1:]
	}
	l.Key = strings.TrimSpace(l.Key)
	if done && len(columns) > 1 && slices.ContainsFunc(columns, listing.IsRunning) {
		return new(keyLine), nil // a line of a list, of one that has gone on since
	}
	if l.Key == "" || strings.ContainsFunc(l.Key, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"',;/{}", r) }) {
		return nil, fmt.Errorf("%q is not an experiment key", l.Key)
	}
	return l, nil
}

// A keyLine is what a line of a list, or of a report of an import or an export, says
// of an experiment.
type keyLine struct {
	Key     string          `json:"key"`     // of the source
	Path    string          `json:"path"`    // in a list
	Start   string          `json:"start"`   // in a list
	Result  string          `json:"result"`  // in a report
	Running bool            `json:"running"` // when it was read
	State   string          `json:"state"`   // in a list
	Missing json.RawMessage `json:"missing"` // a list, but in lines about all of them
	Issues  []report.Issue  `json:"issues"`
}

// done reports whether nothing is left to do. An experiment that was running has
// gone on since.
func (l *keyLine) done() bool {
	if l.State != "" {
		return !listing.IsRunning(l.State)
	}
	if l.Running {
		return false
	}
	switch l.Result {
	case ResultExported, ResultKept, string(report.ResultCreated), string(report.ResultCompleted), string(report.ResultAlreadyThere):
	default:
		return false
	}
	for _, issue := range l.Issues {
		if issue.Class != report.Noted {
			return false
		}
	}
	return len(l.Missing) == 0 || string(l.Missing) == "[]"
}

func parseReportLine(line string, done bool) (*keyLine, error) {
	// Lines about other things may have other values by the same names.
	var of struct {
		Kind string `json:"kind"`
	}
	l := new(keyLine)
	err := json.Unmarshal([]byte(line), &of)
	if err == nil && of.Kind != "" && of.Kind != report.KindExperiment {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(line), l)
	}
	if err != nil {
		return nil, fmt.Errorf("not a line of a report: %w", err)
	}
	if done && !l.done() {
		return new(keyLine), nil
	}
	return l, nil
}
