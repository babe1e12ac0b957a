package comet

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
)

// Metrics are the calls of the metrics of an experiment and their points.
type Metrics struct{ conn *conn }

// ValueKind tells how the server wrote the value of a metric point.
type ValueKind uint8

// Kinds of values.
const (
	NoValue ValueKind = iota // absent
	NullValue
	StringValue
	NumberValue
	BoolValue
)

// Point is one metric point as the server lists it.
type Point struct {
	Name  string
	Value string // the text of a string, else the literal; "" if null or absent
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

// Points calls yield for each point of one metric of an experiment, in
// the server's order. The Point is reused for the next call, what its fields
// refer to is not.
//
// If the connection breaks, the reading begins again, and restart is called
// before the first point comes a second time: the caller has to forget what it
// has taken. If restart is nil, a break after the first point is an error. An
// error of yield ends the reading and is returned as it is.
func (c Metrics) Points(ctx context.Context, key, metric string, restart func(), yield func(*Point) error) error {
	q := url.Values{"experimentKey": {key}, "metricName": {metric}}
	return c.points(ctx, readPoints.call(q), metric, restart, yield)
}

// AllPoints calls yield for each point of all metrics of an experiment, under
// the terms of [Metrics.Points]. Points of different metrics may be
// mixed. Older servers do not have the call: [ErrUnsupported]. Since
// [Metrics.Points] gives the same, it is tried less often than other calls.
func (c Metrics) AllPoints(ctx context.Context, key string, restart func(), yield func(*Point) error) error {
	return c.conn.gated(ctx, featureAllPoints, http.MethodGet, Experiments{c.conn}.exists(ctx, key), func() error {
		cl := readAllPoints.call(values("experimentKey", key))
		cl.heavy = true
		return c.points(ctx, cl, "", restart, yield)
	})
}

// yieldError marks an error of the caller's own function.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

func (c Metrics) points(ctx context.Context, cl *call, metric string, restart func(), yield func(*Point) error) error {
	return c.conn.streamed(ctx, cl, restart, func(s *scanner, taken *bool) error {
		return decodePoints(s, metric, func(p *Point) error {
			*taken = true
			if err := yield(p); err != nil {
				return &yieldError{err}
			}
			return nil
		})
	})
}

// streamed makes a call whose answer decode takes as it comes. A decode that
// has handed something to the caller sets taken; after a failure it begins
// again, and restart is called first.
func (c *conn) streamed(ctx context.Context, cl *call, restart func(), decode func(s *scanner, taken *bool) error) error {
	const size = 128 << 10
	cl.want, cl.room = wantStream, c.newRoom(ctx, maxElement, size)
	defer cl.room.done()
	e := c.retry.begin(cl)
	taken := false
	for {
		resp, err := c.doWith(ctx, cl, e)
		if err != nil {
			return err
		}
		if taken {
			restart()
			taken = false
		}
		s := newScanner(&alive{r: resp.Body, beat: c.retry.success}, size)
		s.room = cl.room
		err = decode(s, &taken)
		resp.Body.Close()
		if err == nil {
			e.completed()
			return nil
		}
		if ye, ok := err.(*yieldError); ok {
			return ye.err
		}
		if re, ok := err.(*reserveError); ok {
			return re.err
		}
		if taken && restart == nil {
			return &Error{Method: cl.method, Path: c.shownPath(cl), Err: c.cause(cl, err, false), gaveUp: true}
		}
		if err := c.streamFailed(ctx, e, cl, err); err != nil {
			return err
		}
	}
}

// alive reports that bytes come, enough of them.
type alive struct {
	r    io.Reader
	n    int
	beat func()
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.n += n; a.n >= enoughProgress {
		a.n = 0
		a.beat()
	}
	return n, err
}

// State tells null and absent from a value.
type State uint8

// States of a field.
const (
	Absent State = iota
	Null
	Present
)

// Int is an integer field that may be null or absent.
type Int struct {
	N     int64
	State State
}

// IntOf returns the present integer n.
func IntOf(n int64) Int { return Int{N: n, State: Present} }

// Ptr returns a pointer to the number, or nil when there is none.
func (i Int) Ptr() *int64 {
	if i.State != Present {
		return nil
	}
	n := i.N
	return &n
}
