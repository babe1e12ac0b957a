package comettest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (s *Server) projectRoutes() []route {
	return []route{
		{method: "GET", path: "projects", handle: (*call).projects},
		{method: "GET", path: "projects/page", handle: (*call).projectsPage},
		{method: "GET", path: "project", handle: (*call).project},
		{method: "GET", path: "project/notes", handle: (*call).projectNotes},
		{method: "GET", path: "project/get-project-share-links", handle: (*call).shareLinks},
		{method: "POST", path: "write/project/create", handle: (*call).createProject},
		{method: "POST", path: "write/project/update", handle: (*call).updateProject},
		{method: "POST", path: "write/project/notes", handle: (*call).writeNotes},
		{method: "POST", path: "write/project/delete", handle: (*call).deleteProject},
		{method: "GET", path: "write/project/add-share-link", handle: (*call).addShareLink},
		{method: "GET", path: "write/project/delete-project-share-link", handle: (*call).deleteShareLink},
		{method: "GET", path: "write/project/symlink", handle: (*call).symlink},
		{method: "GET", family: clientlib, path: "symlink/new", auth: authQuery, handle: (*call).symlink},
	}
}

// maxProjectName is the most characters of a project name.
const maxProjectName = 100

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

type projectRow struct {
	ProjectID         string  `json:"projectId"`
	UserName          string  `json:"userName"`
	ProjectName       string  `json:"projectName"`
	ProjectDesc       *string `json:"projectDesc"`
	GeneralProject    bool    `json:"generalProject"`
	ExperimentCount   int     `json:"experimentCount"`
	ImagePath         *string `json:"imagePath"`
	IsPublic          bool    `json:"isPublic"`
	TeamID            string  `json:"teamId"`
	TeamName          string  `json:"teamName"`
	CreatedAt         int64   `json:"created_at"`
	LastUpdated       int64   `json:"lastUpdated"`
	LastUpdatedByUser int64   `json:"lastUpdatedByUser"`
	IsStarterProject  bool    `json:"isStarterProject"`
	IsInProjectTeam   bool    `json:"isInProjectTeam"`
	Owner             bool    `json:"owner"`
	CanEdit           bool    `json:"canEdit"`
	TotalRowCount     string  `json:"totalRowCount"`
	FilteredRowCount  string  `json:"filteredRowCount"`
}

func (c *call) projectsPage() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	all, err := c.readableProjects()
	if err != nil {
		return err
	}
	list, err := c.filterProjects(all)
	if err != nil {
		return err
	}
	filtered := len(list)
	if list, err = c.window(list); err != nil {
		return err
	}
	rows := make([]projectRow, len(list))
	for i, p := range list {
		rows[i] = c.projectRow(p, len(all), filtered)
	}
	return c.send(map[string]any{"rows": rows, "filteredRowCount": filtered, "totalRowCount": len(all)})
}

func (c *call) projectRow(p *project, total, filtered int) projectRow {
	edit := c.role(p.workspace) == RoleOwner
	return projectRow{
		ProjectID: p.id, UserName: p.owner, ProjectName: p.name, ProjectDesc: p.description,
		GeneralProject: p.general, ExperimentCount: len(p.experiments) + len(p.links), IsPublic: p.public,
		TeamID: p.workspace.id, TeamName: p.workspace.name, CreatedAt: p.created, LastUpdated: p.updated,
		LastUpdatedByUser: p.updated, IsInProjectTeam: edit, Owner: p.owner == c.key.User, CanEdit: edit,
		TotalRowCount: strconv.Itoa(total), FilteredRowCount: strconv.Itoa(filtered),
	}
}

func (c *call) filterProjects(all []*project) ([]*project, error) {
	public, err := c.flag("public")
	if err != nil {
		return nil, err
	}
	owner, search := c.optional("owner"), strings.ToLower(c.optional("search"))
	var list []*project
	for _, p := range all {
		if public != nil && p.public != *public || owner != "" && p.owner != owner ||
			!strings.Contains(strings.ToLower(p.name), search) {
			continue
		}
		list = append(list, p)
	}
	less := func(a, b *project) int { return cmp.Compare(b.updated, a.updated) }
	switch sort := c.optional("sort"); sort {
	case "", "lastUpdated":
	case "created_at":
		less = func(a, b *project) int { return cmp.Compare(b.created, a.created) }
	case "projectName":
		less = func(a, b *project) int { return cmp.Compare(b.name, a.name) }
	default:
		return nil, badRequest("parameter sort: %q is not known", sort)
	}
	slices.SortStableFunc(list, less)
	if strings.EqualFold(c.optional("order"), "asc") {
		slices.Reverse(list)
	}
	return list, nil
}

// window cuts list to the parameters offset and count.
func (c *call) window(list []*project) ([]*project, error) {
	offset, err := c.number("offset")
	if err != nil {
		return nil, err
	}
	count, err := c.number("count")
	if err != nil {
		return nil, err
	}
	if offset != nil && *offset < 0 || count != nil && *count < 0 {
		return nil, badRequest("offset and count must not be negative")
	}
	if offset != nil {
		list = list[min(int(*offset), len(list)):]
	}
	if count != nil {
		list = list[:min(int(*count), len(list))]
	}
	return list, nil
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

func (c *call) shareLinks() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	p, err := c.queryProject().find(c, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"shareCodes": append([]string{}, p.shareCodes...)})
}

