package importer

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/stream"
)

// readings is what the destination has of an experiment that exists, as far as
// the stream has anything to compare it with. What will be asked for is read as
// soon as the first record of its kind comes in, ahead of the work on it.
type readings struct {
	mu    sync.Mutex
	seen  stream.KindSet
	start func(stream.Kind) // nil until the experiment is known to exist

	parameters flow.Future[valuesThere]
	others     flow.Future[valuesThere]
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

// Announce is called by the one who reads the stream.
func (e *experiment) Announce(kind stream.Kind) { e.reads.announce(kind) }

// prefetch begins to read what will be compared with records of a kind.
func (e *experiment) prefetch(ctx context.Context, kind stream.Kind) {
	switch kind {
	case stream.KindParameters:
		if !e.Unfinished {
			e.reads.parameters.Start(&e.Reading, func() (valuesThere, error) { return e.readValues(ctx, e.r.Client.Parameters.Each) })
		}
	case stream.KindOthers:
		e.reads.others.Start(&e.Reading, func() (valuesThere, error) { return e.readValues(ctx, e.r.Client.Others.Each) })
	case stream.KindAsset:
		e.assets.Prefetch(ctx)
	case stream.KindMetrics:
		e.points.Prefetch(ctx)
	}
}
