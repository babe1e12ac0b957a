package values

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Parameters is the way of an experiment's parameters.
type Parameters struct {
	table
	memory   *semaphore.Weighted
	most     int64 // of the memory, for one request
	batch    batch
	refusals halving.Refusals
}

// batch is what waits until a request is full.
type batch struct {
	values   []*value
	have     values // that the destination has
	readings int
	size     int
}

// NewParameters returns the parameters of an experiment. Requests are built in some
// memory, of which one takes so much at most.
func NewParameters(s *session.Experiment, memory *semaphore.Weighted, most int64) *Parameters {
	// To write a parameter again changes nothing, and is quicker than to read what an
	// earlier import has come to.
	return &Parameters{table: table{
		Experiment: s, kind: stream.KindParameters, each: s.Client.Parameters.Each, rewrites: true,
	}, memory: memory, most: most}
}

// Take writes the parameters of a record, in batches.
func (p *Parameters) Take(ctx context.Context, rec *stream.Values) error {
	list := make([]*value, len(rec.Values))
	for i, d := range rec.Values {
		v, err := decode(d)
		if err != nil {
			return err
		}
		p.noteTimes(v)
		list[i] = v
	}
	if p.isListed(ctx, list) {
		return nil
	}
	for i, v := range list {
		if p.expect(v) {
			continue
		}
		have, err := p.before(ctx)
		if err != nil {
			return err
		}
		if len(have.compare(p.kind, v)) > 0 {
			if err := p.add(ctx, v, len(rec.Values[i])); err != nil {
				return err
			}
			p.batch.have = have
			if p.batch.size > session.MaxBatch {
				err = p.Flush(ctx) // not held while the next one is read
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// isListed reports whether an answer about several experiments says that the
// destination has parameters with these values.
func (p *Parameters) isListed(ctx context.Context, list []*value) bool {
	if p.Listed == nil {
		return false
	}
	want := make(map[string]string, len(list))
	for _, v := range list {
		if !v.Current.OK {
			return false
		}
		want[v.Name.V] = v.Current.V
	}
	return p.Listed.HasParameters(ctx, want)
}

func (p *Parameters) add(ctx context.Context, v *value, size int) error {
	b, n := &p.batch, len(v.history())
	if b.readings+n > comet.MaxBatch || b.size+size > session.MaxBatch {
		if err := p.Flush(ctx); err != nil {
			return err
		}
	}
	b.values = append(b.values, v)
	b.readings += n
	b.size += size
	return nil
}

// Flush writes the parameters that wait, concurrently.
func (p *Parameters) Flush(ctx context.Context) error {
	b := p.batch
	if len(b.values) == 0 {
		return nil
	}
	p.batch = batch{}
	bad := make(map[string]bool)
	i := &reconcile.Item[values]{
		Issue: report.Issue{Kind: string(p.kind)},
		Known: func() values { return b.have },
		Compare: func(have values) (differ []reconcile.Difference) {
			for _, v := range b.values {
				differ = append(differ, have.compare(p.kind, v)...)
			}
			return differ
		},
		NoReadBack: true,
		Write: func(ctx context.Context, f reconcile.Found[values]) error {
			return flow.WithBudget(ctx, p.memory, min(4*int64(b.size), p.most), func() error { return p.write(ctx, b.values, f, bad) })
		},
		Count: func(f reconcile.Found[values]) {
			p.Change(func(o *report.Outcome) { o.Written.Parameters += int64(len(f.Values) - len(bad)) })
		},
	}
	return p.Tasks.RunHolding(ctx, b.size, func() { p.Item(i.Issue, reconcile.Put(ctx, p.Subject(), i)) })
}

// logged is one reading of a parameter, as it is written.
type logged struct {
	name string
	reading
}

// write writes the values of a batch that were found to differ, and notes those that
// are refused in bad.
func (p *Parameters) write(ctx context.Context, batch []*value, f reconcile.Found[values], bad map[string]bool) error {
	wanted := make(map[string]bool, len(f.Values))
	for _, d := range f.Values {
		wanted[d.Name] = true
	}
	var list []logged
	for _, v := range batch {
		if wanted[v.Name.V] {
			for _, r := range v.history() {
				list = append(list, logged{v.Name.V, r})
			}
		}
	}
	_, err := halving.Write(list, func(part []logged) error { return p.send(ctx, part) }, func(refused []logged, err error) {
		names := make(map[string]bool)
		for _, l := range refused {
			bad[l.name], names[l.name] = true, true
		}
		p.refused(slices.Sorted(maps.Keys(names)), err)
	}, &p.refusals)
	return err
}

// refused reports values that the destination refuses, several of them in one
// issue.
func (p *Parameters) refused(names []string, err error) {
	if len(names) == 1 {
		p.Item(report.Issue{Kind: string(p.kind), Name: names[0]}, err)
		return
	}
	const some = 20
	list := fmt.Sprintf("%q", names[:min(len(names), some)])
	p.Item(report.Issue{Kind: string(p.kind)}, fmt.Errorf("%d of them, %s: %w", len(names), list, err))
}

func (p *Parameters) send(ctx context.Context, part []logged) error {
	var b comet.Batch
	want := make(map[hash]hash)
	for _, l := range part {
		v := &comet.ParameterValue{Name: l.name, Value: l.json(), Context: l.context.Ptr(), Time: comet.IntOf(p.TimeOf(l.time))}
		if l.step.OK {
			v.Step = comet.IntOf(l.step.V)
		}
		b.AddParameter(v)
		want[hashOf(l.name)] = hashValue(l.value)
	}
	return p.ensure(ctx, want, func() error { return p.Client.Parameters.Write(ctx, p.Key, &b) })
}
