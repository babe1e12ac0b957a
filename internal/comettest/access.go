package comettest

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// role is what the key of the call may do in w. The lock of the store is held.
func (c *call) role(w *workspace) Role {
	if _, ok := w.members[c.key.User]; ok {
		return RoleOwner
	}
	if r, ok := c.key.Workspaces[w.name]; ok {
		return r
	}
	return c.key.Role
}

// workspaceFor returns the workspace of the given name if the key has at
// least the role need in it. The lock of the store is held.
func (c *call) workspaceFor(name string, need Role) (*workspace, error) {
	w := c.s.store.workspace(name)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", name).WithCode(refusal.CodeNoWorkspace)
	}
	return w, c.allow(w, need, "workspace "+name)
}

// allow answers 403 unless the key has at least the role need in w.
func (c *call) allow(w *workspace, need Role, what string) error {
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
func (c *call) allowProject(p *project, need Role) error {
	if p.public && need == RoleViewer {
		return nil
	}
	return c.allow(p.workspace, need, "project "+p.workspace.name+"/"+p.name)
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
func (ref projectRef) find(c *call, need Role) (*project, error) {
	if ref.ProjectID != "" {
		p := c.s.store.projects[ref.ProjectID]
		if p == nil {
			return nil, refusal.NotFound("project %q does not exist", ref.ProjectID)
		}
		return p, c.allowProject(p, need)
	}
	if ref.WorkspaceName == "" || ref.ProjectName == "" {
		return nil, refusal.BadRequest("projectId, or workspaceName and projectName, are missing")
	}
	w := c.s.store.workspace(ref.WorkspaceName)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", ref.WorkspaceName).WithCode(refusal.CodeNoWorkspace)
	}
	p := w.project(ref.ProjectName)
	if p == nil {
		if err := c.allow(w, need, "workspace "+w.name); err != nil {
			return nil, err
		}
		return nil, refusal.NotFound("project %q does not exist in workspace %q", ref.ProjectName, w.name)
	}
	return p, c.allowProject(p, need)
}

// experiment returns the experiment with the given key if the API key has the
// role need.
func (c *call) experiment(key string, need Role) (*experiment, error) {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	return c.experimentLocked(key, need)
}

func (c *call) experimentLocked(key string, need Role) (*experiment, error) {
	if key == "" || key == "None" {
		return nil, refusal.BadRequest("experimentKey is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	e := c.s.store.experiments[key]
	if e == nil || c.moods.Vanished(key) {
		return nil, refusal.NotFound("experiment %q does not exist", key).WithCode(refusal.CodeNoSuchRun)
	}
	if need == RoleViewer && e.project.public {
		return e, nil
	}
	return e, c.allow(e.project.workspace, need, "experiment "+key)
}

// readExperiment calls f, with the lock of the experiment held, for the one
// the query names.
func (c *call) readExperiment(f func(e *experiment) error) error {
	e, err := c.experiment(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return f(e)
}

// writeExperiment calls f, with the lock of the experiment held, for the one
// with the given key, and notes the time if f succeeds.
func (c *call) writeExperiment(key string, f func(e *experiment) error) error {
	e, err := c.experiment(key, RoleOwner)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := f(e); err != nil {
		return err
	}
	e.touch(c.now(), c.moods.KeepEndTime)
	return nil
}
