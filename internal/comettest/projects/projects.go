// Package projects has the calls about users, workspaces and projects, and about the panels
// and views of these.
package projects

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A Call is about projects.
type Call struct{ *api.Call }

// Routes are the calls of this area.
func Routes() []api.Route {
	return slices.Concat(accountRoutes(), projectRoutes(), panelRoutes(), optimizerRoutes())
}

func projectRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "projects", Handle: api.In(Call.projects)},
		{Method: "GET", Path: "projects/page", Handle: api.In(Call.projectsPage)},
		{Method: "GET", Path: "project", Handle: api.In(Call.project)},
		{Method: "GET", Path: "project/notes", Handle: api.In(Call.projectNotes)},
		{Method: "GET", Path: "project/get-project-share-links", Handle: api.In(Call.shareLinks)},
		{Method: "POST", Path: "write/project/create", Handle: api.In(Call.createProject)},
		{Method: "POST", Path: "write/project/update", Handle: api.In(Call.updateProject)},
		{Method: "POST", Path: "write/project/update-owner", Since: api.Version{4, 35, 0}, Handle: api.In(Call.updateOwner)},
		{Method: "POST", Path: "write/project/notes", Handle: api.In(Call.writeNotes)},
		{Method: "POST", Path: "write/project/delete", Handle: api.In(Call.deleteProject)},
		{Method: "GET", Path: "write/project/add-share-link", Handle: api.In(Call.addShareLink)},
		{Method: "GET", Path: "write/project/delete-project-share-link", Handle: api.In(Call.deleteShareLink)},
		{Method: "GET", Path: "write/project/symlink", Handle: api.In(Call.symlink)},
		{Method: "GET", Family: api.Clientlib, Path: "symlink/new", Auth: api.AuthQuery, Handle: api.In(Call.symlink)},
	}
}

type projectDoc struct {
	ProjectID           string  `json:"projectId"`
	ProjectName         string  `json:"projectName"`
	OwnerUserName       string  `json:"ownerUserName"`
	ProjectDescription  *string `json:"projectDescription"`
	WorkspaceName       string  `json:"workspaceName"`
	NumberOfExperiments int     `json:"numberOfExperiments"`
	LastUpdated         int64   `json:"lastUpdated"`
	Public              bool    `json:"public"`
}

func newProjectDoc(p *store.Project) projectDoc {
	return projectDoc{
		ProjectID: p.ID, ProjectName: p.Name, OwnerUserName: p.Owner, ProjectDescription: p.Description,
		WorkspaceName: p.Workspace.Name, NumberOfExperiments: len(p.Experiments) + len(p.Links),
		LastUpdated: p.Updated, Public: p.Public,
	}
}

// readableProjects are those of the workspace named in the query.
func (c Call) readableProjects() ([]*store.Project, error) {
	name, err := c.Param("workspaceName")
	if err != nil {
		return nil, err
	}
	w, err := c.WorkspaceFor(name, api.RoleNone)
	if err != nil {
		return nil, err
	}
	if c.RoleIn(w) <= api.RoleViewer {
		return w.Projects, nil
	}
	var public []*store.Project
	for _, p := range w.Projects {
		if p.Public {
			public = append(public, p)
		}
	}
	if public == nil {
		return nil, c.Allow(w, api.RoleViewer, "workspace "+name)
	}
	return public, nil
}

func (c Call) projects() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	list, err := c.readableProjects()
	if err != nil {
		return err
	}
	docs := make([]projectDoc, len(list))
	for i, p := range list {
		docs[i] = newProjectDoc(p)
	}
	return c.Send(map[string]any{"projects": docs})
}

func (c Call) project() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return err
	}
	return c.Send(newProjectDoc(p))
}

func (c Call) projectNotes() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return err
	}
	return c.Send(map[string]any{"notes": p.Notes})
}
