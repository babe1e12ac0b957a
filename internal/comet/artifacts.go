package comet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Artifacts are the calls of artifacts, their versions and lineage.
type Artifacts struct{ conn *api.Conn }

// Artifact is an artifact of a workspace. A listing leaves the versions out, and
// Raw always does.
type Artifact struct {
	Raw         json.RawMessage `wire:"."`
	ID          string          `wire:"artifactId"`
	Project     string          `wire:"project projectName"`
	Type        string          `wire:"type artifactType"`
	Name        string          `wire:"name artifactName"`
	Description *string         `wire:"description"`
	Public      *bool           `wire:"isPublic public"`
	Emoji       *string         `wire:"emoji"`
	Tags        []string        `wire:"tags"`
	Versions    []ArtifactVersion
}

// States of an artifact version. Versions of old servers may have none, which
// is as good as closed.
const (
	ArtifactOpen   = "OPEN"
	ArtifactClosed = "CLOSED"
)

// ArtifactVersion is a version of an artifact. Within an [Artifact] the
// producer and the artifact are left out.
type ArtifactVersion struct {
	Raw      json.RawMessage `wire:"."`
	ID       string          `wire:"artifactVersionId"`
	Version  string          `wire:"artifactVersion version"`
	State    *string         `wire:"state"`
	Metadata *string         `wire:"metadata"` // JSON text
	Note     *string         `wire:"note"`
	Aliases  []string        `wire:"alias aliases"`
	Tags     []string        `wire:"tags"`
	Owner    *string         `wire:"owner"`
	Added    *int64          `wire:"added"` // milliseconds
	Size     *int64          `wire:"sizeInBytes"`
	Key      *string         `wire:"experimentKey"` // of the experiment that produced it
	Artifact *Artifact       `wire:"artifact"`
}

// List returns the artifacts of a workspace: all of them if typ is empty,
// else those of one type.
func (c Artifacts) List(ctx context.Context, workspace, typ string) ([]Artifact, error) {
	return api.ListOf(ctx, c.conn, readArtifacts, api.Query("workspace", workspace, "type", typ), nil, wire.Parse[Artifact])
}

// Get returns an artifact with its versions.
func (c Artifacts) Get(ctx context.Context, workspace, name string) (*Artifact, error) {
	return c.get(ctx, "workspace", workspace, "artifactName", name)
}

func (c Artifacts) get(ctx context.Context, query ...string) (*Artifact, error) {
	raw, versions, err := api.ListWithin(ctx, c.conn, readArtifact, api.Query(query...), wire.Parse[ArtifactVersion])
	if err != nil {
		return nil, err
	}
	a := wire.Parse[Artifact](raw)
	a.Versions = versions
	return &a, nil
}

// VersionQuery names a version of an artifact: the artifact by id, or by
// workspace and name; the version by one of the other fields.
type VersionQuery struct {
	ArtifactID      string
	Workspace, Name string

	Version        string
	Alias          string
	VersionOrAlias string
	VersionID      string

	// Key is an experiment on whose behalf to ask, for servers that insist on
	// one. Reading leaves it empty.
	Key string
}

func (q *VersionQuery) pairs() []string {
	return []string{
		"artifactId", q.ArtifactID, "workspace", q.Workspace, "artifactName", q.Name,
		"version", q.Version, "alias", q.Alias, "versionOrAlias", q.VersionOrAlias, "versionId", q.VersionID,
		"experimentKey", q.Key,
	}
}

// Version returns the details of a version. It leaves no trace: the
// server records a consumer only for [Artifacts.AddConsumer].
func (c Artifacts) Version(ctx context.Context, q VersionQuery) (*ArtifactVersion, error) {
	data, err := c.conn.Get(ctx, readArtifactVersion, q.pairs()...)
	if err != nil {
		return nil, err
	}
	v := wire.Parse[ArtifactVersion](data)
	return &v, nil
}

// AddConsumer records an experiment as a consumer of a version. It is safe to
// repeat.
func (c Artifacts) AddConsumer(ctx context.Context, q VersionQuery, consumer string) error {
	return c.conn.Ack(ctx, &api.Call{
		Method:  http.MethodGet,
		Path:    "artifacts/version",
		Query:   api.Query(append(q.pairs(), "consumerExperimentKey", consumer)...),
		Mutates: true,
		Given:   []string{"artifactVersionId"},
	})
}

// Files returns the files of a version.
func (c Artifacts) Files(ctx context.Context, workspace, name, version string) ([]Asset, error) {
	q := api.Query("workspace", workspace, "artifactName", name, "version", version)
	return api.ListOf(ctx, c.conn, readArtifactFiles, q, nil, parseArtifactFile)
}

