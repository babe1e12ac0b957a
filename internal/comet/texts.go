package comet

import (
	"context"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Texts are the calls of the long texts of an experiment.
type Texts struct{ conn *conn }

// HTML returns the accumulated HTML of an experiment.
func (c Texts) HTML(ctx context.Context, key string) (*Text, error) {
	return c.conn.text(ctx, readHTML, values("experimentKey", key))
}

// Code returns the main source file of an experiment.
func (c Texts) Code(ctx context.Context, key string) (*Text, error) {
	return c.conn.text(ctx, readCode, values("experimentKey", key))
}

// Output returns what an experiment wrote to its standard output and error.
func (c Texts) Output(ctx context.Context, key string) (*Text, error) {
	return c.conn.text(ctx, readOutput, values("experimentKey", key))
}

// Graph returns the model graph of an experiment.
func (c Texts) Graph(ctx context.Context, key string) (*Text, error) {
	return c.conn.text(ctx, readGraph, values("experimentKey", key))
}

// WriteHTML sets the HTML of an experiment, or appends to it. Appending is not
// safe to do twice, see [ErrUncertain].
func (c Texts) WriteHTML(ctx context.Context, key string, html Content, replace bool, time *int64) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Bool("override", replace)
	if time != nil {
		o.Int("timestamp", *time)
	}
	return c.conn.postText(ctx, call{path: "write/experiment/html", unsafe: !replace}, &o, "html", html)
}

// WriteCode sets the main source file of an experiment.
func (c Texts) WriteCode(ctx context.Context, key string, code Content) error {
	var o wire.Object
	o.Text("experimentKey", key)
	return c.conn.postText(ctx, call{path: "write/experiment/code"}, &o, "code", code)
}

// WriteGraph sets the model graph of an experiment.
func (c Texts) WriteGraph(ctx context.Context, key string, graph Content) error {
	var o wire.Object
	o.Text("experimentKey", key)
	return c.conn.postText(ctx, call{path: "write/experiment/graph"}, &o, "graph", graph)
}

// WriteFilePath sets the path of the main source file. The file name follows
// from it.
func (c Texts) WriteFilePath(ctx context.Context, key, path string) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Text("filePath", path)
	return c.conn.post(ctx, "write/experiment/file-path", &o)
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
	var list []byte
	for i, l := range lines {
		if i > 0 {
			list = append(list, ',')
		}
		var o wire.Object
		o.Bool("stderr", l.Stderr)
		o.Text("output", l.Text)
		o.Int("localTimestamp", l.Time)
		o.Int("offset", l.Offset)
		list = append(list, o.Bytes()...)
	}
	cl := call{method: http.MethodPost, path: "write/experiment/output", unsafe: true}
	return c.conn.compressed(ctx, cl, c.conn.altAck, `{"experimentKey":`, string(wire.Quote(key)), `,"runContext":null,"outputLines":[`, list, `]}`)
}
