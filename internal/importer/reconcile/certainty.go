package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/report"
)

// A write counts as done when the destination has acknowledged it, or when a
// reading shows that it was done.

// Sure makes a write that is harmless to repeat, and that the client has repeated
// as often as it is worth. Where that leaves open whether it was done, shows
// decides.
func (d *Destination) Sure(ctx context.Context, write func() error, shows func() (bool, error)) error {
	err := write()
	if !answer.Uncertain(err) {
		return err
	}
	done, unread := d.Shows(ctx, shows)
	switch {
	case unread != nil:
		return fmt.Errorf("read back what may have been written: %w", unread)
	case !done:
		return err
	}
	d.Unacknowledged(err)
	return nil
}

// Once makes a write that must not be made twice and returns the id of what it
// has made. Where it is uncertain whether it was made, look finds the id, "" for
// none, and has to find nothing so often before the write is made again.
func Once(ctx context.Context, d *Destination, write, look func() (string, error)) (string, error) {
	for try := 1; ; try++ {
		id, err := write()
		if !answer.Uncertain(err) {
			return id, err
		}
		for range Agreeing {
			id, unread := look()
			if unread == nil && id != "" {
				d.Unacknowledged(err)
			}
			if unread != nil || id != "" {
				return id, unread
			}
			if err := flow.Pause(ctx, d.Settle); err != nil {
				return "", err
			}
		}
		d.Client.NotDone(err)
		// What may be repeated has been, by the client.
		if try == MaxUncertain || errors.Is(err, comet.ErrServer) {
			return "", err
		}
	}
}

// Unacknowledged tells, once for each call, that the destination does not
// acknowledge what it does. An answer that was lost is nothing to tell of.
func (d *Destination) Unacknowledged(err error) {
	ce, ok := errors.AsType[*comet.Error](err)
	if !ok || !errors.Is(err, comet.ErrNotAcknowledged) {
		return
	}
	call := ce.Method + " " + ce.Path
	d.mu.Lock()
	told := d.silent[call]
	if d.silent == nil {
		d.silent = make(map[string]bool)
	}
	d.silent[call] = true
	d.mu.Unlock()
	if told {
		return
	}
	l := &report.Ledger{Out: report.Outcome{Kind: "answers"}}
	l.Issue(report.Issue{Class: report.Noted, Kind: call, Reason: "the destination does what it is asked for, and does not say so: " + ce.Err.Error()})
	d.Finished(&l.Out, nil)
}

// MaxUnsteady is how often something is read that changes while it is read.
const MaxUnsteady = 10

// Steady repeats a reading of something that changes meanwhile, as it does where
// what was written a moment ago begins to show.
func (d *Destination) Steady(ctx context.Context, read func() error) error {
	for try := 1; ; try++ {
		err := read()
		if !errors.Is(err, comet.ErrChanged) || try == MaxUnsteady {
			return err
		}
		if err := flow.Pause(ctx, d.Settle); err != nil {
			return err
		}
	}
}

// CompareText reads a text of the destination and holds it against one of the
// stream. No text and an empty one are the same here.
func (d *Destination) CompareText(ctx context.Context, want content.Sum, open func() (*comet.Text, error)) (same, empty bool, err error) {
	have, err := d.ReadSum(ctx, func() (io.ReadCloser, error) { return open() })
	return have == want, have.Size == 0, err
}

// ReadSum reads a content to its end. One that is absent is empty.
func (d *Destination) ReadSum(ctx context.Context, open func() (io.ReadCloser, error)) (s content.Sum, err error) {
	err = d.Steady(ctx, func() (err error) {
		s, err = content.SumOf(open)
		return err
	})
	return s, err
}

// Confirm reads back what has been written, if that is asked for, and tells what
// does not show.
func (d *Destination) Confirm(ctx context.Context, o *report.Ledger, i report.Issue, shows func() (bool, error)) error {
	if !d.Verifies() {
		return nil
	}
	ok, err := d.Shows(ctx, shows)
	if err == nil && !ok {
		i.Class = report.Unverified
		o.Issue(i)
	}
	return err
}

// Shows reads what has been written a moment ago until it shows, or so many
// readings have agreed that it does not. Who writes nothing reads once.
func (d *Destination) Shows(ctx context.Context, read func() (bool, error)) (bool, error) {
	for n := 1; ; n++ {
		ok, err := read()
		if err != nil || ok || n == Agreeing || d.Dry() {
			return ok, err
		}
		if err := flow.Pause(ctx, d.Settle); err != nil {
			return false, err
		}
	}
}

// Agreeing is how many readings in a row have to agree before what they show is
// taken for the truth: any of them may lag behind.
const Agreeing = 3

// MaxReadings is how many readings are made until enough of them agree.
const MaxReadings = 60

// MaxUncertain is how often a write is tried whose answers are lost while
// others come through.
const MaxUncertain = 8
