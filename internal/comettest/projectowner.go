package comettest

import (
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// updateOwner gives a project to another user of its workspace. Only an admin
// of the workspace may.
func (c projectCall) updateOwner() error {
	var req struct {
		ProjectID string `json:"projectId"`
		UserName  string `json:"userName"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.ProjectID == "" || req.UserName == "" {
		return refusal.BadRequest("projectId or userName is missing")
	}
	return c.changeProject(projectRef{ProjectID: req.ProjectID}, func(p *store.Project) error {
		if !c.key.Admin && !p.Workspace.Members[c.key.User] {
			return refusal.New(http.StatusForbidden, 0, "User: %s is no admin of workspace %s", c.key.User, p.Workspace.Name)
		}
		if !c.s.mayOwn(req.UserName, p.Workspace) {
			return refusal.BadRequest("User: %s is no member of workspace %s", req.UserName, p.Workspace.Name)
		}
		p.Owner = req.UserName
		return c.ack()
	})
}

// mayOwn reports whether a user can write to w. The lock of the store is held.
func (s *Server) mayOwn(user string, w *store.Workspace) bool {
	return slices.ContainsFunc(s.opts.Keys, func(k Key) bool {
		c := &call{s: s, key: &k}
		return k.User == user && c.role(w) == RoleOwner
	})
}
