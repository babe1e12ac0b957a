package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/halving"
	"github.com/comet-stream/comet-stream/internal/importer/pointset"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// points is the way of an experiment's metric points.
type points struct {
	hasher *pointset.Hasher
	name   string // of the metric that is open
	begun  bool
	n      int64 // of its points that have come

	there  *pointset.Set // what the destination has; of the open metric alone if each
	each   bool          // metrics are read one by one
	share  share         // of the memory for sets
	sure   bool          // that what is missing from there is not on its way
	series *pointset.Series
	part   *partial  // nil where the destination shows nothing of the open metric
	named  summaries // once they are read
	bad    int64     // of the open metric: points that no server takes
	at     pointset.Time
	equal  map[pointset.Hash]struct{} // points at that time and step

	batches   batches
	postponed atomic.Int32 // batches that wait for the end, about
	refused   map[string]*refusedSeries
}

// A point is a metric point that waits to be written.
type point struct {
	name string
	hash pointset.Hash
	stream.Point
}

// takePoints writes the points of a record that the destination does not have.
func (e *experiment) takePoints(ctx context.Context, rec *stream.Metrics) error {
	p := &e.points
	if !p.begun || p.name != rec.Name {
		if err := e.endMetric(ctx); err != nil {
			return err
		}
		if err := e.beginMetric(ctx, rec.Name); err != nil {
			return err
		}
	}
	e.r.o.Counters.Points.Add(int64(len(rec.Points)))
	for i := range rec.Points {
		if err := e.takePoint(ctx, &rec.Points[i]); err != nil {
			return err
		}
	}
	if p.part != nil {
		return e.hold(ctx, rec)
	}
	return nil
}

func (e *experiment) beginMetric(ctx context.Context, name string) error {
	p := &e.points
	p.name, p.begun, p.n, p.bad, p.part = name, true, 0, 0, nil
	if p.hasher == nil {
		p.hasher = pointset.NewHasher(name)
	}
	p.hasher.Use(name)
	clear(p.equal)
	if e.there == nil || e.r.Mode == VerifyOnly {
		return nil
	}
	if p.there == nil || p.each {
		if err := e.readThere(ctx, name); err != nil {
			return fmt.Errorf("read metric %q: %w", name, err)
		}
	}
	p.series = p.there.Of(name)
	if p.series.N == 0 && !p.sure && !e.r.Dry() {
		// What was written a moment ago may not show yet.
		if err := e.makeSure(ctx); err != nil {
			return fmt.Errorf("read metric %q: %w", name, err)
		}
	}
	return e.beginPartial(ctx)
}

func (e *experiment) takePoint(ctx context.Context, sp *stream.Point) error {
	p := &e.points
	p.n++
	if !sp.Time.OK {
		if !misfit(sp) {
			e.untimed.note(stream.KindMetrics, p.name)
		}
		sp.Time = stream.NewInt64(e.timeOf(document.Int{}))
	}
	if misfit(sp) {
		p.bad++
	}
	if p.part != nil {
		p.part.here = append(p.part.here, false)
	}
	if sp.Value.IsNull() {
		return nil
	}
	pt := point{p.name, p.hasher.Point(sp), *sp}
	if e.verified != nil {
		again := p.again(&pt)
		if e.expect(func(x *expectation) { x.point(pt.name, pt.hash, again) }) {
			return nil
		}
	}
	if p.part != nil {
		return e.comparePoint(ctx, &pt)
	}
	return e.addPoint(ctx, pt)
}

// again reports whether an equal point of the metric came before. The order of
// the stream has put them close to each other.
func (p *points) again(pt *point) bool {
	if at := (pointset.At(pt.Time, pt.Step)); at != p.at {
		p.at = at
		clear(p.equal)
	}
	if _, ok := p.equal[pt.hash]; ok {
		return true
	}
	if p.equal == nil {
		p.equal = make(map[pointset.Hash]struct{})
	}
	p.equal[pt.hash] = struct{}{}
	return false
}

// misfit reports whether a point holds what no call of the API takes: no value,
// or a time, step or epoch that is no integer.
func misfit(sp *stream.Point) bool {
	if sp.Value.IsNull() {
		return true
	}
	if sp.Extra == nil {
		return false
	}
	for _, field := range []string{"timestamp", "step", "epoch"} {
		if sp.Extra.Member(field) != nil {
			return true
		}
	}
	return false
}

// endMetric ends the metric that is open, and tells what is odd about it.
func (e *experiment) endMetric(ctx context.Context) error {
	p := &e.points
	if !p.begun {
		return nil
	}
	if p.bad > 0 {
		e.Issue(report.Issue{Class: report.Missing, Kind: string(stream.KindMetrics), Name: p.name, Reason: fmt.Sprintf(
			"%d points have no value, or a time, step or epoch that is no integer", p.bad)})
	}
	part := p.part
	p.part = nil
	if part == nil {
		return nil
	}
	return e.endPartial(ctx, part)
}

