package exporter

import "github.com/comet-stream/comet-stream/stream"

// An Observer is told how an export goes. Its methods are called by one
// goroutine at a time and should be quick.
type Observer interface {
	// Skipped reports an item that the source has and the stream lacks, and what
	// it is in where the record does not say it.
	Skipped(in string, s *stream.Skipped)
	// Warn reports something that is not lost, but that the user should know.
	Warn(text string)
	// Experiment tells that an experiment is finished.
	Experiment(r *Result)
}

// Results of an experiment.
const (
	ResultExported = "exported" // its group is in the stream, with or without all of its items
	ResultLinked   = "linked"   // it belongs to another project; the stream has a link
	ResultSkipped  = "skipped"  // it could not be read
	ResultKept     = "kept"     // the partial stream that is continued had it
	ResultTooNew   = "too new"  // it came after the stream had left its project behind
	ResultUnasked  = "unasked"  // nothing of it was asked for

	// Its key was asked for, and nothing that the paths name has it.
	ResultNotFound = "not found"
	// An earlier archive has it, and the source does not list it any more.
	ResultGone = "gone"
)

// A Result is what came of one experiment, a line of the report.
type Result struct {
	Kind      string `json:"kind"` // "experiment"
	Key       string `json:"key"`
	SourceURL string `json:"source_url,omitempty"` // of its page
	Workspace string `json:"workspace"`
	Project   string `json:"project"`
	Name      string `json:"name,omitempty"`
	Result    string `json:"result"`
	Archived  bool   `json:"archived,omitempty"`
	Running   bool   `json:"running,omitempty"`

	Parameters int   `json:"parameters"`
	Others     int   `json:"others"`
	Metrics    int   `json:"metrics"`
	Points     int64 `json:"points"`
	Assets     int   `json:"assets"`
	AssetBytes int64 `json:"asset_bytes"`

	// LeftOut counts the assets that were left out by choice.
	LeftOut      int   `json:"left_out,omitempty"`
	LeftOutBytes int64 `json:"left_out_bytes,omitempty"`
	// Thinned names the metrics of which the server has dropped points.
	Thinned []string `json:"thinned,omitempty"`
	// Missing is what the experiment has and the stream lacks.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is one item that an experiment has and the stream lacks.
type Missing struct {
	Kind   string `json:"kind"`
	Name   string `json:"name,omitempty"`
	ID     string `json:"id,omitempty"`
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason"`
}

// Summary is what came of an export.
type Summary struct {
	Projects    int64 `json:"projects"`
	Listed      int64 `json:"listed"` // experiments selected from the listings
	Exported    int64 `json:"exported"`
	Kept        int64 `json:"kept"`
	Linked      int64 `json:"linked"`
	Skipped     int64 `json:"skipped"`   // experiments that could not be read
	NotFound    int64 `json:"not_found"` // experiments asked for by key
	LeftOut     int64 `json:"left_out"`
	Unchanged   int64 `json:"unchanged,omitempty"` // since an earlier archive
	Rechecked   int64 `json:"rechecked,omitempty"` // not known to have changed, and exported all the same in turn
	Gone        int64 `json:"gone,omitempty"`      // from the source, since then
	Running     int64 `json:"running"`
	Thinned     int64 `json:"thinned"`       // metrics of which the server has dropped points
	Items       int64 `json:"items_skipped"` // skipped records in the stream, those of a partial stream that is continued among them
	AssetsLeft  int64 `json:"assets_left_out"`
	AssetsBytes int64 `json:"assets_left_out_bytes"`

	// Nothing says, if not nil, that no experiment or no asset was selected.
	Nothing error `json:"-"`
}
