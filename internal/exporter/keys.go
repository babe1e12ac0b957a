package exporter

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/internal/text"
)

// ReadKeys reads a list of experiment keys: one a line, or the path of an experiment,
// or a line as -l prints it (path and key, separated by tabs), or a line of a report of
// an import or an export. The list may be in UTF-8 or UTF-16. Empty lines and lines that
// begin with # are passed over. Of a report, only experiments that came out well are
// taken when done is true, so that what failed is tried again.
func ReadKeys(r io.Reader, done bool) (map[string]bool, error) {
	keys := make(map[string]bool)
	scanner := bufio.NewScanner(text.NewReader(r))
	scanner.Buffer(nil, 16<<20)
	scanner.Split(text.ScanLines)
	for n := 1; scanner.Scan(); n++ {
		// Lists that were put together have byte order marks within.
		line := strings.TrimSpace(strings.TrimLeft(scanner.Text(), "\ufeff"))
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
	switch {
	case tabs && strings.Contains(first, "/"):
	case strings.Count(first, "/") >= 2:
		rest = first[strings.LastIndexByte(first, '/')+1:]
	default:
		rest = first
	}
	key, _, _ := strings.Cut(rest, "\t")
	key = strings.TrimSpace(key)
	if done && tabs && slices.ContainsFunc(strings.Split(line, "\t"), listing.IsRunning) {
		return "", nil // a line of a list, of one that has gone on since
	}
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"',;/{}", r) }) {
		return "", fmt.Errorf("%q is no experiment key", key)
	}
	return key, nil
}

// reportLine is what a line of a report, of an import or an export, says of an
// experiment.
type reportLine struct {
	Key     string          `json:"key"` // of the source
	Result  string          `json:"result"`
	Running bool            `json:"running"` // when it was read
	State   string          `json:"state"`   // in a list
	Missing json.RawMessage `json:"missing"` // a list, but in lines about all of them
	Issues  []report.Issue  `json:"issues"`
}

// done reports whether nothing is left to do. An experiment that was running has
// gone on since.
func (l *reportLine) done() bool {
	if l.State != "" {
		return !listing.IsRunning(l.State)
	}
	if l.Running {
		return false
	}
	switch l.Result {
	case ResultExported, ResultKept, string(report.ResultCreated), string(report.ResultCompleted), string(report.ResultThere):
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

func keyOfReport(line string, done bool) (string, error) {
	// Lines about other things may have other values by the same names.
	var of struct {
		Kind string `json:"kind"`
	}
	var l reportLine
	err := json.Unmarshal([]byte(line), &of)
	if err == nil && of.Kind != "" && of.Kind != report.KindExperiment {
		return "", nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(line), &l)
	}
	if err != nil {
		return "", fmt.Errorf("not a line of a report: %w", err)
	}
	if done && !l.done() {
		return "", nil
	}
	return l.Key, nil
}
