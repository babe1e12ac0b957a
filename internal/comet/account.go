package comet

import (
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Workspaces are the calls of the workspaces that the key may see.
type Workspaces struct{ conn *conn }

// Account is the user whom the key belongs to.
type Account struct {
	Raw              json.RawMessage
	UserName         string
	DefaultWorkspace string
}

// Account returns the user whom the key belongs to.
func (c *Client) Account(ctx context.Context) (*Account, error) {
	data, err := c.conn.get(ctx, readAccount)
	if err != nil {
		return nil, err
	}
	a := &Account{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "userName":
			a.UserName = wire.TextOrEmpty(v)
		case "defaultWorkspaceName":
			a.DefaultWorkspace = wire.TextOrEmpty(v)
		}
	})
	return a, nil
}

// List returns the names of the workspaces that the key may see.
func (c Workspaces) List(ctx context.Context) ([]string, error) {
	named, err := listOf(ctx, c.conn, readWorkspaces, nil, nil, func(v []byte) *string {
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
