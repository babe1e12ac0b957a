package comet

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// Project is a project as a listing gives it.
type Project struct {
	Raw         json.RawMessage
	ID          string
	Workspace   string
	Name        string
	Description *string
	Owner       string
	Public      *bool
	// General is true for the default project of its workspace. Only
	// [Client.ProjectsPage] tells.
	General     *bool
	Experiments *int64 // how many, as the server counts
	Created     *int64 // only from [Client.ProjectsPage]
	Updated     *int64
}

func parseProject(data []byte) Project {
	p := Project{Raw: data}
	members(data, func(name string, v []byte) {
		switch name {
		case "projectId":
			p.ID = textOrEmpty(v)
		case "workspaceName", "teamName":
			p.Workspace = textOrEmpty(v)
		case "projectName":
			p.Name = textOrEmpty(v)
		case "projectDescription", "projectDesc":
			p.Description = textOf(v)
		case "ownerUserName", "userName":
			p.Owner = textOrEmpty(v)
		case "public", "isPublic":
			if b := boolOf(v); b != nil {
				p.Public = b
			}
		case "generalProject":
			p.General = boolOf(v)
		case "numberOfExperiments", "experimentCount":
			p.Experiments = intOf(v)
		case "created_at":
			p.Created = intOf(v)
		case "lastUpdated":
			p.Updated = intOf(v)
		}
	})
	return p
}

// Projects returns all projects of a workspace.
func (c *Client) Projects(ctx context.Context, workspace string) ([]Project, error) {
	data, err := c.get(ctx, "projects", "workspaceName", workspace)
	if err != nil {
		return nil, err
	}
	var list []Project
	elements(member(data, "projects"), func(v []byte) {
		p := parseProject(v)
		if p.Workspace == "" {
			p.Workspace = workspace
		}
		list = append(list, p)
	})
	return list, nil
}

// ProjectsPage returns all projects of a workspace from the newer listing,
// which also knows creation times and the default project. Older servers
// answer [ErrUnsupported].
func (c *Client) ProjectsPage(ctx context.Context, workspace string) ([]Project, error) {
	const count = 500
	var list []Project
	seen := make(map[string]bool)
	for offset := 0; ; {
		data, err := c.get(ctx, "projects/page", "workspaceName", workspace,
			"offset", strconv.Itoa(offset), "count", strconv.Itoa(count))
		if err != nil {
			return nil, err
		}
		rows, fresh := 0, 0
		elements(member(data, "rows"), func(v []byte) {
			rows++
			p := parseProject(v)
			if seen[p.ID] {
				return
			}
			seen[p.ID] = true
			fresh++
			if p.Workspace == "" {
				p.Workspace = workspace
			}
			list = append(list, p)
		})
		offset += rows
		if fresh == 0 || int64(offset) >= intOrZero(member(data, "totalRowCount")) && rows < count {
			return list, nil
		}
	}
}

// Project returns a project by its name.
func (c *Client) Project(ctx context.Context, workspace, name string) (*Project, error) {
	return c.project(ctx, "workspaceName", workspace, "projectName", name)
}

// ProjectByID returns a project by its id.
func (c *Client) ProjectByID(ctx context.Context, id string) (*Project, error) {
	return c.project(ctx, "projectId", id)
}

func (c *Client) project(ctx context.Context, query ...string) (*Project, error) {
	data, err := c.get(ctx, "project", query...)
	if err != nil {
		return nil, err
	}
	p := parseProject(data)
	if p.ID == "" && p.Name == "" {
		// Some servers answer 200 with nothing in it.
		return nil, &Error{Method: http.MethodGet, Path: "project", Status: http.StatusNotFound, Msg: "no such project"}
	}
	return &p, nil
}
