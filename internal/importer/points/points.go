package points

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
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Points is the way of an experiment's metric points.
type Points struct {
	*session.Experiment
	limits *Limits
	spools *spool.Spooler
	count  *atomic.Int64 // of points compared or written
	read   reading
	out    outbox
	sums   sums // what a verification has to find

	hasher *pointset.Hasher
	name   string // of the metric that is open
	begun  bool
	n      int64 // of its points that have come

	have   *pointset.Set // what the destination has; of the open metric alone if each
	each   bool          // metrics are read one by one
	sure   bool          // that what is missing from there is not on its way
	series *pointset.Series
	part   *partial // nil where the destination shows nothing of the open metric
	bad    int64    // of the open metric: points that no server takes
	at     stream.Position
	equal  map[pointset.Hash]struct{} // points at that time and step
}

// New returns the points of an experiment; count is added to.
func New(s *session.Experiment, limits *Limits, spools *spool.Spooler, count *atomic.Int64) *Points {
	ps := &Points{Experiment: s, limits: limits, spools: spools, count: count, sums: make(sums)}
	ps.read = reading{Experiment: s, limits: limits}
	ps.out = outbox{reading: &ps.read}
	return ps
}

// Abandon lets go of what waits for points that do not come any more.
func (ps *Points) Abandon() { ps.part.close() }

// Free gives back the memory for what the destination has.
func (ps *Points) Free() { ps.read.share.Free() }

// ReportRefused reports each metric once what the destination has refused of it.
func (ps *Points) ReportRefused() { ps.out.reportRefused() }

type point struct {
	name string
	hash pointset.Hash
	stream.Point
}

// Take writes the points of a record that the destination does not have.
func (ps *Points) Take(ctx context.Context, rec *stream.Metrics) error {
	if !ps.begun || ps.name != rec.Name {
		if err := ps.endMetric(ctx); err != nil {
			return err
		}
		if err := ps.beginMetric(ctx, rec.Name); err != nil {
			return err
		}
	}
	ps.count.Add(int64(len(rec.Points)))
	for i := range rec.Points {
		if err := ps.takePoint(ctx, &rec.Points[i]); err != nil {
			return err
		}
	}
	if ps.part != nil {
		return ps.hold(ctx, rec)
	}
	return nil
}

func (ps *Points) beginMetric(ctx context.Context, name string) error {
	ps.name, ps.begun, ps.n, ps.bad, ps.part = name, true, 0, 0, nil
	if ps.hasher == nil {
		ps.hasher = pointset.NewHasher(name)
	}
	ps.hasher.Use(name)
	clear(ps.equal)
	if ps.Existing == nil {
		return nil
	}
	if ps.have == nil || ps.each {
		if err := ps.readExisting(ctx, name); err != nil {
			return fmt.Errorf("read metric %q: %w", name, err)
		}
	}
	ps.series = ps.have.Of(name)
	if ps.Mode == reconcile.VerifyOnly {
		return nil
	}
	if ps.series.Digest.N == 0 && !ps.sure && !ps.Dry() {
		// What was just written may not show yet.
		if err := ps.makeSure(ctx); err != nil {
			return err
		}
	}
	return ps.beginPartial(ctx)
}

func (ps *Points) takePoint(ctx context.Context, sp *stream.Point) error {
	ps.n++
	if !sp.Time.OK {
		if !unsupportedPoint(sp) {
			ps.Untimed.Note(stream.KindMetrics, ps.name)
		}
		sp.Time = stream.NewInt64(ps.TimeOf(document.Int{}))
	}
	if unsupportedPoint(sp) {
		ps.bad++
	}
	if ps.part != nil {
		ps.part.here = append(ps.part.here, false)
	}
	if sp.Value.IsNull() {
		return nil
	}
	pt := point{ps.name, ps.hasher.Point(sp), *sp}
	if ps.Expecting {
		again := ps.isRepeated(&pt)
		ps.sums.expect(pt.name, pt.hash, again)
		if ps.Mode == reconcile.VerifyOnly {
			ps.takeShown(pt.hash)
			return nil
		}
	}
	if ps.part != nil {
		return ps.comparePoint(ctx, &pt)
	}
	return ps.out.add(ctx, pt, ps.beyond())
}

// takeShown takes a point of the stream out of those that the destination shows,
// where it is only compared.
func (ps *Points) takeShown(h pointset.Hash) {
	if ps.series == nil {
		return
	}
	if ok, _ := ps.have.Take(h); ok {
		ps.series.Taken++
	}
}

// isRepeated reports whether an equal point of the metric came before. The order of
// the stream has put them close to each other.
func (ps *Points) isRepeated(pt *point) bool {
	if at := pt.Position(); at != ps.at {
		ps.at = at
		clear(ps.equal)
	}
	if _, ok := ps.equal[pt.hash]; ok {
		return true
	}
	if ps.equal == nil {
		ps.equal = make(map[pointset.Hash]struct{})
	}
	ps.equal[pt.hash] = struct{}{}
	return false
}

