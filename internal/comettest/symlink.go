package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// symlink makes an experiment appear in another project of its workspace,
// which is created if it is missing.
func (c projectCall) symlink() error {
	name, err := c.param("projectName")
	if err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.projectOrNew(e.project.workspace, name)
	if err != nil {
		return err
	}
	if err := p.link(e); err != nil {
		return err
	}
	return c.send(struct {
		ack
		Link string `json:"link"`
	}{saved("Saved"), c.root() + p.workspace.name + "/" + p.name + "/" + e.key})
}

// link adds e to the listing of p. Linking twice changes nothing.
func (p *project) link(e *experiment) error {
	if p == e.project {
		return refusal.BadRequest("experiment %s is in project %q already", e.key, p.name)
	}
	if !slices.Contains(p.links, e) {
		p.links = append(p.links, e)
	}
	return nil
}
