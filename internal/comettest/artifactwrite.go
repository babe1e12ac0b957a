package comettest

import "github.com/comet-stream/comet-stream/internal/comettest/refusal"

// artifactExtras are fields that one client knows and none sends. The server
// takes them unless the mood IgnoreArtifactExtras is on.
type artifactExtras struct {
	Description *string `json:"description"`
	IsPublic    *bool   `json:"isPublic"`
	Emoji       *string `json:"emoji"`
	Note        *string `json:"note"`
}

// apply sets what is given. v may be nil.
func (x *artifactExtras) apply(c *call, a *artifact, v *artifactVersion) {
	if c.moods.IgnoreArtifactExtras {
		return
	}
	if x.Description != nil {
		a.description = x.Description
	}
	if x.IsPublic != nil {
		a.public = *x.IsPublic
	}
	if x.Emoji != nil {
		a.emoji = x.Emoji
	}
	if x.Note != nil && v != nil {
		v.note = x.Note
	}
}

type upsertRequest struct {
	ArtifactName    string   `json:"artifactName"`
	ArtifactType    string   `json:"artifactType"`
	ExperimentKey   string   `json:"experimentKey"`
	VersionMetadata *string  `json:"versionMetadata"`
	Version         *string  `json:"version"`
	Alias           []string `json:"alias"`
	VersionTags     []string `json:"versionTags"`
	Tags            []string `json:"tags"`
	artifactExtras
}

// upsertArtifact opens a new version, of a new artifact or of one that exists
// in the workspace of the experiment.
func (c artifactCall) upsertArtifact() error {
	var req upsertRequest
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.ArtifactName == "" || req.ArtifactType == "" {
		return refusal.BadRequest("artifactName or artifactType is missing")
	}
	if req.Version != nil && !semantic.MatchString(*req.Version) {
		return refusal.BadRequest("version %q is not a semantic version", *req.Version)
	}
	if err := checkMetadata(req.VersionMetadata); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(req.ExperimentKey, RoleOwner)
	if err != nil {
		return err
	}
	a, err := c.artifactFor(e, &req)
	if err != nil {
		return err
	}
	var previous *string
	if last := a.newest(); last != nil {
		previous = &last.version
	}
	v := c.openVersion(a, e, &req)
	req.apply(c.call, a, v)
	return c.send(struct {
		ack
		ArtifactID        string  `json:"artifactId"`
		ArtifactVersionID string  `json:"artifactVersionId"`
		CurrentVersion    string  `json:"currentVersion"`
		PreviousVersion   *string `json:"previousVersion"`
	}{saved("Saved"), a.id, v.id, v.version, previous})
}

// artifactFor returns the artifact of the request, a new one if there is none
// of that name.
func (c artifactCall) artifactFor(e *experiment, req *upsertRequest) (*artifact, error) {
	w := e.project.workspace
	a := w.artifactNamed(req.ArtifactName)
	if a == nil {
		a = &artifact{
			id: newID(), project: e.project, typ: req.ArtifactType, name: req.ArtifactName, owner: c.key.User,
			created: c.now(), producer: e.key, tags: req.Tags,
		}
		w.artifacts = append(w.artifacts, a)
		return a, nil
	}
	if a.typ != req.ArtifactType {
		return nil, refusal.BadRequest("artifact %q is of type %q, not %q", a.name, a.typ, req.ArtifactType)
	}
	if req.Version != nil && a.find(*req.Version, "", "") != nil {
		return nil, refusal.BadRequest("artifact %q has a version %s already", a.name, *req.Version).WithCode(refusal.CodeArtifactExists)
	}
	return a, nil
}

func (c artifactCall) openVersion(a *artifact, e *experiment, req *upsertRequest) *artifactVersion {
	v := &artifactVersion{
		artifact: a, id: newID(), owner: c.key.User, metadata: req.VersionMetadata, state: stateOpen, added: c.now(),
		tags: unique(req.VersionTags), producer: e.key, version: a.nextVersion(),
	}
	if req.Version != nil {
		v.version = *req.Version
	}
	a.versions = append(a.versions, v)
	v.setAliases(req.Alias)
	return v
}

func (c artifactCall) setArtifactState() error {
	var req struct {
		ArtifactVersionID string `json:"artifactVersionId"`
		ExperimentKey     string `json:"experimentKey"`
		State             string `json:"state"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.State != stateClosed && req.State != stateError {
		return refusal.BadRequest("state %q is not CLOSED or ERROR", req.State).WithCode(refusal.CodeArtifactState)
	}
	return c.changeVersion(req.ArtifactVersionID, func(v *artifactVersion) error {
		if _, err := c.experimentLocked(req.ExperimentKey, RoleOwner); err != nil {
			return err
		}
		if v.state != stateOpen {
			return refusal.BadRequest("artifact version %s:%s is %s", v.artifact.name, v.version, v.state).WithCode(refusal.CodeArtifactClosed)
		}
		v.state = req.State
		return c.ack()
	})
}

// changeVersion calls f for a version with the lock of the store held.
func (c artifactCall) changeVersion(id string, f func(v *artifactVersion) error) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	v := st.artifactVersion(id)
	if v == nil {
		return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", id)
	}
	if err := c.allow(v.artifact.project.workspace, RoleOwner, "artifact "+v.artifact.name); err != nil {
		return err
	}
	return f(v)
}

func (c artifactCall) updateArtifact() error {
	var req struct {
		ArtifactID      string    `json:"artifactId"`
		ArtifactType    *string   `json:"artifactType"`
		VersionMetadata *string   `json:"versionMetadata"`
		Version         *string   `json:"version"`
		Tags            *[]string `json:"tags"`
		artifactExtras
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if err := checkMetadata(req.VersionMetadata); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	a := st.artifact(req.ArtifactID)
	if a == nil {
		return refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist", req.ArtifactID)
	}
	if err := c.allow(a.project.workspace, RoleOwner, "artifact "+a.name); err != nil {
		return err
	}
	var v *artifactVersion
	if req.Version != nil {
		if v = a.find(*req.Version, "", ""); v == nil {
			return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact %q has no version %q", a.name, *req.Version)
		}
		if req.VersionMetadata != nil {
			v.metadata = req.VersionMetadata
		}
	}
	if req.ArtifactType != nil {
		a.typ = *req.ArtifactType
	}
	if req.Tags != nil {
		a.tags = unique(*req.Tags)
	}
	req.apply(c.call, a, v)
	return c.ack()
}

// labelArtifact changes what may change of a closed version. null leaves a
// field alone, a list replaces the one before.
func (c artifactCall) labelArtifact() error {
	var req struct {
		ArtifactVersionID string    `json:"artifactVersionId"`
		Alias             *[]string `json:"alias"`
		VersionMetadata   *string   `json:"versionMetadata"`
		VersionTags       *[]string `json:"versionTags"`
		artifactExtras
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if err := checkMetadata(req.VersionMetadata); err != nil {
		return err
	}
	return c.changeVersion(req.ArtifactVersionID, func(v *artifactVersion) error {
		if req.Alias != nil {
			v.setAliases(*req.Alias)
		}
		if req.VersionMetadata != nil {
			v.metadata = req.VersionMetadata
		}
		if req.VersionTags != nil {
			v.tags = unique(*req.VersionTags)
		}
		req.apply(c.call, v.artifact, v)
		return c.ack()
	})
}
