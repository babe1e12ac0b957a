package comettest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func accountRoutes() []route {
	return []route{
		{method: "GET", family: root, path: "clientlib/isAlive/ver", auth: authNone, handle: in(accountCall.isAlive)},
		{method: "GET", family: clientlib, path: "health/ping", auth: authNone, handle: in(accountCall.ping)},
		{method: "GET", path: "account-details", handle: in(accountCall.accountDetails)},
		{method: "GET", path: "workspaces", handle: in(accountCall.workspaces)},
		{method: "POST", path: "write/workspace/new", handle: in(accountCall.newWorkspace)},
		{method: "POST", path: "write/add-workspace-member", handle: in(accountCall.addMember)},
		{method: "GET", family: root, path: "api/auth/users", auth: authNone, handle: in(accountCall.findUser)},
		{method: "POST", family: root, path: "api/auth/users", auth: authNone, handle: in(accountCall.signUp)},
	}
}

func (c accountCall) isAlive() error {
	if c.moods.NoVersion {
		return refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found")
	}
	v := c.moods.Version
	if v == "" {
		v = c.s.opts.Version
	}
	return c.send(map[string]any{"msg": "Alive", "code": http.StatusOK, "version": v})
}

func (c accountCall) ping() error {
	return c.send(map[string]any{"msg": "Healthy", "code": http.StatusOK})
}

func (c accountCall) accountDetails() error {
	return c.send(map[string]any{"userName": c.key.User, "defaultWorkspaceName": c.key.defaultWorkspace()})
}

func (k *Key) defaultWorkspace() string {
	if k.DefaultWorkspace != "" {
		return k.DefaultWorkspace
	}
	return k.User
}

func (c accountCall) workspaces() error {
	st := c.s.store
	st.RLock()
	defer st.RUnlock()
	names := []string{}
	objects := []map[string]any{}
	for _, w := range st.Workspaces {
		if c.role(w) > RoleViewer {
			continue
		}
		names = append(names, w.Name)
		objects = append(objects, map[string]any{"name": w.Name, "workspaceId": w.ID})
	}
	if c.moods.ObjectWorkspaces {
		return c.send(map[string]any{"workspaceNames": objects})
	}
	return c.send(map[string]any{"workspaceNames": names})
}

func (c accountCall) newWorkspace() error {
	var req struct {
		Name string `json:"name"`
		Plan string `json:"plan"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Name == "" {
		return refusal.BadRequest("name is missing")
	}
	if !c.key.Admin {
		return refusal.New(http.StatusForbidden, 0, "User: %s may not create workspaces", c.key.User)
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	if st.Workspace(req.Name) != nil {
		return refusal.BadRequest("workspace name %q is already taken", req.Name)
	}
	w := st.AddWorkspace(req.Name, c.key.User, c.now())
	return c.send(map[string]any{"msg": "saved", "workspace_name": w.Name, "workspace_id": w.ID, "code": http.StatusOK})
}

func (c accountCall) addMember() error {
	var req struct {
		UserEmail     string `json:"userEmail"`
		WorkspaceName string `json:"workspaceName"`
		Admin         bool   `json:"admin"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	i := slices.IndexFunc(c.s.opts.Keys, func(k Key) bool { return k.Email != "" && k.Email == req.UserEmail })
	if i < 0 {
		return refusal.BadRequest("no user with email %q", req.UserEmail)
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	w, err := c.workspaceFor(req.WorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	user := c.s.opts.Keys[i].User
	if _, ok := w.Members[user]; ok {
		return refusal.BadRequest("User %s is already member of %s", user, w.Name)
	}
	w.Members[user] = req.Admin
	return c.ack()
}

// findUser answers 200 for a known address and 204 for another.
func (c accountCall) findUser() error {
	email, err := c.param("email")
	if err != nil {
		return err
	}
	for _, k := range c.s.opts.Keys {
		if strings.EqualFold(k.Email, email) {
			return c.send(map[string]any{"userName": k.User})
		}
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// signUp answers for users the server knows; it makes no new ones.
func (c accountCall) signUp() error {
	var req struct {
		Email    string `json:"email"`
		UserName string `json:"userName"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	for _, k := range c.s.opts.Keys {
		if k.Email == req.Email {
			return c.send(map[string]any{"cometUserName": k.User, "token": "", "apiKey": ""})
		}
	}
	return refusal.BadRequest("sign up of %q is not possible here", req.Email)
}
