package projects

import (
	"net/http"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// An accountCall is about users and workspaces.
type accountCall struct{ *api.Call }

func accountRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Family: api.Root, Path: "clientlib/isAlive/ver", Auth: api.AuthNone, Handle: api.In(accountCall.isAlive)},
		{Method: "GET", Family: api.Clientlib, Path: "health/ping", Auth: api.AuthNone, Handle: api.In(accountCall.ping)},
		{Method: "GET", Path: "account-details", Handle: api.In(accountCall.accountDetails)},
		{Method: "GET", Path: "workspaces", Handle: api.In(accountCall.workspaces)},
		{Method: "POST", Path: "write/workspace/new", Handle: api.JSON(accountCall.newWorkspace)},
		{Method: "POST", Path: "write/add-workspace-member", Handle: api.JSON(accountCall.addMember)},
		{Method: "GET", Family: api.Root, Path: "api/auth/users", Auth: api.AuthNone, Handle: api.In(accountCall.findUser)},
		{Method: "POST", Family: api.Root, Path: "api/auth/users", Auth: api.AuthNone, Handle: api.JSON(accountCall.signUp)},
	}
}

func (c accountCall) isAlive() error {
	if c.Moods.NoVersion {
		return refusal.New(http.StatusNotFound, 0, "HTTP 404 Not Found")
	}
	v := c.Moods.Version
	if v == "" {
		v = c.Release
	}
	return c.Send(map[string]any{"msg": "Alive", "code": http.StatusOK, "version": v})
}

func (c accountCall) ping() error {
	return c.Send(map[string]any{"msg": "Healthy", "code": http.StatusOK})
}

func (c accountCall) accountDetails() error {
	return c.Send(map[string]any{"userName": c.Key.User, "defaultWorkspaceName": c.Key.Home()})
}

func (c accountCall) workspaces() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	names := []string{}
	objects := []map[string]any{}
	for _, w := range st.Workspaces {
		if c.RoleIn(w) > api.RoleViewer {
			continue
		}
		names = append(names, w.Name)
		objects = append(objects, map[string]any{"name": w.Name, "workspaceId": w.ID})
	}
	if c.Moods.ObjectWorkspaces {
		return c.Send(map[string]any{"workspaceNames": objects})
	}
	return c.Send(map[string]any{"workspaceNames": names})
}

type newWorkspaceRequest struct {
	Name string `json:"name"`
	Plan string `json:"plan"`
}

func (c accountCall) newWorkspace(req *newWorkspaceRequest) error {
	if req.Name == "" {
		return refusal.BadRequest("name is missing")
	}
	if !c.Key.Admin {
		return refusal.New(http.StatusForbidden, 0, "User: %s may not create workspaces", c.Key.User)
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	if st.Workspace(req.Name) != nil {
		return refusal.BadRequest("workspace name %q is already taken", req.Name)
	}
	w := st.AddWorkspace(req.Name, c.Key.User, c.Now())
	return c.Send(map[string]any{"msg": "saved", "workspace_name": w.Name, "workspace_id": w.ID, "code": http.StatusOK})
}

type addMemberRequest struct {
	UserEmail     string `json:"userEmail"`
	WorkspaceName string `json:"workspaceName"`
	Admin         bool   `json:"admin"`
}

func (c accountCall) addMember(req *addMemberRequest) error {
	i := slices.IndexFunc(c.Keys, func(k api.Key) bool { return k.Email != "" && k.Email == req.UserEmail })
	if i < 0 {
		return refusal.BadRequest("no user with email %q", req.UserEmail)
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	w, err := c.WorkspaceFor(req.WorkspaceName, api.RoleOwner)
	if err != nil {
		return err
	}
	user := c.Keys[i].User
	if _, ok := w.Members[user]; ok {
		return refusal.BadRequest("User %s is already member of %s", user, w.Name)
	}
	w.Members[user] = req.Admin
	return c.Ack()
}

// findUser answers 200 for a known address and 204 for another.
func (c accountCall) findUser() error {
	email, err := c.Param("email")
	if err != nil {
		return err
	}
	for _, k := range c.Keys {
		if strings.EqualFold(k.Email, email) {
			return c.Send(map[string]any{"userName": k.User})
		}
	}
	c.Writer.WriteHeader(http.StatusNoContent)
	return nil
}

type signUpRequest struct {
	Email    string `json:"email"`
	UserName string `json:"userName"`
}

// signUp answers for users the server knows; it makes no new ones.
func (c accountCall) signUp(req *signUpRequest) error {
	for _, k := range c.Keys {
		if k.Email == req.Email {
			return c.Send(map[string]any{"cometUserName": k.User, "token": "", "apiKey": ""})
		}
	}
	return refusal.BadRequest("sign up of %q is not possible here", req.Email)
}
