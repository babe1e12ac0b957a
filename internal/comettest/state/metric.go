package state

import (
	"cmp"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func (l *look) metricStates(e *store.Experiment) []Metric {
	shown := metric.ThinningOf(l.moods)
	list := []Metric{}
	for _, name := range e.MetricNames {
		m := e.Metrics[name]
		sum := m.Summary()
		if !sum.Any {
			continue
		}
		points, digest := m.Digest(shown, e.Contexts)
		x := Metric{
			Name: name, Points: len(points), Received: m.Len(), SHA256: digest,
			Min: stampedState(e.Stamp(sum.Min)), Max: stampedState(e.Stamp(sum.Max)), Current: stampedState(e.Stamp(sum.Current(l.moods))),
		}
		if l.Portable {
			x.Received = 0
		}
		if l.Points {
			x.Values = pointStates(points, e.Contexts)
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func pointStates(points []metric.Point, contexts []string) []Point {
	list := make([]Point, len(points))
	for i, p := range points {
		list[i] = Point{
			Time: p.Time, Step: metric.Optional(p.Step, p.HasStep), Epoch: metric.Optional(p.Epoch, p.HasEpoch),
			Context: metric.ContextName(contexts, p.Context), Value: p.Value.String(),
		}
	}
	return list
}
