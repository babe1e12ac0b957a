package comet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// AddTags adds tags to an experiment through the REST API. Tags that it has
// already stay.
func (c *Client) AddTags(ctx context.Context, key string, tags []string) error {
	var o object
	o.text("experimentKey", key)
	o.texts("addedTags", tags)
	return c.post(ctx, "write/experiment/tags", &o)
}

// AddRunTags is [Client.AddTags] through the client library's endpoint.
func (c *Client) AddRunTags(ctx context.Context, key string, tags []string) error {
	o := c.authorized()
	o.text("experimentKey", key)
	o.texts("addedTags", tags)
	return c.postClient(ctx, "tags/add-tags-to-experiment", o)
}

// LogOther sets an other of an experiment. value is a JSON value, nil for
// null; time is in milliseconds, nil for that of arrival.
func (c *Client) LogOther(ctx context.Context, key, name string, value json.RawMessage, time *int64) error {
	var o object
	o.text("experimentKey", key)
	o.text("key", name)
	o.raw("value", value)
	if time != nil {
		o.int("timestamp", *time)
	}
	return c.post(ctx, "write/experiment/log-other", &o)
}

// LogMetric writes a single metric point through the REST API. It is not safe
// to do twice, see [ErrUncertain].
func (c *Client) LogMetric(ctx context.Context, key string, v *MetricValue) error {
	return c.postOnce(ctx, "write/experiment/metric", withKey(key, AppendMetricValue(nil, v)))
}

// LogParameter writes a single parameter through the REST API.
func (c *Client) LogParameter(ctx context.Context, key string, v *ParameterValue) error {
	return c.post(ctx, "write/experiment/parameter", withKey(key, AppendParameterValue(nil, v)))
}

// withKey returns the members of the JSON object doc with the experiment key
// before them, in place of any it may hold.
func withKey(key string, doc []byte) *object {
	o := new(object)
	o.text("experimentKey", key)
	members(doc, func(name string, v []byte) {
		if name != "experimentKey" {
			o.raw(name, v)
		}
	})
	return o
}

// WriteHTML sets the HTML of an experiment, or appends to it. Appending is not
// safe to do twice, see [ErrUncertain].
func (c *Client) WriteHTML(ctx context.Context, key string, html Content, replace bool, time *int64) error {
	var o object
	o.text("experimentKey", key)
	o.bool("override", replace)
	if time != nil {
		o.int("timestamp", *time)
	}
	return c.postText(ctx, call{path: "write/experiment/html", unsafe: !replace}, &o, "html", html)
}

// WriteCode sets the main source file of an experiment.
func (c *Client) WriteCode(ctx context.Context, key string, code Content) error {
	var o object
	o.text("experimentKey", key)
	return c.postText(ctx, call{path: "write/experiment/code"}, &o, "code", code)
}

// WriteGraph sets the model graph of an experiment.
func (c *Client) WriteGraph(ctx context.Context, key string, graph Content) error {
	var o object
	o.text("experimentKey", key)
	return c.postText(ctx, call{path: "write/experiment/graph"}, &o, "graph", graph)
}

// postText sends an object with one more member, a text.
func (c *Client) postText(ctx context.Context, cl call, o *object, name string, text Content) (err error) {
	cl.method = http.MethodPost
	if cl.body, err = o.bodyWith(name, text); err != nil {
		return err
	}
	return c.ack(ctx, &cl)
}

// WriteFilePath sets the path of the main source file. The file name follows
// from it.
func (c *Client) WriteFilePath(ctx context.Context, key, path string) error {
	var o object
	o.text("experimentKey", key)
	o.text("filePath", path)
	return c.post(ctx, "write/experiment/file-path", &o)
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
func (c *Client) WriteOutput(ctx context.Context, key string, lines []OutputLine) error {
	var list []byte
	for i, l := range lines {
		if i > 0 {
			list = append(list, ',')
		}
		var o object
		o.bool("stderr", l.Stderr)
		o.text("output", l.Text)
		o.int("localTimestamp", l.Time)
		o.int("offset", l.Offset)
		list = append(list, o.bytes()...)
	}
	cl := call{method: http.MethodPost, path: "write/experiment/output", unsafe: true}
	return c.compressed(ctx, cl, c.altAck, `{"experimentKey":`, string(Quote(key)), `,"runContext":null,"outputLines":[`, list, `]}`)
}

// WriteSystemDetails merges the members of the JSON object doc into what is
// known of the machine. Some servers append to the lists in it, so that it must
// not be done twice.
func (c *Client) WriteSystemDetails(ctx context.Context, key string, doc json.RawMessage) error {
	if !json.Valid(doc) {
		return errors.New("comet: system details are not JSON")
	}
	return c.altAck(ctx, &call{
		method: http.MethodPost,
		path:   "write/experiment/system-details",
		body:   jsonBody(withKey(key, doc).bytes()),
		unsafe: true,
	})
}

// altAck writes where the Python SDK writes, and where that place is missing,
// to the documented one.
func (c *Client) altAck(ctx context.Context, cl *call) error {
	const place = "clientlib/rest/v2/"
	if has, known := c.features.known(place); !known || has {
		alt := *cl
		alt.family = familyAlt
		err := c.ack(ctx, &alt)
		if !errors.Is(err, ErrUnsupported) {
			return err
		}
		c.features.learn(place, false)
	}
	return c.ack(ctx, cl)
}

// WriteGitMetadata sets the state of the repository. Nil texts are sent as
// null.
func (c *Client) WriteGitMetadata(ctx context.Context, key string, g *Git) error {
	var o object
	o.text("experimentKey", key)
	o.textOrNull("user", g.User)
	o.textOrNull("root", g.Root)
	o.textOrNull("branch", g.Branch)
	o.textOrNull("parent", g.Parent)
	o.textOrNull("origin", g.Origin)
	return c.post(ctx, "write/experiment/git/metadata", &o)
}

// Dependency is a package that an experiment used.
type Dependency struct{ Name, Version string }

// WriteDependencies adds packages to those that an experiment used. time is in
// milliseconds.
func (c *Client) WriteDependencies(ctx context.Context, key string, deps []Dependency, time int64) error {
	var list []byte
	for i, d := range deps {
		if i > 0 {
			list = append(list, ',')
		}
		var o object
		o.text("name", d.Name)
		o.text("version", d.Version)
		list = append(list, o.bytes()...)
	}
	var o object
	o.text("experimentKey", key)
	o.int("timestamp", time)
	o.raw("logDependencies", append(append([]byte{'['}, list...), ']'))
	return c.ack(ctx, &call{method: http.MethodPut, path: "write/experiment/dependencies", body: jsonBody(o.bytes())})
}

// DeleteAsset removes an asset of an experiment.
func (c *Client) DeleteAsset(ctx context.Context, key, id string) error {
	return c.getAck(ctx, "write/experiment/asset/delete", "experimentKey", key, "assetId", id)
}
