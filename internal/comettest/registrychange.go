package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// changeItem calls f for an item with the lock of the store held, and answers
// with an acknowledgement.
func (c registryCall) changeItem(id string, f func(i *registryItem) error) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	i := st.registryItem(id)
	if i == nil {
		return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model item %q does not exist", id)
	}
	if err := c.allow(i.model.workspace, RoleOwner, "registry model "+i.model.name); err != nil {
		return err
	}
	if err := f(i); err != nil {
		return err
	}
	i.updated = c.now()
	i.model.updated = i.updated
	return c.ack()
}

func (c registryCall) updateRegistryItem() error {
	var req struct {
		RegistryModelItemID string    `json:"registryModelItemId"`
		Comment             *string   `json:"comment"`
		Stages              *[]string `json:"stages"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.changeItem(req.RegistryModelItemID, func(i *registryItem) error {
		if req.Comment != nil {
			i.comment = req.Comment
		}
		if req.Stages != nil {
			i.stages = unique(*req.Stages)
		}
		return nil
	})
}

func (c registryCall) setRegistryStatus() error {
	var req struct {
		ModelItemID string `json:"modelItemId"`
		Status      string `json:"status"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if err := c.checkStatus(req.Status); err != nil {
		return err
	}
	return c.changeItem(req.ModelItemID, func(i *registryItem) error {
		status := func(s string) map[string]any {
			return map[string]any{"registryModelStatus": s, "changedBy": c.key.User}
		}
		i.event(c.now(), c.key.User, "MODEL_VERSION_STATUS_CHANGED", status(req.Status), status(i.status))
		i.status = req.Status
		return nil
	})
}

func (c registryCall) writeRegistryMetadata() error {
	var req struct {
		Metadata *[]registryMeta `json:"metadata"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Metadata == nil {
		return refusal.BadRequest("metadata is missing")
	}
	if err := checkItems(*req.Metadata); err != nil {
		return err
	}
	return c.changeItem(c.params["itemId"], func(i *registryItem) error {
		i.metadata = cloneItems(*req.Metadata)
		return nil
	})
}

func (c registryCall) addStage() error {
	stage, err := c.param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		i.stages = unique(append(i.stages, stage))
		return nil
	})
}

func (c registryCall) deleteStage() error {
	stage, err := c.param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		if !slices.Contains(i.stages, stage) {
			return refusal.NotFound("stage %q does not exist", stage)
		}
		i.stages = without(i.stages, stage)
		return nil
	})
}

func (c registryCall) deleteRegistryItem() error {
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		i.model.items = without(i.model.items, i)
		return nil
	})
}

// changeRegistry calls f for the registry model that match picks, with the
// lock of the store held, and answers with an acknowledgement.
func (c registryCall) changeRegistry(match func(m *registryModel) bool, f func(m *registryModel) error) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, w := range st.workspaces {
		i := slices.IndexFunc(w.registry, match)
		if i < 0 {
			continue
		}
		m := w.registry[i]
		if err := c.allow(w, RoleOwner, "registry model "+m.name); err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
		m.updated = c.now()
		return c.ack()
	}
	return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model does not exist")
}

func (c registryCall) updateRegistryModel() error {
	var req struct {
		RegistryModelID   string  `json:"registryModelId"`
		RegistryModelName *string `json:"registryModelName"`
		Description       *string `json:"description"`
		IsPublic          *bool   `json:"isPublic"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.changeRegistry(func(m *registryModel) bool { return m.id == req.RegistryModelID }, func(m *registryModel) error {
		if name := req.RegistryModelName; name != nil && *name != m.name {
			if *name == "" || m.workspace.registryNamed(*name) != nil {
				return refusal.BadRequest("registryModelName %q is empty or taken", *name)
			}
			m.name = *name
		}
		if req.Description != nil {
			m.description = req.Description
		}
		if req.IsPublic != nil {
			m.public = *req.IsPublic
		}
		return nil
	})
}

func (c registryCall) writeRegistryNotes() error {
	var req struct {
		WorkspaceName     string  `json:"workspaceName"`
		RegistryModelName string  `json:"registryModelName"`
		Notes             *string `json:"notes"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Notes == nil {
		return refusal.BadRequest("notes is missing")
	}
	match := func(m *registryModel) bool {
		return m.workspace.name == req.WorkspaceName && m.name == req.RegistryModelName
	}
	return c.changeRegistry(match, func(m *registryModel) error {
		m.notes = *req.Notes
		return nil
	})
}

func (c registryCall) deleteRegistryModel() error {
	workspace, name := c.optional("workspaceName"), c.optional("modelName")
	match := func(m *registryModel) bool { return m.workspace.name == workspace && m.name == name }
	return c.changeRegistry(match, func(m *registryModel) error {
		m.workspace.registry = without(m.workspace.registry, m)
		return nil
	})
}
