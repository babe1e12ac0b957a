package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// statusConfiguration is the rule for the status of a version, as clients give it.
type statusConfiguration struct {
	Status           string         `json:"status"`
	IsReviewRequired bool           `json:"isReviewRequired"`
	Items            []registryMeta `json:"statusConfiguration"`
	Comment          *string        `json:"comment"`
}

// allowedStatuses are the statuses that a version may have in a workspace.
func (c registryCall) allowedStatuses() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	if _, err := c.workspaceFor(c.optional("workspaceName"), RoleViewer); err != nil {
		return err
	}
	return c.send(map[string]any{"allowedStatus": c.s.opts.Statuses})
}

// statusConfiguration is an empty object for a version that has none.
func (c registryCall) statusConfiguration() error {
	return c.readItem(c.params["itemId"], func(i *registryItem) error {
		if i.configuration == nil {
			return c.send(map[string]any{})
		}
		return c.send(struct {
			ModelItemID string `json:"modelItemId"`
			*statusConfiguration
		}{i.id, i.configuration})
	})
}

// writeStatusConfiguration replaces the configuration. The status of the
// version is its own, unless the mood ConfigurationSetsStatus is on.
func (c registryCall) writeStatusConfiguration() error {
	var req statusConfiguration
	if err := c.decode(&req); err != nil {
		return err
	}
	if err := c.checkStatus(req.Status); err != nil {
		return err
	}
	if err := checkItems(req.Items); err != nil {
		return err
	}
	return c.changeItem(c.params["itemId"], func(i *registryItem) error {
		req.Items = cloneItems(req.Items)
		i.configuration = &req
		if c.moods.ConfigurationSetsStatus {
			i.status = req.Status
		}
		return nil
	})
}

// checkItems reports an item without key or value.
func checkItems(items []registryMeta) error {
	if slices.ContainsFunc(items, func(m registryMeta) bool { return m.Key == "" || len(m.Value) == 0 }) {
		return refusal.BadRequest("an item lacks key or value")
	}
	return nil
}

// cloneItems is a copy of items that outlives the request they came in.
func cloneItems(items []registryMeta) []registryMeta {
	list := make([]registryMeta, len(items))
	for n, m := range items {
		list[n] = registryMeta{m.Key, slices.Clone(m.Value)}
	}
	return list
}
