package importer

import (
	"context"
	"slices"
	"sync"

	"github.com/comet-stream/comet-stream/internal/importer/assets"
	"github.com/comet-stream/comet-stream/internal/importer/origins"
	"github.com/comet-stream/comet-stream/internal/importer/points"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/texts"
	"github.com/comet-stream/comet-stream/internal/importer/values"
	"github.com/comet-stream/comet-stream/stream"
)

// A part works on the records of some kinds.
type part struct {
	take     func(context.Context, stream.Record) error
	prefetch func(context.Context)       // begins to read what they are compared with; may be nil
	flush    func(context.Context) error // ends what goes over several of them; may be nil
}

// takeAs is a function that takes records of one type as one that takes any.
func takeAs[T stream.Record](take func(context.Context, T) error) func(context.Context, stream.Record) error {
	return func(ctx context.Context, rec stream.Record) error { return take(ctx, rec.(T)) }
}

// setParts says who works on which kind of record.
func (e *experiment) setParts() {
	r, x := e.r, e.Experiment
	e.parameters = values.NewParameters(x, r.large, largeMemory)
	e.others = values.NewOthers(x, &r.Uploads.Quotas)
	origin := &origins.Origins{Experiment: x}
	e.texts = &texts.Texts{Experiment: x, Spools: r.Spools, Memory: r.large}
	if r.o.RewriteLinks {
		e.texts.Links = func() *rewrite.References {
			return r.Keys.LinkReferences(e.source, r.Client.Root(), e.project.Target, e.Derived)
		}
	}
	e.points = points.New(x, r.points, r.Spools, &r.Counters.Points)
	e.assets = assets.New(x, assets.Options{
		Uploads: r.Uploads, Spools: r.Spools, Count: &r.Counters.Assets, Target: e.project.Target, Handshake: e.run,
		Whole: e.source.Whole.Has(stream.ResourceAssets), NoRewrite: r.o.NoRewrite,
	})
	e.parts = make(map[stream.Kind]*part)
	for _, p := range []struct {
		part
		kinds []stream.Kind
	}{
		{part{takeAs(e.parameters.Take), e.parameters.Prefetch, e.parameters.Flush}, []stream.Kind{stream.KindParameters}},
		{part{takeAs(e.others.Take), e.others.Prefetch, nil}, []stream.Kind{stream.KindOthers}},
		{part{origin.Take, nil, origin.Flush}, origins.Kinds},
		{part{takeAs(e.texts.Take), nil, nil}, stream.TextKinds()},
		{part{takeAs(e.points.Take), e.points.Prefetch, e.points.Flush}, []stream.Kind{stream.KindMetrics}},
		{part{e.takeAsset, e.assets.Prefetch, nil}, []stream.Kind{stream.KindAsset, stream.KindChunk, stream.KindAssetEnd}},
	} {
		for _, kind := range p.kinds {
			e.parts[kind] = &p.part
		}
	}
}

func (e *experiment) takeAsset(ctx context.Context, rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Asset:
		return e.assets.Begin(ctx, rec)
	case *stream.Chunk:
		return e.assets.Chunk(rec)
	case *stream.AssetEnd:
		return e.assets.End(ctx, rec)
	}
	return nil
}

// readAhead are the kinds that are to come of an experiment. What the destination has
// of them is read as soon as the first record comes in, ahead of the work on it.
type readAhead struct {
	mu    sync.Mutex
	seen  []stream.Kind
	start func(stream.Kind) // nil until the experiment is known to exist
}

// Announce is called by the reader of the stream.
func (e *experiment) Announce(kind stream.Kind) {
	a := &e.readAhead
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Contains(a.seen, kind) {
		return
	}
	a.seen = append(a.seen, kind)
	if a.start != nil {
		a.start(kind)
	}
}

// prefetch begins to read what the destination has of the kinds that are to come.
func (e *experiment) prefetch(ctx context.Context) {
	a := &e.readAhead
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start = func(kind stream.Kind) {
		if p := e.parts[kind]; p != nil && p.prefetch != nil {
			p.prefetch(ctx)
		}
	}
	for _, kind := range a.seen {
		a.start(kind)
	}
}
