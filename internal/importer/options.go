package importer

import (
	"cmp"
	"time"

	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/internal/report"
)

// Options say how to import. The zero value of a field means its default.
type Options struct {
	// To is where projects go; an empty part keeps the name that it has in the
	// stream. Merge lets several of them meet in one.
	To    place.Project
	Merge bool
	// CreateWorkspace creates workspaces that are missing, which needs the
	// rights of an administrator.
	CreateWorkspace bool

	Keys      place.Keys      // KeysKeep if empty
	Elsewhere place.Elsewhere // ElsewhereLeave if empty
	// Update lets the stream win where a single value differs from that of an
	// experiment or project that exists.
	Update bool
	// RewriteSeries writes the points of a metric that the destination does not
	// show, also where it may have them.
	RewriteSeries bool
	// NoRewrite leaves the references inside confusion matrices, embeddings and
	// data grids as they are. RewriteLinks also changes those in html and notes.
	NoRewrite, RewriteLinks bool
	// NoShareLinks makes no share links of projects.
	NoShareLinks bool
	// Owners are the users of the destination who get the projects of users of the
	// source. Without one a project stays with User, who imports.
	Owners map[string]string
	User   string

	Mode Mode // Write if it is not said
	// Verify reads each experiment back after it has been written.
	Verify bool

	// TempDir is where items wait that are too large for memory, "" the usual
	// place. TempMax bounds the space they take, 8 GiB if zero.
	TempDir string
	TempMax int64
	// Experiments is how many experiments may be under way, 16 if zero.
	Experiments int
	// Settle is the pause between the readings that have to agree before
	// something is written that must not be written twice, 1 s if zero.
	Settle time.Duration
	// CleanupTime is how long what has to be done after a failure may take when the
	// work is to end, half a second if zero.
	CleanupTime time.Duration
	// SeriesCap is how many points of a metric destinations keep, 15,000 if
	// zero.
	SeriesCap int64

	// Compared is how many bytes of what the destination has may be held, to be
	// compared with experiments ahead of their turn, 16 MiB if zero.
	Compared int64
	// Direct says which assets go to the storage of a destination in parts, where
	// that offers it: those from 50 MiB on, in parts of 8 MiB or more, if zero.
	Direct DirectSizes

	// Counters, if not nil, are added to while the import runs.
	Counters *progress.Counters
	// Outcome, if not nil, is called with what became of each experiment, and of
	// other things where there is something to report. Calls come one at a time.
	Outcome func(*report.Outcome)
}

// Mode says whether an import writes.
type Mode = reconcile.Mode

// The modes.
const (
	Write      = reconcile.Write      // import
	DryRun     = reconcile.DryRun     // read alone, and tell what an import would do
	VerifyOnly = reconcile.VerifyOnly // compare the destination with the stream
)

// DirectSizes are the sizes of uploads in parts.
type DirectSizes = upload.DirectSizes

func (o *Options) setDefaults() {
	o.Keys = cmp.Or(o.Keys, place.KeysKeep)
	o.Elsewhere = cmp.Or(o.Elsewhere, place.ElsewhereLeave)
	o.TempMax = cmp.Or(o.TempMax, 8<<30)
	o.Experiments = cmp.Or(o.Experiments, 16)
	o.Settle = cmp.Or(o.Settle, time.Second)
	o.CleanupTime = cmp.Or(o.CleanupTime, time.Second/2)
	o.Direct.From, o.Direct.Part = cmp.Or(o.Direct.From, 50<<20), cmp.Or(o.Direct.Part, 8<<20)
	o.Compared = cmp.Or(o.Compared, 16<<20)
	o.SeriesCap = cmp.Or(o.SeriesCap, 15000)
	if o.Counters == nil {
		o.Counters = new(progress.Counters)
	}
	if o.Outcome == nil {
		o.Outcome = func(*report.Outcome) {}
	}
}
