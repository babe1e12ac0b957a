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
func DryRun(ctx context.Context, o Options) (*Estimate, error) {
	o = o.withDefaults()
	d := &dryRun{o: o, client: o.Client, find: o.finder(), known: make(map[string]bool), random: rand.New(rand.NewPCG(1, 2))}
	scope, err := d.find.ResolveAll(ctx, o.Paths)
	if err != nil {
		return nil, err
	}
	if err := d.find.ListAll(ctx, scope.Projects); err != nil {
		return nil, err
	}
	d.perExperiment = d.callsPerExperiment()
	d.LeftOut = d.find.Prune(scope)
	d.UpperBound = boundStream
	// Account, version, workspaces and projects.
	d.Requests = 3 + int64(len(o.Paths))
	for _, p := range scope.Projects {
		d.all += p.Count
	}
	for _, p := range scope.Projects {
		if err := d.project(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := d.workspaces(ctx, scope); err != nil {
		return nil, err
	}
	d.scale()
	return &d.Estimate, cmp.Or(d.find.NotFound(), d.find.Search.NoAsset())
}

type dryRun struct {
	o             Options
	client        *comet.Client
	find          *find.Finder
	known         map[string]bool // experiments that were counted, by key
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
func (d *dryRun) callsPerExperiment() int64 {
	n := int64(0)
	for _, c := range experimentCalls {
		if d.o.Resources.HasAny(c.asked) {
			n++
		}
	}
	return n
}

func (d *dryRun) project(ctx context.Context, p *find.Project) error {
	if p.Err == nil && !p.Kept {
		selected, left, err := d.find.Selected(ctx, p)
		if err != nil && judge.Fatal(err) {
			return err
		}
		p.Keep(selected, left, d.o.Selection.Shard)
		p.Err = err
	}
	d.find.ReportIncomplete(p)
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
		if d.o.Resources.Has(name) {
			d.Requests++
		}
	}
	if !d.o.withExperiments() {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.o.InFlight)
	for i := range p.Experiments {
		l := &p.Experiments[i]
		if d.known[l.Key] {
			d.Experiments--
			d.Linked++
			d.Requests += d.perExperiment // made before it is known whose it is
			continue
		}
		d.known[l.Key] = true
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
	if d.o.Resources.Has(stream.ResourceAssets) {
		restart := func() { e.Assets, e.AssetBytes, e.AssetsLeft, e.Requests = 0, 0, 0, d.perExperiment }
		err := d.client.Assets.Each(ctx, l.Key, "", restart, func(a *comet.Asset) error {
			if !d.find.Search.Asset(&a.Type, &a.Name, &a.Size) {
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
	if d.o.Resources.HasAny(stream.ResourceMetrics) {
		restart := func() { e.Metrics = 0 }
		err := d.client.Metrics.Each(ctx, l.Key, restart, func(v *comet.Value) error {
			e.Metrics++
			return nil
		})
		if err := d.failed(err, l, &e); err != nil {
			return err
		}
		e.UpperBound += e.Metrics * boundMetric
		if !d.hasAllPoints(ctx) {
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

// workspaces adds what belongs to workspaces.
func (d *dryRun) workspaces(ctx context.Context, s *find.Scope) error {
	for _, w := range d.find.WorkspaceScopes(s) {
		d.Requests += 3
		for _, p := range w.Pages {
			// Each experiment is asked for its views, and those of the project are
			// in two tables.
			d.Requests += 2 + p.Chosen
		}
		for _, p := range s.Projects {
			// Each experiment is asked for what it consumed.
			if p.Workspace == w.Name && !w.Artifacts.Empty() {
				d.Requests += p.Count
			}
		}
		err := d.find.EachVersion(ctx, &w, func(a *comet.Artifact, v *comet.ArtifactVersion) error {
			if !d.o.Selection.Shard.Has(a.Name) {
				return nil
			}
			files, err := d.client.Artifacts.Files(ctx, w.Name, a.Name, v.Version)
			if err != nil {
				return err
			}
			d.Requests += 3
			d.UpperBound += boundAsset
			for i := range files {
				d.Assets++
				d.UpperBound += boundAsset + files[i].Size + files[i].Size>>8
				if !files[i].Remote {
					d.Requests++
					d.AssetBytes += files[i].Size
				}
			}
			return nil
		}, func(m *comet.RegistryModel, _ *comet.RegistryVersion) error {
			if !d.o.Selection.Shard.Has(m.Name) {
				return nil
			}
			d.Requests += 3
			d.UpperBound += boundAsset
			return nil
		}, func(err error) error {
			d.Failed++
			return find.UnlessFatal(err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hasAllPoints reports whether the server's version has the call for all
// points of an experiment.
func (d *dryRun) hasAllPoints(ctx context.Context) bool {
	v, ok := d.client.Version(ctx)
	return !ok || !v.Less(comet.Version{Major: 3, Minor: 20, Patch: 60})
}
