package comet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Metrics are the calls of the metrics of an experiment and their points.
type Metrics struct{ conn *api.Conn }

// Each is [Parameters.Each] for the summaries of the metrics of an
// experiment.
func (c Metrics) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return eachValue(ctx, c.conn, readSummary, key, restart, yield)
}

// ValueKind tells how the server wrote the value of a metric point.
type ValueKind uint8

// Point is one metric point as the server lists it.
type Point struct {
	Name  string
	Value []byte // the text of a string, else the literal; nil if null or absent
	Kind  ValueKind

	Time    Int // milliseconds
	Step    Int
	Epoch   Int
	Context *string // nil if null or absent

	// Offset orders the points of a metric of equal time as they came to the
	// server. It means nothing to another one.
	Offset Int

	// Extra is a JSON object of all that the fields above do not hold:
	// unknown members, and known ones of a type they should not have. It is
	// nil if there are none.
	Extra json.RawMessage
}

// Points calls yield for each point of one metric of an experiment, in the
// server's order. The Point, its Value and its Extra are valid until yield
// returns, its names forever.
//
// If the connection breaks, the reading begins again, and restart is called
// before the first point comes a second time: the caller has to forget what it
// has taken. If restart is nil, a break after the first point is an error. An
// error of yield ends the reading and is returned as it is.
func (c Metrics) Points(ctx context.Context, key, metric string, restart func(), yield func(*Point) error) error {
	q := url.Values{"experimentKey": {key}, "metricName": {metric}}
	return c.points(ctx, readPoints.Call(q), metric, restart, yield)
}

// AllPoints calls yield for each point of all metrics of an experiment, under
// the terms of [Metrics.Points]. Points of different metrics may be
// mixed. Older servers do not have the call: [ErrUnsupported]. Since
// [Metrics.Points] gives the same, it is tried less often than other calls.
func (c Metrics) AllPoints(ctx context.Context, key string, restart func(), yield func(*Point) error) error {
	return c.conn.Gated(ctx, featureAllPoints, http.MethodGet, Experiments(c).exists(ctx, key), func() error {
		cl := readAllPoints.Call(api.Query("experimentKey", key))
		cl.Heavy = true
		return c.points(ctx, cl, "", restart, yield)
	})
}

func (c Metrics) points(ctx context.Context, cl *api.Call, metric string, restart func(), yield func(*Point) error) error {
	cl.Plain = restart != nil
	return c.conn.Streamed(ctx, cl, restart, func(s *scan.Scanner, taken *bool) error {
		return decodePoints(s, metric, func(p *Point) error {
			*taken = true
			if err := yield(p); err != nil {
				return &api.YieldError{Err: err}
			}
			return nil
		})
	})
}

// MetricValue is one metric point to be written.
type MetricValue struct {
	Name string
	// Value is the text of the value. A JSON number is sent as it is, to the last
	// digit; anything else, NaN and Infinity too, as a string.
	Value   []byte
	Step    Int
	Epoch   Int
	Context *string
	Time    Int // milliseconds
}

// appendMetric appends v as an element of a metric batch: all six fields,
// absent ones as null.
func appendMetric(dst []byte, v *MetricValue) []byte {
	dst = append(dst, `{"metricName":`...)
	dst = wire.AppendQuoted(dst, v.Name)
	dst = append(dst, `,"metricValue":`...)
	if wire.IsNumber(v.Value) {
		dst = append(dst, v.Value...)
	} else {
		dst = wire.AppendQuoted(dst, v.Value)
	}
	dst = append(dst, `,"step":`...)
	dst = appendInt(dst, v.Step)
	dst = append(dst, `,"epoch":`...)
	dst = appendInt(dst, v.Epoch)
	dst = append(dst, `,"context":`...)
	dst = appendText(dst, v.Context)
	dst = append(dst, `,"timestamp":`...)
	dst = appendInt(dst, v.Time)
	return append(dst, '}')
}

// Write writes a batch of metric points. It is not safe to do twice:
// after [ErrUncertain] the caller has to look what has arrived. On a server that
// takes no batches the points are written one by one.
func (c Metrics) Write(ctx context.Context, key string, b *Batch) error {
	err := c.conn.Gated(ctx, featureMetricBatch, http.MethodPost, nil, func() error {
		return writeBatch(ctx, c.conn, featureMetricBatch.Path, key, b, true)
	})
	if !errors.Is(err, api.ErrUnsupported) {
		return err
	}
	return b.each(func(first bool, v []byte) error {
		err := c.conn.PostOnce(ctx, "write/experiment/metric", withKey(key, v))
		if err != nil && !first && !errors.Is(err, api.ErrUncertain) {
			// The values before have been written, and must not be written again.
			return fmt.Errorf("%w: %w", api.ErrUncertain, err)
		}
		return err
	})
}

// Kinds of values.
const (
	NoValue ValueKind = iota // absent
	NullValue
	StringValue
	NumberValue
	BoolValue
)
