package comettest

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A projectCall is about projects.
type projectCall struct{ *api.Call }

func projectRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "projects", Handle: api.In(projectCall.projects)},
		{Method: "GET", Path: "projects/page", Handle: api.In(projectCall.projectsPage)},
		{Method: "GET", Path: "project", Handle: api.In(projectCall.project)},
		{Method: "GET", Path: "project/notes", Handle: api.In(projectCall.projectNotes)},
		{Method: "GET", Path: "project/get-project-share-links", Handle: api.In(projectCall.shareLinks)},
		{Method: "POST", Path: "write/project/create", Handle: api.In(projectCall.createProject)},
		{Method: "POST", Path: "write/project/update", Handle: api.In(projectCall.updateProject)},
		{Method: "POST", Path: "write/project/update-owner", Since: api.Version{4, 35, 0}, Handle: api.In(projectCall.updateOwner)},
		{Method: "POST", Path: "write/project/notes", Handle: api.In(projectCall.writeNotes)},
		{Method: "POST", Path: "write/project/delete", Handle: api.In(projectCall.deleteProject)},
		{Method: "GET", Path: "write/project/add-share-link", Handle: api.In(projectCall.addShareLink)},
		{Method: "GET", Path: "write/project/delete-project-share-link", Handle: api.In(projectCall.deleteShareLink)},
		{Method: "GET", Path: "write/project/symlink", Handle: api.In(projectCall.symlink)},
		{Method: "GET", Family: api.Clientlib, Path: "symlink/new", Auth: api.AuthQuery, Handle: api.In(projectCall.symlink)},
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
func (c projectCall) readableProjects() ([]*store.Project, error) {
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

func (c projectCall) projects() error {
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

func (c projectCall) project() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return err
	}
	return c.Send(newProjectDoc(p))
}

func (c projectCall) projectNotes() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return err
	}
	return c.Send(map[string]any{"notes": p.Notes})
}
