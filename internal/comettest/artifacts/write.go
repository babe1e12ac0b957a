package artifacts

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// artifactExtras are fields that one client knows and none sends. The server
// takes them unless the mood IgnoreArtifactExtras is on.
type artifactExtras struct {
	Description *string `json:"description"`
	IsPublic    *bool   `json:"isPublic"`
	Emoji       *string `json:"emoji"`
	Note        *string `json:"note"`
	ProjectName *string `json:"projectName"`
}

// apply sets what is given. v may be nil.
func (x *artifactExtras) apply(c *api.Call, a *store.Artifact, v *store.ArtifactVersion) {
	if c.Moods.IgnoreArtifactExtras {
		return
	}
	if x.Description != nil {
		a.Description = x.Description
	}
	if x.IsPublic != nil {
		a.Public = *x.IsPublic
	}
	if x.Emoji != nil {
		a.Emoji = x.Emoji
	}
	if x.Note != nil && v != nil {
		v.Note = x.Note
	}
	if x.ProjectName != nil {
		if p := a.Project.Workspace.Project(*x.ProjectName); p != nil {
			a.Project = p
		}
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
func (c Call) upsertArtifact(req *upsertRequest) error {
	if req.ArtifactName == "" || req.ArtifactType == "" {
		return refusal.BadRequest("artifactName or artifactType is missing")
	}
	if req.Version != nil && !store.Semantic.MatchString(*req.Version) {
		return refusal.BadRequest("version %q is not a semantic version", *req.Version)
	}
	if err := api.CheckMetadata(req.VersionMetadata); err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(req.ExperimentKey, api.RoleOwner)
	if err != nil {
		return err
	}
	a, err := c.artifactFor(e, req)
	if err != nil {
		return err
	}
	var previous *string
	if last := a.Newest(); last != nil {
		previous = &last.Version
	}
	v := c.openVersion(a, e, req)
	req.apply(c.Call, a, v)
	return c.Send(struct {
		api.Ack
		ArtifactID        string  `json:"artifactId"`
		ArtifactVersionID string  `json:"artifactVersionId"`
		CurrentVersion    string  `json:"currentVersion"`
		PreviousVersion   *string `json:"previousVersion"`
	}{api.Saved("Saved"), a.ID, v.ID, v.Version, previous})
}

// artifactFor returns the artifact of the request, a new one if there is none
// of that name.
func (c Call) artifactFor(e *store.Experiment, req *upsertRequest) (*store.Artifact, error) {
	w := e.Project.Workspace
	a := w.ArtifactNamed(req.ArtifactName)
	if a == nil {
		a = &store.Artifact{
			ID: store.NewID(), Project: e.Project, Type: req.ArtifactType, Name: req.ArtifactName, Owner: c.Key.User,
			Created: c.Now(), Producer: e.Key, Tags: req.Tags,
		}
		w.Artifacts = append(w.Artifacts, a)
		return a, nil
	}
	if a.Type != req.ArtifactType {
		return nil, refusal.BadRequest("artifact %q is of type %q, not %q", a.Name, a.Type, req.ArtifactType)
	}
	if req.Version != nil && a.Find(*req.Version, "", "") != nil {
		return nil, refusal.BadRequest("artifact %q has a version %s already", a.Name, *req.Version).WithCode(refusal.CodeArtifactExists)
	}
	return a, nil
}

func (c Call) openVersion(a *store.Artifact, e *store.Experiment, req *upsertRequest) *store.ArtifactVersion {
	v := &store.ArtifactVersion{
		Artifact: a, ID: store.NewID(), Owner: c.Key.User, Metadata: req.VersionMetadata, State: store.StateOpen, Added: c.Now(),
		Tags: store.Unique(req.VersionTags), Producer: e.Key, Version: a.NextVersion(),
	}
	if req.Version != nil {
		v.Version = *req.Version
	}
	a.Versions = append(a.Versions, v)
	v.SetAliases(req.Alias)
	return v
}

type setArtifactStateRequest struct {
	ArtifactVersionID string `json:"artifactVersionId"`
	ExperimentKey     string `json:"experimentKey"`
	State             string `json:"state"`
}

func (c Call) setArtifactState(req *setArtifactStateRequest) error {
	if req.State != store.StateClosed && req.State != store.StateError {
		return refusal.BadRequest("state %q is not CLOSED or ERROR", req.State).WithCode(refusal.CodeArtifactState)
	}
	return c.changeVersion(req.ArtifactVersionID, func(v *store.ArtifactVersion) error {
		if _, err := c.ExperimentLocked(req.ExperimentKey, api.RoleOwner); err != nil {
			return err
		}
		if v.State != store.StateOpen {
			return refusal.BadRequest("artifact version %s:%s is %s", v.Artifact.Name, v.Version, v.State).WithCode(refusal.CodeArtifactClosed)
		}
		v.State = req.State
		return c.Ack()
	})
}

// changeVersion calls f for a version with the lock of the store held.
func (c Call) changeVersion(id string, f func(v *store.ArtifactVersion) error) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	v := st.ArtifactVersion(id)
	if v == nil {
		return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact version %q does not exist", id)
	}
	if err := c.Allow(v.Artifact.Project.Workspace, api.RoleOwner, "artifact "+v.Artifact.Name); err != nil {
		return err
	}
	return f(v)
}

type updateArtifactRequest struct {
	ArtifactID      string    `json:"artifactId"`
	ArtifactType    *string   `json:"artifactType"`
	VersionMetadata *string   `json:"versionMetadata"`
	Version         *string   `json:"version"`
	Tags            *[]string `json:"tags"`
	artifactExtras
}

func (c Call) updateArtifact(req *updateArtifactRequest) error {
	if err := api.CheckMetadata(req.VersionMetadata); err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	a := st.Artifact(req.ArtifactID)
	if a == nil {
		return refusal.NoSuch(refusal.CodeNoArtifact, "artifact %q does not exist", req.ArtifactID)
	}
	if err := c.Allow(a.Project.Workspace, api.RoleOwner, "artifact "+a.Name); err != nil {
		return err
	}
	var v *store.ArtifactVersion
	if req.Version != nil {
		if v = a.Find(*req.Version, "", ""); v == nil {
			return refusal.NoSuch(refusal.CodeNoArtifactVersion, "artifact %q has no version %q", a.Name, *req.Version)
		}
		if req.VersionMetadata != nil {
			v.Metadata = req.VersionMetadata
		}
	}
	if req.ArtifactType != nil {
		a.Type = *req.ArtifactType
	}
	if req.Tags != nil {
		a.Tags = store.Unique(*req.Tags)
	}
	req.apply(c.Call, a, v)
	return c.Ack()
}

type labelArtifactRequest struct {
	ArtifactVersionID string    `json:"artifactVersionId"`
	Alias             *[]string `json:"alias"`
	VersionMetadata   *string   `json:"versionMetadata"`
	VersionTags       *[]string `json:"versionTags"`
	artifactExtras
}

// labelArtifact changes what may change of a closed version. null leaves a
// field alone, a list replaces the one before.
func (c Call) labelArtifact(req *labelArtifactRequest) error {
	if err := api.CheckMetadata(req.VersionMetadata); err != nil {
		return err
	}
	return c.changeVersion(req.ArtifactVersionID, func(v *store.ArtifactVersion) error {
		if req.Alias != nil {
			v.SetAliases(*req.Alias)
		}
		if req.VersionMetadata != nil {
			v.Metadata = req.VersionMetadata
		}
		if req.VersionTags != nil {
			v.Tags = store.Unique(*req.VersionTags)
		}
		req.apply(c.Call, v.Artifact, v)
		return c.Ack()
	})
}
