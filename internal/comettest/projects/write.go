package projects

import (
	"net/http"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// maxProjectName is the most characters of a project name.
const maxProjectName = 100

func checkProjectName(name string) error {
	if name == "" {
		return refusal.BadRequest("no project name was given").WithCode(refusal.CodeNoProjectName)
	}
	if utf8.RuneCountInString(name) > maxProjectName {
		return refusal.BadRequest("project name is too long, the maximum is %d characters", maxProjectName).
			WithCode(refusal.CodeProjectNameTooLong)
	}
	return nil
}

type createProjectRequest struct {
	WorkspaceName      string  `json:"workspaceName"`
	ProjectName        string  `json:"projectName"`
	ProjectDescription *string `json:"projectDescription"`
	IsPublic           bool    `json:"isPublic"`
}

func (c Call) createProject(req *createProjectRequest) error {
	if err := checkProjectName(req.ProjectName); err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	w, err := c.WorkspaceFor(req.WorkspaceName, api.RoleOwner)
	if err != nil {
		return err
	}
	if w.Project(req.ProjectName) != nil {
		return refusal.BadRequest("project %q already exists in workspace %q", req.ProjectName, w.Name)
	}
	p := st.AddProject(w, req.ProjectName, c.Key.User, c.Now())
	p.Description, p.Public = req.ProjectDescription, req.IsPublic
	return c.Send(struct {
		api.Ack
		projectDoc
	}{api.Saved("saved"), newProjectDoc(p)})
}

// OrNew returns the project of the given name and makes it if there is
// none.
func (c Call) OrNew(w *store.Workspace, name string) (*store.Project, error) {
	if err := checkProjectName(name); err != nil {
		return nil, err
	}
	return c.Store.EnsureProject(w, name, c.Key.User, c.Now()), nil
}

type updateProjectRequest struct {
	api.ProjectRef
	NewProjectName        *string `json:"newProjectName"`
	NewProjectDescription *string `json:"newProjectDescription"`
	IsPublic              *bool   `json:"isPublic"`
}

func (c Call) updateProject(req *updateProjectRequest) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	p, err := req.Find(c.Call, api.RoleOwner)
	if err != nil {
		return err
	}
	if name := req.NewProjectName; name != nil && *name != p.Name {
		if err := checkProjectName(*name); err != nil {
			return err
		}
		if p.Workspace.Project(*name) != nil {
			return refusal.BadRequest("project %q already exists in workspace %q", *name, p.Workspace.Name)
		}
		p.Name = *name
	}
	if req.NewProjectDescription != nil {
		p.Description = req.NewProjectDescription
	}
	if req.IsPublic != nil {
		p.Public = *req.IsPublic
	}
	p.Updated = c.Now()
	return c.Ack()
}

type writeNotesRequest struct {
	api.ProjectRef
	Notes *string `json:"notes"`
}

func (c Call) writeNotes(req *writeNotesRequest) error {
	if req.Notes == nil {
		return refusal.BadRequest("notes is missing")
	}
	return c.changeProject(req.ProjectRef, func(p *store.Project) error {
		p.Notes = *req.Notes
		return c.Ack()
	})
}

// changeProject calls f for the project with the lock of the store held.
func (c Call) changeProject(ref api.ProjectRef, f func(p *store.Project) error) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	p, err := ref.Find(c.Call, api.RoleOwner)
	if err != nil {
		return err
	}
	p.Updated = c.Now()
	return f(p)
}

type deleteProjectRequest struct {
	api.ProjectRef
	DeleteAllExperiments bool `json:"deleteAllExperiments"`
}

func (c Call) deleteProject(req *deleteProjectRequest) error {
	return c.changeProject(req.ProjectRef, func(p *store.Project) error {
		if p.General {
			return refusal.BadRequest("the general project of a workspace cannot be deleted")
		}
		if !req.DeleteAllExperiments {
			general := p.Workspace.Projects[0]
			for _, e := range p.Experiments {
				e.Project = general
				general.Experiments = append(general.Experiments, e)
			}
			p.Experiments = nil
		}
		c.Store.RemoveProject(p)
		return c.Ack()
	})
}

type updateOwnerRequest struct {
	ProjectID string `json:"projectId"`
	UserName  string `json:"userName"`
}

// updateOwner gives a project to another user of its workspace. Only an admin
// of the workspace may.
func (c Call) updateOwner(req *updateOwnerRequest) error {
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

// symlink makes an experiment appear in another project of its workspace,
// which is created if it is missing.
func (c Call) symlink() error {
	name, err := c.Param("projectName")
	if err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.OrNew(e.Project.Workspace, name)
	if err != nil {
		return err
	}
	if err := p.Link(e); err != nil {
		return err
	}
	return c.Send(struct {
		api.Ack
		Link string `json:"link"`
	}{api.Saved("Saved"), c.Root() + p.Workspace.Name + "/" + p.Name + "/" + e.Key})
}
