package comet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Parameters are the calls of the parameters of an experiment.
type Parameters struct{ conn *api.Conn }

// Each calls yield for each parameter of an experiment as the answer
// comes, for experiments that have tens of thousands. The terms are those of
// [Metrics.Points]; the Value and its Raw are valid until yield returns.
func (c Parameters) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return eachValue(ctx, c.conn, readParameters, key, restart, yield)
}

// ParameterValue is one parameter to be written.
type ParameterValue struct {
	Name string
	// Value is a JSON value. A value that was read from a server is a text, and
	// stays one: use [Quote].
	Value   json.RawMessage
	Step    Int
	Context *string
	Source  string // "manual" if empty
	Time    Int    // milliseconds
}

// appendParameter appends v as an element of a parameter batch: all six
// fields, absent ones as null.
func appendParameter(dst []byte, v *ParameterValue) []byte {
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

// Write writes a batch of parameters, one by one where the server
// takes no batches. It is safe to repeat.
func (c Parameters) Write(ctx context.Context, key string, b *Batch) error {
	err := c.conn.Gated(ctx, featureParameterBatch, http.MethodPost, nil, func() error {
		return writeBatch(ctx, c.conn, featureParameterBatch.Path, key, b, false)
	})
	if !errors.Is(err, api.ErrUnsupported) {
		return err
	}
	return b.each(func(_ bool, v []byte) error {
		return c.conn.Post(ctx, "write/experiment/parameter", withKey(key, v))
	})
}
