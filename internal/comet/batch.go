package comet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// MaxBatch is how many values clients send at once.
const MaxBatch = 1000

// MetricValue is one metric point to be written.
type MetricValue struct {
	Name string
	// Value is the text of the value. A JSON number is sent as it stands, to
	// the last digit; anything else, NaN and Infinity too, as a string.
	Value   []byte
	Step    Int
	Epoch   Int
	Context *string
	Time    Int // milliseconds
}

// AppendMetricValue appends v as an element of a metric batch: all six fields,
// absent ones as null.
func AppendMetricValue(dst []byte, v *MetricValue) []byte {
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

func appendInt(dst []byte, i Int) []byte {
	if i.State != Present {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, i.N, 10)
}

func appendText(dst []byte, s *string) []byte {
	if s == nil {
		return append(dst, "null"...)
	}
	return wire.AppendQuoted(dst, *s)
}

// ParameterValue is one parameter to be written.
type ParameterValue struct {
	Name string
	// Value is a JSON value. What was read from a server is a text, and stays
	// one: use [Quote].
	Value   json.RawMessage
	Step    Int
	Context *string
	Source  string // "manual" if empty
	Time    Int    // milliseconds
}

// AppendParameterValue appends v as an element of a parameter batch: all six
// fields, absent ones as null.
func AppendParameterValue(dst []byte, v *ParameterValue) []byte {
	dst = append(dst, `{"parameterName":`...)
	dst = wire.AppendQuoted(dst, v.Name)
	dst = append(dst, `,"parameterValue":`...)
	if v.Value == nil {
		dst = append(dst, "null"...)
	}
	dst = append(dst, v.Value...)
	dst = append(dst, `,"step":`...)
	dst = appendInt(dst, v.Step)
	dst = append(dst, `,"source":`...)
	if v.Source == "" {
		dst = append(dst, `"manual"`...)
	} else {
		dst = wire.AppendQuoted(dst, v.Source)
	}
	dst = append(dst, `,"context":`...)
	dst = appendText(dst, v.Context)
	dst = append(dst, `,"timestamp":`...)
	dst = appendInt(dst, v.Time)
	return append(dst, '}')
}

// Batch collects metric points or parameters of one experiment for one
// request. The zero value is ready; it may be reset and used again once it has
// been written. A batch is for one goroutine.
type Batch struct {
	buf []byte
	n   int
}

// AddMetric adds a metric point.
func (b *Batch) AddMetric(v *MetricValue) {
	b.next()
	b.buf = AppendMetricValue(b.buf, v)
}

// AddParameter adds a parameter.
func (b *Batch) AddParameter(v *ParameterValue) {
	b.next()
	b.buf = AppendParameterValue(b.buf, v)
}

func (b *Batch) next() {
	if b.n > 0 {
		b.buf = append(b.buf, ',')
	}
	b.n++
}

// Len returns how many values the batch holds.
func (b *Batch) Len() int { return b.n }

// Size returns the length of the batch in bytes of JSON.
func (b *Batch) Size() int { return len(b.buf) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.buf, b.n = b.buf[:0], 0 }

// Write writes a batch of metric points. It is not safe to do twice:
// after [ErrUncertain] the caller has to look what has arrived. On a server that
// takes no batches the points are written one by one.
func (c Metrics) Write(ctx context.Context, key string, b *Batch) error {
	err := c.conn.gated(ctx, featureMetricBatch, http.MethodPost, nil, func() error {
		return c.conn.writeBatch(ctx, featureMetricBatch.path, key, b, true)
	})
	if !errors.Is(err, ErrUnsupported) {
		return err
	}
	return b.each(func(first bool, v []byte) error {
		err := c.conn.postOnce(ctx, "write/experiment/metric", withKey(key, v))
		if err != nil && !first && !errors.Is(err, ErrUncertain) {
			// What came before has been written, and must not be again.
			return fmt.Errorf("%w: %w", ErrUncertain, err)
		}
		return err
	})
}

// Write writes a batch of parameters, one by one where the server
// takes no batches. It is safe to repeat.
func (c Parameters) Write(ctx context.Context, key string, b *Batch) error {
	err := c.conn.gated(ctx, featureParameterBatch, http.MethodPost, nil, func() error {
		return c.conn.writeBatch(ctx, featureParameterBatch.path, key, b, false)
	})
	if !errors.Is(err, ErrUnsupported) {
		return err
	}
	return b.each(func(_ bool, v []byte) error {
		return c.conn.post(ctx, "write/experiment/parameter", withKey(key, v))
	})
}

// each calls f for each value, as the JSON object that was added, until it fails.
func (b *Batch) each(f func(first bool, v []byte) error) error {
	var err error
	first := true
	wire.Elements(slices.Concat([]byte{'['}, b.buf, []byte{']'}), func(v []byte) {
		if err == nil {
			err = f(first, v)
			first = false
		}
	})
	return err
}

func (c *conn) writeBatch(ctx context.Context, path, key string, b *Batch, unsafe bool) error {
	if b.n == 0 {
		return nil
	}
	cl := call{method: http.MethodPost, family: familyClient, path: path, unsafe: unsafe}
	return c.compressed(ctx, cl, c.ack, `{"experimentKey":`, string(wire.Quote(key)), `,"values":[`, b.buf, `]}`)
}

// compressedBodies is what [features] remember of bodies with gzip.
const compressedBodies = "gzip"

// compressed has send make a call with a compressed body, of JSON text given in
// pieces, which are strings and byte slices. A server, or a proxy before it,
// that does not take the first such body gets this and all others as they are.
func (c *conn) compressed(ctx context.Context, cl call, send func(context.Context, *call) error, pieces ...any) error {
	has, known := c.features.known(compressedBodies)
	if has || !known {
		small := cl
		var err error
		if small.body, err = gzipBody(pieces...); err != nil {
			return err
		}
		err = send(ctx, &small)
		if err == nil {
			c.features.learn(compressedBodies, true)
		}
		if known || !mayRefuseEncoding(err) {
			return err
		}
		if e, ok := errors.AsType[*Error](err); ok && e.uncertain && !e.gaveUp {
			e.lacks = compressedBodies
			return err
		}
	}
	cl.body = jsonBody(concat(pieces))
	err := send(ctx, &cl)
	if err == nil && !known {
		c.features.learn(compressedBodies, false)
	}
	return err
}

// mayRefuseEncoding reports whether a request was refused, perhaps because its
// body was compressed.
func mayRefuseEncoding(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusUnsupportedMediaType ||
		e.Status == http.StatusBadRequest && e.SDKCode == 0 && e.class() == nil)
}

func length(pieces []any) (n int) {
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			n += len(p)
		case []byte:
			n += len(p)
		}
	}
	return n
}

func concat(pieces []any) []byte {
	var buf bytes.Buffer
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			buf.WriteString(p)
		case []byte:
			buf.Write(p)
		}
	}
	return buf.Bytes()
}

// compressors are kept: each holds a large table.
var compressors = sync.Pool{New: func() any {
	zw, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("comet: " + err.Error())
	}
	return zw
}}

// packing is about how many bytes of JSON become one.
const packing = 8

// gzipBody returns a compressed body of JSON text given in pieces, which are
// strings and byte slices.
func gzipBody(pieces ...any) (*body, error) {
	var buf bytes.Buffer
	buf.Grow(512 + length(pieces)/packing)
	zw := compressors.Get().(*gzip.Writer)
	defer compressors.Put(zw)
	zw.Reset(&buf)
	var err error
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			_, err = zw.Write([]byte(p))
		case []byte:
			_, err = zw.Write(p)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	b := jsonBody(buf.Bytes())
	b.encoding = "gzip"
	return b, nil
}
