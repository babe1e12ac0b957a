package projects

import (
	"net/http"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// updateOwner gives a project to another user of its workspace. Only an admin
// of the workspace may.
func (c Call) updateOwner() error {
	var req struct {
		ProjectID string `json:"projectId"`
		UserName  string `json:"userName"`
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	if req.ProjectID == "" || req.UserName == "" {
		return refusal.BadRequest("projectId or userName is missing")
	}
	return c.changeProject(api.ProjectRef{ProjectID: req.ProjectID}, func(p *store.Project) error {
		if !c.Key.Admin && !p.Workspace.Members[c.Key.User] {
			return refusal.New(http.StatusForbidden, 0, "User: %s is no admin of workspace %s", c.Key.User, p.Workspace.Name)
		}
		if !c.MayOwn(req.UserName, p.Workspace) {
			return refusal.BadRequest("User: %s is no member of workspace %s", req.UserName, p.Workspace.Name)
		}
		p.Owner = req.UserName
		return c.Ack()
	})
}
