package reconcile

import (
	"context"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/report"
)

// A Destination is where an import writes to: its client, how it is to be written
// to, and what has become of all that was. It may be used by many goroutines at a
// time.
type Destination struct {
	Client *comet.Client

	Mode Mode
	// Update lets the stream win where a single value differs.
	Update bool
	// Verify reads back what has been written.
	Verify bool
	// Settle is the pause between readings that have to agree.
	Settle time.Duration
	// CleanupTime is how long what has to be done after a failure may take when the
	// work is to end.
	CleanupTime time.Duration
	// Fail ends the work in flight, for a reason that concerns all of it.
	Fail context.CancelCauseFunc
	// Outcome is called with what became of each thing. Calls come one at a time.
	Outcome func(*report.Outcome)

	mu       sync.Mutex
	summary  report.Summary
	failures failures        // why something could not be finished
	silent   map[string]bool // calls that are done without being acknowledged
}

// Mode says whether an import writes.
type Mode int

// The modes.
const (
	// Write imports.
	Write Mode = iota
	// DryRun reads the stream and what the destination has, and tells what an
	// import would do.
	DryRun
	// VerifyOnly compares the destination with the stream.
	VerifyOnly
)

// Dry reports whether nothing may be written.
func (d *Destination) Dry() bool { return d.Mode != Write }

// Verifies reports whether what has been written is to be read back.
func (d *Destination) Verifies() bool { return d.Verify && d.Mode == Write }

// Class returns the class of what differs or is missing: in a verification both are
// what it has found.
func (d *Destination) Class(of report.IssueClass) report.IssueClass {
	if d.Mode == VerifyOnly {
		return report.Unverified
	}
	return of
}

// CleanupContext returns a context for what has to be done after a failure, also where
// the work is to end. It does not go on for long.
func (d *Destination) CleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := 5 * time.Second
	if ctx.Err() != nil {
		patience = d.CleanupTime
	}
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
