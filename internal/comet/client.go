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

	conn *api.Conn
}

// New returns a client. It does not speak to the server yet.
func New(o api.Options) (*Client, error) {
	c, err := api.New(o)
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
func (c *Client) Root() string { return c.conn.Root() }

// Clientlib returns the client library's address that all others follow from.
func (c *Client) Clientlib() string { return c.conn.Clientlib() }

// Version returns the version of the server, and false when it does not tell.
// The server is asked once.
func (c *Client) Version(ctx context.Context) (api.Version, bool) { return c.conn.Version(ctx) }

// CheckAddress makes sure that the client library's API is where the address of
// the instance leads: the REST API, whose place follows from the host alone, may
// answer all the same. It returns an [*AddressError] if it is elsewhere, or
// nowhere while the path is not the usual one. Where the server does not tell its
// version at all, a usual path is taken for right.
func (c *Client) CheckAddress(ctx context.Context) error { return c.conn.CheckAddress(ctx) }

// FindAddress returns the address, the configured one or one near it, at which the
// client library's API tells its version, "" if there is none.
func (c *Client) FindAddress(ctx context.Context) string { return c.conn.FindAddress(ctx) }

// NotDone tells the client that an uncertain write was not done, as its caller
// has found. Where several were answered as by a server that does not have the
// call, the client makes it in another way from then on.
func (c *Client) NotDone(err error) { c.conn.NotDone(err) }

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
	Raw              json.RawMessage
	UserName         string
	DefaultWorkspace string
}

// Account returns the user whom the key belongs to.
func (c *Client) Account(ctx context.Context) (*Account, error) {
	data, err := c.conn.Get(ctx, api.ReadAccount)
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
