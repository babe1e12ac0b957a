package comet

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Projects are the calls of projects, and what belongs to them.
type Projects struct{ conn *api.Conn }

// Project is a project as a listing gives it.
type Project struct {
	Raw         json.RawMessage `wire:"."`
	ID          string          `wire:"projectId"`
	Workspace   string          `wire:"workspaceName teamName"`
	Name        string          `wire:"projectName"`
	Description *string         `wire:"projectDescription projectDesc"`
	Owner       string          `wire:"ownerUserName userName"`
	Public      *bool           `wire:"public isPublic"`
	// General is true for the default project of its workspace. Only
	// [Projects.Pages] tells.
	General     *bool  `wire:"generalProject"`
	Experiments *int64 `wire:"numberOfExperiments experimentCount"` // how many, as the server counts
	Created     *int64 `wire:"created_at"`                          // only from [Projects.Pages]
	Updated     *int64 `wire:"lastUpdated"`
}

// List returns all projects of a workspace.
func (c Projects) List(ctx context.Context, workspace string) ([]Project, error) {
	return api.ListOf(ctx, c.conn, readProjects, api.Query("workspaceName", workspace), nil, func(v []byte) Project {
		return parseProjectOf(workspace, v)
	})
}

// parseProjectOf reads a project from the listing of a workspace.
func parseProjectOf(workspace string, data []byte) Project {
	p := wire.Parse[Project](data)
	if p.Workspace == "" {
		p.Workspace = workspace
	}
	return p
}

// Pages returns all projects of a workspace from the newer listing,
// which also knows creation times and the default project. Older servers
// answer [ErrUnsupported].
func (c Projects) Pages(ctx context.Context, workspace string) ([]Project, error) {
	var list []Project
	exists := func() bool {
		_, err := c.List(ctx, workspace)
		return err == nil
	}
	err := c.conn.Gated(ctx, featureProjects, http.MethodGet, exists, func() (err error) {
		list, err = c.pages(ctx, workspace)
		return err
	})
	return list, err
}

// pages reads page after page until one brings nothing new.
func (c Projects) pages(ctx context.Context, workspace string) ([]Project, error) {
	const count = 500
	var all []Project
	seen := make(map[string]bool)
	for offset := 0; ; {
		var total *int64
		q := api.Query("workspaceName", workspace, "offset", strconv.Itoa(offset), "count", strconv.Itoa(count))
		rows, err := api.ListOf(ctx, c.conn, readProjectsPage, q, &scan.Beside{Begin: func() { total = nil }, Member: func(_ *scan.Room, name string, v []byte) error {
			if name == "totalRowCount" {
				total = wire.IntOf(v)
			}
			return nil
		}}, func(v []byte) Project { return parseProjectOf(workspace, v) })
		if err != nil {
			return nil, err
		}
		before := len(all)
		offset += len(rows)
		for _, p := range rows {
			if !seen[p.ID] {
				seen[p.ID] = true
				all = append(all, p)
			}
		}
		if len(all) == before || total != nil && int64(offset) >= *total {
			return all, nil
		}
	}
}

// Get returns a project by its name.
func (c Projects) Get(ctx context.Context, workspace, name string) (*Project, error) {
	return c.get(ctx, "workspaceName", workspace, "projectName", name)
}

// ByID returns a project by its id.
func (c Projects) ByID(ctx context.Context, id string) (*Project, error) {
	return c.get(ctx, "projectId", id)
}

func (c Projects) get(ctx context.Context, query ...string) (*Project, error) {
	data, err := c.conn.Get(ctx, readProject, query...)
	if err != nil {
		return nil, err
	}
	p := wire.Parse[Project](data)
	return &p, nil
}

// Notes returns the notes of a project.
func (c Projects) Notes(ctx context.Context, projectID string) (*api.Text, error) {
	return c.conn.Text(ctx, readProjectNotes, api.Query("projectId", projectID))
}

// NewProject describes a project to be created.
type NewProject struct {
	Workspace, Name string
	Description     *string
	Public          bool
}

