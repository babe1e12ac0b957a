package comet

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Client speaks to one Comet instance as one user. Use [New]. Its fields are
// the resources of the API.
type Client struct {
	Workspaces  Workspaces
	Projects    Projects
	Experiments Experiments
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

	conn *conn
}

// New returns a client. It does not speak to the server yet.
func New(o Options) (*Client, error) {
	c, err := newConn(o)
	if err != nil {
		return nil, err
	}
	return &Client{
		Workspaces: Workspaces{c}, Projects: Projects{c}, Experiments: Experiments{c},
		Parameters: Parameters{c}, Others: Others{c}, Metrics: Metrics{c}, Texts: Texts{c}, Origins: Origins{c}, Assets: Assets{c},
		Artifacts: Artifacts{c}, Registry: Registry{c}, Panels: Panels{c}, Views: Views{c},
		conn: c,
	}, nil
}

// Root returns the address of the instance: scheme and host, with a slash.
func (c *Client) Root() string { return c.conn.root() }

// Clientlib returns the client library's address that all others follow from.
func (c *Client) Clientlib() string { return c.conn.addr.clientlib }

// Version returns the version of the server, and false when it does not tell.
// The server is asked once.
func (c *Client) Version(ctx context.Context) (Version, bool) { return c.conn.serverVersion(ctx) }

// NotDone tells the client that an uncertain write was not done, as its caller
// has found. Where several were answered as by a server that does not have the
// call, the client makes it in another way from then on.
func (c *Client) NotDone(err error) { c.conn.notDone(err) }

// ExperimentURL returns the address of an experiment in the web interface.
func (c *Client) ExperimentURL(workspace, project, key string, archived bool) string {
	u := c.conn.root() + url.PathEscape(workspace) + "/" + url.PathEscape(project) + "/"
	if archived {
		u += "archive/"
	}
	return u + url.PathEscape(key)
}

// CloseIdle closes the connections that wait for a next request.
func (c *Client) CloseIdle() {
	c.conn.closeIdle()
}

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
