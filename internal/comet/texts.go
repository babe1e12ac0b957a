package comet

import (
	"context"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Texts are the calls of the long texts of an experiment.
type Texts struct{ conn *api.Conn }

// HTML returns the accumulated HTML of an experiment.
func (c Texts) HTML(ctx context.Context, key string) (*api.Text, error) {
	return c.conn.Text(ctx, readHTML, api.Query("experimentKey", key))
}

// Code returns the main source file of an experiment.
func (c Texts) Code(ctx context.Context, key string) (*api.Text, error) {
	return c.conn.Text(ctx, readCode, api.Query("experimentKey", key))
}

// Output returns what an experiment wrote to its standard output and error.
func (c Texts) Output(ctx context.Context, key string) (*api.Text, error) {
	return c.conn.Text(ctx, readOutput, api.Query("experimentKey", key))
}

// Graph returns the model graph of an experiment.
func (c Texts) Graph(ctx context.Context, key string) (*api.Text, error) {
	return c.conn.Text(ctx, readGraph, api.Query("experimentKey", key))
}

// WriteHTML sets the HTML of an experiment, or appends to it. Appending is not
// safe to do twice, see [ErrUncertain].
func (c Texts) WriteHTML(ctx context.Context, key string, html api.Content, replace bool, time *int64) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Bool("override", replace)
	o.IntOrNone("timestamp", time)
	return c.conn.PostText(ctx, api.Call{Path: "write/experiment/html", Unsafe: !replace}, &o, "html", html)
}

// WriteCode sets the main source file of an experiment.
func (c Texts) WriteCode(ctx context.Context, key string, code api.Content) error {
	var o wire.Object
	o.Text("experimentKey", key)
	return c.conn.PostText(ctx, api.Call{Path: "write/experiment/code"}, &o, "code", code)
}

// WriteGraph sets the model graph of an experiment.
func (c Texts) WriteGraph(ctx context.Context, key string, graph api.Content) error {
	var o wire.Object
	o.Text("experimentKey", key)
	return c.conn.PostText(ctx, api.Call{Path: "write/experiment/graph"}, &o, "graph", graph)
}

// WriteFilePath sets the path of the main source file. The file name follows
// from it.
func (c Texts) WriteFilePath(ctx context.Context, key, path string) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Text("filePath", path)
	return c.conn.Post(ctx, "write/experiment/file-path", &o)
}

// OutputLine is one piece of output. The server joins pieces in the order of
// their offsets with nothing in between.
type OutputLine struct {
	Text   string // with its line end
	Stderr bool
	Time   int64 // milliseconds
	Offset int64
}

// WriteOutput appends to the output of an experiment. It is not safe to do
// twice, see [ErrUncertain].
func (c Texts) WriteOutput(ctx context.Context, key string, lines []OutputLine) error {
	list := wire.List(lines, func(o *wire.Object, l OutputLine) {
		o.Bool("stderr", l.Stderr)
		o.Text("output", l.Text)
		o.Int("localTimestamp", l.Time)
		o.Int("offset", l.Offset)
	})
	cl := api.Call{Method: http.MethodPost, Path: "write/experiment/output", Unsafe: true}
	return c.conn.Compressed(ctx, cl, c.conn.AltAck,
		[]byte(`{"experimentKey":`), wire.Quote(key), []byte(`,"runContext":null,"outputLines":`), list, []byte(`}`))
}
