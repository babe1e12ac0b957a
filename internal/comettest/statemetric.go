package comettest

import (
	"cmp"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

func (l *look) metricStates(e *experiment) []MetricState {
	shown := metric.ThinningOf(l.moods)
	list := []MetricState{}
	for _, name := range e.names {
		m := e.metrics[name]
		sum := m.Summary()
		if !sum.Any {
			continue
		}
		points, digest := m.Digest(shown, e.contexts)
		x := MetricState{
			Name: name, Points: len(points), Received: m.Len(), SHA256: digest,
			Min: e.stamp(sum.Min).state(), Max: e.stamp(sum.Max).state(), Current: e.stamp(sum.Current(l.moods)).state(),
		}
		if l.Portable {
			x.Received = 0
		}
		if l.Points {
			x.Values = pointStates(points, e.contexts)
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
