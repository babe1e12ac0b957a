package comettest

func (s *Server) projectRoutes() []route {
	return []route{
		{method: "GET", path: "projects", handle: (*call).projects},
		{method: "GET", path: "projects/page", handle: (*call).projectsPage},
		{method: "GET", path: "project", handle: (*call).project},
		{method: "GET", path: "project/notes", handle: (*call).projectNotes},
		{method: "GET", path: "project/get-project-share-links", handle: (*call).shareLinks},
		{method: "POST", path: "write/project/create", handle: (*call).createProject},
		{method: "POST", path: "write/project/update", handle: (*call).updateProject},
		{method: "POST", path: "write/project/update-owner", since: version{4, 35, 0}, handle: (*call).updateOwner},
		{method: "POST", path: "write/project/notes", handle: (*call).writeNotes},
		{method: "POST", path: "write/project/delete", handle: (*call).deleteProject},
		{method: "GET", path: "write/project/add-share-link", handle: (*call).addShareLink},
		{method: "GET", path: "write/project/delete-project-share-link", handle: (*call).deleteShareLink},
		{method: "GET", path: "write/project/symlink", handle: (*call).symlink},
		{method: "GET", family: clientlib, path: "symlink/new", auth: authQuery, handle: (*call).symlink},
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

func (p *project) doc() projectDoc {
	return projectDoc{
		ProjectID: p.id, ProjectName: p.name, OwnerUserName: p.owner, ProjectDescription: p.description,
		WorkspaceName: p.workspace.name, NumberOfExperiments: len(p.experiments) + len(p.links),
		LastUpdated: p.updated, Public: p.public,
	}
}

// readableProjects are those of the workspace named in the query.
func (c *call) readableProjects() ([]*project, error) {
	name, err := c.param("workspaceName")
	if err != nil {
		return nil, err
	}
	w, err := c.workspaceFor(name, RoleNone)
	if err != nil {
		return nil, err
	}
	if c.role(w) <= RoleViewer {
		return w.projects, nil
	}
	var public []*project
	for _, p := range w.projects {
		if p.public {
			public = append(public, p)
		}
	}
	if public == nil {
		return nil, c.allow(w, RoleViewer, "workspace "+name)
	}
	return public, nil
}

func (c *call) projects() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	list, err := c.readableProjects()
	if err != nil {
		return err
	}
	docs := make([]projectDoc, len(list))
	for i, p := range list {
		docs[i] = p.doc()
	}
	return c.send(map[string]any{"projects": docs})
}

func (c *call) project() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	p, err := c.queryProject().find(c, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(p.doc())
}

func (c *call) projectNotes() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	p, err := c.queryProject().find(c, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"notes": p.notes})
}
