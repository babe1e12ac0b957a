package comettest

import (
	"encoding/json"
	"slices"
)

// DefaultStatuses are the statuses a version of a registry model may have on a
// server whose options name none.
var DefaultStatuses = []string{"None", "Development", "Staging", "QA", "Production"}

const noStatus = "None"

// newVersion is what the calls that add a version have in common.
type newVersion struct {
	name, version string
	comment       *string
	stages        []string
	status        string
	source        *experimentModel
	experiment    *experiment
}

// check reports a version that cannot be. The lock of the store is held.
func (n *newVersion) check(c *call, m *registryModel) error {
	if n.name == "" {
		return badRequest("registryModelName is missing")
	}
	if !semantic.MatchString(n.version) {
		return badRequest("version %q is not of the form X.Y.Z", n.version).withCode(codeBadModelVersion)
	}
	if slices.Contains(n.stages, "") {
		return badRequest("a stage is empty")
	}
	if n.status == "" {
		n.status = noStatus
	}
	if err := c.checkStatus(n.status); err != nil {
		return err
	}
	if m != nil && slices.ContainsFunc(m.items, func(i *registryItem) bool { return i.version == n.version }) {
		return badRequest("registry model %q has a version %s already", n.name, n.version)
	}
	return nil
}

func (c *call) checkStatus(status string) error {
	if !slices.Contains(c.s.opts.Statuses, status) {
		return badRequest("status %q is not one of %q", status, c.s.opts.Statuses)
	}
	return nil
}

func (c *call) addVersion(m *registryModel, n *newVersion) *registryItem {
	now := c.now()
	i := &registryItem{
		model: m, id: newID(), version: n.version, comment: n.comment, stages: unique(n.stages), status: n.status,
		source: n.source, experimentKey: n.experiment.key, user: c.key.User, created: now, updated: now,
	}
	i.event(now, c.key.User, "MODEL_VERSION_CREATED", nil, nil)
	m.items = append(m.items, i)
	m.updated = now
	return i
}

func (c *call) newRegistryModel(w *workspace, name string, description *string, public bool) *registryModel {
	now := c.now()
	m := &registryModel{
		workspace: w, id: newID(), name: name, description: description, public: public,
		user: c.key.User, created: now, updated: now,
	}
	w.registry = append(w.registry, m)
	return m
}

// modelByID finds a model of an experiment. The lock of the store is held.
func (c *call) modelByID(id string) (*experiment, *experimentModel, error) {
	for _, e := range c.s.store.experiments {
		e.mu.Lock()
		i := slices.IndexFunc(e.models, func(m *experimentModel) bool { return m.id == id })
		var m *experimentModel
		if i >= 0 {
			m = e.models[i]
		}
		e.mu.Unlock()
		if m != nil {
			return e, m, c.allow(e.project.workspace, RoleOwner, "experiment "+e.key)
		}
	}
	return nil, nil, notFound("experiment model %q does not exist", id)
}

type classicItem struct {
	ExperimentModelID string   `json:"experimentModelId"`
	RegistryModelName string   `json:"registryModelName"`
	Version           string   `json:"version"`
	IsPublic          bool     `json:"isPublic"`
	Description       *string  `json:"description"`
	Comment           *string  `json:"comment"`
	Stages            []string `json:"stages"`
}

// createRegistryModel makes a model and its first version.
func (c *call) createRegistryModel() error {
	return c.classic(func(req *classicItem, w *workspace, n *newVersion) error {
		if w.registryNamed(req.RegistryModelName) != nil {
			return badRequest("registry model %q exists already", req.RegistryModelName)
		}
		if err := n.check(c, nil); err != nil {
			return err
		}
		m := c.newRegistryModel(w, req.RegistryModelName, req.Description, req.IsPublic)
		return c.sendItem(c.addVersion(m, n))
	})
}

// addRegistryItem adds a version to a model that exists.
func (c *call) addRegistryItem() error {
	return c.classic(func(req *classicItem, w *workspace, n *newVersion) error {
		m := w.registryNamed(req.RegistryModelName)
		if m == nil {
			return notFound("registry model %q does not exist", req.RegistryModelName).withCode(codeNoRegistryToUpdate)
		}
		if err := n.check(c, m); err != nil {
			return err
		}
		return c.sendItem(c.addVersion(m, n))
	})
}

func (c *call) classic(f func(req *classicItem, w *workspace, n *newVersion) error) error {
	var req classicItem
	if err := c.decode(&req); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, m, err := c.modelByID(req.ExperimentModelID)
	if err != nil {
		return err
	}
	return f(&req, e.project.workspace, &newVersion{
		name: req.RegistryModelName, version: req.Version, comment: req.Comment, stages: req.Stages, source: m, experiment: e,
	})
}

