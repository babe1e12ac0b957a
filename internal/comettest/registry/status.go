package registry

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// allowedStatuses are the statuses that a version may have in a workspace.
func (c call) allowedStatuses() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	if _, err := c.WorkspaceFor(c.Optional("workspaceName"), api.RoleViewer); err != nil {
		return err
	}
	return c.Send(map[string]any{"allowedStatus": c.Statuses})
}

// statusConfiguration is an empty object for a version that has none.
func (c call) statusConfiguration() error {
	return c.readItem(c.Params["itemId"], func(i *store.RegistryItem) error {
		if i.Configuration == nil {
			return c.Send(map[string]any{})
		}
		return c.Send(struct {
			ModelItemID string `json:"modelItemId"`
			*store.StatusConfiguration
		}{i.ID, i.Configuration})
	})
}

// writeStatusConfiguration replaces the configuration. The status of the
// version is its own, unless the mood ConfigurationSetsStatus is on.
func (c call) writeStatusConfiguration(req *store.StatusConfiguration) error {
	if err := c.checkStatus(req.Status); err != nil {
		return err
	}
	if err := checkItems(req.Items); err != nil {
		return err
	}
	return c.changeItem(c.Params["itemId"], func(i *store.RegistryItem) error {
		req.Items = cloneItems(req.Items)
		i.Configuration = req
		if c.Moods.ConfigurationSetsStatus {
			i.Status = req.Status
		}
		return nil
	})
}

// checkItems reports an item without key or value.
func checkItems(items []store.RegistryMeta) error {
	if slices.ContainsFunc(items, func(m store.RegistryMeta) bool { return m.Key == "" || len(m.Value) == 0 }) {
		return refusal.BadRequest("an item lacks key or value")
	}
	return nil
}

// cloneItems is a copy of items that outlives the request they came in.
func cloneItems(items []store.RegistryMeta) []store.RegistryMeta {
	list := make([]store.RegistryMeta, len(items))
	for n, m := range items {
		list[n] = store.RegistryMeta{Key: m.Key, Value: slices.Clone(m.Value)}
	}
	return list
}
