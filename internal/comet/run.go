package comet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Handshake asks for a new experiment.
type Handshake struct {
	Key       string // 32 to 50 letters and digits
	Workspace string
	Project   string
	// Offline marks an upload after the fact: no heartbeat is expected, and
	// quotas for each minute do not apply.
	Offline bool
	// GetOrCreate makes newer servers answer for an experiment that exists
	// instead of refusing with [ErrExists].
	GetOrCreate bool
}

// Run is the server's answer to a handshake.
type Run struct {
	Raw       json.RawMessage `wire:"."`
	ID        string          `wire:"runId"`
	Key       string          `wire:"experimentKey"`
	ProjectID string          `wire:"project_id"`
	Name      string          `wire:"name"`
	FocusURL  string          `wire:"focusUrl"`

	// Largest sizes of uploads in bytes: of images, figures and patches, of
	// generic assets, and of videos.
	MaxUpload int64 `wire:"upload_file_size_limit_in_mb"`
	MaxAsset  int64 `wire:"asset_upload_file_size_limit_in_mb"`
	MaxVideo  int64 `wire:"uploadVideoMaxSizeMB"`
	// Largest lengths of names in characters, 0 if unlimited.
	MaxAssetName    int `wire:"assetNameMaxLength"`
	MaxImageName    int `wire:"imageNameMaxLength"`
	MaxArtifactName int `wire:"artifactNameMaxLength"`
	// Direct is true where assets may go to storage directly, see
	// [Assets.Start].
	Direct bool `wire:"s3DirectAccessEnabled"`
}

// Limits that apply when the handshake tells none.
const (
	defaultMaxUpload = 200 << 20
	defaultMaxAsset  = 100_000 << 20
)

// UsualRun returns a run with the limits of servers that announce none, for
// those who may not ask for a handshake.
func UsualRun(key string) *Run {
	return &Run{Key: key, MaxUpload: defaultMaxUpload, MaxAsset: defaultMaxAsset, MaxVideo: defaultMaxUpload}
}

func parseRun(data []byte) *Run {
	r := wire.Parse[Run](data)
	inBytes := func(megabytes *int64, def int64) {
		if n := *megabytes; n > 0 && n < 1<<40 {
			*megabytes = n << 20
		} else {
			*megabytes = def
		}
	}
	inBytes(&r.MaxUpload, defaultMaxUpload)
	inBytes(&r.MaxAsset, defaultMaxAsset)
	inBytes(&r.MaxVideo, r.MaxUpload)
	return &r
}

// Start creates an experiment with a key of the caller's choice. A taken key
// is [ErrExists]; with [Error.Repeated] it may have been taken by an earlier
// try of this very call. A missing project is created by the server.
func (c Experiments) Start(ctx context.Context, h Handshake) (*Run, error) {
	o := c.conn.Authorized()
	o.Int("local_timestamp", now())
	o.Text("experimentKey", h.Key)
	o.Bool("offline", h.Offline)
	o.TextOrNull("projectName", nonEmpty(h.Project))
	o.TextOrNull("teamName", nonEmpty(h.Workspace))
	o.Text("libVersion", c.conn.Lib)
	o.Bool("getOrCreateEnabled", h.GetOrCreate)
	return c.handshake(ctx, "logger/add/run", o, h.Key)
}

// Open opens an experiment that exists, for more to be written to it. Where
// the server has no call for that, the run has no id, and the usual limits.
func (c Experiments) Open(ctx context.Context, key string) (*Run, error) {
	o := c.conn.Authorized()
	o.Int("local_timestamp", now())
	o.Text("previousExperiment", key)
	o.Text("libVersion", c.conn.Lib)
	r, err := c.handshake(ctx, "logger/get/run", o, key)
	e, ok := errors.AsType[*api.Error](err)
	forbidden := ok && errors.Is(e, api.ErrForbidden)
	if !ok || !forbidden && (e.SDKCode != 0 || e.Status != http.StatusNotFound && !errors.Is(e, api.ErrUnsupported)) {
		return r, err
	}
	// Either the call is missing, or the experiment: servers forbid to write to one
	// that has been deleted.
	existing, missing := c.Metadata(ctx, key)
	switch {
	case errors.Is(missing, api.ErrNotFound):
		return nil, missing
	case missing != nil, forbidden:
		return nil, err
	}
	r = parseRun(nil)
	r.Key, r.ProjectID = key, existing.ProjectID
	return r, nil
}

func (c Experiments) handshake(ctx context.Context, path string, o *wire.Object, key string) (*Run, error) {
	data, err := c.conn.Document(ctx, &api.Call{
		Method: http.MethodPost, Family: api.FamilyClient, Path: path, Body: api.JSONBody(o.Bytes()),
		Check: func(data []byte) error { return isHandshake(data, key) },
	})
	if err != nil {
		return nil, err
	}
	return parseRun(data), nil
}

// isHandshake returns an error for what is not a handshake for an experiment. To
// take one for it would make an experiment look new that is not.
func isHandshake(data []byte, key string) error {
	if err := api.HasMembers("runId", "experimentKey")(data); err != nil {
		return err
	}
	if r := parseRun(data); r.ID == "" || r.Key != key {
		return fmt.Errorf("%w: it is a handshake of experiment %q", api.ErrNotAcknowledged, r.Key)
	}
	return nil
}

// ReportStatus says that a run is alive, or that it has ended.
func (c Experiments) ReportStatus(ctx context.Context, r *Run, alive, offline bool) error {
	o := c.conn.Authorized()
	o.Text("runId", r.ID)
	o.Text("experimentKey", r.Key)
	o.TextOrNull("projectId", nonEmpty(r.ProjectID))
	o.Bool("is_alive", alive)
	o.Int("local_timestamp", now())
	o.Bool("offline", offline)
	return c.conn.PostClient(ctx, "status-report/update", o, "is_alive_beat_duration_millis")
}

// SetOfflineTimes sets the times of an experiment, in milliseconds. A nil
// start stays as it is. It must come after the last [Experiments.ReportStatus]. On a
// server that has no such call it is [Experiments.SetTimes].
func (c Experiments) SetOfflineTimes(ctx context.Context, r *Run, start *int64, end int64) error {
	err := c.conn.Gated(ctx, featureOfflineTimes, http.MethodPost, nil, func() error {
		o := c.conn.Authorized()
		o.Text("runId", r.ID)
		o.Text("experimentKey", r.Key)
		o.IntOrNull("startTimestamp", start)
		o.Int("endTimestamp", end)
		return c.conn.PostClient(ctx, featureOfflineTimes.Path, o)
	})
	if errors.Is(err, api.ErrUnsupported) {
		return c.SetTimes(ctx, r.Key, start, &end)
	}
	return err
}

// nonEmpty returns nil for an empty text.
func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func now() int64 { return time.Now().UnixMilli() }
