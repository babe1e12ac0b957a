package importer

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// nameOther is the other that holds the name of an experiment.
const nameOther = "Name"

// takeOthers writes the others of a record, a request for each reading.
func (e *experiment) takeOthers(ctx context.Context, rec *stream.Values) error {
	for _, d := range rec.Values {
		v, err := readValue(d)
		if err != nil {
			return err
		}
		if v.Name == nameOther {
			e.hasName = true
		}
		if v.Name == place.SourceKeyOther && e.Derived {
			// Ours says where this copy comes from.
			continue
		}
		if !hasTimes(v.history()) {
			e.Untimed.Note(stream.KindOthers, v.Name)
		}
		if err := e.takeOther(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (e *experiment) takeOther(ctx context.Context, v *valueDoc) error {
	if e.expect(func(x *expectation) { x.others[document.Hash(v.Name)] = hashValue(v.ValueCurrent) }) {
		return nil
	}
	if e.Existing != nil {
		e.reads.announce(stream.KindOthers)
		have, err := e.reads.others.Wait(ctx)
		if err != nil {
			return err
		}
		is := have.compare(v)
		switch {
		case is == same && e.Unfinished && v.TimeCurrent.OK && have[document.Hash(v.Name)].time != v.TimeCurrent:
			is = other
		case e.Reopening.Found && have.begun(v):
			is = absent
		}
		if !e.decide(is, stream.KindOthers, v.Name) {
			return nil
		}
	}
	e.Spawn(func() {
		err := e.writeOther(ctx, v)
		if err == nil {
			e.Change(func(o *report.Outcome) { o.Written.Others++ })
		}
		e.other(v.Name, err)
	})
	return nil
}

// other takes the result of the work on an other. A name that is refused leaves
// the experiment unfinished: the destination has given it another one, which
// nobody could tell from one that was changed there.
func (e *experiment) other(name string, err error) {
	i := report.Issue{Kind: string(stream.KindOthers), Name: name}
	if err != nil && name == nameOther && (e.Existing == nil || e.Unfinished) {
		e.Failure.Note(i.Wrap(err), false)
		e.r.ConcernsAll(err)
		return
	}
	e.Item(i, err)
}

func (e *experiment) writeOther(ctx context.Context, v *valueDoc) error {
	if e.r.Dry() {
		return nil
	}
	if err := e.Reopen(ctx); err != nil {
		return err
	}
	if v.Name == nameOther {
		return e.writeName(ctx, v)
	}
	return e.logOther(ctx, v)
}

func (e *experiment) logOther(ctx context.Context, v *valueDoc) error {
	return e.r.Uploads.Quotas.Within([]quota.Room{{Experiment: e.Key, Of: string(stream.KindOthers)}}, 0, func() error {
		for i, r := range v.history() {
			time := e.TimeOf(r.time)
			if err := e.logReading(ctx, v.Name, &r, &time); err != nil {
				if i > 0 {
					e.Reopening.Half.Store(true)
				}
				return err
			}
		}
		return nil
	})
}

// logReading writes one reading of an other, as of now if time is nil.
func (e *experiment) logReading(ctx context.Context, name string, r *reading, time *int64) error {
	return e.sure(ctx, func() error { return e.r.Client.Others.Log(ctx, e.Key, name, r.json(), time) },
		func(x *expectation) { x.others[document.Hash(name)] = hashValue(r.value) })
}

// writeName writes the name of an experiment. The destination has given it one
// of its own just now, and servers differ in which is the current value of an
// other: that which came last, or that of the latest time. With the latter the
// name of the source would lose for being older, so it is written once more, as
// of now. The first name of a run shows which kind the destination is.
func (e *experiment) writeName(ctx context.Context, v *valueDoc) error {
	written := false
	old, err := e.r.Client.Server.Find(comet.KeepsLatestName, func() (bool, error) {
		written = true
		if err := e.logOther(ctx, v); err != nil {
			return false, err
		}
		return e.nameLost(ctx, v)
	})
	if err == nil && !written {
		err = e.logOther(ctx, v)
	}
	if err != nil || !old {
		return err
	}
	return e.logReading(ctx, nameOther, &reading{value: v.ValueCurrent}, nil)
}

// nameLost reports whether the destination keeps to another name than the one
// written. A reading that does not know that one yet says nothing.
func (e *experiment) nameLost(ctx context.Context, v *valueDoc) (bool, error) {
	is, err := reconcile.Settle(ctx, e.r.Pause, reconcile.MaxUnsteady, func(int) (is, known bool, err error) {
		err = e.r.Client.Others.Each(ctx, e.Key, func() { is, known = false, false }, func(have *comet.Value) error {
			if have.Name == nameOther {
				is = reconcile.Equal(have.Current.Value, v.ValueCurrent.Ptr())
				known = is || reconcile.Equal(have.Min.Value, v.ValueCurrent.Ptr()) || reconcile.Equal(have.Max.Value, v.ValueCurrent.Ptr())
			}
			return nil
		})
		if answer.Absent(err) {
			err = nil
		}
		return is, known, err
	})
	return !is, err
}

// flushName writes the name of an experiment whose others are not in the
// stream.
func (e *experiment) flushName(ctx context.Context) {
	if e.hasName || e.Record.Name == nil || *e.Record.Name == "" {
		return
	}
	e.hasName = true
	name := *e.Record.Name
	if e.expect(func(x *expectation) { x.name = &name }) {
		return
	}
	e.Spawn(func() { e.other(nameOther, reconcile.Put(ctx, e.Subject(), e.name(name))) })
}

// originOther notes where an experiment with a derived key comes from.
func (e *experiment) originOther(ctx context.Context) error {
	origin := document.NewText(e.Record.Key)
	at := document.Int{V: e.TimeOf(document.Int{}), OK: true}
	return e.takeOther(ctx, &valueDoc{Name: place.SourceKeyOther, ValueCurrent: origin, TimeCurrent: at})
}
