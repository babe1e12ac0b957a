package comet

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Experiments are the calls of experiments: which there are, their state, times and tags.
type Experiments struct{ conn *api.Conn }

// Experiment is an experiment as a listing or its metadata give it. All but
// the key may be missing.
type Experiment struct {
	Raw       json.RawMessage `wire:"."` // nil in a listing
	Key       string          `wire:"experimentKey"`
	Name      *string         `wire:"experimentName"`
	Workspace string          `wire:"workspaceName"`
	Project   string          `wire:"projectName"`
	ProjectID string          `wire:"projectId"`
	User      *string         `wire:"userName"`
	FilePath  *string         `wire:"filePath"`
	FileName  *string         `wire:"fileName"`
	Start     *int64          `wire:"startTimeMillis"` // milliseconds
	End       *int64          `wire:"endTimeMillis"`
	Duration  *int64          `wire:"durationMillis"`
	Archived  bool            `wire:"archived"`
	Running   bool            `wire:"running"`
	Crashed   *bool           `wire:"hasCrashed"` // nil if the server does not tell
	Throttled bool            `wire:"throttle"`
}

// Metadata returns the metadata of an experiment.
func (c Experiments) Metadata(ctx context.Context, key string) (*Experiment, error) {
	data, err := c.conn.Get(ctx, readMetadata, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	e := wire.Parse[Experiment](data)
	if e.Key == "" {
		e.Key = key
	}
	return &e, nil
}

// Processing reports whether the server still digests what was written to an
// experiment. Older servers answer [ErrUnsupported].
func (c Experiments) Processing(ctx context.Context, key string) (bool, error) {
	busy := false
	err := c.conn.Gated(ctx, featureProcessing, http.MethodGet, c.exists(ctx, key), func() error {
		data, err := c.conn.Get(ctx, readProcessing, "experimentKey", key)
		busy = wire.IsTrue(wire.Member(data, "processing"))
		return err
	})
	return busy, err
}

// exists returns a function that looks for an experiment.
func (c Experiments) exists(ctx context.Context, key string) func() bool {
	return func() bool {
		_, err := c.Metadata(ctx, key)
		return err == nil
	}
}

// Tags returns the tags of an experiment.
func (c Experiments) Tags(ctx context.Context, key string) ([]string, error) {
	data, err := c.conn.Get(ctx, readTags, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	return wire.TextsOf(wire.Member(data, "tags")), nil
}

// AddTags adds tags to an experiment through the REST API. Tags that it has
// already stay.
func (c Experiments) AddTags(ctx context.Context, key string, tags []string) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.Texts("addedTags", tags)
	return c.conn.Post(ctx, "write/experiment/tags", &o)
}

// Status is the state of an experiment to be written.
type Status struct {
	Alive   bool
	Crashed bool
	Error   *string
}

// UpdateStatus sets the state of an experiment. Servers that know no crashed
// experiments answer [ErrUnsupported].
func (c Experiments) UpdateStatus(ctx context.Context, key string, s Status) error {
	return c.conn.Gated(ctx, featureState, http.MethodPost, c.exists(ctx, key), func() error {
		var o wire.Object
		o.Text("experimentKey", key)
		o.Bool("isAlive", s.Alive)
		o.TextOrNull("error", s.Error)
		o.Bool("hasCrashed", s.Crashed)
		return c.conn.Post(ctx, featureState.Path, &o)
	})
}

// SetTimes sets the times of an experiment, in milliseconds. A nil time stays
// as it is.
func (c Experiments) SetTimes(ctx context.Context, key string, start, end *int64) error {
	var o wire.Object
	o.Text("experimentKey", key)
	o.IntOrNull("startTimeMillis", start)
	o.IntOrNull("endTimeMillis", end)
	return c.conn.Post(ctx, "write/experiment/set-start-end-time", &o)
}

// Archive archives an experiment.
func (c Experiments) Archive(ctx context.Context, key string) error {
	return c.conn.GetAck(ctx, "write/experiment/archive", "experimentKey", key)
}

// Restore brings an archived experiment back.
func (c Experiments) Restore(ctx context.Context, key string) error {
	return c.conn.GetAck(ctx, "write/experiment/restore", "experimentKey", key)
}
