package comettest

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// role is what the key of the call may do in w. The lock of the store is held.
func (c *call) role(w *store.Workspace) Role {
	if _, ok := w.Members[c.key.User]; ok {
		return RoleOwner
	}
	if r, ok := c.key.Workspaces[w.Name]; ok {
		return r
	}
	return c.key.Role
}

// workspaceFor returns the workspace of the given name if the key has at
// least the role need in it. The lock of the store is held.
func (c *call) workspaceFor(name string, need Role) (*store.Workspace, error) {
	w := c.s.store.Workspace(name)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", name).WithCode(refusal.CodeNoWorkspace)
	}
	return w, c.allow(w, need, "workspace "+name)
}

// allow answers 403 unless the key has at least the role need in w.
func (c *call) allow(w *store.Workspace, need Role, what string) error {
	switch have := c.role(w); {
	case have <= need:
		return nil
	case have == RoleViewer:
		return refusal.New(http.StatusForbidden, refusal.CodeViewOnly, "User: %s has view only permission for %s", c.key.User, what)
	case need == RoleOwner:
		return refusal.New(http.StatusForbidden, refusal.CodeNoWriteAccess, "User: %s cannot write to %s", c.key.User, what)
	}
	return refusal.New(http.StatusForbidden, 0, "User: %s cannot access %s", c.key.User, what)
}

// allowProject is allow for p; everybody may read a public project.
func (c *call) allowProject(p *store.Project, need Role) error {
	if p.Public && need == RoleViewer {
		return nil
	}
	return c.allow(p.Workspace, need, "project "+p.Workspace.Name+"/"+p.Name)
}

// projectRef names a project as requests do: by id, or by both names.
type projectRef struct {
	ProjectID     string `json:"projectId"`
	WorkspaceName string `json:"workspaceName"`
	ProjectName   string `json:"projectName"`
}

func (c *call) queryProject() projectRef {
	return projectRef{c.optional("projectId"), c.optional("workspaceName"), c.optional("projectName")}
}

// find returns the project if the key has the role need. The lock of the
// store is held.
func (ref projectRef) find(c *call, need Role) (*store.Project, error) {
	if ref.ProjectID != "" {
		p := c.s.store.Projects[ref.ProjectID]
		if p == nil {
			return nil, refusal.NotFound("project %q does not exist", ref.ProjectID)
		}
		return p, c.allowProject(p, need)
	}
	if ref.WorkspaceName == "" || ref.ProjectName == "" {
		return nil, refusal.BadRequest("projectId, or workspaceName and projectName, are missing")
	}
	w := c.s.store.Workspace(ref.WorkspaceName)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", ref.WorkspaceName).WithCode(refusal.CodeNoWorkspace)
	}
	p := w.Project(ref.ProjectName)
	if p == nil {
		if err := c.allow(w, need, "workspace "+w.Name); err != nil {
			return nil, err
		}
		return nil, refusal.NotFound("project %q does not exist in workspace %q", ref.ProjectName, w.Name)
	}
	return p, c.allowProject(p, need)
}

// experiment returns the experiment with the given key if the API key has the
// role need.
func (c *call) experiment(key string, need Role) (*store.Experiment, error) {
	c.s.store.RLock()
	defer c.s.store.RUnlock()
	return c.experimentLocked(key, need)
}

func (c *call) experimentLocked(key string, need Role) (*store.Experiment, error) {
	if key == "" || key == "None" {
		return nil, refusal.BadRequest("experimentKey is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	e := c.s.store.Experiments[key]
	if e == nil || c.moods.Vanished(key) {
		return nil, refusal.NotFound("experiment %q does not exist", key).WithCode(refusal.CodeNoSuchRun)
	}
	if need == RoleViewer && e.Project.Public {
		return e, nil
	}
	return e, c.allow(e.Project.Workspace, need, "experiment "+key)
}

// readExperiment calls f, with the lock of the experiment held, for the one
// the query names.
func (c *call) readExperiment(f func(e *store.Experiment) error) error {
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	return f(e)
}

// writeExperiment calls f, with the lock of the experiment held, for the one
// with the given key, and notes the time if f succeeds.
func (c *call) writeExperiment(key string, f func(e *store.Experiment) error) error {
	e, err := c.experiment(key, RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	if err := f(e); err != nil {
		return err
	}
	e.Touch(c.now(), c.moods.KeepEndTime)
	return nil
}
