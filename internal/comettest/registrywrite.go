package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
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
		return refusal.BadRequest("registryModelName is missing")
	}
	if n.version == "" {
		n.version = "1.0.0"
	}
	if !semantic.MatchString(n.version) {
		return refusal.BadRequest("version %q is not of the form X.Y.Z", n.version).WithCode(refusal.CodeBadModelVersion)
	}
	if slices.Contains(n.stages, "") {
		return refusal.BadRequest("a stage is empty")
	}
	if n.status == "" {
		n.status = noStatus
	}
	if err := (registryCall{c}).checkStatus(n.status); err != nil {
		return err
	}
	if m != nil && slices.ContainsFunc(m.items, func(i *registryItem) bool { return i.version == n.version }) {
		return refusal.BadRequest("registry model %q has a version %s already", n.name, n.version)
	}
	return nil
}

func (c registryCall) checkStatus(status string) error {
	if !slices.Contains(c.s.opts.Statuses, status) {
		return refusal.BadRequest("status %q is not one of %q", status, c.s.opts.Statuses)
	}
	return nil
}

func (c registryCall) addVersion(m *registryModel, n *newVersion) *registryItem {
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

func (c registryCall) newRegistryModel(w *workspace, name string, description *string, public bool) *registryModel {
	now := c.now()
	m := &registryModel{
		workspace: w, id: newID(), name: name, description: description, public: public,
		user: c.key.User, created: now, updated: now,
	}
	w.registry = append(w.registry, m)
	return m
}

// modelByID finds a model of an experiment. The lock of the store is held.
func (c registryCall) modelByID(id string) (*experiment, *experimentModel, error) {
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
	return nil, nil, refusal.NotFound("experiment model %q does not exist", id)
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
func (c registryCall) createRegistryModel() error {
	return c.classic(func(req *classicItem, w *workspace, n *newVersion) error {
		if w.registryNamed(req.RegistryModelName) != nil {
			return refusal.BadRequest("registry model %q exists already", req.RegistryModelName)
		}
		if err := n.check(c.call, nil); err != nil {
			return err
		}
		m := c.newRegistryModel(w, req.RegistryModelName, req.Description, req.IsPublic)
		return c.sendItem(c.addVersion(m, n))
	})
}

// addRegistryItem adds a version to a model that exists.
func (c registryCall) addRegistryItem() error {
	return c.classic(func(req *classicItem, w *workspace, n *newVersion) error {
		m := w.registryNamed(req.RegistryModelName)
		if m == nil {
			return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model %q does not exist", req.RegistryModelName)
		}
		if err := n.check(c.call, m); err != nil {
			return err
		}
		return c.sendItem(c.addVersion(m, n))
	})
}

func (c registryCall) classic(f func(req *classicItem, w *workspace, n *newVersion) error) error {
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

func (c registryCall) sendItem(i *registryItem) error {
	return c.send(struct {
		ack
		RegistryModelID     string `json:"registryModelId"`
		RegistryModelItemID string `json:"registryModelItemId"`
	}{saved("Saved"), i.model.id, i.id})
}

// createRegistryItem adds a version, to a new model if there is none of the
// name.
func (c registryCall) createRegistryItem() error {
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
		return refusal.NotFound("model %q does not exist in experiment %q", req.ExperimentModelName, e.key)
	}
	n := &newVersion{
		name: req.RegistryModelName, version: req.Version, comment: req.VersionComment, stages: req.Tags, source: source, experiment: e,
	}
	if req.Status != nil {
		n.status = *req.Status
	}
	w := e.project.workspace
	m := w.registryNamed(req.RegistryModelName)
	if err := n.check(c.call, m); err != nil {
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
