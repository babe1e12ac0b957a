package comettest

// symlink makes an experiment appear in another project of its workspace,
// which is created if it is missing.
func (c projectCall) symlink() error {
	name, err := c.param("projectName")
	if err != nil {
		return err
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.projectOrNew(e.Project.Workspace, name)
	if err != nil {
		return err
	}
	if err := p.Link(e); err != nil {
		return err
	}
	return c.send(struct {
		ack
		Link string `json:"link"`
	}{saved("Saved"), c.root() + p.Workspace.Name + "/" + p.Name + "/" + e.Key})
}
