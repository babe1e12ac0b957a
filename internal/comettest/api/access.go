package api

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// RoleIn is what the key of the call may do in w. The lock of the store is held.
func (c *Call) RoleIn(w *store.Workspace) Role { return c.Key.role(w) }

// WorkspaceFor returns the workspace of the given name if the key has at
// least the role need in it. The lock of the store is held.
func (c *Call) WorkspaceFor(name string, need Role) (*store.Workspace, error) {
	w := c.Store.Workspace(name)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", name).WithCode(refusal.CodeNoWorkspace)
	}
	return w, c.Allow(w, need, "workspace "+name)
}

// Allow answers 403 unless the key has at least the role need in w.
func (c *Call) Allow(w *store.Workspace, need Role, what string) error {
	switch have := c.RoleIn(w); {
	case have <= need:
		return nil
	case have == RoleViewer:
		return refusal.New(http.StatusForbidden, refusal.CodeViewOnly, "User: %s has view only permission for %s", c.Key.User, what)
	case need == RoleOwner:
		return refusal.New(http.StatusForbidden, refusal.CodeNoWriteAccess, "User: %s cannot write to %s", c.Key.User, what)
	}
	return refusal.New(http.StatusForbidden, 0, "User: %s cannot access %s", c.Key.User, what)
}

// allowProject is Allow for p; everybody may read a public project.
func (c *Call) allowProject(p *store.Project, need Role) error {
	if p.Public && need == RoleViewer {
		return nil
	}
	return c.Allow(p.Workspace, need, "project "+p.Workspace.Name+"/"+p.Name)
}

// ProjectRef names a project as requests do: by id, or by both names.
type ProjectRef struct {
	ProjectID     string `json:"projectId"`
	WorkspaceName string `json:"workspaceName"`
	ProjectName   string `json:"projectName"`
}

// QueryProject is the project that the query names.
func (c *Call) QueryProject() ProjectRef {
	return ProjectRef{c.Optional("projectId"), c.Optional("workspaceName"), c.Optional("projectName")}
}

// Find returns the project if the key has the role need. The lock of the
// store is held.
func (ref ProjectRef) Find(c *Call, need Role) (*store.Project, error) {
	if ref.ProjectID != "" {
		p := c.Store.Projects[ref.ProjectID]
		if p == nil {
			return nil, refusal.NotFound("project %q does not exist", ref.ProjectID)
		}
		return p, c.allowProject(p, need)
	}
	if ref.WorkspaceName == "" || ref.ProjectName == "" {
		return nil, refusal.BadRequest("projectId, or workspaceName and projectName, are missing")
	}
	w := c.Store.Workspace(ref.WorkspaceName)
	if w == nil {
		return nil, refusal.NotFound("workspace %q does not exist", ref.WorkspaceName).WithCode(refusal.CodeNoWorkspace)
	}
	p := w.Project(ref.ProjectName)
	if p == nil {
		if err := c.Allow(w, need, "workspace "+w.Name); err != nil {
			return nil, err
		}
		return nil, refusal.NotFound("project %q does not exist in workspace %q", ref.ProjectName, w.Name)
	}
	return p, c.allowProject(p, need)
}

// ReadProject calls f, with the lock of the store held for reading, for the project that
// the query names.
func (c *Call) ReadProject(f func(p *store.Project) error) error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	p, err := c.QueryProject().Find(c, RoleViewer)
	if err != nil {
		return err
	}
	return f(p)
}

// Experiment returns the experiment with the given key if the API key has the
// role need.
func (c *Call) Experiment(key string, need Role) (*store.Experiment, error) {
	c.Store.RLock()
	defer c.Store.RUnlock()
	return c.ExperimentLocked(key, need)
}

// ExperimentLocked is [Call.Experiment] with the lock of the store held.
func (c *Call) ExperimentLocked(key string, need Role) (*store.Experiment, error) {
	if key == "" || key == "None" {
		return nil, refusal.BadRequest("experimentKey is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	e := c.Store.Experiments[key]
	if e == nil || c.Moods.Vanished(key) {
		return nil, refusal.NotFound("experiment %q does not exist", key).WithCode(refusal.CodeNoSuchRun)
	}
	if need == RoleViewer && e.Project.Public {
		return e, nil
	}
	return e, c.Allow(e.Project.Workspace, need, "experiment "+key)
}

// ReadExperiment calls f, with the lock of the experiment held, for the one
// the query names.
func (c *Call) ReadExperiment(f func(e *store.Experiment) error) error {
	e, err := c.Experiment(c.Optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	return f(e)
}

// WriteExperiment calls f, with the lock of the experiment held, for the one
// with the given key, and notes the time if f succeeds.
func (c *Call) WriteExperiment(key string, f func(e *store.Experiment) error) error {
	e, err := c.Experiment(key, RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	if err := f(e); err != nil {
		return err
	}
	e.Touch(c.Now(), c.Moods.KeepEndTime)
	return nil
}
