package comet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// AddTags adds tags to an experiment through the REST API. Tags that it has
// already stay.
func (c Experiments) AddTags(ctx context.Context, key string, tags []string) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Texts("addedTags", tags)
	return c.conn.post(ctx, "write/experiment/tags", &o)
}

// AddRunTags is [Experiments.AddTags] through the client library's endpoint.
func (c Experiments) AddRunTags(ctx context.Context, key string, tags []string) error {
	o := c.conn.authorized()
	o.Text("experimentKey", key)
	o.Texts("addedTags", tags)
	return c.conn.postClient(ctx, "tags/add-tags-to-experiment", o)
}

// Log sets an other of an experiment. value is a JSON value, nil for
// null; time is in milliseconds, nil for that of arrival.
func (c Others) Log(ctx context.Context, key, name string, value json.RawMessage, time *int64) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Text("key", name)
	o.Raw("value", value)
	if time != nil {
		o.Int("timestamp", *time)
	}
	return c.conn.post(ctx, "write/experiment/log-other", &o)
}

// Log writes a single metric point through the REST API. It is not safe
// to do twice, see [ErrUncertain].
func (c Metrics) Log(ctx context.Context, key string, v *MetricValue) error {
	return c.conn.postOnce(ctx, "write/experiment/metric", withKey(key, AppendMetricValue(nil, v)))
}

// Log writes a single parameter through the REST API.
func (c Parameters) Log(ctx context.Context, key string, v *ParameterValue) error {
	return c.conn.post(ctx, "write/experiment/parameter", withKey(key, AppendParameterValue(nil, v)))
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

// postText sends an object with one more member, a text.
func (c *conn) postText(ctx context.Context, cl call, o *wire.Object, name string, text Content) (err error) {
	cl.method = http.MethodPost
	if cl.body, err = bodyWith(o, name, text); err != nil {
		return err
	}
	return c.ack(ctx, &cl)
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

// WriteSystem merges the members of the JSON object doc into what is
// known of the machine. Some servers append to the lists in it, so that it must
// not be done twice.
func (c Origins) WriteSystem(ctx context.Context, key string, doc json.RawMessage) error {
	if !json.Valid(doc) {
		return errors.New("comet: system details are not JSON")
	}
	return c.conn.altAck(ctx, &call{
		method: http.MethodPost,
		path:   "write/experiment/system-details",
		body:   jsonBody(withKey(key, doc).Bytes()),
		unsafe: true,
	})
}

// altAck writes where the Python SDK writes, and where that place is missing,
// to the documented one.
func (c *conn) altAck(ctx context.Context, cl *call) error {
	const place = "clientlib/rest/v2/"
	if has, known := c.features.known(place); !known || has {
		alt := *cl
		alt.family = familyAlt
		err := c.ack(ctx, &alt)
		if e, ok := errors.AsType[*Error](err); ok && !known {
			e.seemsToLack(place)
		}
		if !errors.Is(err, ErrUnsupported) {
			if err == nil {
				c.features.learn(place, true)
			}
			return err
		}
		c.features.learn(place, false)
	}
	return c.ack(ctx, cl)
}

// WriteGit sets the state of the repository. Nil texts are sent as
// null.
func (c Origins) WriteGit(ctx context.Context, key string, g *Git) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.TextOrNull("user", g.User)
	o.TextOrNull("root", g.Root)
	o.TextOrNull("branch", g.Branch)
	o.TextOrNull("parent", g.Parent)
	o.TextOrNull("origin", g.Origin)
	return c.conn.post(ctx, "write/experiment/git/metadata", &o)
}

// Dependency is a package that an experiment used.
type Dependency struct{ Name, Version string }

// WriteDependencies adds packages to those that an experiment used. time is in
// milliseconds.
func (c Origins) WriteDependencies(ctx context.Context, key string, deps []Dependency, time int64) error {
	var list []byte
	for i, d := range deps {
		if i > 0 {
			list = append(list, ',')
		}
		var o wire.Object
		o.Text("name", d.Name)
		o.Text("version", d.Version)
		list = append(list, o.Bytes()...)
	}
	var o wire.Object
	o.Text("experimentKey", key)
	o.Int("timestamp", time)
	o.Raw("logDependencies", append(append([]byte{'['}, list...), ']'))
	return c.conn.ack(ctx, &call{method: http.MethodPut, path: "write/experiment/dependencies", body: jsonBody(o.Bytes())})
}

// Delete removes an asset of an experiment.
func (c Assets) Delete(ctx context.Context, key, id string) error {
	return c.conn.getAck(ctx, "write/experiment/asset/delete", "experimentKey", key, "assetId", id)
}
