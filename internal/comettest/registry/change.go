package registry

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// changeItem calls f for an item with the lock of the store held, and answers
// with an acknowledgement.
func (c call) changeItem(id string, f func(i *store.RegistryItem) error) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	i := st.RegistryItem(id)
	if i == nil {
		return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model item %q does not exist", id)
	}
	if err := c.Allow(i.Model.Workspace, api.RoleOwner, "registry model "+i.Model.Name); err != nil {
		return err
	}
	if err := f(i); err != nil {
		return err
	}
	i.Updated = c.Now()
	i.Model.Updated = i.Updated
	return c.Ack()
}

type updateRegistryItemRequest struct {
	RegistryModelItemID string    `json:"registryModelItemId"`
	Comment             *string   `json:"comment"`
	Stages              *[]string `json:"stages"`
}

func (c call) updateRegistryItem(req *updateRegistryItemRequest) error {
	return c.changeItem(req.RegistryModelItemID, func(i *store.RegistryItem) error {
		if req.Comment != nil {
			i.Comment = req.Comment
		}
		if req.Stages != nil {
			i.Stages = store.Unique(*req.Stages)
		}
		return nil
	})
}

type setRegistryStatusRequest struct {
	ModelItemID string `json:"modelItemId"`
	Status      string `json:"status"`
}

func (c call) setRegistryStatus(req *setRegistryStatusRequest) error {
	if err := c.checkStatus(req.Status); err != nil {
		return err
	}
	return c.changeItem(req.ModelItemID, func(i *store.RegistryItem) error {
		status := func(s string) map[string]any {
			return map[string]any{"registryModelStatus": s, "changedBy": c.Key.User}
		}
		i.Event(c.Now(), c.Key.User, "MODEL_VERSION_STATUS_CHANGED", status(req.Status), status(i.Status))
		i.Status = req.Status
		return nil
	})
}

type writeRegistryMetadataRequest struct {
	Metadata *[]store.RegistryMeta `json:"metadata"`
}

func (c call) writeRegistryMetadata(req *writeRegistryMetadataRequest) error {
	if req.Metadata == nil {
		return refusal.BadRequest("metadata is missing")
	}
	if err := checkItems(*req.Metadata); err != nil {
		return err
	}
	return c.changeItem(c.Params["itemId"], func(i *store.RegistryItem) error {
		i.Metadata = cloneItems(*req.Metadata)
		return nil
	})
}

func (c call) addStage() error {
	stage, err := c.Param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.Optional("modelItemId"), func(i *store.RegistryItem) error {
		i.Stages = store.Unique(append(i.Stages, stage))
		return nil
	})
}

func (c call) deleteStage() error {
	stage, err := c.Param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.Optional("modelItemId"), func(i *store.RegistryItem) error {
		if !slices.Contains(i.Stages, stage) {
			return refusal.NotFound("stage %q does not exist", stage)
		}
		i.Stages = store.Without(i.Stages, stage)
		return nil
	})
}

func (c call) deleteRegistryItem() error {
	return c.changeItem(c.Optional("modelItemId"), func(i *store.RegistryItem) error {
		i.Model.Items = store.Without(i.Model.Items, i)
		return nil
	})
}

// changeRegistry calls f for the registry model that match picks, with the
// lock of the store held, and answers with an acknowledgement.
func (c call) changeRegistry(match func(m *store.RegistryModel) bool, f func(m *store.RegistryModel) error) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	for _, w := range st.Workspaces {
		i := slices.IndexFunc(w.Registry, match)
		if i < 0 {
			continue
		}
		m := w.Registry[i]
		if err := c.Allow(w, api.RoleOwner, "registry model "+m.Name); err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
		m.Updated = c.Now()
		return c.Ack()
	}
	return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model does not exist")
}

type updateRegistryModelRequest struct {
	RegistryModelID   string  `json:"registryModelId"`
	RegistryModelName *string `json:"registryModelName"`
	Description       *string `json:"description"`
	IsPublic          *bool   `json:"isPublic"`
}

func (c call) updateRegistryModel(req *updateRegistryModelRequest) error {
	return c.changeRegistry(func(m *store.RegistryModel) bool { return m.ID == req.RegistryModelID }, func(m *store.RegistryModel) error {
		if name := req.RegistryModelName; name != nil && *name != m.Name {
			if *name == "" || m.Workspace.RegistryNamed(*name) != nil {
				return refusal.BadRequest("registryModelName %q is empty or taken", *name)
			}
			m.Name = *name
		}
		if req.Description != nil {
			m.Description = req.Description
		}
		if req.IsPublic != nil {
			m.Public = *req.IsPublic
		}
		return nil
	})
}

type writeRegistryNotesRequest struct {
	WorkspaceName     string  `json:"workspaceName"`
	RegistryModelName string  `json:"registryModelName"`
	Notes             *string `json:"notes"`
}

func (c call) writeRegistryNotes(req *writeRegistryNotesRequest) error {
	if req.Notes == nil {
		return refusal.BadRequest("notes is missing")
	}
	match := func(m *store.RegistryModel) bool {
		return m.Workspace.Name == req.WorkspaceName && m.Name == req.RegistryModelName
	}
	return c.changeRegistry(match, func(m *store.RegistryModel) error {
		m.Notes = *req.Notes
		return nil
	})
}

func (c call) deleteRegistryModel() error {
	workspace, name := c.Optional("workspaceName"), c.Optional("modelName")
	match := func(m *store.RegistryModel) bool { return m.Workspace.Name == workspace && m.Name == name }
	return c.changeRegistry(match, func(m *store.RegistryModel) error {
		m.Workspace.Registry = store.Without(m.Workspace.Registry, m)
		return nil
	})
}
