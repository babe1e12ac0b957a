package exporter

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/packed"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

const (
	// maxCollected is how many bytes the points of one experiment may take
	// in memory; more are fetched metric by metric.
	maxCollected = 40 << 20
	// serverCap is the number of points of a metric that servers keep.
	serverCap = 15_000
)

// errCollected ends a fetch of all points that grows too large.
var errCollected = errors.New("too many points to be held at a time")

// metricSizes remembers how large the points of experiments have been, so that
// no more of them are fetched at a time than there is room for, or than the
// server can give.
type metricSizes struct {
	mu      sync.Mutex
	typical int64
	// failed are the least numbers of metrics whose points could not be had all
	// at once, of two experiments, in ascending order; 0 = none.
	failed [2]int
}

// firstExpected is what the points of an experiment are expected to take
// before any has been seen.
const firstExpected = 20 << 20

func (m *metricSizes) expected() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.typical == 0 {
		return firstExpected
	}
	return m.typical
}

// seen notes the points of one experiment, which came all at once.
func (m *metricSizes) seen(size int64, names int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Larger ones count at once, smaller ones little by little.
	m.typical = max(size, (7*m.typical+size)/8, 1)
	if names >= m.failed[0] && m.failed[1] == 0 {
		m.failed[0] = 0
	}
}

// tooLarge notes an experiment whose points are more than there is room for.
// Those of one with as many metrics will be, too.
func (m *metricSizes) tooLarge(names int) {
	m.noteFailed(names)
	m.noteFailed(names)
}

// noteFailed notes an experiment for which the server has failed.
func (m *metricSizes) noteFailed(names int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &m.failed
	switch n := max(names, 1); {
	case f[0] == 0:
		f[0] = n
	case f[1] == 0 || n < f[1]:
		f[0], f[1] = min(f[0], n), max(f[0], n)
	}
}

// threshold returns from how many metrics on the points are not asked for all at
// once, 0 if they always are. One failure may be a mishap: it takes two.
func (m *metricSizes) threshold() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed[1]
}

// metricsFetch is the slot of an experiment's points: either all of them or
// the names of the metrics, which are then fetched one by one.
type metricsFetch struct {
	*prefetch.Value[*packed.Points]
	u *experimentUnit

	names      []string        // metrics to be fetched one by one; nil = all at once
	summarised map[string]bool // those of names that have a summary, and points
	unknown    error           // why it is not known which system metrics there are
	single     prefetch.Sequence[*prefetch.Value[*packed.Points]]
}

func (u *experimentUnit) newMetricsFetch(q *prefetch.Queue) *metricsFetch {
	m := &metricsFetch{u: u}
	m.Value = prefetch.NewValue(q, u.at(itemMetrics), m.fetch)
	m.Expect = u.x.sizes.expected
	return m
}

// end gives back what is held.
func (m *metricsFetch) end() { m.single.Close() }

// fetch gets all points at once where the server can do that and there is room
// for them, else it leaves them to be fetched metric by metric.
func (m *metricsFetch) fetch(ctx context.Context, s *prefetch.Slot) (*packed.Points, error) {
	x := m.u.x
	if limit := x.sizes.threshold(); limit > 0 {
		names, err := m.list(ctx)
		switch {
		case err != nil && judge.Fatal(err):
			return nil, err
		case err == nil && len(names) >= limit:
			return nil, m.split(names)
		}
	}
	c, err := m.collect(ctx, s, func(restart func(), yield func(*comet.Point) error) error {
		return x.client.Metrics.AllPoints(ctx, m.u.l.Key, restart, yield)
	})
	note := func(int) {}
	switch {
	case err == nil:
		x.sizes.seen(c.Size, len(c.Series))
		return c, nil
	case judge.Unsupported(err):
	case err == errCollected:
		note = x.sizes.tooLarge
	case hasLighter(err):
		note = x.sizes.noteFailed
	default:
		return nil, err
	}
	names, err := m.list(ctx)
	if err != nil {
		return nil, err
	}
	note(len(names))
	return nil, m.split(names)
}

// hasLighter reports whether a call that failed is worth to be replaced by
// several of less weight each.
func hasLighter(err error) bool {
	return !judge.Fatal(err) && (errors.Is(err, comet.ErrServer) || errors.Is(err, comet.ErrUnclear))
}

// collect takes points as they come.
func (m *metricsFetch) collect(ctx context.Context, s *prefetch.Slot, each func(restart func(), yield func(*comet.Point) error) error) (*packed.Points, error) {
	c := packed.New()
	growth := prefetch.NewGrowth(s)
	restart := func() {
		*c = *packed.New()
		growth.Reset()
	}
	whole := s == m.Slot
	err := each(restart, func(p *comet.Point) error {
		if !m.u.x.o.Resources.Has(stream.ResourceOfMetric(p.Name)) {
			return nil
		}
		point, err := newPoint(p)
		if err != nil {
			return err
		}
		c.Add(p.Name, &point)
		if whole && c.Size > maxCollected {
			return errCollected
		}
		return growth.To(ctx, c.Size)
	})
	if err == errCollected {
		growth.Reset()
	}
	return c, err
}