func (c *call) sendItem(i *registryItem) error {
	return c.send(struct {
		ack
		RegistryModelID     string `json:"registryModelId"`
		RegistryModelItemID string `json:"registryModelItemId"`
	}{saved("Saved"), i.model.id, i.id})
}

// createRegistryItem adds a version, to a new model if there is none of the
// name.
func (c *call) createRegistryItem() error {
	var req struct {
		ExperimentKey            string   `json:"experimentKey"`
		ExperimentModelName      string   `json:"experimentModelName"`
		RegistryModelName        string   `json:"registryModelName"`
		RegistryModelDescription *string  `json:"registryModelDescription"`
		Version                  string   `json:"version"`
		VersionComment           *string  `json:"versionComment"`
		Tags                     []string `json:"tags"`
		Status                   *string  `json:"status"`
		PublicModel              bool     `json:"publicModel"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(req.ExperimentKey, RoleOwner)
	if err != nil {
		return err
	}
	source := e.modelNamed(req.ExperimentModelName)
	if source == nil {
		return notFound("model %q does not exist in experiment %q", req.ExperimentModelName, e.key)
	}
	n := &newVersion{
		name: req.RegistryModelName, version: req.Version, comment: req.VersionComment, stages: req.Tags, source: source, experiment: e,
	}
	if req.Status != nil {
		n.status = *req.Status
	}
	w := e.project.workspace
	m := w.registryNamed(req.RegistryModelName)
	if err := n.check(c, m); err != nil {
		return err
	}
	if m == nil {
		m = c.newRegistryModel(w, req.RegistryModelName, req.RegistryModelDescription, req.PublicModel)
	}
	return c.sendItem(c.addVersion(m, n))
}

// modelNamed returns a model of e, nil if there is none of the name.
func (e *experiment) modelNamed(name string) *experimentModel {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := e.modelIndex(name); i >= 0 {
		return e.models[i]
	}
	return nil
}

// changeItem calls f for an item with the lock of the store held, and answers
// with an acknowledgement.
func (c *call) changeItem(id string, f func(i *registryItem) error) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	i := st.registryItem(id)
	if i == nil {
		return notFound("registry model item %q does not exist", id).withCode(codeNoRegistryToUpdate)
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

func (c *call) updateRegistryItem() error {
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

func (c *call) updateRegistryModel() error {
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
				return badRequest("registryModelName %q is empty or taken", *name)
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

// changeRegistry calls f for the registry model that match picks, with the
// lock of the store held, and answers with an acknowledgement.
func (c *call) changeRegistry(match func(m *registryModel) bool, f func(m *registryModel) error) error {
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
	return notFound("registry model does not exist").withCode(codeNoRegistryToUpdate)
}

func (c *call) writeRegistryNotes() error {
	var req struct {
		WorkspaceName     string  `json:"workspaceName"`
		RegistryModelName string  `json:"registryModelName"`
		Notes             *string `json:"notes"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Notes == nil {
		return badRequest("notes is missing")
	}
	match := func(m *registryModel) bool {
		return m.workspace.name == req.WorkspaceName && m.name == req.RegistryModelName
	}
	return c.changeRegistry(match, func(m *registryModel) error {
		m.notes = *req.Notes
		return nil
	})
}

func (c *call) setRegistryStatus() error {
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

func (c *call) writeRegistryMetadata() error {
	var req struct {
		Metadata *[]registryMeta `json:"metadata"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Metadata == nil {
		return badRequest("metadata is missing")
	}
	for _, m := range *req.Metadata {
		if m.Key == "" || len(m.Value) == 0 {
			return badRequest("an item of metadata lacks key or value")
		}
	}
	return c.changeItem(c.params["itemId"], func(i *registryItem) error {
		i.metadata = nil
		for _, m := range *req.Metadata {
			i.metadata = append(i.metadata, registryMeta{m.Key, json.RawMessage(slices.Clone(m.Value))})
		}
		return nil
	})
}

func (c *call) addStage() error {
	stage, err := c.param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		i.stages = unique(append(i.stages, stage))
		return nil
	})
}

func (c *call) deleteStage() error {
	stage, err := c.param("stage")
	if err != nil {
		return err
	}
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		if !slices.Contains(i.stages, stage) {
			return notFound("stage %q does not exist", stage)
		}
		i.stages = without(i.stages, stage)
		return nil
	})
}

func (c *call) deleteRegistryModel() error {
	workspace, name := c.optional("workspaceName"), c.optional("modelName")
	match := func(m *registryModel) bool { return m.workspace.name == workspace && m.name == name }
	return c.changeRegistry(match, func(m *registryModel) error {
		m.workspace.registry = without(m.workspace.registry, m)
		return nil
	})
}

func (c *call) deleteRegistryItem() error {
	return c.changeItem(c.optional("modelItemId"), func(i *registryItem) error {
		i.model.items = without(i.model.items, i)
		return nil
	})
}
