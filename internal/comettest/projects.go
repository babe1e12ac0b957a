package comettest

import "github.com/comet-stream/comet-stream/internal/comettest/store"

func projectRoutes() []route {
	return []route{
		{method: "GET", path: "projects", handle: in(projectCall.projects)},
		{method: "GET", path: "projects/page", handle: in(projectCall.projectsPage)},
		{method: "GET", path: "project", handle: in(projectCall.project)},
		{method: "GET", path: "project/notes", handle: in(projectCall.projectNotes)},
		{method: "GET", path: "project/get-project-share-links", handle: in(projectCall.shareLinks)},
		{method: "POST", path: "write/project/create", handle: in(projectCall.createProject)},
		{method: "POST", path: "write/project/update", handle: in(projectCall.updateProject)},
		{method: "POST", path: "write/project/update-owner", since: version{4, 35, 0}, handle: in(projectCall.updateOwner)},
		{method: "POST", path: "write/project/notes", handle: in(projectCall.writeNotes)},
		{method: "POST", path: "write/project/delete", handle: in(projectCall.deleteProject)},
		{method: "GET", path: "write/project/add-share-link", handle: in(projectCall.addShareLink)},
		{method: "GET", path: "write/project/delete-project-share-link", handle: in(projectCall.deleteShareLink)},
		{method: "GET", path: "write/project/symlink", handle: in(projectCall.symlink)},
		{method: "GET", family: clientlib, path: "symlink/new", auth: authQuery, handle: in(projectCall.symlink)},
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
	name, err := c.param("workspaceName")
	if err != nil {
		return nil, err
	}
	w, err := c.workspaceFor(name, RoleNone)
	if err != nil {
		return nil, err
	}
	if c.role(w) <= RoleViewer {
		return w.Projects, nil
	}
	var public []*store.Project
	for _, p := range w.Projects {
		if p.Public {
			public = append(public, p)
		}
	}
	if public == nil {
		return nil, c.allow(w, RoleViewer, "workspace "+name)
	}
	return public, nil
}

func (c projectCall) projects() error {
	c.s.store.RLock()
	defer c.s.store.RUnlock()
	list, err := c.readableProjects()
	if err != nil {
		return err
	}
	docs := make([]projectDoc, len(list))
	for i, p := range list {
		docs[i] = newProjectDoc(p)
	}
	return c.send(map[string]any{"projects": docs})
}

func (c projectCall) project() error {
	c.s.store.RLock()
	defer c.s.store.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(newProjectDoc(p))
}

func (c projectCall) projectNotes() error {
	c.s.store.RLock()
	defer c.s.store.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"notes": p.Notes})
}
