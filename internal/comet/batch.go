package comet

import (
	"context"
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// MaxBatch is how many values clients send at once.
const MaxBatch = 1000

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
	b.buf = appendMetric(b.buf, v)
}

// AddParameter adds a parameter.
func (b *Batch) AddParameter(v *ParameterValue) {
	b.next()
	b.buf = appendParameter(b.buf, v)
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

func writeBatch(ctx context.Context, c *api.Conn, path, key string, b *Batch, unsafe bool) error {
	if b.n == 0 {
		return nil
	}
	cl := api.Call{Method: http.MethodPost, Family: api.FamilyClient, Path: path, Unsafe: unsafe}
	return c.Compressed(ctx, cl, c.Ack, []byte(`{"experimentKey":`), wire.Quote(key), []byte(`,"values":[`), b.buf, []byte(`]}`))
}

// withKey returns the members of the JSON object doc with the experiment key
// before them, in place of any it may hold.
func withKey(key string, doc []byte) *wire.Object {
	o := new(wire.Object)
	o.Text("experimentKey", key)
	wire.Members(doc, func(name string, v []byte) {
		if name != "experimentKey" {
			o.Raw(name, v)
		}
	})
	return o
}
