package comet

import (
	"context"
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Create creates a workspace, which needs the rights of an
// administrator. A taken name is [ErrExists].
func (c Workspaces) Create(ctx context.Context, name string) error {
	var o wire.Object
	o.Text("name", name)
	return c.conn.post(ctx, "write/workspace/new", &o, "workspace_id")
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
	data, err := c.conn.document(ctx, &call{method: http.MethodPost, path: "write/project/create", body: jsonBody(o.Bytes()), check: has("projectId")})
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
	if u.Name != nil {
		o.Text("newProjectName", *u.Name)
	}
	if u.Description != nil {
		o.Text("newProjectDescription", *u.Description)
	}
	if u.Public != nil {
		o.Bool("isPublic", *u.Public)
	}
	return c.conn.post(ctx, "write/project/update", &o)
}

// SetOwner gives a project to another user, which needs the rights of an
// administrator of its workspace. Older servers answer [ErrUnsupported].
func (c Projects) SetOwner(ctx context.Context, projectID, user string) error {
	return c.conn.gated(ctx, featureProjectOwner, http.MethodPost, nil, func() error {
		var o wire.Object
		o.Text("projectId", projectID)
		o.Text("userName", user)
		return c.conn.post(ctx, featureProjectOwner.path, &o)
	})
}

// WriteNotes replaces the notes of a project.
func (c Projects) WriteNotes(ctx context.Context, projectID string, notes Content) error {
	var o wire.Object
	o.Text("projectId", projectID)
	return c.conn.postText(ctx, call{path: "write/project/notes"}, &o, "notes", notes)
}

// Symlink makes an experiment appear in another project of its workspace.
func (c Projects) Symlink(ctx context.Context, key, project string) error {
	return c.conn.ack(ctx, &call{
		method: http.MethodGet,
		path:   "write/project/symlink",
		query:  values("experimentKey", key, "projectName", project),
		given:  []string{"link"},
	})
}

// Create creates an experiment whose key the server chooses, and
// returns the key. It is not safe to do twice, see [ErrUncertain].
func (c Experiments) Create(ctx context.Context, workspace, project, name string) (key string, err error) {
	var o wire.Object
	o.Text("workspaceName", workspace)
	o.Text("projectName", project)
	if name != "" {
		o.Text("experimentName", name)
	}
	o.Bool("disableHeartBeat", true)
	data, err := c.conn.document(ctx, &call{
		method: http.MethodPost,
		path:   "write/experiment/create",
		body:   jsonBody(o.Bytes()),
		unsafe: true,
		check:  has("experimentKey"),
	})
	if err != nil {
		return "", err
	}
	return wire.TextOrEmpty(wire.Member(data, "experimentKey")), nil
}
