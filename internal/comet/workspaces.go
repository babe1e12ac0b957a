package comet

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Workspaces are the calls of the workspaces that the key may see.
type Workspaces struct{ conn *api.Conn }

// List returns the names of the workspaces that the key may see.
func (c Workspaces) List(ctx context.Context) ([]string, error) {
	named, err := api.ListOf(ctx, c.conn, readWorkspaces, nil, nil, func(v []byte) *string {
		if v[0] == '{' {
			// Newer servers may give objects.
			name := wire.Member(v, "name")
			if name == nil {
				name = wire.Member(v, "workspaceName")
			}
			v = name
		}
		return wire.TextOf(v)
	})
	var names []string
	for _, name := range named {
		if name != nil {
			names = append(names, *name)
		}
	}
	return names, err
}

// Create creates a workspace, which needs the rights of an
// administrator. A taken name is [ErrExists].
func (c Workspaces) Create(ctx context.Context, name string) error {
	var o wire.Object
	o.Text("name", name)
	return c.conn.Post(ctx, "write/workspace/new", &o, "workspace_id")
}