// thinned tells of a series that the destination has thinned out.
func thinned(name string, have, want int64) report.Issue {
	return report.Issue{Class: report.Noted, Kind: string(stream.KindMetrics), Name: name, Reason: fmt.Sprintf("the destination keeps %d of the %d points", have, want)}
}

// flushPoints ends the metrics.
func (e *experiment) flushPoints(ctx context.Context) error {
	if !e.points.begun {
		return nil
	}
	err := e.endMetric(ctx)
	if err == nil {
		err = e.sendPoints(ctx, "")
	}
	e.points.share.free()
	e.points.there, e.points.series, e.points.begun = nil, nil, false
	return err
}

// nameOf returns the metric that a batch is of, "" for several.
func nameOf(batch []point) string {
	for _, p := range batch {
		if p.name != batch[0].name {
			return ""
		}
	}
	return batch[0].name
}

// refusedSeries is what the destination refuses of a metric.
type refusedSeries struct {
	n   int
	err error // the first
}

// refusedPoints takes points that the destination refuses.
func (e *experiment) refusedPoints(refused []point, err error) {
	e.Change(func(*report.Outcome) {
		if e.points.refused == nil {
			e.points.refused = make(map[string]*refusedSeries)
		}
		for _, p := range refused {
			s := e.points.refused[p.name]
			if s == nil {
				s = &refusedSeries{err: err}
				e.points.refused[p.name] = s
			}
			s.n++
		}
	})
}

// tellRefused tells of each metric once what the destination has refused of it.
func (e *experiment) tellRefused() {
	for _, name := range slices.Sorted(maps.Keys(e.points.refused)) {
		s := e.points.refused[name]
		err := s.err
		if s.n > 1 {
			err = fmt.Errorf("%d points: %w", s.n, err)
		}
		e.item(report.Issue{Kind: string(stream.KindMetrics), Name: name}, err)
	}
	e.points.refused = nil
}

func (e *experiment) wrotePoints(n int) {
	e.Change(func(o *report.Outcome) { o.Written.Points += int64(n) })
}

// maxPostponed is how many batches of an experiment may wait for its end.
const maxPostponed = 4

// writeOnce writes points. Where it is uncertain whether they have arrived they
// are, if they may, postponed until nothing else of the experiment is being
// written: what shows then shows everything soon.
func (e *experiment) writeOnce(ctx context.Context, batch []point, later bool) (postponed bool, err error) {
	if e.r.Dry() {
		e.wrotePoints(len(batch))
		return false, nil
	}
	if err := e.reopen(ctx); err != nil {
		return false, err
	}
	err = e.post(ctx, batch)
	if !answer.Uncertain(err) {
		return false, err
	}
	if !later || e.points.postponed.Add(1) > maxPostponed {
		return false, e.writeRest(ctx, batch, err)
	}
	e.postpone(func() {
		if !e.failure.Stops() {
			e.item(report.Issue{Kind: string(stream.KindMetrics), Name: nameOf(batch)}, e.writeRest(ctx, batch, err))
		}
	})
	return true, nil
}

// writeRest writes those points of a batch that have not arrived; err says why
// that is uncertain.
func (e *experiment) writeRest(ctx context.Context, batch []point, err error) error {
	for try := 1; ; try++ {
		rest, unread := e.missing(ctx, batch)
		if unread != nil {
			return unread
		}
		if e.wrotePoints(len(batch) - len(rest)); len(rest) < len(batch) {
			e.r.Unacknowledged(err)
		} else {
			e.r.Client.NotDone(err)
		}
		if len(rest) == 0 {
			return nil
		}
		batch, err = halving.Write(rest, func(part []point) error { return e.post(ctx, part) }, e.refusedPoints, &e.refusals.points)
		if !answer.Uncertain(err) || try == reconcile.MaxUncertain {
			return err
		}
	}
}

// requests are kept: each holds the text of a whole batch.
var requests = sync.Pool{New: func() any { return new(comet.Batch) }}

// post makes the request for a batch.
func (e *experiment) post(ctx context.Context, batch []point) error {
	b := requests.Get().(*comet.Batch)
	defer requests.Put(b)
	b.Reset()
	var text []byte
	for i := range batch {
		p := &batch[i]
		text = p.Value.AppendText(text[:0])
		v := comet.MetricValue{Name: p.name, Value: text, Time: comet.IntOf(p.Time.V)}
		if p.Step.OK {
			v.Step = comet.IntOf(p.Step.V)
		}
		if p.Epoch.OK {
			v.Epoch = comet.IntOf(p.Epoch.V)
		}
		if p.Context.OK {
			v.Context = &p.Context.V
		}
		b.AddMetric(&v)
	}
	if err := e.r.Client.Metrics.Write(ctx, e.key, b); err != nil {
		return err
	}
	e.wrotePoints(len(batch))
	return nil
}
