package comet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Origins are the calls of where an experiment ran: the repository and the machine.
type Origins struct{ conn *api.Conn }

// Git is the state of the repository that an experiment ran from.
type Git struct {
	Raw    json.RawMessage `wire:"."`
	User   *string         `wire:"user"`
	Root   *string         `wire:"root"`
	Branch *string         `wire:"branch"`
	Parent *string         `wire:"parent"`
	Origin *string         `wire:"origin"`
}

// Empty reports whether there is no git data.
func (g *Git) Empty() bool {
	return g.User == nil && g.Root == nil && g.Branch == nil && g.Parent == nil && g.Origin == nil
}

// Git returns the state of the repository that an experiment ran from.
func (c Origins) Git(ctx context.Context, key string) (*Git, error) {
	data, err := c.conn.Get(ctx, readGit, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	g := wire.Parse[Git](data)
	return &g, nil
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
	return c.conn.Post(ctx, "write/experiment/git/metadata", &o)
}

// System is what is known of the machine that an experiment ran on.
type System struct {
	Raw               json.RawMessage `wire:"."`
	Metrics           []string        `wire:"systemMetricNames"` // names of system metrics
	InstalledPackages []string        `wire:"installedPackages"`
	OSPackages        []string        `wire:"osPackages"`
}

// System returns what is known of the machine that an experiment ran
// on. Without any details all of it is null.
func (c Origins) System(ctx context.Context, key string) (*System, error) {
	data, err := c.conn.Get(ctx, readSystem, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	s := wire.Parse[System](data)
	return &s, nil
}

// WriteSystem merges the members of the JSON object doc into what is
// known of the machine. Some servers append to the lists in it, so that it must
// not be done twice.
func (c Origins) WriteSystem(ctx context.Context, key string, doc json.RawMessage) error {
	if !json.Valid(doc) {
		return errors.New("comet: system details are not JSON")
	}
	return c.conn.AltAck(ctx, &api.Call{
		Method: http.MethodPost,
		Path:   "write/experiment/system-details",
		Body:   api.JSONBody(withKey(key, doc).Bytes()),
		Unsafe: true,
	})
}
