package registry

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// DefaultStatuses are the statuses a version of a registry model may have on a
// server whose options name none.
var DefaultStatuses = []string{"None", "Development", "Staging", "QA", "Production"}

// newVersion is what the calls that add a version have in common.
type newVersion struct {
	name, version string
	comment       *string
	stages        []string
	status        string
	source        *store.Model
	experiment    *store.Experiment
}

// check reports a version that cannot be. The lock of the store is held.
func (n *newVersion) check(c call, m *store.RegistryModel) error {
	if n.name == "" {
		return refusal.BadRequest("registryModelName is missing")
	}
	if n.version == "" {
		n.version = "1.0.0"
	}
	if !store.Semantic.MatchString(n.version) {
		return refusal.BadRequest("version %q is not of the form X.Y.Z", n.version).WithCode(refusal.CodeBadModelVersion)
	}
	if slices.Contains(n.stages, "") {
		return refusal.BadRequest("a stage is empty")
	}
	if n.status == "" {
		n.status = store.NoStatus
	}
	if err := c.checkStatus(n.status); err != nil {
		return err
	}
	if m != nil && slices.ContainsFunc(m.Items, func(i *store.RegistryItem) bool { return i.Version == n.version }) {
		return refusal.BadRequest("registry model %q has a version %s already", n.name, n.version)
	}
	return nil
}

func (c call) checkStatus(status string) error {
	if !slices.Contains(c.Statuses, status) {
		return refusal.BadRequest("status %q is not one of %q", status, c.Statuses)
	}
	return nil
}

func (c call) addVersion(m *store.RegistryModel, n *newVersion) *store.RegistryItem {
	now := c.Now()
	i := &store.RegistryItem{
		Model: m, ID: store.NewID(), Version: n.version, Comment: n.comment, Stages: store.Unique(n.stages), Status: n.status,
		Source: n.source, ExperimentKey: n.experiment.Key, User: c.Key.User, Created: now, Updated: now,
	}
	i.Event(now, c.Key.User, "MODEL_VERSION_CREATED", nil, nil)
	m.Items = append(m.Items, i)
	m.Updated = now
	return i
}

func (c call) newRegistryModel(w *store.Workspace, name string, description *string, public bool) *store.RegistryModel {
	now := c.Now()
	m := &store.RegistryModel{
		Workspace: w, ID: store.NewID(), Name: name, Description: description, Public: public,
		User: c.Key.User, Created: now, Updated: now,
	}
	w.Registry = append(w.Registry, m)
	return m
}

// modelByID finds a model of an experiment. The lock of the store is held.
func (c call) modelByID(id string) (*store.Experiment, *store.Model, error) {
	for _, e := range c.Store.Experiments {
		e.Lock()
		i := slices.IndexFunc(e.Models, func(m *store.Model) bool { return m.ID == id })
		var m *store.Model
		if i >= 0 {
			m = e.Models[i]
		}
		e.Unlock()
		if m != nil {
			return e, m, c.Allow(e.Project.Workspace, api.RoleOwner, "experiment "+e.Key)
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
func (c call) createRegistryModel(req *classicItem) error {
	return c.classic(req, func(w *store.Workspace, n *newVersion) error {
		if w.RegistryNamed(req.RegistryModelName) != nil {
			return refusal.BadRequest("registry model %q exists already", req.RegistryModelName)
		}
		if err := n.check(c, nil); err != nil {
			return err
		}
		m := c.newRegistryModel(w, req.RegistryModelName, req.Description, req.IsPublic)
		return c.sendItem(c.addVersion(m, n))
	})
}

// addRegistryItem adds a version to a model that exists.
func (c call) addRegistryItem(req *classicItem) error {
	return c.classic(req, func(w *store.Workspace, n *newVersion) error {
		m := w.RegistryNamed(req.RegistryModelName)
		if m == nil {
			return refusal.NoSuch(refusal.CodeNoRegistryToUpdate, "registry model %q does not exist", req.RegistryModelName)
		}
		if err := n.check(c, m); err != nil {
			return err
		}
		return c.sendItem(c.addVersion(m, n))
	})
}

// classic calls f, with the lock of the store held, for the version that a request asks for.
func (c call) classic(req *classicItem, f func(w *store.Workspace, n *newVersion) error) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, m, err := c.modelByID(req.ExperimentModelID)
	if err != nil {
		return err
	}
	return f(e.Project.Workspace, &newVersion{
		name: req.RegistryModelName, version: req.Version, comment: req.Comment, stages: req.Stages, source: m, experiment: e,
	})
}

func (c call) sendItem(i *store.RegistryItem) error {
	return c.Send(struct {
		api.Ack
		RegistryModelID     string `json:"registryModelId"`
		RegistryModelItemID string `json:"registryModelItemId"`
	}{api.Saved("Saved"), i.Model.ID, i.ID})
}

type createRegistryItemRequest struct {
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

// createRegistryItem adds a version, to a new model if there is none of the
// name.
func (c call) createRegistryItem(req *createRegistryItemRequest) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(req.ExperimentKey, api.RoleOwner)
	if err != nil {
		return err
	}
	source := e.ModelNamed(req.ExperimentModelName)
	if source == nil {
		return refusal.NotFound("model %q does not exist in experiment %q", req.ExperimentModelName, e.Key)
	}
	n := &newVersion{
		name: req.RegistryModelName, version: req.Version, comment: req.VersionComment, stages: req.Tags, source: source, experiment: e,
	}
	if req.Status != nil {
		n.status = *req.Status
	}
	w := e.Project.Workspace
	m := w.RegistryNamed(req.RegistryModelName)
	if err := n.check(c, m); err != nil {
		return err
	}
	if m == nil {
		m = c.newRegistryModel(w, req.RegistryModelName, req.RegistryModelDescription, req.PublicModel)
	}
	return c.sendItem(c.addVersion(m, n))
}
