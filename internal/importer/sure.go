package importer

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/report"
)

// A write counts as done when the destination has acknowledged it, or when a
// reading shows that it was done.

// sure makes a write that is harmless to repeat, and that the client has repeated
// as often as it is worth. Where that leaves open whether it was done, shows
// decides.
func (r *run) sure(ctx context.Context, write func() error, shows func() (bool, error)) error {
	err := write()
	if !answer.Uncertain(err) {
		return err
	}
	done, unread := r.shows(ctx, shows)
	switch {
	case unread != nil:
		return fmt.Errorf("read back what may have been written: %w", unread)
	case !done:
		return err
	}
	r.unacknowledged(err)
	return nil
}

// once makes a write that must not be made twice and returns the id of what it
// has made. Where it is uncertain whether it was made, look finds the id, "" for
// none, and has to find nothing so often before the write is made again.
func once(ctx context.Context, r *run, write, look func() (string, error)) (string, error) {
	for try := 1; ; try++ {
		id, err := write()
		if !answer.Uncertain(err) {
			return id, err
		}
		for range agreeing {
			id, unread := look()
			if unread == nil && id != "" {
				r.unacknowledged(err)
			}
			if unread != nil || id != "" {
				return id, unread
			}
			if err := flow.Pause(ctx, r.o.Settle); err != nil {
				return "", err
			}
		}
		r.c.NotDone(err)
		// What may be repeated has been, by the client.
		if try == maxUncertain || errors.Is(err, comet.ErrServer) {
			return "", err
		}
	}
}

// unacknowledged tells, once for each call, that the destination does not
// acknowledge what it does. An answer that was lost is nothing to tell of.
func (r *run) unacknowledged(err error) {
	ce, ok := errors.AsType[*comet.Error](err)
	if !ok || !errors.Is(err, comet.ErrNotAcknowledged) {
		return
	}
	call := ce.Method + " " + ce.Path
	r.mu.Lock()
	told := r.silent[call]
	r.silent[call] = true
	r.mu.Unlock()
	if told {
		return
	}
	l := &report.Ledger{Out: report.Outcome{Kind: "answers"}}
	l.Issue(report.Issue{Class: report.Noted, Kind: call, Reason: "the destination does what it is asked for, and does not say so: " + ce.Err.Error()})
	r.finished(&l.Out, nil)
}

// sureOf is sure for a write to an experiment that its metadata show.
func (r *run) sureOf(ctx context.Context, key string, write func() error, shows func(*comet.Experiment) bool) error {
	return r.sure(ctx, write, func() (bool, error) {
		m, err := r.c.Experiments.Metadata(ctx, key)
		return err == nil && shows(m), err
	})
}

// sureTimes sets the times of an experiment. Those that are nil stay as they are.
func (r *run) sureTimes(ctx context.Context, key string, start, end *int64, write func() error) error {
	return r.sureOf(ctx, key, write, func(m *comet.Experiment) bool {
		return (start == nil || equal(start, m.Start)) && (end == nil || equal(end, m.End))
	})
}

// sure is [run.sure] for a write of what note says that has to be found.
func (e *experiment) sure(ctx context.Context, write func() error, note func(*expectation)) error {
	return e.r.sure(ctx, write, func() (bool, error) {
		v := &verification{e: e, x: newExpectation()}
		note(v.x)
		err := v.contents(ctx)
		return err == nil && len(v.found) == 0, err
	})
}
