package comettest

import (
	"cmp"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func (l *look) metricStates(e *store.Experiment) []MetricState {
	shown := metric.ThinningOf(l.moods)
	list := []MetricState{}
	for _, name := range e.MetricNames {
		m := e.Metrics[name]
		sum := m.Summary()
		if !sum.Any {
			continue
		}
		points, digest := m.Digest(shown, e.Contexts)
		x := MetricState{
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
	slices.SortFunc(list, func(a, b MetricState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func pointStates(points []metric.Point, contexts []string) []PointState {
	list := make([]PointState, len(points))
	for i, p := range points {
		list[i] = PointState{
			Time: p.Time, Step: metric.Optional(p.Step, p.HasStep), Epoch: metric.Optional(p.Epoch, p.HasEpoch),
			Context: metric.ContextName(contexts, p.Context), Value: p.Value.String(),
		}
	}
	return list
}
