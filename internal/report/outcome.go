package report

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/stream"
)

// Result is what became of an experiment.
type Result string

// The results. Each experiment that was read has one of them.
const (
	ResultCreated      Result = "created"       // it was new
	ResultCompleted    Result = "completed"     // it was there, and something was written
	ResultAlreadyThere Result = "already there" // it was there, and nothing was written
	ResultElsewhere    Result = "elsewhere"     // its key is taken in another project; nothing was written
	ResultFailed       Result = "failed"        // it is not finished, or has not been begun
)

// ResultSkipped is that of what the source has and the stream lacks.
const ResultSkipped Result = "skipped"

// Outcome tells what became of an experiment, or of another thing that Kind
// names. It is encoded as a line of the report.
type Outcome struct {
	Kind      string `json:"kind"` // "experiment", "project", "artifact", ...
	SourceKey string `json:"key,omitempty"`
	Key       string `json:"destination_key,omitempty"`
	SourceURL string `json:"source_url,omitempty"` // of its page at the source
	URL       string `json:"destination_url,omitempty"`
	Workspace string `json:"workspace"`
	Project   string `json:"project,omitempty"`
	Name      string `json:"name,omitempty"`
	Result    Result `json:"result"`
	Running   bool   `json:"running,omitempty"`  // at the source, when it was read
	DryRun    bool   `json:"dry_run,omitempty"`  // what would become of it
	Verified  bool   `json:"verified,omitempty"` // read back and found equal
	Error     string `json:"error,omitempty"`    // why it failed

	Written    Written     `json:"written"`
	Issues     []Issue     `json:"issues,omitempty"`
	MoreIssues int         `json:"more_issues,omitempty"` // beyond those listed
	Rewritten  []Rewriting `json:"rewritten,omitempty"`

	missing, differing, unverified, skipped int
}

// Written counts what was written of an experiment.
type Written struct {
	Parameters int64 `json:"parameters,omitempty"`
	Others     int64 `json:"others,omitempty"`
	Tags       int64 `json:"tags,omitempty"`
	Points     int64 `json:"points,omitempty"`
	Assets     int64 `json:"assets,omitempty"`
	AssetBytes int64 `json:"asset_bytes,omitempty"`
	// Items are single items by their kind: "html", "system", "times".
	Items []string `json:"items,omitempty"`
}

func (w *Written) Any() bool {
	return w.Parameters+w.Others+w.Tags+w.Points+w.Assets > 0 || len(w.Items) > 0
}

// IssueClass says what an issue means for the import.
type IssueClass string

// The classes of issues.
const (
	// Missing is an item that the source has and the destination lacks.
	Missing IssueClass = "missing"
	// Differs is an item that the destination has in another way.
	Differs IssueClass = "differs"
	// Unverified is what a verification has found.
	Unverified IssueClass = "unverified"
	// Skipped is an item that the source has and the stream lacks.
	Skipped IssueClass = "skipped"
	// Noted is what someone may want to know; nothing is wrong.
	Noted IssueClass = "noted"
)

// Issue is something to report of one item.
type Issue struct {
	Class  IssueClass `json:"class"`
	Kind   string     `json:"kind"` // as in the stream
	Name   string     `json:"name,omitempty"`
	ID     string     `json:"id,omitempty"`
	Reason string     `json:"reason"`

	more int // that it stands for
}

// Item names the item that the issue is about.
func (i Issue) Item() string {
	switch {
	case i.Name != "":
		return fmt.Sprintf("%s %q", i.Kind, i.Name)
	case i.ID != "":
		return fmt.Sprintf("%s %q", i.Kind, i.ID)
	}
	return i.Kind
}

// Wrap adds to an error which item it is of; nil stays nil.
func (i Issue) Wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", i.Item(), err)
}

// String describes the issue in a few words.
func (i Issue) String() string {
	return fmt.Sprintf("%s: %s: %s", i.Item(), i.Class, i.Reason)
}

// Rewriting is an asset whose references were changed.
type Rewriting struct {
	ID         string `json:"id"`
	Name       string `json:"name,omitempty"`
	References int    `json:"references"`
	From       string `json:"from_sha256"`
	To         string `json:"to_sha256"`
}

// MaxIssues is how many issues of one experiment are kept.
const MaxIssues = 200

// maxText is how many bytes of a name or reason are kept in an issue.
const maxText = 4 << 10

// CutText returns a text from outside, cut where it is too long to be reported.
func CutText(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

// Settle gives an outcome that has no result the one that follows from the rest.
func (o *Outcome) Settle() {
	switch {
	case o.Result != "":
	case o.skipped > 0:
		o.Result = ResultSkipped
	case o.Error != "" || o.missing > 0:
		o.Result = ResultFailed
	case o.Written.Any():
		o.Result = ResultCompleted
	default:
		o.Result = ResultAlreadyThere
	}
}

// SkippedIssue reports something that is missing from the stream.
func SkippedIssue(s *stream.Skipped) Issue {
	i := Issue{Class: Skipped, Kind: string(s.Of), Reason: s.Reason}
	if s.Name != nil {
		i.Name = *s.Name
	}
	if s.ID != nil {
		i.ID = *s.ID
	}
	return i
}
