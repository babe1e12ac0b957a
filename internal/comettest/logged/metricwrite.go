package logged

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// newPoint is a metric point that has been read and not yet stored.
type newPoint struct {
	metric  string
	context string
	inCtx   bool
	timed   bool
	point   metric.Point
}

// metricValue reads a metric value, which is a number, a text or a boolean.
func metricValue(raw json.RawMessage) (metric.Value, error) {
	if len(raw) == 0 || raw[0] == '[' || raw[0] == '{' || raw[0] == 'n' {
		return metric.Value{}, refusal.BadRequest("metricValue %.40s is not a number or text", raw)
	}
	if raw[0] == '"' {
		return metric.ParseValue(wire.String(raw)), nil
	}
	return metric.ParseValue(string(raw)), nil
}

// parsePoint reads a metric point into p. It is likely to be of the metric and the
// context of the one before.
func parsePoint(w *wire.Walker, p, before *newPoint) error {
	valued := false
	err := w.Object(func(name []byte) error {
		raw, err := w.Value()
		if err != nil {
			return err
		}
		switch string(name) {
		case `"metricName"`:
			if raw[0] != '"' {
				return refusal.BadRequest("metricName %.40s is not a text", raw)
			}
			p.metric = wire.StringLike(raw, before.metric)
		case `"metricValue"`:
			p.point.Value, err = metricValue(raw)
			valued = true
		case `"step"`:
			p.point.Step, p.point.HasStep, err = wire.ReadOrdinal(name, raw)
		case `"epoch"`:
			p.point.Epoch, p.point.HasEpoch, err = wire.ReadOrdinal(name, raw)
		case `"timestamp"`:
			p.point.Time, p.timed, err = wire.ReadInteger(name, raw)
		case `"context"`:
			if p.inCtx = raw[0] == '"'; p.inCtx {
				p.context = wire.StringLike(raw, before.context)
			} else if string(raw) != "null" {
				return refusal.BadRequest("context %.40s is not a text", raw)
			}
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case p.metric == "":
		return refusal.BadRequest("metricName is missing")
	case !valued:
		return refusal.BadRequest("metricValue is missing")
	}
	return nil
}

// addPoint logs p. The lock of e is held.
func (c metricCall) addPoint(e *store.Experiment, p *newPoint) {
	if api.Full(len(e.MetricNames), c.Limits.MetricNames) && e.Metrics[p.metric] == nil {
		e.Throttled("metric names")
		return
	}
	if p.inCtx {
		p.point.Context = e.ContextIndex(&p.context)
	}
	if !p.timed {
		p.point.Time = c.Now()
	}
	s := e.Series(p.metric)
	if c.Moods.OnePerStep == "first" && s.HasStep(&p.point) {
		return
	}
	s.Add(&p.point, c.Moods.MergeDuplicates)
}

type writeMetricRequest struct {
	ExperimentKey string `json:"experimentKey"` // beside the fields of a metric point
}

func (c metricCall) writeMetric(req *writeMetricRequest) error {
	p := newPoint{}
	if err := parsePoint(&wire.Walker{Rest: c.Body}, &p, &newPoint{}); err != nil {
		return err
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		c.addPoint(e, &p)
		return c.Ack()
	})
}

// metricBatch logs many points, all of them or, if one is wrong, none. Its
// bodies are most of what an import sends, so they are read by hand.
func (c metricCall) metricBatch() error {
	key, points, err := c.readBatch()
	if err != nil {
		return err
	}
	return c.WriteExperiment(key, func(e *store.Experiment) error {
		for i := range points {
			c.addPoint(e, &points[i])
		}
		return c.Ack()
	})
}

func (c metricCall) readBatch() (key string, points []newPoint, err error) {
	if err := c.CheckJSON(); err != nil {
		return "", nil, err
	}
	some := false
	w := &wire.Walker{Rest: c.Body}
	err = w.Object(func(name []byte) (err error) {
		if string(name) == `"values"` {
			some = true
			points, err = c.readPoints(w)
			return err
		}
		raw, err := w.Value()
		if err == nil && string(name) == `"experimentKey"` && raw[0] == '"' {
			key = wire.String(raw)
		}
		return err
	})
	if err == nil {
		err = w.End()
	}
	switch {
	case err != nil && !json.Valid(c.Body):
		return "", nil, wire.ErrNotJSON // whatever else is wrong with it
	case err == nil && !some:
		err = refusal.BadRequest("values is missing")
	}
	return key, points, err
}

// pointText is about the least that clients write of a metric point.
const pointText = 100

func (c metricCall) readPoints(w *wire.Walker) (points []newPoint, err error) {
	limit := c.Limits.BatchValues
	points = make([]newPoint, 0, len(w.Rest)/pointText+1)
	before := &newPoint{}
	err = w.List(func(i int) error {
		if api.Full(i, limit) {
			return refusal.BadRequest("the batch is over the limit of %d values", limit)
		}
		points = append(points, newPoint{})
		p := &points[i]
		err := parsePoint(w, p, before)
		before = p
		return err
	})
	return points, err
}
