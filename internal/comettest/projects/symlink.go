package projects

import "github.com/comet-stream/comet-stream/internal/comettest/api"

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
