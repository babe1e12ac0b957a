// Package artifacts has the calls about artifacts, their versions and who made and used
// them. The files come and go by the calls of package assets.
package artifacts

import (
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// An Call is about artifacts.
type Call struct{ *api.Call }

// Routes are the calls of this area.
func Routes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "artifacts/get-all", Handle: api.In(Call.artifacts)},
		{Method: "GET", Path: "artifacts/get", Handle: api.In(Call.artifact)},
		{Method: "GET", Path: "artifacts/version", Handle: api.In(Call.artifactVersion)},
		{Method: "GET", Path: "artifacts/version/files", Handle: api.In(Call.artifactFiles)},
		{Method: "GET", Path: "get/artifacts", Handle: api.In(Call.experimentArtifacts)},
		{Method: "POST", Path: "write/artifacts/upsert", Handle: api.JSON(Call.upsertArtifact)},
		{Method: "POST", Path: "write/artifacts/state", Handle: api.JSON(Call.setArtifactState)},
		{Method: "POST", Path: "write/artifacts/details", Handle: api.JSON(Call.updateArtifact)},
		{Method: "POST", Path: "write/artifacts/version/labels", Handle: api.JSON(Call.labelArtifact)},
	}
}

type artifactRow struct {
	ArtifactID    string   `json:"artifactId"`
	Project       string   `json:"project"`
	Type          string   `json:"type"`
	Name          string   `json:"name"`
	Description   *string  `json:"description"`
	VersionsCount int      `json:"versionsCount"`
	Tags          []string `json:"tags"`
	IsPublic      bool     `json:"isPublic"`
	Emoji         *string  `json:"emoji"`
	SizeInBytes   int64    `json:"sizeInBytes"`
}

func (c Call) artifacts() error {
	name, err := c.Param("workspace")
	if err != nil {
		return err
	}
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	w, err := c.WorkspaceFor(name, api.RoleViewer)
	if err != nil {
		return err
	}
	rows := []artifactRow{}
	for _, a := range w.Artifacts {
		if typ := c.Optional("type"); typ != "" && typ != a.Type {
			continue
		}
		rows = append(rows, artifactRow{
			ArtifactID: a.ID, Project: a.Project.Name, Type: a.Type, Name: a.Name, Description: a.Description,
			VersionsCount: len(a.Versions), Tags: wire.List(a.Tags), IsPublic: a.Public, Emoji: a.Emoji, SizeInBytes: a.Size(),
		})
	}
	return c.Send(map[string]any{"artifacts": rows})
}

type artifactDoc struct {
	ArtifactID    string               `json:"artifactId"`
	Project       string               `json:"project"`
	Type          string               `json:"type"`
	Name          string               `json:"name"`
	Description   *string              `json:"description"`
	LatestVersion *string              `json:"latestVersion"`
	Tags          []string             `json:"tags"`
	IsPublic      bool                 `json:"isPublic"`
	Emoji         *string              `json:"emoji"`
	SizeInBytes   int64                `json:"sizeInBytes"`
	Versions      []artifactVersionRow `json:"versions"`
}

type artifactVersionRow struct {
	ArtifactVersionID string   `json:"artifactVersionId"`
	Version           string   `json:"version"`
	Owner             string   `json:"owner"`
	Metadata          *string  `json:"metadata"`
	CreatedFrom       *string  `json:"createdFrom"`
	SizeInBytes       int64    `json:"sizeInBytes"`
	State             *string  `json:"state"`
	Added             int64    `json:"added"`
	Alias             []string `json:"alias"`
	Tags              []string `json:"tags"`
}

// findArtifact returns the artifact the query names by id or by names. The
// lock of the store is held.
func (c Call) findArtifact(idParams ...string) (*store.Artifact, error) {
	st := c.Store
	for _, param := range idParams {
		id := c.Optional(param)
		if id == "" {
			continue
		}
		a := st.Artifact(id)
		if a == nil {
			return nil, refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist", id)
		}
		return a, c.readArtifact(a)
	}
	name, err := c.Param("artifactName")
	if err != nil {
		return nil, err
	}
	w, err := c.artifactWorkspace()
	if err != nil {
		return nil, err
	}
	a := w.ArtifactNamed(name)
	// Newer clients quote the name twice.
	if quoted, err := url.PathUnescape(name); a == nil && err == nil {
		a = w.ArtifactNamed(quoted)
	}
	if a == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist in workspace %q", name, w.Name)
	}
	return a, c.readArtifact(a)
}

