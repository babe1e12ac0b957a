package exporter

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
	"golang.org/x/sync/errgroup"
)

// An Estimate is what an export would take.
type Estimate struct {
	Projects    int64
	Experiments int64
	Running     int64
	Linked      int64 // experiments that a project shows and another one has
	LeftOut     int64 // experiments that are not selected
	Assets      int64 // remote ones included
	AssetBytes  int64
	AssetsLeft  int64 // assets that are not selected
	Metrics     int64 // where their number had to be asked for
	Requests    int64
	Failed      int64 // experiments whose assets could not be counted
	// UpperBound is more than the stream will be long, in bytes. It is far
	// off for small experiments.
	UpperBound int64

	// Sampled is how many experiments were looked into where that are not all; then
	// the numbers of assets, bytes and requests are likely to be in these ranges.
	Sampled                                int64
	AssetsRange, BytesRange, RequestsRange Range
}

// What a part of a stream takes at most, compressed. Nothing tells the sizes
// of texts and parameters before they are read.
const (
	boundStream     = 1 << 20
	boundExperiment = 16 << 20
	boundAsset      = 4 << 10
	boundMetric     = serverCap * 24
)

// DryRun counts what would be exported, and what it would take. It asks for the
// assets and, if they are wanted, the metrics of each experiment, of many for
// those of a sample, and writes nothing. With a *KeysError or a
// *selection.NothingError the estimate is good.
func (x *Exporter) DryRun(ctx context.Context) (*Estimate, error) {
	scope, err := x.find.ResolveAll(ctx, x.o.Paths)
	if err != nil {
		return nil, err
	}
	if err := x.find.ListAll(ctx, scope.Projects); err != nil {
		return nil, err
	}
	d := &dryRun{x: x, perExperiment: x.callsPerExperiment(), random: rand.New(rand.NewPCG(1, 2))}
	d.LeftOut = x.find.Prune(scope)
	d.UpperBound = boundStream
	// Account, version, workspaces and projects.
	d.Requests = 3 + int64(len(x.o.Paths))
	for _, p := range scope.Projects {
		d.all += p.Count
	}
	for _, p := range scope.Projects {
		if err := d.project(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := x.estimateWorkspaces(ctx, scope, &d.Estimate); err != nil {
		return nil, err
	}
	d.scale()
	return &d.Estimate, cmp.Or(x.notFound(), x.find.Search.NoAsset())
}

type dryRun struct {
	x             *Exporter
	perExperiment int64

	all, seen int64 // experiments in all, and so far

	stretch, stretchEnd, pick int64 // of the sample
	random                    *rand.Rand

	mu sync.Mutex
	Estimate
	samples []Estimate // of experiments, where not all are looked into
}

// callsPerExperiment is how many requests an experiment takes, besides those
// for the contents of its assets.
func (x *Exporter) callsPerExperiment() int64 {
	n := int64(0)
	for _, c := range experimentCalls {
		if x.o.Resources.HasAny(c.asked) {
			n++
		}
	}
	return n
}

func (d *dryRun) project(ctx context.Context, p *find.Project) error {
	x := d.x
	if p.Err == nil && !p.Kept {
		selected, left, err := x.find.Selected(ctx, p)
		if err != nil && judge.Fatal(err) {
			return err
		}
		p.Keep(selected, left, x.o.Selection.Shard)
		p.Err = err
	}
	x.find.ReportIncomplete(p)
	if p.Err != nil {
		d.Failed++
		return nil
	}
	d.Projects++
	d.Experiments += p.Count
	d.LeftOut += p.NotSelected
	// Two listings of pages of a thousand, the last of them empty.
	d.Requests += 4 + p.Count/1000
	for _, name := range []stream.Resources{stream.ResourceProjectMetadata, stream.ResourceProjectNotes} {
		if x.o.Resources.Has(name) {
			d.Requests++
		}
	}
	if !x.withExperiments() {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(x.o.InFlight)
	for i := range p.Experiments {
		l := &p.Experiments[i]
		if _, twice := x.seen[l.Key]; twice {
			d.Experiments--
			d.Linked++
			d.Requests += d.perExperiment // made before it is known whose it is
			continue
		}
		x.seen[l.Key] = struct{}{}
		if l.Running {
			d.Running++
		}
		if !d.inSample() {
			continue
		}
		g.Go(func() error { return d.experiment(ctx, l) })
	}
	err := g.Wait()
	p.Experiments = nil
	return err
}

// experiment adds one experiment.
func (d *dryRun) experiment(ctx context.Context, l *find.Experiment) error {
	e := Estimate{Requests: d.perExperiment, UpperBound: boundExperiment}
	x := d.x
	if x.o.Resources.Has(stream.ResourceAssets) {
		restart := func() { e.Assets, e.AssetBytes, e.AssetsLeft, e.Requests = 0, 0, 0, d.perExperiment }
		err := x.client.Assets.Each(ctx, l.Key, "", restart, func(a *comet.Asset) error {
			if !x.find.Search.Asset(&a.Type, &a.Name, &a.Size) {
				e.AssetsLeft++
				return nil
			}
			e.Assets++
			if !a.Remote {
				e.AssetBytes += a.Size
				e.Requests++
			}
			return nil
		})
		if err := d.failed(err, l, &e); err != nil {
			return err
		}
		e.UpperBound += e.Assets*boundAsset + e.AssetBytes + e.AssetBytes>>8
	}
	if x.o.Resources.HasAny(stream.ResourceMetrics) {
		restart := func() { e.Metrics = 0 }
		err := x.client.Metrics.Each(ctx, l.Key, restart, func(v *comet.Value) error {
			e.Metrics++
			return nil
		})
		if err := d.failed(err, l, &e); err != nil {
			return err
		}
		e.UpperBound += e.Metrics * boundMetric
		if !x.hasAllPoints(ctx) {
			e.Requests += e.Metrics + 1
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all > sampleSize {
		d.samples = append(d.samples, e)
		d.Failed += e.Failed
		return nil
	}
	d.add(&e)
	return nil
}

// failed notes an experiment that cannot be counted.
func (d *dryRun) failed(err error, l *find.Experiment, e *Estimate) error {
	switch {
	case err == nil:
		return nil
	case judge.Fatal(err):
		return fmt.Errorf("experiment %q: %w", l.Key, err)
	}
	e.Failed = 1
	return nil
}

func (e *Estimate) add(o *Estimate) {
	e.Assets += o.Assets
	e.AssetBytes += o.AssetBytes
	e.AssetsLeft += o.AssetsLeft
	e.Metrics += o.Metrics
	e.Requests += o.Requests
	e.Failed += o.Failed
	e.UpperBound += o.UpperBound
}

// hasAllPoints reports whether the server's version has the call for all
// points of an experiment.
func (x *Exporter) hasAllPoints(ctx context.Context) bool {
	v, ok := x.client.Version(ctx)
	return !ok || !v.Less(comet.Version{Major: 3, Minor: 20, Patch: 60})
}
