// Package projects has the calls about users, workspaces and projects, and about the panels
// and views of these.
package projects

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
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
		{Method: "POST", Path: "write/project/create", Handle: api.JSON(Call.createProject)},
		{Method: "POST", Path: "write/project/update", Handle: api.JSON(Call.updateProject)},
		{Method: "POST", Path: "write/project/update-owner", Since: api.Version{4, 35, 0}, Handle: api.JSON(Call.updateOwner)},
		{Method: "POST", Path: "write/project/notes", Handle: api.JSON(Call.writeNotes)},
		{Method: "POST", Path: "write/project/delete", Handle: api.JSON(Call.deleteProject)},
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
	return c.ReadProject(func(p *store.Project) error { return c.Send(newProjectDoc(p)) })
}

func (c Call) projectNotes() error {
	return c.ReadProject(func(p *store.Project) error { return c.Send(map[string]any{"notes": p.Notes}) })
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

func (c Call) projectsPage() error {
	c.Store.RLock()
	defer c.Store.RUnlock()
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
	return c.Send(map[string]any{"rows": rows, "filteredRowCount": filtered, "totalRowCount": len(all)})
}

func (c Call) projectRow(p *store.Project, total, filtered int) projectRow {
	edit := c.RoleIn(p.Workspace) == api.RoleOwner
	return projectRow{
		ProjectID: p.ID, UserName: p.Owner, ProjectName: p.Name, ProjectDesc: p.Description,
		GeneralProject: p.General, ExperimentCount: len(p.Experiments) + len(p.Links), IsPublic: p.Public,
		TeamID: p.Workspace.ID, TeamName: p.Workspace.Name, CreatedAt: p.Created, LastUpdated: p.Updated,
		LastUpdatedByUser: p.Updated, IsInProjectTeam: edit, Owner: p.Owner == c.Key.User, CanEdit: edit,
		TotalRowCount: strconv.Itoa(total), FilteredRowCount: strconv.Itoa(filtered),
	}
}

func (c Call) filterProjects(all []*store.Project) ([]*store.Project, error) {
	public, err := c.Flag("public")
	if err != nil {
		return nil, err
	}
	owner, search := c.Optional("owner"), strings.ToLower(c.Optional("search"))
	var list []*store.Project
	for _, p := range all {
		if public != nil && p.Public != *public || owner != "" && p.Owner != owner ||
			!strings.Contains(strings.ToLower(p.Name), search) {
			continue
		}
		list = append(list, p)
	}
	less := func(a, b *store.Project) int { return cmp.Compare(b.Updated, a.Updated) }
	switch sort := c.Optional("sort"); sort {
	case "", "lastUpdated":
	case "created_at":
		less = func(a, b *store.Project) int { return cmp.Compare(b.Created, a.Created) }
	case "projectName":
		less = func(a, b *store.Project) int { return cmp.Compare(b.Name, a.Name) }
	default:
		return nil, refusal.BadRequest("parameter sort: %q is not known", sort)
	}
	slices.SortStableFunc(list, less)
	if strings.EqualFold(c.Optional("order"), "asc") {
		slices.Reverse(list)
	}
	return list, nil
}

// window cuts list to the parameters offset and count.
func (c Call) window(list []*store.Project) ([]*store.Project, error) {
	offset, err := c.Number("offset")
	if err != nil {
		return nil, err
	}
	count, err := c.Number("count")
	if err != nil {
		return nil, err
	}
	if offset != nil && *offset < 0 || count != nil && *count < 0 {
		return nil, refusal.BadRequest("offset and count must not be negative")
	}
	if offset != nil {
		list = list[min(int(*offset), len(list)):]
	}
	if count != nil {
		list = list[:min(int(*count), len(list))]
	}
	return list, nil
}