// Create creates a project and returns its id. A taken name is
// [ErrExists]; with [Error.Repeated] it may have been taken by an earlier try
// of this very call.
func (c Projects) Create(ctx context.Context, p NewProject) (id string, err error) {
	var o wire.Object
	o.Text("workspaceName", p.Workspace)
	o.Text("projectName", p.Name)
	o.TextOrNull("projectDescription", p.Description)
	o.Bool("isPublic", p.Public)
	data, err := c.conn.Document(ctx, &api.Call{Method: http.MethodPost, Path: "write/project/create", Body: api.JSONBody(o.Bytes()), Check: api.HasMembers("projectId")})
	if err != nil {
		return "", err
	}
	return wire.TextOrEmpty(wire.Member(data, "projectId")), nil
}

// ProjectUpdate holds what to change of a project; nil fields stay.
type ProjectUpdate struct {
	Name        *string
	Description *string
	Public      *bool
}

// Update changes a project.
func (c Projects) Update(ctx context.Context, id string, u ProjectUpdate) error {
	var o wire.Object
	o.Text("projectId", id)
	o.TextOrNone("newProjectName", u.Name)
	o.TextOrNone("newProjectDescription", u.Description)
	o.BoolOrNone("isPublic", u.Public)
	return c.conn.Post(ctx, "write/project/update", &o)
}

// SetOwner gives a project to another user, which needs the rights of an
// administrator of its workspace. Older servers answer [ErrUnsupported].
func (c Projects) SetOwner(ctx context.Context, projectID, user string) error {
	return c.conn.Gated(ctx, featureProjectOwner, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Text("projectId", projectID)
		o.Text("userName", user)
		return c.conn.Post(ctx, featureProjectOwner.Path, &o)
	})
}

// WriteNotes replaces the notes of a project.
func (c Projects) WriteNotes(ctx context.Context, projectID string, notes api.Content) error {
	var o wire.Object
	o.Text("projectId", projectID)
	return c.conn.PostText(ctx, api.Call{Path: "write/project/notes"}, &o, "notes", notes)
}

// Symlink makes an experiment appear in another project of its workspace.
func (c Projects) Symlink(ctx context.Context, key, project string) error {
	return c.conn.Ack(ctx, &api.Call{
		Method: http.MethodGet,
		Path:   "write/project/symlink",
		Query:  api.Query("experimentKey", key, "projectName", project),
		Given:  []string{"link"},
	})
}

// ShareLinks returns how many share links a project has. Servers that do not tell
// answer [ErrUnsupported].
func (c Projects) ShareLinks(ctx context.Context, projectID string) (int64, error) {
	codes, err := c.ShareCodes(ctx, projectID)
	return int64(len(codes)), err
}

// ShareCodes returns the codes of the share links of a project, under the terms of
// [Projects.ShareLinks]. A code lets in whoever holds it: it is for those alone who
// hand links out, and goes into no stream, log or error.
func (c Projects) ShareCodes(ctx context.Context, projectID string) (codes []string, err error) {
	exists := func() bool {
		_, err := c.ByID(ctx, projectID)
		return err == nil
	}
	err = c.conn.Gated(ctx, featureShareLinks, http.MethodGet, exists, func() error {
		codes = nil
		data, err := c.conn.Get(ctx, readShareLinks, "projectId", projectID)
		wire.Elements(wire.Member(data, "shareCodes"), func(code []byte) { codes = append(codes, wire.TextOrEmpty(code)) })
		return err
	})
	return codes, err
}

// AddShareLink makes one more share link of a project, with a code that the
// server chooses. It is not safe to do twice, see [ErrUncertain].
func (c Projects) AddShareLink(ctx context.Context, projectID string) error {
	return c.conn.Ack(ctx, &api.Call{
		Method: http.MethodGet,
		Path:   "write/project/add-share-link",
		Query:  api.Query("projectId", projectID),
		Unsafe: true,
		Given:  []string{"shareCode"},
	})
}
