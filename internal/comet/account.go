package comet

import (
	"context"
	"encoding/json"
)

// Account is the user whom the key belongs to.
type Account struct {
	Raw              json.RawMessage
	UserName         string
	DefaultWorkspace string
}

// Account returns the user whom the key belongs to.
func (c *Client) Account(ctx context.Context) (*Account, error) {
	data, err := c.get(ctx, readAccount)
	if err != nil {
		return nil, err
	}
	a := &Account{Raw: data}
	members(data, func(name string, v []byte) {
		switch name {
		case "userName":
			a.UserName = textOrEmpty(v)
		case "defaultWorkspaceName":
			a.DefaultWorkspace = textOrEmpty(v)
		}
	})
	return a, nil
}

// Workspaces returns the names of the workspaces that the key may see.
func (c *Client) Workspaces(ctx context.Context) ([]string, error) {
	named, err := listOf(ctx, c, readWorkspaces, nil, nil, func(v []byte) *string {
		if v[0] == '{' {
			// Newer servers may give objects.
			name := member(v, "name")
			if name == nil {
				name = member(v, "workspaceName")
			}
			v = name
		}
		return textOf(v)
	})
	var names []string
	for _, name := range named {
		if name != nil {
			names = append(names, *name)
		}
	}
	return names, err
}