func checkProjectName(name string) error {
	if name == "" {
		return badRequest("no project name was given").withCode(codeNoProjectName)
	}
	if utf8.RuneCountInString(name) > maxProjectName {
		return badRequest("project name is too long, the maximum is %d characters", maxProjectName).
			withCode(codeProjectNameTooLong)
	}
	return nil
}

func (c *call) createProject() error {
	var req struct {
		WorkspaceName      string  `json:"workspaceName"`
		ProjectName        string  `json:"projectName"`
		ProjectDescription *string `json:"projectDescription"`
		IsPublic           bool    `json:"isPublic"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if err := checkProjectName(req.ProjectName); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	w, err := c.workspaceFor(req.WorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	if w.project(req.ProjectName) != nil {
		return badRequest("project %q already exists in workspace %q", req.ProjectName, w.name)
	}
	p := st.addProject(w, req.ProjectName, c.key.User, c.now())
	p.description, p.public = req.ProjectDescription, req.IsPublic
	return c.send(struct {
		ack
		projectDoc
	}{saved("saved"), p.doc()})
}

func (c *call) updateProject() error {
	var req struct {
		projectRef
		NewProjectName        *string `json:"newProjectName"`
		NewProjectDescription *string `json:"newProjectDescription"`
		IsPublic              *bool   `json:"isPublic"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	p, err := req.find(c, RoleOwner)
	if err != nil {
		return err
	}
	if name := req.NewProjectName; name != nil && *name != p.name {
		if err := checkProjectName(*name); err != nil {
			return err
		}
		if p.workspace.project(*name) != nil {
			return badRequest("project %q already exists in workspace %q", *name, p.workspace.name)
		}
		p.name = *name
	}
	if req.NewProjectDescription != nil {
		p.description = req.NewProjectDescription
	}
	if req.IsPublic != nil {
		p.public = *req.IsPublic
	}
	p.updated = c.now()
	return c.ack()
}

func (c *call) writeNotes() error {
	var req struct {
		projectRef
		Notes *string `json:"notes"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Notes == nil {
		return badRequest("notes is missing")
	}
	return c.changeProject(req.projectRef, func(p *project) error {
		p.notes = *req.Notes
		return c.ack()
	})
}

// changeProject calls f for the project with the lock of the store held.
func (c *call) changeProject(ref projectRef, f func(p *project) error) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	p, err := ref.find(c, RoleOwner)
	if err != nil {
		return err
	}
	p.updated = c.now()
	return f(p)
}

func (c *call) deleteProject() error {
	var req struct {
		projectRef
		DeleteAllExperiments bool `json:"deleteAllExperiments"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.changeProject(req.projectRef, func(p *project) error {
		if p.general {
			return badRequest("the general project of a workspace cannot be deleted")
		}
		if !req.DeleteAllExperiments {
			general := p.workspace.projects[0]
			for _, e := range p.experiments {
				e.project = general
				general.experiments = append(general.experiments, e)
			}
			p.experiments = nil
		}
		c.s.store.removeProject(p)
		return c.ack()
	})
}

func (c *call) addShareLink() error {
	return c.changeProject(c.queryProject(), func(p *project) error {
		return c.send(map[string]any{"shareCode": p.addShareCode()})
	})
}

// addShareCode makes a share link of the project and returns its code.
func (p *project) addShareCode() string {
	code := newID()[:20]
	p.shareCodes = append(p.shareCodes, code)
	return code
}

func (c *call) deleteShareLink() error {
	code, err := c.param("shareCode")
	if err != nil {
		return err
	}
	return c.changeProject(c.queryProject(), func(p *project) error {
		if !slices.Contains(p.shareCodes, code) {
			return notFound("share code %q does not exist", code)
		}
		p.shareCodes = without(p.shareCodes, code)
		return c.ack()
	})
}

// symlink makes an experiment appear in another project of its workspace,
// which is created if it is missing.
func (c *call) symlink() error {
	name, err := c.param("projectName")
	if err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.projectOrNew(e.project.workspace, name)
	if err != nil {
		return err
	}
	if err := p.link(e); err != nil {
		return err
	}
	return c.send(struct {
		ack
		Link string `json:"link"`
	}{saved("Saved"), c.root() + p.workspace.name + "/" + p.name + "/" + e.key})
}

// projectOrNew returns the project of the given name and makes it if there is
// none.
func (c *call) projectOrNew(w *workspace, name string) (*project, error) {
	if err := checkProjectName(name); err != nil {
		return nil, err
	}
	if p := w.project(name); p != nil {
		return p, nil
	}
	return c.s.store.addProject(w, name, c.key.User, c.now()), nil
}

// link adds e to the listing of p. Linking twice changes nothing.
func (p *project) link(e *experiment) error {
	if p == e.project {
		return badRequest("experiment %s is in project %q already", e.key, p.name)
	}
	if !slices.Contains(p.links, e) {
		p.links = append(p.links, e)
	}
	return nil
}