// artifactWorkspace is the one named, else that of the requesting experiment.
func (c Call) artifactWorkspace() (*store.Workspace, error) {
	if name := c.Optional("workspace"); name != "" {
		return c.WorkspaceFor(name, api.RoleNone)
	}
	if key := c.Optional("experimentKey"); key != "" {
		e, err := c.ExperimentLocked(key, api.RoleViewer)
		if err != nil {
			return nil, err
		}
		return e.Project.Workspace, nil
	}
	return nil, refusal.BadRequest("workspace is missing")
}

func (c Call) artifact() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	a, err := c.findArtifact("artifact_id")
	if err != nil {
		return err
	}
	doc := artifactDoc{
		ArtifactID: a.ID, Project: a.Project.Name, Type: a.Type, Name: a.Name, Description: a.Description,
		Tags: wire.List(a.Tags), IsPublic: a.Public, Emoji: a.Emoji, SizeInBytes: a.Size(), Versions: []artifactVersionRow{},
	}
	if v := a.Latest(); v != nil {
		doc.LatestVersion = &v.Version
	}
	for _, v := range a.Versions {
		row := artifactVersionRow{
			ArtifactVersionID: v.ID, Version: v.Version, Owner: v.Owner, SizeInBytes: v.Size(),
			Added: v.Added, Alias: v.AllAliases(), Tags: wire.List(v.Tags),
		}
		if !c.Moods.BareVersions {
			row.State, row.Metadata = &v.State, v.Metadata
		}
		doc.Versions = append(doc.Versions, row)
	}
	return c.Send(doc)
}

// findVersion returns the version the query names. The lock of the store is
// held.
func (c Call) findVersion(idParams ...string) (*store.ArtifactVersion, error) {
	if id := c.Optional("versionId"); id != "" {
		v := c.Store.ArtifactVersion(id)
		if v == nil {
			return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", id)
		}
		return v, c.readArtifact(v.Artifact)
	}
	a, err := c.findArtifact(idParams...)
	if err != nil {
		return nil, err
	}
	version, alias, either := c.Optional("version"), c.Optional("alias"), c.Optional("versionOrAlias")
	if version == "" && alias == "" && either == "" {
		either = store.LatestAlias
	}
	v := a.Find(version, alias, either)
	if v == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact %q has no version %q", a.Name, version+alias+either)
	}
	return v, nil
}

type artifactVersionDoc struct {
	ArtifactVersionID string            `json:"artifactVersionId"`
	ArtifactVersion   string            `json:"artifactVersion"`
	Owner             string            `json:"owner"`
	CreatedFrom       *string           `json:"createdFrom"`
	SizeInBytes       int64             `json:"sizeInBytes"`
	Metadata          *string           `json:"metadata"`
	Note              *string           `json:"note"`
	Added             int64             `json:"added"`
	State             string            `json:"state"`
	Tags              []string          `json:"tags"`
	Alias             []string          `json:"alias"`
	ExperimentKey     string            `json:"experimentKey"`
	Artifact          artifactInVersion `json:"artifact"`
}

type artifactInVersion struct {
	ArtifactID    string   `json:"artifactId"`
	ArtifactName  string   `json:"artifactName"`
	ArtifactType  string   `json:"artifactType"`
	ProjectID     string   `json:"projectId"`
	WorkspaceID   string   `json:"workspaceId"`
	WorkspaceName string   `json:"workspaceName"`
	ExperimentKey string   `json:"experimentKey"`
	Description   *string  `json:"description"`
	Version       string   `json:"version"`
	Metadata      *string  `json:"metadata"`
	IsPublic      bool     `json:"isPublic"`
	Owner         string   `json:"owner"`
	S3FileSize    int64    `json:"s3FileSize"`
	Emoji         *string  `json:"emoji"`
	Tags          []string `json:"tags"`
}

func newVersionDoc(v *store.ArtifactVersion) artifactVersionDoc {
	a := v.Artifact
	return artifactVersionDoc{
		ArtifactVersionID: v.ID, ArtifactVersion: v.Version, Owner: v.Owner, SizeInBytes: v.Size(), Metadata: v.Metadata,
		Note: v.Note, Added: v.Added, State: v.State, Tags: wire.List(v.Tags), Alias: v.AllAliases(), ExperimentKey: v.Producer,
		Artifact: artifactInVersion{
			ArtifactID: a.ID, ArtifactName: a.Name, ArtifactType: a.Type, ProjectID: a.Project.ID,
			WorkspaceID: a.Project.Workspace.ID, WorkspaceName: a.Project.Workspace.Name, ExperimentKey: a.Producer,
			Description: a.Description, Version: v.Version, IsPublic: a.Public, Owner: a.Owner, S3FileSize: v.Size(),
			Emoji: a.Emoji, Tags: wire.List(a.Tags),
		},
	}
}

