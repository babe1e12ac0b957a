package comettest

import (
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func (c registryCall) compactDetails() error {
	return c.readRegistry(func(m *registryModel) error { return c.send(m.doc()) })
}

type compactItemDoc struct {
	RegistryModelItemID string   `json:"registryModelItemId"`
	Version             string   `json:"version"`
	Tags                []string `json:"tags"`
	Status              string   `json:"status"`
	ExperimentKey       string   `json:"experimentKey"`
	ExperimentModelName string   `json:"experimentModelName"`
	Comment             *string  `json:"comment"`
	UserName            string   `json:"userName"`
	CreatedAt           int64    `json:"createdAt"`
	UpdatedAt           int64    `json:"updatedAt"`
}

func (i *registryItem) compact() compactItemDoc {
	return compactItemDoc{i.id, i.version, notNil(i.stages), i.status, i.experimentKey, i.source.name, i.comment, i.user, i.created, i.updated}
}

func (c registryCall) registryItems() error {
	return c.readRegistry(func(m *registryModel) error {
		tag, status, prefix := c.optional("tag"), c.optional("status"), c.optional("versionPrefix")
		docs := []compactItemDoc{}
		for _, i := range slices.Backward(m.items) {
			if (tag == "" || slices.Contains(i.stages, tag)) && (status == "" || i.status == status) && strings.HasPrefix(i.version, prefix) {
				docs = append(docs, i.compact())
			}
		}
		return c.send(map[string]any{"items": docs})
	})
}

func (c registryCall) registryItemDetails() error {
	version, err := c.param("version")
	if err != nil {
		return err
	}
	return c.readRegistry(func(m *registryModel) error {
		for _, i := range m.items {
			if i.version == version {
				return c.send(i.compact())
			}
		}
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model %q has no version %q", m.name, version)
	})
}

// readItem calls f for the item with the given id, with the lock of the store
// held for reading.
func (c registryCall) readItem(id string, f func(i *registryItem) error) error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	i := st.registryItem(id)
	if i == nil {
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model item %q does not exist", id)
	}
	if !i.model.public {
		if err := c.allow(i.model.workspace, RoleViewer, "registry model "+i.model.name); err != nil {
			return err
		}
	}
	return f(i)
}

func (c registryCall) registryItemMetadata() error {
	return c.readItem(c.params["itemId"], func(i *registryItem) error {
		return c.send(map[string]any{"metadata": append([]registryMeta{}, i.metadata...)})
	})
}

type registryEventDoc struct {
	ActionType      string         `json:"actionType"`
	Comment         *string        `json:"comment"`
	NewValue        map[string]any `json:"newValue"`
	PreviousValue   map[string]any `json:"previousValue"`
	RegistryModelID string         `json:"registryModelId"`
	ItemID          string         `json:"registryModelItemId"`
	ItemVersion     string         `json:"registryModelItemVersion"`
	ModelName       string         `json:"registryModelName"`
	PathParams      map[string]any `json:"registryModelItemActualPathParams"`
	UserAvatarLink  *string        `json:"userAvatarLink"`
	UserName        string         `json:"userName"`
	Timestamp       int64          `json:"timestamp"`
}

func (c registryCall) registryHistory() error {
	var req struct {
		RegistryModelItemID string `json:"registryModelItemId"`
		GroupedBy           string `json:"groupedBy"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.GroupedBy != "DAY" {
		return refusal.BadRequest("groupedBy %q is not DAY", req.GroupedBy)
	}
	return c.readItem(req.RegistryModelItemID, func(i *registryItem) error {
		days := make(map[string][]registryEventDoc)
		for _, ev := range i.history {
			day := time.UnixMilli(ev.time).UTC().Format("January 2, 2006")
			days[day] = append(days[day], registryEventDoc{
				ActionType: ev.action, NewValue: ev.newValue, PreviousValue: ev.oldValue, RegistryModelID: i.model.id,
				ItemID: i.id, ItemVersion: i.version, ModelName: i.model.name, PathParams: map[string]any{},
				UserName: ev.user, Timestamp: ev.time,
			})
		}
		return c.send(days)
	})
}
