package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/overview"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/points"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/report"
	"golang.org/x/sync/semaphore"
)

// What an import may hold in memory at a time, in bytes where nothing else is
// said. Together with the buffers of the reader and of the network this stays
// well under 150 MB.
const (
	spoolMemory = 16 << 20 // small assets and texts that wait to be written
	largeMemory = 32 << 20 // requests that are built in memory as a whole
)

// InputError says that the stream is damaged, truncated or no stream at all.
// The experiments that came whole before have been imported.
type InputError = flow.InputError

// UnfinishedError says that experiments, or something else, could not be
// finished. Another run goes on with them.
type UnfinishedError struct {
	Failures []error // why they could not, the first one first
	More     int64   // how many there are besides, for such reasons
}

func (e *UnfinishedError) Error() string {
	n := int64(len(e.Failures)) + e.More
	if n == 1 {
		return fmt.Sprintf("not finished: %v", e.Failures[0])
	}
	return fmt.Sprintf("%d not finished; the first: %v", n, e.Failures[0])
}

// Unwrap returns the reasons, of which any may be the gravest. They are not a
// list of errors to be reported one by one: each has been.
func (e *UnfinishedError) Unwrap() error { return errors.Join(e.Failures...) }

// Import writes the streams that in holds to the instance of c.
//
// The end of ctx means to take no new work; that of workCtx ends what is under way. Where
// ctx ends while in hangs in a Read, that Read is left to itself.
//
// The summary is valid also with an error. The error is that of the input, of the
// destination, of what could not be finished, or several of them joined. Items
// that are missing or differ are no error.
func Import(ctx, workCtx context.Context, in io.Reader, c *comet.Client, o Options) (*report.Summary, error) {
	o.setDefaults()
	workCtx, fail := context.WithCancelCause(workCtx)
	defer fail(nil)
	d := &reconcile.Destination{
		Client: c, Mode: o.Mode, Update: o.Update, Verify: o.Verify, Settle: o.Settle, CleanupTime: o.CleanupTime,
		Fail: fail, Outcome: o.Outcome,
	}
	groups := max(2, o.Experiments)
	r := &run{
		Services: &workspace.Services{
			Destination: d, Schedule: flow.NewSchedule(groups),
			Settings: workspace.Settings{
				DeriveKeys: o.Keys == place.KeysDerive, RewriteLinks: o.RewriteLinks, NoShareLinks: o.NoShareLinks, Owners: o.Owners, User: o.User,
			},
			To: place.NewMapping(o.To, o.Merge), Places: place.NewPlaces(d), Keys: new(place.Imported),
			Spools:   spool.NewSpooler(o.TempDir, spoolMemory, o.TempMax),
			Uploads:  &upload.Uploader{Destination: d, Parts: semaphore.NewWeighted(int64(groups)), Direct: o.Direct},
			Counters: o.Counters,
		},
		o:        o,
		projects: make(map[place.Project]*workspace.Project),
		large:    semaphore.NewWeighted(largeMemory),
		budget:   flow.NewBudget(o.Compared),
		points:   points.NewLimits(o.SeriesCap, o.RewriteSeries),
		overview: overview.New(c),
	}
	err := r.read(ctx, workCtx, in)
	r.Working.Wait()
	if r.late != nil {
		// The stream has ended too early, or the work.
		after, cancel := r.CleanupContext(workCtx)
		defer cancel()
		r.late.Finish(after)
	}
	return r.Summary(), r.result(workCtx, err)
}

type run struct {
	*workspace.Services
	o Options

	// projects holds the last project of the stream for each one of the
	// destination. Only the reading uses it.
	projects map[place.Project]*workspace.Project
	late     *workspace.Level // what comes after the projects, until it is finished

	large  *semaphore.Weighted
	budget *flow.Budget
	points *points.Limits
	// overview says what the destination has, of many experiments at once.
	overview *overview.Overview

	// Joined streams may hold an experiment twice: copies, by the key in the stream,
	// are worked on in their order, the last to win. At the destination two keys may
	// be one: busy has it.
	copies, busy flow.Locks[string]
}

// result joins the errors of a run. Those that follow from another are left
// out.
func (r *run) result(workCtx context.Context, err error) error {
	cause := context.Cause(workCtx)
	s, isStopped := cause.(*reconcile.Stopped)
	switch {
	case isStopped && err == cause:
		err = s.Err
	case isStopped:
		err = errors.Join(err, s.Err)
	case cause != nil && !errors.Is(err, cause):
		err = errors.Join(err, cause)
	}
	var unfinished UnfinishedError
	failures, more := r.Failures()
	for _, f := range failures {
		if !isConsequence(f, s, err) {
			unfinished.Failures = append(unfinished.Failures, f)
		}
	}
	if len(unfinished.Failures) > 0 {
		unfinished.More = more
		err = errors.Join(err, &unfinished)
	}
	return err
}

// isConsequence reports whether a failure is reported with the error of the run,
// or is no more than its consequence: it is that of the request which has ended
// all work, or of work that was ended. Two errors with the same cause, such as a
// broken connection, are not related by that.
func isConsequence(failure error, s *reconcile.Stopped, err error) bool {
	_, ended := errors.AsType[*reconcile.Stopped](failure)
	switch {
	case ended, s != nil && errors.Is(failure, s.Err):
		return true
	}
	return errors.Is(failure, context.Canceled) && errors.Is(err, context.Canceled)
}
