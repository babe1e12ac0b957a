package find

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// holds asks for the values that the selection has conditions on, and reports
// whether all hold; nil if there are none.
func (x *Finder) holds(ctx context.Context, key string) (*bool, error) {
	chosen := &x.o.Selection
	if len(chosen.Where) == 0 {
		return nil, nil
	}
	facts := chosen.Facts()
	parameters, others, metrics := chosen.Asks()
	current := func(take func(name, value string)) func(*comet.Value) error {
		return func(v *comet.Value) error {
			take(v.Name, read(v.Current))
			return nil
		}
	}
	for _, list := range []struct {
		asked bool
		kind  stream.Kind
		each  func(context.Context, string, func(), func(*comet.Value) error) error
		yield func(*comet.Value) error
	}{
		{parameters, stream.KindParameters, x.client.Parameters.Each, current(facts.Parameter)},
		{others, stream.KindOthers, x.client.Others.Each, current(facts.Other)},
		{metrics, stream.KindMetrics, x.client.Metrics.Each, func(v *comet.Value) error { noteMetric(facts, v); return nil }},
	} {
		if !list.asked {
			continue
		}
		// A value that comes twice says the same twice.
		if err := list.each(ctx, key, func() {}, list.yield); err != nil && !judge.Absence(list.kind, err) {
			return nil, err
		}
	}
	hold := facts.Hold()
	return &hold, nil
}

func noteMetric(facts *selection.Facts, v *comet.Value) {
	facts.Metric(v.Name, read(v.Min), read(v.Max), read(v.Current))
}

// read returns a value, "" if the server does not tell it.
func read(r comet.Reading) string {
	if r.Value == nil {
		return ""
	}
	return *r.Value
}
