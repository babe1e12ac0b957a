package comet

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// NewArtifactVersion describes a version to be opened.
type NewArtifactVersion struct {
	Key  string // of the experiment that produces it
	Name string // of the artifact, which is created if it is missing
	Type string
	// Version is semantic; "" lets the server count on.
	Version  string
	Metadata *string // JSON text
	Aliases  []string
	Tags     []string

	// No client sends the fields below; servers are likely to take them.
	Description *string
	Public      *bool
	Emoji       *string
	Note        *string
}

// OpenedVersion is a version that can take files.
type OpenedVersion struct {
	Raw        json.RawMessage
	ArtifactID string
	ID         string
	Version    string
}

// OpenVersion opens a version of an artifact, in the workspace of the
// experiment. A taken version is [ErrExists]; with [Error.Repeated] by an
// earlier try of this very call. Without a version number the call is not
// safe to do twice, see [ErrUncertain].
func (c Artifacts) OpenVersion(ctx context.Context, n NewArtifactVersion) (*OpenedVersion, error) {
	var o wire.Object
	o.Text("artifactName", n.Name)
	o.Text("artifactType", n.Type)
	o.Text("experimentKey", n.Key)
	o.TextOrNull("versionMetadata", n.Metadata)
	o.TextOrNull("version", nonEmpty(n.Version))
	o.Texts("alias", n.Aliases)
	o.Texts("versionTags", n.Tags)
	if n.Description != nil {
		o.Text("description", *n.Description)
	}
	if n.Public != nil {
		o.Bool("isPublic", *n.Public)
	}
	if n.Emoji != nil {
		o.Text("emoji", *n.Emoji)
	}
	if n.Note != nil {
		o.Text("note", *n.Note)
	}
	data, err := c.conn.document(ctx, &call{
		method: http.MethodPost,
		path:   "write/artifacts/upsert",
		body:   jsonBody(o.Bytes()),
		unsafe: n.Version == "",
		check:  has("artifactId", "artifactVersionId"),
	})
	if err != nil {
		return nil, err
	}
	v := &OpenedVersion{Raw: data}
	wire.Members(data, func(name string, raw []byte) {
		switch name {
		case "artifactId":
			v.ArtifactID = wire.TextOrEmpty(raw)
		case "artifactVersionId":
			v.ID = wire.TextOrEmpty(raw)
		case "currentVersion":
			v.Version = wire.TextOrEmpty(raw)
		}
	})
	return v, nil
}

// RemoteFile is a remote file of an artifact version.
type RemoteFile struct {
	ID       string // chosen by the caller
	Name     string
	Link     string
	Type     string  // "asset" if empty
	Metadata *string // JSON text
	Step     *int64
}

// AddRemoteFiles adds remote files to an open artifact version, all in one
// call, which must not be made twice: a server may give them ids of its own.
// Older servers answer [ErrUnsupported]: there each is an upload of its own.
func (c Artifacts) AddRemoteFiles(ctx context.Context, key, versionID string, files []RemoteFile) error {
	if len(files) == 0 {
		return nil
	}
	var list []byte
	for i, f := range files {
		if i > 0 {
			list = append(list, ',')
		}
		var o wire.Object
		o.Text("link", f.Link)
		typ := f.Type
		setDefault(&typ, "asset")
		o.Text("type", typ)
		o.TextOrNull("metadata", f.Metadata)
		o.Text("assetId", f.ID)
		o.Text("fileName", f.Name)
		o.Bool("isRemote", true)
		o.Bool("overwrite", false)
		o.IntOrNull("step", f.Step)
		o.Text("artifactVersionId", versionID)
		list = append(list, o.Bytes()...)
	}
	return c.conn.gated(ctx, featureRemoteFiles, http.MethodPost, Experiments{c.conn}.exists(ctx, key), func() error {
		cl := call{method: http.MethodPost, path: featureRemoteFiles.path, query: values("experimentKey", key), unsafe: true}
		return c.conn.compressed(ctx, cl, c.conn.altAck, `{"remoteArtifactAssetRequests":[`, list, `]}`)
	})
}

// SetState closes an open version, or marks it as failed. It is final.
func (c Artifacts) SetState(ctx context.Context, versionID, key, state string) error {
	var o wire.Object
	o.Text("artifactVersionId", versionID)
	o.Text("experimentKey", key)
	o.Text("state", state)
	return c.conn.post(ctx, "write/artifacts/state", &o)
}

// ArtifactUpdate holds what to change of an artifact; nil fields stay.
type ArtifactUpdate struct {
	Type *string
	Tags []string // all of them; empty and not nil: none

	// No client sends the fields below; servers are likely to take them.
	Description *string
	Public      *bool
	Emoji       *string
}

// Update changes an artifact.
func (c Artifacts) Update(ctx context.Context, id string, u ArtifactUpdate) error {
	var o wire.Object
	o.Text("artifactId", id)
	o.TextOrNull("artifactType", u.Type)
	o.Raw("versionMetadata", nil)
	o.Raw("version", nil)
	o.TextsOrNull("tags", u.Tags)
	if u.Description != nil {
		o.Text("description", *u.Description)
	}
	if u.Public != nil {
		o.Bool("isPublic", *u.Public)
	}
	if u.Emoji != nil {
		o.Text("emoji", *u.Emoji)
	}
	return c.conn.post(ctx, "write/artifacts/details", &o)
}

// VersionLabels holds what to change of an artifact version; nil fields stay,
// lists are replaced.
type VersionLabels struct {
	Aliases  []string
	Tags     []string
	Metadata *string // JSON text
}

// LabelVersion changes the labels of an artifact version.
func (c Artifacts) LabelVersion(ctx context.Context, versionID string, l VersionLabels) error {
	var o wire.Object
	o.Text("artifactVersionId", versionID)
	o.TextsOrNull("alias", l.Aliases)
	o.TextOrNull("versionMetadata", l.Metadata)
	o.TextsOrNull("versionTags", l.Tags)
	return c.conn.post(ctx, "write/artifacts/version/labels", &o)
}
