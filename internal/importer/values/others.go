package values

import (
	"context"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// nameOther is the other that holds the name of an experiment.
const nameOther = "Name"

// Others is the way of an experiment's others.
type Others struct {
	table
	quotas  *quota.Quotas
	HasName bool // they hold the name of the experiment
}

// NewOthers returns the others of an experiment.
func NewOthers(s *session.Experiment, quotas *quota.Quotas) *Others {
	return &Others{table: table{Experiment: s, kind: stream.KindOthers, each: s.Client.Others.Each}, quotas: quotas}
}

// Take writes the others of a record, a request for each reading.
func (o *Others) Take(ctx context.Context, rec *stream.Values) error {
	for _, d := range rec.Values {
		v, err := decode(d)
		if err != nil {
			return err
		}
		if v.Name.V == nameOther {
			o.HasName = true
		}
		if v.Name.V == place.SourceKeyOther && o.Derived {
			continue // ours says where this copy comes from
		}
		o.noteTimes(v)
		if err := o.put(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// PutOrigin notes where an experiment with a derived key comes from.
func (o *Others) PutOrigin(ctx context.Context) error {
	return o.put(ctx, &value{
		Name: document.NewText(place.SourceKeyOther), Current: document.NewText(o.Record.Key),
		TimeCurrent: document.Int{V: o.TimeOf(document.Int{}), OK: true},
	})
}

// put writes an other concurrently with the rest.
func (o *Others) put(ctx context.Context, v *value) error {
	if o.expect(v) {
		return nil
	}
	if v.Name.V == nameOther && o.Listed != nil && reconcile.Equal(o.Existing.Name, v.Current.Ptr()) {
		return nil
	}
	have, err := o.before(ctx)
	if err != nil {
		return err
	}
	// An import that is killed between the writes of one reading and the next
	// leaves an earlier one.
	begun := o.Reopening.Found && have.begun(v)
	shown, _ := have.of(v.Name.V)
	i := &reconcile.Item[values]{
		Issue: report.Issue{Kind: string(o.kind), Name: v.Name.V},
		Known: func() values { return have },
		Compare: func(have values) []reconcile.Difference {
			differ := have.compare(o.kind, v)
			for i := range differ {
				differ[i].Free = differ[i].Free || begun
			}
			return differ
		},
		Always:     begun || o.Unfinished && v.TimeCurrent.OK && shown.time != v.TimeCurrent,
		NoReadBack: true,
		Write: func(ctx context.Context, _ reconcile.Found[values]) error {
			if v.Name.V == nameOther {
				return o.writeName(ctx, v)
			}
			return o.write(ctx, v)
		},
		Count: func(reconcile.Found[values]) { o.Change(func(out *report.Outcome) { out.Written.Others++ }) },
	}
	return o.Tasks.RunHolding(ctx, v.size(), func() { o.done(i.Issue, reconcile.Put(ctx, o.Subject(), i)) })
}

// begun reports whether the destination has an earlier reading of a value.
func (have values) begun(v *value) bool {
	now, _ := have.of(v.Name.V)
	history := v.history()
	return slices.ContainsFunc(history[:len(history)-1], func(r reading) bool {
		return now.is(hashValue(r.value)) && (!r.time.OK || now.time == r.time)
	})
}

// done takes the result of the work on an other. A name that is refused leaves
// the experiment unfinished: the destination has given it another one, which
// nobody could tell from one that was changed there.
func (o *Others) done(i report.Issue, err error) {
	if err != nil && i.Name == nameOther && (o.Existing == nil || o.Unfinished) {
		o.Failure.Note(i.Wrap(err), false)
		o.ConcernsAll(err)
		return
	}
	o.Item(i, err)
}

func (o *Others) write(ctx context.Context, v *value) error {
	return o.quotas.Within([]quota.Scope{{Experiment: o.Key, Of: string(o.kind)}}, 0, func() error {
		for i, r := range v.history() {
			time := o.TimeOf(r.time)
			if err := o.log(ctx, v.Name.V, &r, &time); err != nil {
				if i > 0 {
					o.Reopening.Half.Store(true)
				}
				return err
			}
		}
		return nil
	})
}

// log writes one reading of an other, as of now if time is nil.
func (o *Others) log(ctx context.Context, name string, r *reading, time *int64) error {
	return o.ensure(ctx, map[hash]hash{hashOf(name): hashValue(r.value)}, func() error {
		return o.Client.Others.Log(ctx, o.Key, name, r.json(), time)
	})
}

// PutName writes the name of an experiment whose others are not in the stream,
// concurrently with the others.
func (o *Others) PutName(ctx context.Context, i *reconcile.Item[*comet.Experiment], name string) {
	v := &value{Name: document.NewText(nameOther), Current: document.NewText(name)}
	i.NoReadBack = true
	i.Write = func(ctx context.Context, _ reconcile.Found[*comet.Experiment]) error { return o.writeName(ctx, v) }
	o.Tasks.Run(func() {
		o.done(report.Issue{Kind: string(o.kind), Name: nameOther}, reconcile.Put(ctx, o.Subject(), i))
	})
}

// writeName writes the name of an experiment. The destination has given it one
// of its own just now, and servers differ in which is the current value of an
// other: that which came last, or that of the latest time. With the latter the
// name of the source would lose for being older, so it is written once more, as
// of now. The first name of a run shows which kind the destination is.
func (o *Others) writeName(ctx context.Context, v *value) error {
	written := false
	old, err := o.Client.Server.Find(comet.KeepsLatestName, func() (bool, error) {
		written = true
		if err := o.write(ctx, v); err != nil {
			return false, err
		}
		return o.nameLost(ctx, v)
	})
	if err == nil && !written {
		err = o.write(ctx, v)
	}
	if err != nil || !old {
		return err
	}
	return o.log(ctx, nameOther, &reading{value: v.Current}, nil)
}

// nameLost reports whether the destination keeps to another name than the one
// written. A reading that does not know that one yet says nothing.
func (o *Others) nameLost(ctx context.Context, v *value) (bool, error) {
	want := v.Current.Ptr()
	is, err := reconcile.Settle(ctx, o.Pause, reconcile.MaxUnsteady, func(int) (is, known bool, err error) {
		err = o.read(ctx, func() { is, known = false, false }, func(have *comet.Value) {
			if have.Name == nameOther {
				is = reconcile.Equal(have.Current.Value, want)
				known = is || reconcile.Equal(have.Min.Value, want) || reconcile.Equal(have.Max.Value, want)
			}
		})
		return is, known, err
	})
	return !is, err
}
