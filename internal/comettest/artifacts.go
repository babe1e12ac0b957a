package comettest

import (
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func artifactRoutes() []route {
	return []route{
		{method: "GET", path: "artifacts/get-all", handle: in(artifactCall.artifacts)},
		{method: "GET", path: "artifacts/get", handle: in(artifactCall.artifact)},
		{method: "GET", path: "artifacts/version", handle: in(artifactCall.artifactVersion)},
		{method: "GET", path: "artifacts/version/files", handle: in(artifactCall.artifactFiles)},
		{method: "GET", path: "get/artifacts", handle: in(artifactCall.experimentArtifacts)},
		{method: "POST", path: "write/artifacts/upsert", handle: in(artifactCall.upsertArtifact)},
		{method: "POST", path: "write/artifacts/state", handle: in(artifactCall.setArtifactState)},
		{method: "POST", path: "write/artifacts/details", handle: in(artifactCall.updateArtifact)},
		{method: "POST", path: "write/artifacts/version/labels", handle: in(artifactCall.labelArtifact)},
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

func (c artifactCall) artifacts() error {
	name, err := c.param("workspace")
	if err != nil {
		return err
	}
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	w, err := c.workspaceFor(name, RoleViewer)
	if err != nil {
		return err
	}
	rows := []artifactRow{}
	for _, a := range w.artifacts {
		if typ := c.optional("type"); typ != "" && typ != a.typ {
			continue
		}
		rows = append(rows, artifactRow{
			ArtifactID: a.id, Project: a.project.name, Type: a.typ, Name: a.name, Description: a.description,
			VersionsCount: len(a.versions), Tags: notNil(a.tags), IsPublic: a.public, Emoji: a.emoji, SizeInBytes: a.size(),
		})
	}
	return c.send(map[string]any{"artifacts": rows})
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
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
func (c artifactCall) findArtifact(idParams ...string) (*artifact, error) {
	st := c.s.store
	for _, param := range idParams {
		id := c.optional(param)
		if id == "" {
			continue
		}
		a := st.artifact(id)
		if a == nil {
			return nil, refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist", id)
		}
		return a, c.readArtifact(a)
	}
	name, err := c.param("artifactName")
	if err != nil {
		return nil, err
	}
	w, err := c.artifactWorkspace()
	if err != nil {
		return nil, err
	}
	a := w.artifactNamed(name)
	// Newer clients quote the name twice.
	if quoted, err := url.PathUnescape(name); a == nil && err == nil {
		a = w.artifactNamed(quoted)
	}
	if a == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist in workspace %q", name, w.name)
	}
	return a, c.readArtifact(a)
}

// artifactWorkspace is the one named, else that of the requesting experiment.
func (c artifactCall) artifactWorkspace() (*workspace, error) {
	if name := c.optional("workspace"); name != "" {
		return c.workspaceFor(name, RoleNone)
	}
	if key := c.optional("experimentKey"); key != "" {
		e, err := c.experimentLocked(key, RoleViewer)
		if err != nil {
			return nil, err
		}
		return e.project.workspace, nil
	}
	return nil, refusal.BadRequest("workspace is missing")
}

func (c artifactCall) artifact() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	a, err := c.findArtifact("artifact_id")
	if err != nil {
		return err
	}
	doc := artifactDoc{
		ArtifactID: a.id, Project: a.project.name, Type: a.typ, Name: a.name, Description: a.description,
		Tags: notNil(a.tags), IsPublic: a.public, Emoji: a.emoji, SizeInBytes: a.size(), Versions: []artifactVersionRow{},
	}
	if v := a.latest(); v != nil {
		doc.LatestVersion = &v.version
	}
	for _, v := range a.versions {
		row := artifactVersionRow{
			ArtifactVersionID: v.id, Version: v.version, Owner: v.owner, SizeInBytes: v.size(),
			Added: v.added, Alias: v.allAliases(), Tags: notNil(v.tags),
		}
		if !c.moods.BareVersions {
			row.State, row.Metadata = &v.state, v.metadata
		}
		doc.Versions = append(doc.Versions, row)
	}
	return c.send(doc)
}

// findVersion returns the version the query names. The lock of the store is
// held.
func (c artifactCall) findVersion(idParams ...string) (*artifactVersion, error) {
	if id := c.optional("versionId"); id != "" {
		v := c.s.store.artifactVersion(id)
		if v == nil {
			return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", id)
		}
		return v, c.readArtifact(v.artifact)
	}
	a, err := c.findArtifact(idParams...)
	if err != nil {
		return nil, err
	}
	version, alias, either := c.optional("version"), c.optional("alias"), c.optional("versionOrAlias")
	if version == "" && alias == "" && either == "" {
		either = latestAlias
	}
	v := a.find(version, alias, either)
	if v == nil {
		return nil, refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact %q has no version %q", a.name, version+alias+either)
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

func (v *artifactVersion) doc() artifactVersionDoc {
	a := v.artifact
	return artifactVersionDoc{
		ArtifactVersionID: v.id, ArtifactVersion: v.version, Owner: v.owner, SizeInBytes: v.size(), Metadata: v.metadata,
		Note: v.note, Added: v.added, State: v.state, Tags: notNil(v.tags), Alias: v.allAliases(), ExperimentKey: v.producer,
		Artifact: artifactInVersion{
			ArtifactID: a.id, ArtifactName: a.name, ArtifactType: a.typ, ProjectID: a.project.id,
			WorkspaceID: a.project.workspace.id, WorkspaceName: a.project.workspace.name, ExperimentKey: a.producer,
			Description: a.description, Version: v.version, IsPublic: a.public, Owner: a.owner, S3FileSize: v.size(),
			Emoji: a.emoji, Tags: notNil(a.tags),
		},
	}
}

// artifactVersion describes a version. With consumerExperimentKey it notes
// that experiment as a consumer, which wants a closed version.
func (c artifactCall) artifactVersion() error {
	st := c.s.store
	consumer := c.optional("consumerExperimentKey")
	if consumer == "" {
		st.mu.RLock()
		defer st.mu.RUnlock()
	} else {
		st.mu.Lock()
		defer st.mu.Unlock()
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
	return c.send(v.doc())
}

func (c artifactCall) consume(v *artifactVersion, key string) error {
	e, err := c.experimentLocked(key, RoleOwner)
	if err != nil {
		return err
	}
	switch v.state {
	case stateOpen:
		return refusal.BadRequest("artifact version %s:%s is not ready", v.artifact.name, v.version).WithCode(refusal.CodeArtifactNotReady)
	case stateError:
		return refusal.BadRequest("artifact version %s:%s is in error", v.artifact.name, v.version).WithCode(refusal.CodeArtifactFailed)
	}
	v.consumers = unique(append(v.consumers, e.key))
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

func (c artifactCall) artifactFiles() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	v, err := c.findVersion("artifact_id", "artifactId")
	if err != nil {
		return err
	}
	docs := []artifactFileDoc{}
	for _, f := range v.files {
		d := artifactFileDoc{
			ArtifactID: v.artifact.id, ArtifactVersionID: v.id, AssetID: f.id, FileName: f.name, Type: f.typ,
			Metadata: f.metadata, Remote: f.remote,
		}
		if f.remote {
			d.Link = &f.link
		} else {
			d.FileSize = f.body.Size
		}
		docs = append(docs, d)
	}
	return c.send(map[string]any{"files": docs})
}

// experimentArtifacts are the versions that an experiment produced (output)
// and consumed (input).
func (c artifactCall) experimentArtifacts() error {
	filter := c.optional("filter")
	if filter == "" {
		filter = "all"
	}
	if filter != "all" && filter != "output" && filter != "input" {
		return refusal.BadRequest("filter %q is not all, output or input", filter)
	}
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	docs := []lineageDoc{}
	st.eachLink(e.key, func(v *artifactVersion, direction string) {
		if filter == "all" || filter == direction {
			docs = append(docs, lineageDoc{v.doc(), v.artifact.id, v.artifact.name, v.artifact.typ, direction})
		}
	})
	return c.send(map[string]any{"artifacts": docs})
}

type lineageDoc struct {
	artifactVersionDoc
	ArtifactID   string `json:"artifactId"`
	ArtifactName string `json:"artifactName"`
	ArtifactType string `json:"artifactType"`
	Direction    string `json:"direction"`
}

// eachLink calls f for the versions that the experiment produced and then for
// those that it consumed. The lock of the store is held.
func (st *store) eachLink(key string, f func(v *artifactVersion, direction string)) {
	var inputs []*artifactVersion
	for _, w := range st.workspaces {
		for _, a := range w.artifacts {
			for _, v := range a.versions {
				if v.producer == key {
					f(v, "output")
				}
				for _, consumer := range v.consumers {
					if consumer == key {
						inputs = append(inputs, v)
					}
				}
			}
		}
	}
	for _, v := range inputs {
		f(v, "input")
	}
}
