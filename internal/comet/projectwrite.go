package comet

import (
	"context"
	"net/http"
)

// CreateWorkspace creates a workspace, which needs the rights of an
// administrator. A taken name is [ErrExists].
func (c *Client) CreateWorkspace(ctx context.Context, name string) error {
	var o object
	o.text("name", name)
	return c.post(ctx, "write/workspace/new", &o, "workspace_id")
}

// NewProject describes a project to be created.
type NewProject struct {
	Workspace, Name string
	Description     *string
	Public          bool
}

// CreateProject creates a project and returns its id. A taken name is
// [ErrExists]; with [Error.Repeated] it may have been taken by an earlier try
// of this very call.
func (c *Client) CreateProject(ctx context.Context, p NewProject) (id string, err error) {
	var o object
	o.text("workspaceName", p.Workspace)
	o.text("projectName", p.Name)
	o.textOrNull("projectDescription", p.Description)
	o.bool("isPublic", p.Public)
	data, err := c.document(ctx, &call{method: http.MethodPost, path: "write/project/create", body: jsonBody(o.bytes()), check: has("projectId")})
	if err != nil {
		return "", err
	}
	return textOrEmpty(member(data, "projectId")), nil
}

// ProjectUpdate holds what to change of a project; nil fields stay.
type ProjectUpdate struct {
	Name        *string
	Description *string
	Public      *bool
}

// UpdateProject changes a project.
func (c *Client) UpdateProject(ctx context.Context, id string, u ProjectUpdate) error {
	var o object
	o.text("projectId", id)
	if u.Name != nil {
		o.text("newProjectName", *u.Name)
	}
	if u.Description != nil {
		o.text("newProjectDescription", *u.Description)
	}
	if u.Public != nil {
		o.bool("isPublic", *u.Public)
	}
	return c.post(ctx, "write/project/update", &o)
}

// SetProjectOwner gives a project to another user, which needs the rights of an
// administrator of its workspace. Older servers answer [ErrUnsupported].
func (c *Client) SetProjectOwner(ctx context.Context, projectID, user string) error {
	return c.gated(ctx, featureProjectOwner, http.MethodPost, nil, func() error {
		var o object
		o.text("projectId", projectID)
		o.text("userName", user)
		return c.post(ctx, featureProjectOwner.path, &o)
	})
}

// WriteProjectNotes replaces the notes of a project.
func (c *Client) WriteProjectNotes(ctx context.Context, projectID string, notes Content) error {
	var o object
	o.text("projectId", projectID)
	return c.postText(ctx, call{path: "write/project/notes"}, &o, "notes", notes)
}

// Symlink makes an experiment appear in another project of its workspace.
func (c *Client) Symlink(ctx context.Context, key, project string) error {
	return c.ack(ctx, &call{
		method: http.MethodGet,
		path:   "write/project/symlink",
		query:  values("experimentKey", key, "projectName", project),
		given:  []string{"link"},
	})
}

// CreateExperiment creates an experiment whose key the server chooses, and
// returns the key. It is not safe to do twice, see [ErrUncertain].
func (c *Client) CreateExperiment(ctx context.Context, workspace, project, name string) (key string, err error) {
	var o object
	o.text("workspaceName", workspace)
	o.text("projectName", project)
	if name != "" {
		o.text("experimentName", name)
	}
	o.bool("disableHeartBeat", true)
	data, err := c.document(ctx, &call{
		method: http.MethodPost,
		path:   "write/experiment/create",
		body:   jsonBody(o.bytes()),
		unsafe: true,
		check:  has("experimentKey"),
	})
	if err != nil {
		return "", err
	}
	return textOrEmpty(member(data, "experimentKey")), nil
}
