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
