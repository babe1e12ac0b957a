package reconcile

import (
	"cmp"
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

// Ensure makes a write that is harmless to repeat, and that the client has repeated
// as often as it is worth. Where that leaves open whether it was done, shows
// decides.
func (d *Destination) Ensure(ctx context.Context, write func() error, shows func() (bool, error)) error {
	return d.Certain(ctx, write(), d.shown(ctx, shows), nil)
}

// Once makes a write that must not be made twice. Where it is uncertain whether it
// was made, shows has to say so often that it was not before it is made again.
func (d *Destination) Once(ctx context.Context, write func(context.Context) error, shows func() (bool, error)) error {
	ctx = comet.OneItem(ctx)
	try := func() error { return write(ctx) }
	return d.Certain(ctx, try(), d.shown(ctx, shows), try)
}

func (d *Destination) shown(ctx context.Context, shows func() (bool, error)) func() (Extent, error) {
	return func() (Extent, error) {
		done, err := d.AwaitVisible(ctx, shows)
		if err != nil {
			err = fmt.Errorf("read back what may have been written: %w", err)
		}
		return ExtentOf(done), err
	}
}

// An Extent is how much of a write has been done.
type Extent int

// The extents.
const (
	None Extent = iota
	Partly
	All
)

// ExtentOf returns that of a write that is done as a whole.
func ExtentOf(done bool) Extent {
	if done {
		return All
	}
	return None
}

// Certain goes on after a write that has returned err, until it is certain that
// all of it was done: where it is not, look reads how much of it was, and again,
// which is nil for what is not worth it, makes what is left. All of it has the time of
// one call, if ctx is that of one item.
func (d *Destination) Certain(ctx context.Context, err error, look func() (Extent, error), again func() error) error {
	untouched := true
	for try := 1; answer.Uncertain(err); try++ {
		done, unread := look()
		untouched = untouched && done == None
		switch {
		case unread != nil:
			return unread
		case done != None:
			d.unacknowledged(err)
		case again != nil:
			d.Client.NotDone(err) // a call that is not repeated learns nothing from it
		}
		// The client has already repeated writes that may be repeated.
		if done == All {
			return nil
		}
		if refused := comet.Refusal(err); untouched && try > 1 && answer.Refused(refused) {
			return refused // by what is in front of the server, and for good
		}
		if again == nil || try == maxUncertain || errors.Is(err, comet.ErrServer) || d.Client.TimeOver(ctx) {
			return err
		}
		err = again()
	}
	return err
}

// unacknowledged tells, once for each call, that the destination does not
// acknowledge what it does. An answer that was lost is nothing to report.
func (d *Destination) unacknowledged(err error) {
	ce, ok := errors.AsType[*comet.Error](err)
	if !ok || !errors.Is(err, comet.ErrNotAcknowledged) {
		return
	}
	call := ce.Method + " " + ce.Path
	d.mu.Lock()
	reported := d.silent[call]
	if d.silent == nil {
		d.silent = make(map[string]bool)
	}
	d.silent[call] = true
	d.mu.Unlock()
	if reported {
		return
	}
	l := &report.Ledger{Out: report.Outcome{Kind: "answers"}}
	l.Issue(report.Issue{Class: report.Noted, Kind: call, Reason: "the destination executes the call without acknowledging it: " + ce.Err.Error()})
	d.Finished(&l.Out, nil)
}

// ReadStable repeats a reading of something that changes meanwhile, as it does
// where what was just written begins to show.
func (d *Destination) ReadStable(ctx context.Context, read func() error) (err error) {
	_, ended := Settle(ctx, d.Pause, MaxUnsteady, func(int) (_, steady bool, _ error) {
		err = read()
		return false, !errors.Is(err, comet.ErrChanged), nil
	})
	return cmp.Or(ended, err)
}

// ReadSum reads a content to its end. One that is absent is empty.
func (d *Destination) ReadSum(ctx context.Context, open func() (io.ReadCloser, error)) (s content.Sum, err error) {
	err = d.ReadStable(ctx, func() (err error) {
		s, err = content.SumOf(open)
		return err
	})
	return s, err
}

// AwaitVisible reads what has just been written until it shows, or so many
// readings have agreed that it does not. An import that writes nothing reads
// once.
func (d *Destination) AwaitVisible(ctx context.Context, read func() (bool, error)) (bool, error) {
	agreeing := Agreeing
	if d.Dry() {
		agreeing = 1
	}
	return Settle(ctx, d.Pause, agreeing, func(int) (ok, enough bool, err error) {
		ok, err = read()
		return ok, ok, err
	})
}

// Settle reads until so many readings in a row agree on what there is, since any
// of them may lag behind what was just written, or until one is enough. read is
// told how many before it agree. If it keeps changing, it returns the last
// reading and [ErrRestless].
func Settle[T comparable](ctx context.Context, pause func(context.Context) error, agreeing int, read func(agreed int) (v T, enough bool, err error)) (T, error) {
	var before T
	for n, agreed := 1, 0; ; n++ {
		v, enough, err := read(agreed)
		if err != nil || enough {
			return v, err
		}
		if v != before {
			before, agreed = v, 0
		}
		agreed++
		switch {
		case agreed >= agreeing:
			return v, nil
		case n == maxReadings:
			return v, ErrRestless
		}
		if err := pause(ctx); err != nil {
			return v, err
		}
	}
}

// ErrRestless says that readings do not agree, because someone else writes.
var ErrRestless = errors.New("it keeps changing; import it again once nothing else writes to it")

// Pause waits for what was written to show.
func (d *Destination) Pause(ctx context.Context) error { return flow.Pause(ctx, d.Settle) }

// How often things are read and written.
const (
	// Agreeing is how many readings in a row have to agree before what they show is
	// taken for the truth.
	Agreeing = 3
	// ManyAgreeing is how many do where it most likely is there, and may not yet show.
	ManyAgreeing = 4 * Agreeing
	// MaxUnsteady is how often something is read that changes while it is read, or
	// does not show what must be there.
	MaxUnsteady = 10
	// maxReadings is how many readings are made until enough of them agree.
	maxReadings = 60
	// maxUncertain is how often a write is tried whose answers are lost while
	// others come through.
	maxUncertain = 8
)
