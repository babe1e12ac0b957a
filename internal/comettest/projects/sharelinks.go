package projects

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func (c Call) shareLinks() error {
	return c.ReadProject(func(p *store.Project) error {
		return c.Send(map[string]any{"shareCodes": wire.List(slices.Clone(p.ShareCodes))})
	})
}

func (c Call) addShareLink() error {
	return c.changeProject(c.QueryProject(), func(p *store.Project) error {
		return c.Send(map[string]any{"shareCode": p.AddShareCode()})
	})
}

func (c Call) deleteShareLink() error {
	code, err := c.Param("shareCode")
	if err != nil {
		return err
	}
	return c.changeProject(c.QueryProject(), func(p *store.Project) error {
		if !slices.Contains(p.ShareCodes, code) {
			return refusal.NotFound("share code %q does not exist", code)
		}
		p.ShareCodes = store.Without(p.ShareCodes, code)
		return c.Ack()
	})
}