// artifactVersion describes a version. With consumerExperimentKey it notes
// that experiment as a consumer, which wants a closed version.
func (c Call) artifactVersion() error {
	st := c.Store
	consumer := c.Optional("consumerExperimentKey")
	if consumer == "" {
		st.RLock()
		defer st.RUnlock()
	} else {
		st.Lock()
		defer st.Unlock()
	}
	v, err := c.findVersion("artifactId")
	if err != nil {
		return err
	}
	if consumer != "" {
		if err := c.consume(v, consumer); err != nil {
			return err
		}
	}
	return c.Send(newVersionDoc(v))
}

func (c Call) consume(v *store.ArtifactVersion, key string) error {
	e, err := c.ExperimentLocked(key, api.RoleOwner)
	if err != nil {
		return err
	}
	switch v.State {
	case store.StateOpen:
		return refusal.BadRequest("artifact version %s:%s is not ready", v.Artifact.Name, v.Version).WithCode(refusal.CodeArtifactNotReady)
	case store.StateError:
		return refusal.BadRequest("artifact version %s:%s is in error", v.Artifact.Name, v.Version).WithCode(refusal.CodeArtifactFailed)
	}
	v.Consumers = store.Unique(append(v.Consumers, e.Key))
	return nil
}

type artifactFileDoc struct {
	ArtifactID        string  `json:"artifactId"`
	ArtifactVersionID string  `json:"artifactVersionId"`
	AssetID           string  `json:"assetId"`
	FileName          string  `json:"fileName"`
	FileSize          int64   `json:"fileSize"`
	Link              *string `json:"link"`
	Dir               *string `json:"dir"`
	Type              string  `json:"type"`
	Metadata          *string `json:"metadata"`
	Remote            bool    `json:"remote"`
}

func (c Call) artifactFiles() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	v, err := c.findVersion("artifact_id", "artifactId")
	if err != nil {
		return err
	}
	docs := []artifactFileDoc{}
	for _, f := range v.Files {
		d := artifactFileDoc{
			ArtifactID: v.Artifact.ID, ArtifactVersionID: v.ID, AssetID: f.ID, FileName: f.Name, Type: f.Type,
			Metadata: f.Metadata, Remote: f.Remote,
		}
		if f.Remote {
			d.Link = &f.Link
		} else {
			d.FileSize = f.Body.Size
		}
		docs = append(docs, d)
	}
	return c.Send(map[string]any{"files": docs})
}

// experimentArtifacts are the versions that an experiment produced (output)
// and consumed (input).
func (c Call) experimentArtifacts() error {
	filter := c.Optional("filter")
	if filter == "" {
		filter = "all"
	}
	if filter != "all" && filter != "output" && filter != "input" {
		return refusal.BadRequest("filter %q is not all, output or input", filter)
	}
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return err
	}
	docs := []lineageDoc{}
	st.EachLink(e.Key, func(v *store.ArtifactVersion, direction string) {
		if filter == "all" || filter == direction {
			docs = append(docs, lineageDoc{newVersionDoc(v), v.Artifact.ID, v.Artifact.Name, v.Artifact.Type, direction})
		}
	})
	return c.Send(map[string]any{"artifacts": docs})
}

type lineageDoc struct {
	artifactVersionDoc
	ArtifactID   string `json:"artifactId"`
	ArtifactName string `json:"artifactName"`
	ArtifactType string `json:"artifactType"`
	Direction    string `json:"direction"`
}

// AddFile attaches a to the version that it names, which must be open. The lock of the
// store is held.
func (c Call) AddFile(a *store.Asset) error {
	v := c.Store.ArtifactVersion(a.VersionID)
	if v == nil {
		return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", a.VersionID)
	}
	if err := c.Allow(v.Artifact.Project.Workspace, api.RoleOwner, "artifact "+v.Artifact.Name); err != nil {
		return err
	}
	if v.State != store.StateOpen {
		return refusal.BadRequest("artifact version %s:%s is %s and immutable", v.Artifact.Name, v.Version, v.State).WithCode(refusal.CodeArtifactClosed)
	}
	v.Files = append(v.Files, a)
	c.Store.AddAsset(a)
	return nil
}

// File returns a file of the artifact version in the query.
func (c Call) File(id string) (*store.Asset, error) {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	v := st.ArtifactVersion(c.Optional("artifactVersionId"))
	if v == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", c.Optional("artifactVersionId"))
	}
	if err := c.readArtifact(v.Artifact); err != nil {
		return nil, err
	}
	for _, f := range v.Files {
		if f.ID == id {
			return f, nil
		}
	}
	return nil, refusal.NotFound("asset %q does not exist in artifact version %q", id, v.ID)
}

// readArtifact answers 403 unless the key may read a.
func (c Call) readArtifact(a *store.Artifact) error {
	if a.Public {
		return nil
	}
	return c.Allow(a.Project.Workspace, api.RoleViewer, "artifact "+a.Name)
}
