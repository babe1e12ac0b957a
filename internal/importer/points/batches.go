package points

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// batches puts the points of an experiment together that are written in one
// request.
//
// Batches are under way concurrently, but the others with points of a metric wait
// until that with the first ones has been written, and that with the last point
// waits for all others, as does one with a step that others have too. A
// destination may keep one point of each step, or take for the current value what
// came last; and an import that finds what a killed one has left knows that the
// metric is there from its beginning on, and if the last point is there, all of
// it.
type batches struct {
	batch    []point
	size     int
	inFlight sync.WaitGroup // batches that are being written
	inOrder  bool           // the next batch waits for those before
	span     *span          // of the metric that the batch begins with, if others have points of it
	step     stream.Int64   // the highest one of the points in that
}

// A span is batches of a metric, with different steps, before one that waits for
// them all.
type span struct {
	firstDone chan struct{}  // closed when the first of them is done
	pending   sync.WaitGroup // those that are not done
	// failedFirst is true when the first has not been written for certain, uncertain
	// when any has not.
	failedFirst, uncertain atomic.Bool
}

// An outbox writes the points of an experiment, each once.
type outbox struct {
	*reading
	batches  batches
	late     atomic.Int32 // batches that wait for the end, about
	refusals halving.Refusals
	refused  map[string]*refusedSeries
}

// beyond reports whether there are more points of the open metric than destinations
// keep.
func (ps *Points) beyond() bool { return ps.n > ps.limits.seriesCap }

// add puts a point into the batch. A full batch is sent when it is known
// whether the metric goes on.
func (o *outbox) add(ctx context.Context, pt point, beyond bool) error {
	b := &o.batches
	if len(b.batch) >= comet.MaxBatch || b.size >= 4*session.MaxBatch {
		if err := o.send(ctx, pt.name, beyond); err != nil {
			return err
		}
	}
	b.batch = append(b.batch, pt)
	b.size += 100 + len(pt.name) + len(pt.Context.V)
	return nil
}

// batchPool has the room of full batches that have been written, a fifth of a megabyte
// each.
var batchPool sync.Pool

// newBatch returns room for a batch, which is likely to be as long as the one before.
func newBatch(n int) []point {
	if b, ok := batchPool.Get().(*[]point); ok {
		return *b
	}
	return make([]point, 0, min(n, comet.MaxBatch))
}

func recycleBatch(b []point) {
	if cap(b) >= comet.MaxBatch {
		clear(b)
		b = b[:0]
		batchPool.Put(&b)
	}
}

// send writes the batch in the background. next is the metric of the point
// after it, if there is one.
//
// Beyond the number of points of a metric that destinations keep, batches are written one
// after the other: an import that is killed then leaves no hole that a later
// one could take for thinned out.
func (o *outbox) send(ctx context.Context, next string, beyond bool) error {
	b := &o.batches
	if len(b.batch) == 0 {
		return nil
	}
	batch := b.batch
	b.batch, b.size = newBatch(len(batch)), 0
	if b.inOrder || beyond {
		b.inFlight.Wait()
	}
	ordered := b.inOrder || beyond
	// The batch with the end of a metric may begin the next one.
	b.inOrder = beyond
	w := b.place(batch, next)
	w.later = !ordered
	if err := o.limits.batches.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	b.inFlight.Add(1)
	if w.span != nil {
		w.span.pending.Add(1)
	}
	o.Tasks.Run(func() {
		defer b.inFlight.Done()
		defer o.limits.batches.Release(1)
		sure := o.writeBatch(ctx, w)
		w.done(sure)
		if sure { // and so nobody comes back to it
			recycleBatch(batch)
		}
	})
	return nil
}

// A writing is a batch that is written.
type writing struct {
	batch  []point
	ends   *span // that it waits for, or nil
	span   *span // that it belongs to, or nil
	begins bool  // it is the first of that
	later  bool  // what is uncertain may be left for later
}

// place finds the place of a batch among the others with points of its metrics.
func (b *batches) place(batch []point, next string) *writing {
	w := &writing{batch: batch}
	first, last, before := batch[0].name, batch[len(batch)-1].name, b.span
	goesOn := before != nil && first == last
	if !goesOn {
		b.step = stream.Int64{}
	}
	again := false
	highest := b.step
	for i := len(batch) - 1; i >= 0 && batch[i].name == last; i-- {
		step := batch[i].Step
		again = again || step.OK && b.step.OK && step.V <= b.step.V
		if step.OK && (!highest.OK || step.V > highest.V) {
			highest = step
		}
	}
	b.step = highest
	if next == last {
		if w.span = before; !goesOn || again {
			w.span, w.begins = &span{firstDone: make(chan struct{})}, true
		}
	}
	if before != w.span {
		w.ends = before
	}
	b.span = w.span
	return w
}

// done tells those that wait for the batch whether it has been written for
// certain.
func (w *writing) done(sure bool) {
	if w.span == nil {
		return
	}
	if !sure {
		w.span.uncertain.Store(true)
		w.span.failedFirst.Store(w.begins || w.span.failedFirst.Load())
	}
	if w.begins {
		close(w.span.firstDone)
	}
	w.span.pending.Done()
}

// wait waits for what has to be written before. It reports false where that is
// not certain.
func (w *writing) wait() bool {
	if w.ends != nil {
		w.ends.pending.Wait()
		if w.ends.uncertain.Load() {
			return false
		}
	}
	if w.span == nil || w.begins {
		return true
	}
	<-w.span.firstDone
	return !w.span.failedFirst.Load()
}

// writeBatch writes a batch in its turn, and reports whether it has been written
// for certain.
func (o *outbox) writeBatch(ctx context.Context, w *writing) bool {
	if w.wait() {
		return o.writePoints(ctx, w.batch, w.later && !w.begins)
	}
	if o.Failure.Get() == nil {
		// What has been left for later comes before.
		o.Postpone(func() {
			if o.Failure.Get() == nil {
				o.writePoints(ctx, w.batch, false)
			}
		})
	}
	return false
}

func (o *outbox) writePoints(ctx context.Context, batch []point, later bool) bool {
	sure := true
	_, err := halving.Write(batch, func(part []point) error {
		postponed, err := o.writeOnce(ctx, part, later)
		sure = sure && !postponed
		return err
	}, o.refuse, &o.refusals)
	o.Item(report.Issue{Kind: string(stream.KindMetrics), Name: nameOf(batch)}, err)
	return sure && err == nil
}
