package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// points is the way of an experiment's metric points.
type points struct {
	hasher *hasher
	name   string // of the metric that is open
	begun  bool
	n      int64 // of its points that have come

	there  *pointSet // what the destination has; of the open metric alone if each
	each   bool      // metrics are read one by one
	share  share     // of the memory for sets
	sure   bool      // that what is missing from there is really missing
	series *thereSeries
	absent int64 // of the open metric: points that the destination has thinned out
	bad    int64 // of the open metric: points that no server takes
	at     pointTime
	equal  map[pointHash]struct{} // points at that time and step

	batch     []point
	size      int
	under     sync.WaitGroup // batches that are being written
	inOrder   bool           // the next batch waits for those before
	postponed atomic.Int32   // batches that wait for the end, about
	refused   map[string]*refusedSeries
}

// A point is a metric point that waits to be written.
type point struct {
	name string
	hash pointHash
	stream.Point
}

// takePoints writes the points of a record that the destination does not have.
func (e *experiment) takePoints(ctx context.Context, rec *stream.Metrics) error {
	p := &e.points
	if !p.begun || p.name != rec.Name {
		e.endMetric()
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
	return nil
}

func (e *experiment) beginMetric(ctx context.Context, name string) error {
	p := &e.points
	p.name, p.begun, p.n, p.absent, p.bad = name, true, 0, 0, 0
	if p.hasher == nil {
		p.hasher = newHasher(name)
	}
	p.hasher.use(name)
	clear(p.equal)
	if e.there == nil || e.r.o.Mode == VerifyOnly {
		return nil
	}
	if p.there == nil || p.each {
		if err := e.readThere(ctx, name); err != nil {
			return fmt.Errorf("read metric %q: %w", name, err)
		}
	}
	p.series = p.there.of(name)
	return nil
}

func (e *experiment) takePoint(ctx context.Context, sp *stream.Point) error {
	p := &e.points
	p.n++
	if !sp.Time.OK {
		sp.Time = stream.NewInt64(e.timeOf(integer{}))
	}
	if misfit(sp) {
		p.bad++
	}
	if sp.Value.IsNull() {
		return nil
	}
	pt := point{p.name, p.hasher.point(sp), *sp}
	if e.verified != nil {
		again := p.again(&pt)
		if e.expect(func(x *expectation) { x.point(pt.name, pt.hash, again) }) {
			return nil
		}
	}
	if e.there != nil {
		wanted, err := e.wantsPoint(ctx, &pt)
		if err != nil || !wanted {
			return err
		}
	}
	return e.addPoint(ctx, pt)
}

// again reports whether an equal point of the metric came before. The order of
// the stream has put them close to each other.
func (p *points) again(pt *point) bool {
	if at := (pointTime{pt.Time, pt.Step}); at != p.at {
		p.at = at
		clear(p.equal)
	}
	if _, ok := p.equal[pt.hash]; ok {
		return true
	}
	if p.equal == nil {
		p.equal = make(map[pointHash]struct{})
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

// wantsPoint reports whether the destination lacks a point that it should have.
func (e *experiment) wantsPoint(ctx context.Context, pt *point) (bool, error) {
	p := &e.points
	for {
		ok, known := p.there.take(pt.hash)
		if ok {
			p.series.taken++
			return false, nil
		}
		full := p.series.n >= e.r.o.SeriesCap
		if e.unfinished {
			// A series at its cap has been thinned out up to its end. Nothing
			// was written behind that, since batches beyond the cap are written
			// one after the other.
			if full && !(pointTime{pt.Time, pt.Step}).after(p.series.last) {
				p.absent++
				return false, nil
			}
			return true, nil
		}
		switch {
		case known:
			// Only a copy of a point that is there: the destination merges
			// equal points, or the next import would send it again.
			return false, nil
		case full:
			p.absent++
			return false, nil
		case p.sure || e.r.dry():
			return true, nil
		}
		// The first point that is missing. What was written a moment ago may
		// not show yet.
		if err := e.makeSure(ctx); err != nil {
			return false, fmt.Errorf("read metric %q: %w", p.name, err)
		}
	}
}

// endMetric tells what is odd about the metric that is open.
func (e *experiment) endMetric() {
	p := &e.points
	if !p.begun {
		return
	}
	if p.bad > 0 {
		e.issue(Issue{Class: Missing, Kind: string(stream.KindMetrics), Name: p.name, Reason: fmt.Sprintf(
			"%d points have no value, or a time, step or epoch that is no integer", p.bad)})
	}
	if p.absent == 0 {
		return
	}
	if others := p.series.n - p.series.taken; others > 0 {
		e.differs(Issue{Kind: string(stream.KindMetrics), Name: p.name, Reason: fmt.Sprintf(
			"the destination lacks %d of the %d points, is full, and has %d that are not in the stream", p.absent, p.n, others)})
		return
	}
	e.issue(thinned(p.name, p.series.n, p.n))
	if e.verified != nil {
		e.verified.note(func(x *expectation) { x.metric(p.name).thinned = true })
	}
}

// thinned tells of a series that the destination has thinned out.
func thinned(name string, have, want int64) Issue {
	return Issue{Class: Noted, Kind: string(stream.KindMetrics), Name: name, Reason: fmt.Sprintf("the destination keeps %d of the %d points", have, want)}
}

// flushPoints ends the metrics.
func (e *experiment) flushPoints(ctx context.Context) error {
	if !e.points.begun {
		return nil
	}
	e.endMetric()
	err := e.sendPoints(ctx)
	e.points.share.free()
	e.points.there, e.points.series, e.points.begun = nil, nil, false
	return err
}

// addPoint puts a point into the batch.
func (e *experiment) addPoint(ctx context.Context, pt point) error {
	p := &e.points
	p.batch = append(p.batch, pt)
	p.size += 100 + len(pt.name) + len(pt.Context.V)
	if len(p.batch) < comet.MaxBatch && p.size < 4*maxBatchSize {
		return nil
	}
	return e.sendPoints(ctx)
}

// sendPoints writes the batch in the background.
//
// Beyond the number of points that destinations keep, batches are written one
// after the other: an import that is killed then leaves no hole that a later
// one could take for thinned out.
func (e *experiment) sendPoints(ctx context.Context) error {
	p := &e.points
	if len(p.batch) == 0 {
		return nil
	}
	batch := p.batch
	p.batch, p.size = make([]point, 0, min(len(batch), comet.MaxBatch)), 0
	beyond := p.n > e.r.o.SeriesCap
	if p.inOrder || beyond {
		p.under.Wait()
	}
	ordered := p.inOrder || beyond
	// The batch with the end of a metric may begin the next one.
	p.inOrder = beyond
	if err := e.r.batches.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	p.under.Add(1)
	e.spawn(func() {
		defer p.under.Done()
		defer e.r.batches.Release(1)
		e.item(Issue{Kind: string(stream.KindMetrics), Name: nameOf(batch)}, e.writePoints(ctx, batch, !ordered))
	})
	return nil
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

// writePoints writes a batch, each point once. If it may, it leaves what is
// uncertain for later.
func (e *experiment) writePoints(ctx context.Context, batch []point, later bool) error {
	_, err := halves(batch, func(part []point) error { return e.writeOnce(ctx, part, later) }, e.refusedPoints, &e.refusals.points)
	return err
}

// refusedSeries is what the destination refuses of a metric.
type refusedSeries struct {
	n   int
	err error // the first
}

// refusedPoints takes points that the destination refuses.
func (e *experiment) refusedPoints(refused []point, err error) {
	e.change(func(*Outcome) {
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
		e.item(Issue{Kind: string(stream.KindMetrics), Name: name}, err)
	}
	e.points.refused = nil
}

func (e *experiment) wrotePoints(n int) {
	e.change(func(o *Outcome) { o.Written.Points += int64(n) })
}

// maxUncertain is how often a write is tried whose answers are lost while
// others come through.
const maxUncertain = 8

// maxPostponed is how many batches of an experiment may wait for its end.
const maxPostponed = 4

// writeOnce writes points. Where it is uncertain whether they have arrived they
// wait until nothing else of the experiment is being written: what shows then
// shows everything soon.
func (e *experiment) writeOnce(ctx context.Context, batch []point, later bool) error {
	if e.r.dry() {
		e.wrotePoints(len(batch))
		return nil
	}
	if err := e.reopen(ctx); err != nil {
		return err
	}
	err := e.post(ctx, batch)
	if !isUncertain(err) {
		return err
	}
	resolve := func() error { return e.writeRest(ctx, batch, err) }
	if !later || e.points.postponed.Add(1) > maxPostponed {
		return resolve()
	}
	e.postpone(func() {
		if !e.failure.stops() {
			e.item(Issue{Kind: string(stream.KindMetrics), Name: nameOf(batch)}, resolve())
		}
	})
	return nil
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
			e.r.unacknowledged(err)
		}
		if len(rest) == 0 {
			return nil
		}
		batch, err = halves(rest, func(part []point) error { return e.post(ctx, part) }, e.refusedPoints, &e.refusals.points)
		if !isUncertain(err) || try == maxUncertain {
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
	if err := e.r.c.WriteMetrics(ctx, e.key, b); err != nil {
		return err
	}
	e.wrotePoints(len(batch))
	return nil
}
