package comet

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Reading is one of the three readings that a [Value] keeps.
type Reading struct {
	Value   *string
	Time    *int64 // milliseconds
	Step    *int64
	Context *string
}

// Value is a parameter, an other or the summary of a metric: the server keeps
// the smallest, the largest and the current reading of each.
type Value struct {
	Raw json.RawMessage
	// Cut is true for one that is too large to be held: Raw has its short members
	// alone.
	Cut               bool
	Name              string
	Min, Max, Current Reading
}

func parseValue(data []byte) Value {
	x := Value{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		if name == "name" {
			x.Name = wire.TextOrEmpty(v)
		} else if field, ok := strings.CutSuffix(name, "Current"); ok {
			x.Current.set(field, v)
		} else if field, ok := strings.CutSuffix(name, "Min"); ok {
			x.Min.set(field, v)
		} else if field, ok := strings.CutSuffix(name, "Max"); ok {
			x.Max.set(field, v)
		}
	})
	return x
}

func (r *Reading) set(field string, v []byte) {
	switch field {
	case "value":
		r.Value = wire.TextOf(v)
	case "timestamp":
		r.Time = wire.IntOf(v)
	case "step":
		r.Step = wire.IntOf(v)
	case "runContext":
		r.Context = wire.TextOf(v)
	}
}

func eachValue(ctx context.Context, c *api.Conn, rd api.Read, key string, restart func(), yield func(*Value) error) error {
	return c.Each(ctx, rd, api.Query("experimentKey", key), restart, func(v []byte, cut bool) error {
		x := parseValue(v)
		x.Cut = cut
		return yield(&x)
	})
}
