package registry

import (
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func (c call) compactDetails() error {
	return c.readRegistry(func(m *store.RegistryModel) error { return c.Send(newRegistryModelDoc(m)) })
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

func newCompactItemDoc(i *store.RegistryItem) compactItemDoc {
	return compactItemDoc{i.ID, i.Version, wire.List(i.Stages), i.Status, i.ExperimentKey, i.Source.Name, i.Comment, i.User, i.Created, i.Updated}
}

func (c call) registryItems() error {
	return c.readRegistry(func(m *store.RegistryModel) error {
		tag, status, prefix := c.Optional("tag"), c.Optional("status"), c.Optional("versionPrefix")
		docs := []compactItemDoc{}
		for _, i := range slices.Backward(m.Items) {
			if (tag == "" || slices.Contains(i.Stages, tag)) && (status == "" || i.Status == status) && strings.HasPrefix(i.Version, prefix) {
				docs = append(docs, newCompactItemDoc(i))
			}
		}
		return c.Send(map[string]any{"items": docs})
	})
}

func (c call) registryItemDetails() error {
	version, err := c.Param("version")
	if err != nil {
		return err
	}
	return c.readRegistry(func(m *store.RegistryModel) error {
		for _, i := range m.Items {
			if i.Version == version {
				return c.Send(newCompactItemDoc(i))
			}
		}
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model %q has no version %q", m.Name, version)
	})
}

// readItem calls f for the item with the given id, with the lock of the store
// held for reading.
func (c call) readItem(id string, f func(i *store.RegistryItem) error) error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	i := st.RegistryItem(id)
	if i == nil {
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model item %q does not exist", id)
	}
	if !i.Model.Public {
		if err := c.Allow(i.Model.Workspace, api.RoleViewer, "registry model "+i.Model.Name); err != nil {
			return err
		}
	}
	return f(i)
}

func (c call) registryItemMetadata() error {
	return c.readItem(c.Params["itemId"], func(i *store.RegistryItem) error {
		return c.Send(map[string]any{"metadata": append([]store.RegistryMeta{}, i.Metadata...)})
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

type registryHistoryRequest struct {
	RegistryModelItemID string `json:"registryModelItemId"`
	GroupedBy           string `json:"groupedBy"`
}

func (c call) registryHistory(req *registryHistoryRequest) error {
	if req.GroupedBy != "DAY" {
		return refusal.BadRequest("groupedBy %q is not DAY", req.GroupedBy)
	}
	return c.readItem(req.RegistryModelItemID, func(i *store.RegistryItem) error {
		days := make(map[string][]registryEventDoc)
		for _, ev := range i.History {
			day := time.UnixMilli(ev.Time).UTC().Format("January 2, 2006")
			days[day] = append(days[day], registryEventDoc{
				ActionType: ev.Action, NewValue: ev.NewValue, PreviousValue: ev.OldValue, RegistryModelID: i.Model.ID,
				ItemID: i.ID, ItemVersion: i.Version, ModelName: i.Model.Name, PathParams: map[string]any{},
				UserName: ev.User, Timestamp: ev.Time,
			})
		}
		return c.Send(days)
	})
}
