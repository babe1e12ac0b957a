package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func (c projectCall) shareLinks() error {
	c.s.store.mu.RLock()
	defer c.s.store.mu.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"shareCodes": append([]string{}, p.shareCodes...)})
}

func (c projectCall) addShareLink() error {
	return c.changeProject(c.queryProject(), func(p *project) error {
		return c.send(map[string]any{"shareCode": p.addShareCode()})
	})
}

// addShareCode makes a share link of the project and returns its code.
func (p *project) addShareCode() string {
	code := newID()[:20]
	p.shareCodes = append(p.shareCodes, code)
	return code
}

func (c projectCall) deleteShareLink() error {
	code, err := c.param("shareCode")
	if err != nil {
		return err
	}
	return c.changeProject(c.queryProject(), func(p *project) error {
		if !slices.Contains(p.shareCodes, code) {
			return refusal.NotFound("share code %q does not exist", code)
		}
		p.shareCodes = without(p.shareCodes, code)
		return c.ack()
	})
}
