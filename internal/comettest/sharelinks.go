package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func (c projectCall) shareLinks() error {
	c.s.store.RLock()
	defer c.s.store.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"shareCodes": append([]string{}, p.ShareCodes...)})
}

func (c projectCall) addShareLink() error {
	return c.changeProject(c.queryProject(), func(p *store.Project) error {
		return c.send(map[string]any{"shareCode": p.AddShareCode()})
	})
}

func (c projectCall) deleteShareLink() error {
	code, err := c.param("shareCode")
	if err != nil {
		return err
	}
	return c.changeProject(c.queryProject(), func(p *store.Project) error {
		if !slices.Contains(p.ShareCodes, code) {
			return refusal.NotFound("share code %q does not exist", code)
		}
		p.ShareCodes = store.Without(p.ShareCodes, code)
		return c.ack()
	})
}
