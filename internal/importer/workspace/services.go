package workspace

import (
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/progress"
)

// Services are what the things of a workspace are written with.
type Services struct {
	*reconcile.Destination
	*flow.Schedule
	Settings
	To       *place.Mapping
	Places   *place.Places
	Keys     *place.Imported
	Spools   *spool.Spooler
	Uploads  *upload.Uploader
	Counters *progress.Counters
}

// Settings are the options that concern projects and workspaces.
type Settings struct {
	DeriveKeys   bool // of all experiments
	RewriteLinks bool // also change the references in notes
	NoShareLinks bool // make none
	// Owners are the users of the destination who get the projects of users of the
	// source. Without one a project stays with User, who imports.
	Owners map[string]string
	User   string
}
