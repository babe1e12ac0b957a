package comettest

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/registry"
)

// The credentials and the age of a server whose options name none.
const (
	// DefaultAPIKey is the key of [DefaultUser].
	DefaultAPIKey = "sandboxkey0sandboxkey0000"
	// DefaultUser owns every workspace of the instance.
	DefaultUser = "alice"
	// DefaultVersion is the version the server reports.
	DefaultVersion = "4.40.0"
	// DefaultMetricCap is the number of points of one metric that a
	// down-sampling server keeps.
	DefaultMetricCap = 15000
)

// Options configures a [Server]. The zero value is a server of the present
// age with one user, who owns everything.
type Options struct {
	// Keys are the API keys the server knows. None means one, DefaultAPIKey
	// of DefaultUser.
	Keys []api.Key

	// Workspaces exist from the start, beside one for each user of Keys.
	Workspaces []string

	// Version is what the server says it is, three integers with dots. Calls
	// that came with later versions are unknown to it. "" is DefaultVersion.
	Version string

	// Prefix is a path below which the whole instance is mounted, such as
	// "/comet". Requests outside it are answered with 404.
	Prefix string

	// Dir is where the bodies of assets are kept. "" is a new temporary
	// directory that Close removes.
	Dir string

	// DiscardBodies keeps only size and SHA-256 of the bodies of uploaded
	// assets, of those that came in parts only the size. Reading one answers
	// zeros of that size.
	DiscardBodies bool

	// Clock is the source of all times. nil is time.Now.
	Clock func() time.Time

	// HeartbeatTimeout ends the running state of an experiment that was not
	// heard of for so long. 0 is five minutes.
	HeartbeatTimeout time.Duration

	// Limits are those of the handshake and of the store.
	Limits api.Limits

	// Statuses are those a version of a registry model may have. nil is
	// [DefaultStatuses].
	Statuses []string

	// Moods are the moods at the start; see [Server.SetMoods].
	Moods mood.Moods

	// RequestLog is how many of the latest requests the server remembers for
	// [Server.Requests].
	RequestLog int

	// Middleware, if not nil, wraps the handler of the API and of redirected
	// downloads. The control endpoints stay outside it.
	Middleware func(http.Handler) http.Handler

	// TLS, if not nil, makes the server speak HTTPS.
	TLS *tls.Config

	// Control adds handlers below /_comettest/, by the path that follows it,
	// such as "faults".
	Control map[string]http.Handler

	// Listener, if not nil, wraps every listener the server opens.
	Listener func(net.Listener) net.Listener
}

func (o Options) withDefaults() Options {
	if len(o.Keys) == 0 {
		o.Keys = []api.Key{{
			Key: DefaultAPIKey, User: DefaultUser,
			Email: DefaultUser + "@example.com", Admin: true,
		}}
	}
	if o.Version == "" {
		o.Version = DefaultVersion
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.HeartbeatTimeout == 0 {
		o.HeartbeatTimeout = 5 * time.Minute
	}
	if o.Statuses == nil {
		o.Statuses = registry.DefaultStatuses
	}
	o.Limits = o.Limits.WithDefaults()
	return o
}
