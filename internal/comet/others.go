package comet

import (
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Others are the calls of the others of an experiment.
type Others struct{ conn *api.Conn }

// Each is [Parameters.Each] for the others of an experiment.
func (c Others) Each(ctx context.Context, key string, restart func(), yield func(*Value) error) error {
	return eachValue(ctx, c.conn, readOthers, key, restart, yield)
}

// Log sets an other of an experiment. value is a JSON value, nil for
// null; time is in milliseconds, nil for that of arrival.
func (c Others) Log(ctx context.Context, key, name string, value json.RawMessage, time *int64) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Text("key", name)
	o.Raw("value", value)
	o.IntOrNone("timestamp", time)
	return c.conn.Post(ctx, "write/experiment/log-other", &o)
}
