package importer

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/stream"
)

// readings is what the destination has of an experiment that exists, as far as
// the stream has anything to compare it with. What will be asked for is read as
// soon as the first record of its kind comes in, ahead of the work on it.
type readings struct {
	mu    sync.Mutex
	seen  stream.KindSet
	start func(stream.Kind) // nil until the experiment is known to exist

	under      sync.WaitGroup
	parameters future[valuesThere]
	others     future[valuesThere]
	assets     future[assetsThere]
	points     future[*pointset.Set]
}

// announce notes that a kind is to come.
func (r *readings) announce(kind stream.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Has(kind) {
		return
	}
	r.seen |= stream.KindSetOf(kind)
	if r.start != nil {
		r.start(kind)
	}
}

// begin says how to read a kind, and that the experiment exists.
func (r *readings) begin(start func(stream.Kind)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start = start
	for _, kind := range []stream.Kind{stream.KindParameters, stream.KindOthers, stream.KindMetrics, stream.KindAsset} {
		if r.seen.Has(kind) {
			start(kind)
		}
	}
}

// announce is called by the one who reads the stream.
func (e *experiment) announce(kind stream.Kind) { e.reads.announce(kind) }

// prefetch begins to read what will be compared with records of a kind.
func (e *experiment) prefetch(ctx context.Context, kind stream.Kind) {
	switch kind {
	case stream.KindParameters:
		if !e.unfinished {
			e.reads.parameters.start(&e.reads.under, func() (valuesThere, error) { return e.readValues(ctx, e.r.c.Parameters.Each) })
		}
	case stream.KindOthers:
		e.reads.others.start(&e.reads.under, func() (valuesThere, error) { return e.readValues(ctx, e.r.c.Others.Each) })
	case stream.KindAsset:
		e.reads.assets.start(&e.reads.under, func() (assetsThere, error) { return e.readAssetsFirst(ctx) })
	case stream.KindMetrics:
		e.reads.points.start(&e.reads.under, func() (*pointset.Set, error) { return e.readAhead(ctx) })
	}
}

// A future is a value that is worked out in the background.
type future[T any] struct {
	mu   sync.Mutex
	done chan struct{}
	v    T
	err  error
}

// start begins to work it out, unless that has begun already.
func (f *future[T]) start(wg *sync.WaitGroup, work func() (T, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done != nil {
		return
	}
	f.done = make(chan struct{})
	wg.Go(func() {
		defer close(f.done)
		f.v, f.err = work()
	})
}

// wait waits for the value. It must have been started.
func (f *future[T]) wait(ctx context.Context) (T, error) {
	f.mu.Lock()
	done := f.done
	f.mu.Unlock()
	select {
	case <-done:
		return f.v, f.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
