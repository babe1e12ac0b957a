package comettest

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/mood"
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
	Keys []Key

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
	Limits Limits

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

// Key is an API key and what its user may do.
type Key struct {
	// Key is the credential, plain. A smart key, the same with "*" and more
	// after it, is accepted too.
	Key string
	// User is the name of its owner.
	User string
	// Email is the owner's address, for the admin report.
	Email string
	// Role holds in every workspace that Workspaces does not name.
	Role Role
	// Workspaces gives roles by workspace name.
	Workspaces map[string]Role
	// DefaultWorkspace is where a handshake without workspace goes. "" is
	// the workspace named like the user.
	DefaultWorkspace string
	// Admin may create workspaces, add members and read the admin report.
	Admin bool
}

// Role is what a user may do in a workspace.
type Role int

// The roles, from the strongest to none.
const (
	RoleOwner  Role = iota // reads and writes
	RoleViewer             // reads
	RoleNone               // does not see the workspace
)

// Limits are the limits of an instance. Zero fields mean the documented
// defaults, negative ones no limit.
type Limits struct {
	// UploadMB is announced as upload_file_size_limit_in_mb and holds for
	// images, figures and git patches.
	UploadMB int64
	// AssetMB is announced as asset_upload_file_size_limit_in_mb.
	AssetMB int64
	// VideoMB is announced as uploadVideoMaxSizeMB.
	VideoMB int64
	// AssetName and ImageName are announced as assetNameMaxLength and
	// imageNameMaxLength, in characters. 0 is no limit.
	AssetName, ImageName int
	// ExperimentsPerProject is the count after which the handshake answers
	// 7000020.
	ExperimentsPerProject int
	// AssetsPerType bounds the assets of a type in one experiment; over it
	// uploads are answered with the code of the type (7000001, 7000012 to
	// 7000018). nil is the documented table.
	AssetsPerType map[string]int
	// MetricNames and ParameterNames bound the different names in one
	// experiment. Data beyond them is dropped in silence, and the experiment
	// is marked as throttled.
	MetricNames, ParameterNames int
	// Models bounds the models of one experiment (7000014).
	Models int
	// BatchValues is the most values one batch of metrics or parameters may
	// hold.
	BatchValues int
	// BodyMB bounds the JSON body of a request.
	BodyMB int64
}

func (l Limits) withDefaults() Limits {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.UploadMB, 200)
	def(&l.AssetMB, 100000)
	def(&l.VideoMB, 2000)
	def(&l.BodyMB, 256)
	count := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	count(&l.ExperimentsPerProject, 25000)
	count(&l.BatchValues, 1000)
	count(&l.MetricNames, 50000)
	count(&l.ParameterNames, 50000)
	count(&l.Models, 100)
	if l.AssetsPerType == nil {
		l.AssetsPerType = map[string]int{
			"image": 100000, "curve": 1000, "text-sample": 500, "video": 5000,
		}
	}
	return l
}

func (o Options) withDefaults() Options {
	if len(o.Keys) == 0 {
		o.Keys = []Key{{
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
		o.Statuses = DefaultStatuses
	}
	o.Limits = o.Limits.withDefaults()
	return o
}
