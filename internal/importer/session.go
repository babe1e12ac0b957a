package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A session is an experiment of the destination that is open to be written to: what
// there was of it, who wins, and what becomes of the work on it.
type session struct {
	*reconcile.Destination
	report.Ledger
	rec *stream.Experiment // in the stream

	key     string            // at the destination
	derived bool              // key is not that of the source
	there   *comet.Experiment // nil if it is new
	// streamWins is true where the destination has nothing that could be
	// anyone's but ours: the experiment is new, an earlier import of it was not
	// finished, or the user said so.
	streamWins bool
	unfinished bool // it exists, and an earlier import of it was not finished
	verifies   bool // it is to be read back, or only to be compared

	turn      *flow.Turn
	tasks     flow.Tasks
	reading   sync.WaitGroup // of what the destination has
	postponed []func()       // to be run once the tasks are done
	failure   flow.Failure
	reopening reopening
	untimed   untimed
}

// spawn runs f beside the others, when few enough of them are under way.
func (s *session) spawn(f func()) { s.tasks.Run(f) }

// postpone leaves f until nothing else of the experiment is under way.
func (s *session) postpone(f func()) {
	s.Change(func(*report.Outcome) { s.postponed = append(s.postponed, f) })
}

func (s *session) runPostponed() {
	for _, f := range s.postponed {
		f()
	}
	s.postponed = nil
}

// write makes a write of a single item, unless nothing may be written.
func (s *session) write(ctx context.Context, what string, f func() error) error {
	if err := s.reopen(ctx); err != nil {
		return err
	}
	return s.writeLast(what, f)
}

// writeLast is write for what comes when all else is done.
func (s *session) writeLast(what string, f func() error) error {
	if !s.Dry() {
		if err := f(); err != nil {
			return err
		}
	}
	s.Wrote(what)
	return nil
}

// differs tells of a value that the destination has in another way.
func (s *session) differs(i report.Issue) {
	i.Class = report.Differs
	s.Issue(i)
}

// item takes the result of the work on one item: nil, an error that concerns
// this item alone, or one that leaves the experiment unfinished.
func (s *session) item(i report.Issue, err error) {
	if err == nil || errors.Is(err, upload.ErrDropped) {
		return // what the stream has not is told where it breaks off
	}
	if !answer.Refused(err) {
		// The other items may come through.
		s.failure.Note(i.Wrap(err), !errors.Is(err, comet.ErrServer))
		s.ConcernsAll(err)
		return
	}
	i.Class, i.Reason = report.Missing, err.Error()
	s.Issue(i)
}

// reopen marks the experiment before the first write to it, unless the import
// has made it or has found it unfinished.
func (s *session) reopen(ctx context.Context) error {
	if s.there == nil || s.unfinished || s.rec.Start == nil || s.Dry() {
		return nil
	}
	s.reopening.mu.Lock()
	defer s.reopening.mu.Unlock()
	if s.reopening.done {
		return nil
	}
	late := *s.rec.Start + reconcile.OpenMark
	s.reopening.tried.Store(true)
	if err := s.setTimes(ctx, &late, s.there.End); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	s.reopening.done = true
	return nil
}

// reopened reports whether the experiment has been marked in this import or in
// one before.
func (s *session) reopened() bool {
	s.reopening.mu.Lock()
	defer s.reopening.mu.Unlock()
	return s.reopening.done
}

func (s *session) setTimes(ctx context.Context, start, end *int64) error {
	return s.SetTimes(ctx, s.key, start, end)
}

// maxDigesting is how often a destination is asked that says it still digests
// what was written, with longer and longer pauses: for about four minutes.
const maxDigesting = 30

// settle gives the destination time to digest what was written to it.
func (s *session) settle(ctx context.Context) error {
	if err := flow.Pause(ctx, s.Settle); err != nil {
		return err
	}
	for i := range maxDigesting {
		busy, err := s.Client.Experiments.Processing(ctx, s.key)
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

// timeOf returns the time to write for a value. Every value has one at the
// destination; one that had none at the source gets that of the experiment, so
// that another import finds it again.
func (s *session) timeOf(t document.Int) int64 {
	switch {
	case t.OK:
		return t.V
	case s.rec.Start != nil:
		return *s.rec.Start
	case s.rec.End != nil:
		return *s.rec.End
	}
	return 0
}

// waitTurn waits until the experiment is the first of those under way.
func (s *session) waitTurn(ctx context.Context) error {
	select {
	case <-s.turn.First:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
