package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/overview"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// An Experiment is an experiment of the destination that is open to be written to: what
// there was of it, who wins, and what becomes of the work on it.
type Experiment struct {
	*reconcile.Destination
	report.Ledger
	Record *stream.Experiment // in the stream

	Key      string            // at the destination
	Derived  bool              // the key is not that of the source
	Existing *comet.Experiment // nil if it is new
	// Listed is what single answers say of it and of others, nil where it is to be
	// asked itself. Confirm, if not nil, asks it before the first write.
	Listed  *overview.Experiment
	Confirm func(context.Context) error
	// StreamWins is true where the destination has nothing that could be
	// anyone's but ours: the experiment is new, an earlier import of it was not
	// finished, or the user said so.
	StreamWins bool
	Unfinished bool // it exists, and an earlier import of it was not finished
	Expecting  bool // checks are kept: it is to be read back, or only to be compared
	checks     []reconcile.Check

	Turn      *flow.Turn
	Budget    *flow.Budget // for what is held of the destination
	Tasks     flow.Tasks
	Reading   sync.WaitGroup // of what the destination has
	postponed []func()       // to be run once the tasks are done
	Failure   flow.Failure
	Reopening reopening
	Untimed   untimed
}

// Postpone leaves f until nothing else of the experiment is under way.
func (s *Experiment) Postpone(f func()) {
	s.Change(func(*report.Outcome) { s.postponed = append(s.postponed, f) })
}

// RunPostponed runs what was left.
func (s *Experiment) RunPostponed() {
	for _, f := range s.postponed {
		f()
	}
	s.postponed = nil
}

// Item takes the result of the work on one item: nil, an error that concerns
// this item alone, or one that leaves the experiment unfinished.
func (s *Experiment) Item(i report.Issue, err error) {
	if err == nil || errors.Is(err, flow.ErrDropped) {
		return // what the stream lacks is reported where it breaks off
	}
	if !answer.Refused(err) {
		// The other items may come through.
		s.Failure.Note(i.Wrap(err), !errors.Is(err, comet.ErrServer))
		s.ConcernsAll(err)
		return
	}
	i.Class, i.Reason = report.Missing, err.Error()
	s.Issue(i)
}

// Reopen marks the experiment before the first write to it, unless the import
// has made it or has found it unfinished.
func (s *Experiment) Reopen(ctx context.Context) error {
	if s.Existing == nil || s.Unfinished || s.Record.Start == nil || s.Dry() {
		return nil
	}
	s.Reopening.mu.Lock()
	defer s.Reopening.mu.Unlock()
	if s.Reopening.Done {
		return nil
	}
	if s.Confirm != nil {
		if err := s.Confirm(ctx); err != nil {
			return err
		}
		s.Confirm = nil // a mark that was refused may have been set all the same
	}
	late := *s.Record.Start + reconcile.OpenMark
	s.Reopening.Tried.Store(true)
	if err := s.SetTimes(ctx, s.Key, &late, s.Existing.End); err != nil {
		return err
	}
	s.Reopening.Done = true
	return nil
}

// Reopened reports whether the experiment has been marked in this import or in
// one before.
func (s *Experiment) Reopened() bool {
	s.Reopening.mu.Lock()
	defer s.Reopening.mu.Unlock()
	return s.Reopening.Done
}

// maxDigesting is how often a destination is asked that says it still digests
// what was written, with longer and longer pauses: for about four minutes.
const maxDigesting = 30

// WaitSettled gives the destination time to digest what was written to it.
func (s *Experiment) WaitSettled(ctx context.Context) error {
	if err := flow.Pause(ctx, s.Settle); err != nil {
		return err
	}
	for i := range maxDigesting {
		busy, err := s.Client.Experiments.Processing(ctx, s.Key)
		if err != nil || !busy {
			// Not all servers tell.
			return ctx.Err()
		}
		if err := flow.Pause(ctx, time.Duration(min(i+1, 10))*s.Settle); err != nil {
			return err
		}
	}
	return nil
}

// TimeOf returns the time to write for a value. Every value has one at the
// destination; one that had none at the source gets that of the experiment, so
// that another import finds it again.
func (s *Experiment) TimeOf(t document.Int) int64 {
	switch {
	case t.OK:
		return t.V
	case s.Record.Start != nil:
		return *s.Record.Start
	case s.Record.End != nil:
		return *s.Record.End
	}
	return 0
}

// Share returns a share of the budget for what is held of the destination.
func (s *Experiment) Share() *flow.Share { return s.Budget.Share(s.Turn) }

// MaxBatch is about the most bytes of one batch of values.
const MaxBatch = 1 << 20

// Subject returns what items of the experiment are written of.
func (s *Experiment) Subject() *reconcile.Subject {
	return &reconcile.Subject{Destination: s.Destination, Ledger: &s.Ledger, New: s.Existing == nil, StreamWins: s.StreamWins, Reopen: s.Reopen}
}

// reopening marks a finished experiment while it is written to.
//
// Every write moves its end, which is set again when all is done. An import that
// is killed before leaves an end that could be anyone's; the mark tells the next
// one that it was ours.
type reopening struct {
	Found bool // by this import, of one before

	mu   sync.Mutex
	Done bool
	// tried is true where a mark may have been made, half where something was
	// written in part that only the mark tells from what somebody has changed.
	Tried, Half atomic.Bool
}

// Expect keeps a check for the verification, if there is to be one. It reports
// whether that is all there is to do.
func (s *Experiment) Expect(check reconcile.Check) bool {
	if s.Expecting {
		s.checks = append(s.checks, check)
	}
	return s.Mode == reconcile.VerifyOnly
}

// Put writes an item concurrently with the others, and keeps its check.
func Put[T any](ctx context.Context, s *Experiment, i *reconcile.Item[T]) {
	if !s.Expect(i.Check) {
		s.Tasks.Run(func() { s.Item(i.Issue, reconcile.Put(ctx, s.Subject(), i)) })
	}
}

// ReadBack runs the checks, in the order in which they were kept, and tells what
// they find.
func (s *Experiment) ReadBack(ctx context.Context) error {
	for _, check := range s.checks {
		found, err := check(ctx)
		if err == nil && len(found) > 0 && !s.Dry() {
			// What was just written may not show yet, so that a finding counts
			// when it is found again.
			if err = s.WaitSettled(ctx); err == nil {
				found, err = check(ctx)
			}
		}
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		for _, i := range found {
			i.Class = report.Unverified
			s.Issue(i)
		}
	}
	s.SetVerified()
	return nil
}
