package comet

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Client speaks to one Comet instance as one user. Use [New]. Its fields are
// the resources of the API.
type Client struct {
	Workspaces  Workspaces
	Projects    Projects
	Experiments Experiments
	Many        Many
	Parameters  Parameters
	Others      Others
	Metrics     Metrics
	Texts       Texts
	Origins     Origins
	Assets      Assets
	Artifacts   Artifacts
	Registry    Registry
	Panels      Panels
	Views       Views

	// Server is what is known of the instance.
	*api.Server

	conn *api.Conn
}

// New returns a client. It does not speak to the server yet.
func New(o api.Options) (*Client, error) {
	c, err := api.New(o)
	if err != nil {
		return nil, err
	}
	return &Client{
		Workspaces: Workspaces{c}, Projects: Projects{c}, Experiments: Experiments{c}, Many: Many{c},
		Parameters: Parameters{c}, Others: Others{c}, Metrics: Metrics{c}, Texts: Texts{c}, Origins: Origins{c}, Assets: Assets{c},
		Artifacts: Artifacts{c}, Registry: Registry{c}, Panels: Panels{c}, Views: Views{c},
		Server: c.Server, conn: c,
	}, nil
}

// OneItem returns a context for all calls that write one item, which may fail for
// as long together as one call may.
func OneItem(ctx context.Context) context.Context { return api.OneItem(ctx) }

// ExperimentURL returns the address of an experiment in the web interface.
func (c *Client) ExperimentURL(workspace, project, key string, archived bool) string {
	return ExperimentURL(c.Root(), workspace, project, key, archived)
}

// ExperimentURL returns the address of an experiment in the web interface of the
// instance at root, which ends in a slash.
func ExperimentURL(root, workspace, project, key string, archived bool) string {
	u := root + url.PathEscape(workspace) + "/" + url.PathEscape(project) + "/"
	if archived {
		u += "archive/"
	}
	return u + url.PathEscape(key)
}

// CloseIdle closes the connections that wait for a next request.
func (c *Client) CloseIdle() {
	c.conn.CloseIdle()
}

// Account is the user whom the key belongs to.
type Account struct {
	Raw              json.RawMessage `wire:"."`
	UserName         string          `wire:"userName"`
	DefaultWorkspace string          `wire:"defaultWorkspaceName"`
}

// Account returns the user whom the key belongs to.
func (c *Client) Account(ctx context.Context) (*Account, error) {
	data, err := c.conn.Get(ctx, api.ReadAccount)
	if err != nil {
		return nil, err
	}
	a := wire.Parse[Account](data)
	return &a, nil
}