// unsupportedPoint reports whether a point holds what no call of the API takes: no value,
// or a time, step or epoch that is not an integer.
func unsupportedPoint(sp *stream.Point) bool {
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
func (ps *Points) endMetric(ctx context.Context) error {
	if !ps.begun {
		return nil
	}
	if ps.bad > 0 {
		ps.Issue(report.Issue{Class: report.Missing, Kind: string(stream.KindMetrics), Name: ps.name, Reason: fmt.Sprintf(
			"%d points have no value, or a time, step or epoch that is not an integer", ps.bad)})
	}
	if ps.Expecting && ps.series != nil && (ps.part != nil || ps.Mode == reconcile.VerifyOnly) {
		m := ps.sums.metric(ps.name)
		m.shown, m.extra = ps.series.Digest, ps.series.Digest.N-ps.series.Taken
	}
	part := ps.part
	ps.part = nil
	if part == nil {
		return nil
	}
	return ps.endPartial(ctx, part)
}

func thinned(name string, have, want int64) report.Issue {
	return report.Issue{Class: report.Noted, Kind: string(stream.KindMetrics), Name: name, Reason: fmt.Sprintf("the destination keeps %d of the %d points", have, want)}
}

// Flush ends the metrics.
func (ps *Points) Flush(ctx context.Context) error {
	if !ps.begun {
		return nil
	}
	err := ps.endMetric(ctx)
	if err == nil {
		err = ps.out.send(ctx, "", ps.beyond())
	}
	ps.Free()
	ps.have, ps.series, ps.begun = nil, nil, false
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

func (o *outbox) refuse(refused []point, err error) {
	o.Change(func(*report.Outcome) {
		if o.refused == nil {
			o.refused = make(map[string]*refusedSeries)
		}
		for _, p := range refused {
			s := o.refused[p.name]
			if s == nil {
				s = &refusedSeries{err: err}
				o.refused[p.name] = s
			}
			s.n++
		}
	})
}

// reportRefused reports each metric once what the destination has refused of it.
func (o *outbox) reportRefused() {
	for _, name := range slices.Sorted(maps.Keys(o.refused)) {
		s := o.refused[name]
		err := s.err
		if s.n > 1 {
			err = fmt.Errorf("%d points: %w", s.n, err)
		}
		o.Item(report.Issue{Kind: string(stream.KindMetrics), Name: name}, err)
	}
	o.refused = nil
}

func (o *outbox) wrote(n int) {
	o.Change(func(o *report.Outcome) { o.Written.Points += int64(n) })
}

// maxPostponed is how many batches of an experiment may wait for its end.
const maxPostponed = 4

// writeOnce writes points. Where it is uncertain whether they have arrived they
// are, if they may, postponed until nothing else of the experiment is being
// written: what shows then shows everything soon.
func (o *outbox) writeOnce(ctx context.Context, batch []point, later bool) (postponed bool, err error) {
	if o.Dry() {
		o.wrote(len(batch))
		return false, nil
	}
	if err := o.Reopen(ctx); err != nil {
		return false, err
	}
	lost := o.post(ctx, batch)
	if !answer.Uncertain(lost) {
		return false, lost
	}
	if !later || o.late.Add(1) > maxPostponed {
		return false, o.writeRest(ctx, batch, lost)
	}
	o.Postpone(func() {
		if !o.Failure.Stops() {
			err := o.writeRest(ctx, batch, lost)
			if answer.Refused(err) {
				o.writePoints(ctx, batch, false) // to find out which are to blame
				return
			}
			o.Item(report.Issue{Kind: string(stream.KindMetrics), Name: nameOf(batch)}, err)
		}
	})
	return true, nil
}

// writeRest writes those points of a batch that have not arrived; err says why
// that is uncertain.
func (o *outbox) writeRest(ctx context.Context, batch []point, err error) error {
	ctx = comet.OneItem(ctx)
	return o.Certain(ctx, err, func() (reconcile.Extent, error) {
		rest, err := o.missing(ctx, batch)
		if err != nil {
			return reconcile.None, err
		}
		done := reconcile.Partly
		switch len(rest) {
		case 0:
			done = reconcile.All
		case len(batch):
			done = reconcile.None
		}
		o.wrote(len(batch) - len(rest))
		batch = rest
		return done, nil
	}, func() (err error) {
		batch, err = halving.Write(batch, func(part []point) error { return o.post(ctx, part) }, o.refuse, &o.refusals)
		return err
	})
}

// requests are kept: each holds the text of a whole batch.
var requests = sync.Pool{New: func() any { return new(comet.Batch) }}

func (o *outbox) post(ctx context.Context, batch []point) error {
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
	if err := o.Client.Metrics.Write(ctx, o.Key, b); err != nil {
		return err
	}
	o.wrote(len(batch))
	return nil
}

// metricSum stands for the points of a metric: for all of them, and for those
// that are left where equal ones are merged.
type metricSum struct {
	all, unique pointset.Digest
	shown       pointset.Digest // at the destination, before anything was written
	extra       int64           // of those shown, points that the stream does not have
	thinned     bool            // at the destination, which was reported
}

// sums are those of an experiment, by metric.
type sums map[string]*metricSum

func (s sums) metric(name string) *metricSum {
	m := s[name]
	if m == nil {
		m = new(metricSum)
		s[name] = m
	}
	return m
}

// expect adds a point; again says that an equal one came before.
func (s sums) expect(metric string, h pointset.Hash, again bool) {
	m := s.metric(metric)
	m.all.Add(h)
	if !again {
		m.unique.Add(h)
	}
}