// list returns the names of the metrics in order. System metrics need not be
// among the summaries. Where it is not known which of them there are, that is left
// in m.unknown.
func (m *metricsFetch) list(ctx context.Context) ([]string, error) {
	var names []string
	m.summarised, m.unknown = make(map[string]bool), nil
	c, key, resources := m.u.x.client, m.u.l.Key, m.u.x.o.Resources
	err := c.Metrics.Each(ctx, key, func() { names = nil }, func(v *comet.Value) error {
		if v.Cut && v.Name == "" {
			return judge.ItemErrorf("the name of a metric is %v", comet.ErrTooLarge)
		}
		names = append(names, strings.Clone(v.Name))
		return nil
	})
	if err != nil && !judge.Absence(stream.KindMetrics, err) {
		return nil, err
	}
	for _, name := range names {
		m.summarised[name] = true
	}
	if resources.Has(stream.ResourceSystemMetrics) {
		of, err := m.u.details.names(ctx, c, key)
		switch {
		case err == nil:
			names = append(names, of...)
		case judge.Fatal(err):
			return nil, err
		case !judge.Absence(stream.KindSystem, err):
			m.unknown = err
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !resources.Has(stream.ResourceOfMetric(name)) })
	slices.Sort(names)
	return slices.Compact(names), nil
}

// split makes a slot for each metric.
func (m *metricsFetch) split(names []string) error {
	return m.Fix(func() {
		if names == nil {
			names = []string{}
		}
		m.names = names
		m.single = prefetch.NewSequence(m.Queue(), len(names), func(i int) *prefetch.Value[*packed.Points] {
			at := m.At
			at.Part = i + 1
			return prefetch.NewValue(m.Queue(), at, func(ctx context.Context, s *prefetch.Slot) (*packed.Points, error) {
				c, err := m.metric(ctx, s, names[i])
				if err == nil && c.Series[names[i]] == nil && m.summarised[names[i]] {
					// It has points: the summary is made of them.
					c, err = m.metric(ctx, s, names[i])
					if err == nil && c.Series[names[i]] == nil {
						err = judge.Contradictionf("its list of points is empty, but the metric summary has values")
					}
				}
				return c, err
			})
		})
		m.single.Open()
	})
}

// metric takes the points of one metric. There is no lighter call for them: none
// asks for a part of a metric, and multi-metric-chart leaves out the contexts.
func (m *metricsFetch) metric(ctx context.Context, s *prefetch.Slot, name string) (*packed.Points, error) {
	return m.collect(ctx, s, func(restart func(), yield func(*comet.Point) error) error {
		return m.u.x.client.Metrics.Points(ctx, m.u.l.Key, name, restart, func(p *comet.Point) error {
			// Some servers leave the name out where it was asked for.
			p.Name = name
			return yield(p)
		})
	})
}

// newPoint returns a point as the stream has it. Fields that the stream has a
// place for, and that the server did not give in the type of that place, are
// among the extra ones.
func newPoint(p *comet.Point) (stream.Point, error) {
	point := stream.Point{
		Time: stream.Int64{V: p.Time.N, OK: p.Time.OK}, Step: stream.Int64{V: p.Step.N, OK: p.Step.OK},
		Epoch: stream.Int64{V: p.Epoch.N, OK: p.Epoch.OK},
	}
	switch p.Kind {
	case comet.StringValue, comet.NumberValue:
		point.Value = stream.TextValue(p.Value)
	case comet.BoolValue:
		point.Value = stream.BoolValue(string(p.Value) == "true")
	}
	if p.Context != nil {
		point.Context = stream.NewString(*p.Context)
	}
	if p.Extra != nil {
		var err error
		if point.Extra, err = document(p.Extra); err != nil {
			return stream.Point{}, err
		}
	}
	return point, nil
}

// writeMetrics writes the points of the experiment.
func (u *experimentUnit) writeMetrics(ctx context.Context, out *output) error {
	m := u.metrics
	if m == nil {
		return nil
	}
	defer m.Leave()
	c, err := m.Get(ctx)
	switch {
	case err != nil:
		return u.absentOrSkip(ctx, out, stream.KindMetrics, "", err)
	case m.names == nil:
		for _, name := range c.Names() {
			if err := u.writeMetric(ctx, out, c, name); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range m.names {
		s := m.single.Take()
		c, err := s.Get(ctx)
		switch {
		case err != nil && !m.summarised[name] && judge.Absence(stream.KindSystem, err):
			err = nil // the machine has it, and it has no points
		case err != nil:
			err = u.absentOrSkip(ctx, out, stream.KindMetrics, name, err)
		case c.Series[name] != nil:
			err = u.writeMetric(ctx, out, c, name)
		}
		s.Leave()
		if err != nil {
			return err
		}
	}
	return u.absentOrSkip(ctx, out, stream.KindMetrics, "sys.*", m.unknown)
}

// writeMetric writes the points of one metric, and frees them.
func (u *experimentUnit) writeMetric(ctx context.Context, out *output, c *packed.Points, name string) error {
	var lost error
	thinned, err := u.thinned(ctx, c, name)
	if err != nil {
		return err
	}
	if thinned {
		full, why, err := u.complete(ctx, c, name)
		if err != nil {
			return err
		}
		if lost = why; full != nil {
			c.Drop(name)
			c = full
		}
	}
	u.res.Metrics++
	err = c.Records(name, func(rec *stream.Metrics) error {
		if err := out.write(rec); err != nil {
			return err
		}
		u.res.Points += int64(len(rec.Points))
		out.counters.Points.Add(int64(len(rec.Points)))
		return nil
	})
	c.Drop(name)
	return out.skip(u.item(stream.KindMetrics, name), cmp.Or(err, lost))
}
