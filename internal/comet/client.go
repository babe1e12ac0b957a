package comet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
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
	if o.APIKey == "" {
		return nil, errors.New("comet: no API key")
	}
	if strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("comet: the API key holds characters that no key has")
	}
	addr, err := parseAddress(o.URL, o.RESTURL)
	if err != nil {
		return nil, err
	}
	o.setDefaults(addr)
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	chain := o.chain(addr)
	network := o.Transport
	if network == nil {
		if network, err = transport.NewNetwork(chain); err != nil {
			return nil, err
		}
	}
	c := &conn{
		addr:    addr,
		key:     o.APIKey,
		lib:     o.LibVersion,
		http:    &http.Client{Transport: transport.New(network, chain), CheckRedirect: checkRedirect},
		network: network,
		stats:   o.Counters,
		log:     o.Logger,
		secrets: newSecrets(o.APIKey, o.AllowHeaderValue),

		largeTurn: make(chan struct{}, 1),

		absentWords: o.AbsentWords,
		unclear:     unclearWords{tell: o.Unclear},
	}
	for _, r := range []*retrier{&c.retry, &c.storage} {
		r.Retry, r.stats, r.notify, r.waits, r.well, r.probe = o.Retry, o.Counters, o.Notify, o.Waits, o.Succeeded, c.probe
	}
	c.storage.optional, c.storage.answer = true, storageAnswer
	return &Client{
		Workspaces: Workspaces{c}, Projects: Projects{c}, Experiments: Experiments{c},
		Parameters: Parameters{c}, Others: Others{c}, Metrics: Metrics{c}, Texts: Texts{c}, Origins: Origins{c}, Assets: Assets{c},
		Artifacts: Artifacts{c}, Registry: Registry{c}, Panels: Panels{c}, Views: Views{c},
		conn: c,
	}, nil
}

// Root returns the address of the instance: scheme and host, with a slash.
func (c *Client) Root() string { return c.conn.addr.root }

// Address returns the client library's address that all others follow from.
func (c *Client) Address() string { return c.conn.addr.clientlib }

// ExperimentURL returns the address of an experiment in the web interface.
func (c *Client) ExperimentURL(workspace, project, key string, archived bool) string {
	u := c.conn.addr.root + url.PathEscape(workspace) + "/" + url.PathEscape(project) + "/"
	if archived {
		u += "archive/"
	}
	return u + url.PathEscape(key)
}

// CloseIdle closes the connections that wait for a next request.
func (c *Client) CloseIdle() {
	// http.Client would ask the outermost RoundTripper, which has none.
	if n, ok := c.conn.network.(interface{ CloseIdleConnections() }); ok {
		n.CloseIdleConnections()
	}
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
