package artifacts

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// The methods below want the lock of the store held.

// AddFile attaches a to the version it names, which must be open. The
// lock of the store is held.
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