func parseArtifactFile(v []byte) Asset {
	a := parseAsset(v)
	if wire.Member(v, "remote") == nil {
		// Old servers tell a remote file by its link alone.
		a.Remote = a.Link != nil
	}
	return a
}

// FileContent returns the content of a file of an artifact version. The
// key of the request should be that of the producer. Where the server does not
// know it any more, the file is asked for without it.
func (c Artifacts) FileContent(ctx context.Context, ar api.AssetRequest) (*api.Body, error) {
	b, err := Assets(c).Content(ctx, ar)
	e, ok := errors.AsType[*api.Error](err)
	if !ok || ar.Key == "" {
		return b, err
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
		ar.Key = ""
		return Assets(c).Content(ctx, ar)
	}
	return nil, err
}

// Lineage is an artifact version that an experiment produced or consumed.
type Lineage struct {
	Raw        json.RawMessage
	ArtifactID string
	VersionID  string
	Workspace  string
	Name       string
	Version    string
}

// Lineage returns the artifact versions that an experiment consumed. The form of
// the answer is not documented: fields that are not found are empty.
func (c Artifacts) Lineage(ctx context.Context, key string) ([]Lineage, error) {
	return api.ListOf(ctx, c.conn, readLineage, api.Query("experimentKey", key, "filter", "input"), nil, func(v []byte) Lineage {
		l := Lineage{Raw: v}
		l.read(v)
		return l
	})
}

// read takes the fields from an element, and from the artifact and the version
// that may be nested in it.
func (l *Lineage) read(data []byte) {
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "artifact", "artifactVersion", "version":
			if v[0] == '{' {
				l.read(v)
			} else if name != "artifact" {
				l.Version = wire.TextOrEmpty(v)
			}
		case "artifactId", "artifact_id":
			l.ArtifactID = wire.TextOrEmpty(v)
		case "artifactVersionId", "artifact_version_id", "versionId":
			l.VersionID = wire.TextOrEmpty(v)
		case "workspace", "workspaceName":
			l.Workspace = wire.TextOrEmpty(v)
		case "artifactName", "name":
			l.Name = wire.TextOrEmpty(v)
		}
	})
}

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
	Project     *string // of the artifact, else that of the experiment
}

// OpenedVersion is a version that can take files.
type OpenedVersion struct {
	Raw        json.RawMessage `wire:"."`
	ArtifactID string          `wire:"artifactId"`
	ID         string          `wire:"artifactVersionId"`
	Version    string          `wire:"currentVersion"`
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
	o.TextOrNone("description", n.Description)
	o.BoolOrNone("isPublic", n.Public)
	o.TextOrNone("emoji", n.Emoji)
	o.TextOrNone("note", n.Note)
	o.TextOrNone("projectName", n.Project)
	data, err := c.conn.Document(ctx, &api.Call{
		Method: http.MethodPost,
		Path:   "write/artifacts/upsert",
		Body:   api.JSONBody(o.Bytes()),
		Unsafe: n.Version == "",
		Check:  api.HasMembers("artifactId", "artifactVersionId"),
	})
	if err != nil {
		return nil, err
	}
	v := wire.Parse[OpenedVersion](data)
	return &v, nil
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
	list := wire.List(files, func(o *wire.Object, f RemoteFile) {
		o.Text("link", f.Link)
		o.Text("type", cmp.Or(f.Type, "asset"))
		o.TextOrNull("metadata", f.Metadata)
		o.Text("assetId", f.ID)
		o.Text("fileName", f.Name)
		o.Bool("isRemote", true)
		o.Bool("overwrite", false)
		o.IntOrNull("step", f.Step)
		o.Text("artifactVersionId", versionID)
	})
	return c.conn.Gated(ctx, featureRemoteFiles, http.MethodPost, Experiments(c).exists(ctx, key), func() error {
		cl := api.Call{Method: http.MethodPost, Path: featureRemoteFiles.Path, Query: api.Query("experimentKey", key), Unsafe: true}
		return c.conn.Compressed(ctx, cl, c.conn.AltAck, []byte(`{"remoteArtifactAssetRequests":`), list, []byte(`}`))
	})
}

// SetState closes an open version, or marks it as failed. It is final.
func (c Artifacts) SetState(ctx context.Context, versionID, key, state string) error {
	var o wire.Object
	o.Text("artifactVersionId", versionID)
	o.Text("experimentKey", key)
	o.Text("state", state)
	return c.conn.Post(ctx, "write/artifacts/state", &o)
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
	o.TextOrNone("description", u.Description)
	o.BoolOrNone("isPublic", u.Public)
	o.TextOrNone("emoji", u.Emoji)
	return c.conn.Post(ctx, "write/artifacts/details", &o)
}
