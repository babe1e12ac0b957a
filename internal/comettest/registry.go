package comettest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func registryRoutes() []route {
	items, metadata, configuration := version{3, 5, 42}, version{4, 18, 133}, version{4, 20, 477}
	return []route{
		{method: "GET", path: "registry-model", handle: in(registryCall.registryModels)},
		{method: "GET", path: "registry-model/count", handle: in(registryCall.registryCount)},
		{method: "GET", path: "registry-model/details", handle: in(registryCall.registryDetails)},
		{method: "GET", path: "registry-model/latest_version", handle: in(registryCall.latestRegistryVersion)},
		{method: "GET", path: "registry-model/notes", handle: in(registryCall.registryNotes)},
		{method: "GET", path: "registry-model/item/download", handle: in(registryCall.downloadRegistryItem)},
		{method: "GET", path: "registry-model/item/download-instructions", handle: in(registryCall.registryInstructions)},
		{method: "GET", path: "registry-model/compact-details", since: items, handle: in(registryCall.compactDetails)},
		{method: "GET", path: "registry-model/items", since: items, handle: in(registryCall.registryItems)},
		{method: "GET", path: "registry-model/item/details", since: items, handle: in(registryCall.registryItemDetails)},
		{method: "GET", path: "registry-model/item/{itemId}/metadata", since: metadata, handle: in(registryCall.registryItemMetadata)},
		{method: "GET", path: "registry-model/item/{itemId}/status-configuration", since: configuration, handle: in(registryCall.statusConfiguration)},
		{method: "GET", path: "registry-model/allowed_status_values", since: items, handle: in(registryCall.allowedStatuses)},
		{method: "POST", path: "registry-model/history/item", since: version{3, 7, 28}, handle: in(registryCall.registryHistory)},
		{method: "POST", path: "write/registry-model", handle: in(registryCall.createRegistryModel)},
		{method: "POST", path: "write/registry-model/item", handle: in(registryCall.addRegistryItem)},
		{method: "POST", path: "write/registry-model/item/create", since: items, handle: in(registryCall.createRegistryItem)},
		{method: "POST", path: "write/registry-model/item/update", handle: in(registryCall.updateRegistryItem)},
		{method: "POST", path: "write/registry-model/update", handle: in(registryCall.updateRegistryModel)},
		{method: "POST", path: "write/registry-model/notes", handle: in(registryCall.writeRegistryNotes)},
		{method: "POST", path: "write/registry-model/item/status", since: items, handle: in(registryCall.setRegistryStatus)},
		{method: "POST", path: "write/registry-model/item/{itemId}/metadata", since: metadata, handle: in(registryCall.writeRegistryMetadata)},
		{method: "POST", path: "write/registry-model/item/{itemId}/status-configuration", since: configuration, handle: in(registryCall.writeStatusConfiguration)},
		{method: "GET", path: "write/registry-model/item/stage", handle: in(registryCall.addStage)},
		{method: "GET", path: "write/registry-model/item/stage/delete", handle: in(registryCall.deleteStage)},
		{method: "GET", path: "write/registry-model/delete", handle: in(registryCall.deleteRegistryModel)},
		{method: "GET", path: "write/registry-model/item/delete", handle: in(registryCall.deleteRegistryItem)},
	}
}

// registryModel is a model of a workspace's registry. It and its items are
// guarded by the lock of the store.
type registryModel struct {
	workspace   *workspace
	id          string
	name        string
	description *string
	public      bool
	notes       string
	user        string
	created     int64
	updated     int64
	items       []*registryItem // versions, in order of creation
}

// registryItem is a version of a registry model: a model of an experiment.
type registryItem struct {
	model         *registryModel
	id            string
	version       string
	comment       *string
	stages        []string
	status        string
	metadata      []registryMeta
	configuration *statusConfiguration // nil = none
	source        *experimentModel
	experimentKey string
	user          string
	created       int64
	updated       int64
	history       []registryEvent
}

type registryMeta struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

type registryEvent struct {
	time     int64
	action   string
	user     string
	newValue map[string]any
	oldValue map[string]any
}

func (w *workspace) registryNamed(name string) *registryModel {
	for _, m := range w.registry {
		if m.name == name {
			return m
		}
	}
	return nil
}

// eachRegistryItem calls f for all items of the instance until it returns true.
func (st *store) eachRegistryItem(f func(*registryItem) bool) {
	for _, w := range st.workspaces {
		for _, m := range w.registry {
			if slices.ContainsFunc(m.items, f) {
				return
			}
		}
	}
}

func (st *store) registryItem(id string) (found *registryItem) {
	st.eachRegistryItem(func(i *registryItem) bool {
		if i.id == id {
			found = i
		}
		return found != nil
	})
	return found
}

// registryRecords are the versions made of a model of an experiment.
func (w *workspace) registryRecords(m *experimentModel) []registryRecordDoc {
	docs := []registryRecordDoc{}
	for _, r := range w.registry {
		for _, i := range r.items {
			if i.source == m {
				docs = append(docs, registryRecordDoc{r.id, i.id, r.name, i.version, i.created})
			}
		}
	}
	return docs
}

func (i *registryItem) event(now int64, user, action string, newValue, oldValue map[string]any) {
	i.history = append(i.history, registryEvent{now, action, user, newValue, oldValue})
}

// assets are the elements of the item's model, as they are now. The lock of
// the store is held.
func (i *registryItem) assets(st *store) []*asset {
	e := st.experiments[i.experimentKey]
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []*asset
	for _, a := range e.assets {
		if a.grouping == i.source.name {
			list = append(list, a)
		}
	}
	return list
}

type registryModelDoc struct {
	RegistryModelID  string            `json:"registryModelId"`
	WorkspaceID      string            `json:"workspaceId"`
	ModelName        string            `json:"modelName"`
	Description      *string           `json:"description"`
	NumberOfVersions int               `json:"numberOfVersions"`
	IsPublic         bool              `json:"isPublic"`
	IsAutoGenerated  bool              `json:"isAutoGenerated"`
	IsMonitored      bool              `json:"isMonitored"`
	LatestVersion    *registryItemDoc  `json:"latestVersion,omitempty"`
	Versions         []registryItemDoc `json:"versions,omitempty"`
	ImagePath        *string           `json:"imagePath"`
	UserName         string            `json:"userName"`
	CreatedAt        int64             `json:"createdAt"`
	LastUpdated      int64             `json:"lastUpdated"`
}

type registryItemDoc struct {
	RegistryModelItemID string            `json:"registryModelItemId"`
	ExperimentModel     experimentModelID `json:"experimentModel"`
	Version             string            `json:"version"`
	Comment             *string           `json:"comment"`
	Stages              []string          `json:"stages"`
	Status              string            `json:"status,omitempty"`
	Metadata            []string          `json:"metadata,omitempty"`
	Assets              []assetDoc        `json:"assets,omitempty"`
	UserName            string            `json:"userName"`
	CreatedAt           int64             `json:"createdAt"`
	LastUpdated         int64             `json:"lastUpdated"`
	RestAPIURL          string            `json:"restApiUrl,omitempty"`
}

type experimentModelID struct {
	ExperimentModelID   string `json:"experimentModelId"`
	ExperimentModelName string `json:"experimentModelName"`
	ExperimentKey       string `json:"experimentKey"`
}

func (m *registryModel) doc() registryModelDoc {
	return registryModelDoc{
		RegistryModelID: m.id, WorkspaceID: m.workspace.id, ModelName: m.name, Description: m.description,
		NumberOfVersions: len(m.items), IsPublic: m.public, UserName: m.user, CreatedAt: m.created, LastUpdated: m.updated,
	}
}

func (i *registryItem) doc() registryItemDoc {
	return registryItemDoc{
		RegistryModelItemID: i.id, Version: i.version, Comment: i.comment, Stages: notNil(i.stages), UserName: i.user,
		ExperimentModel: experimentModelID{i.source.id, i.source.name, i.experimentKey},
		CreatedAt:       i.created, LastUpdated: i.updated,
	}
}

// full is doc with the assets.
func (c registryCall) registryItemDoc(i *registryItem) registryItemDoc {
	d := i.doc()
	d.Assets = []assetDoc{}
	for _, a := range i.assets(c.s.store) {
		d.Assets = append(d.Assets, a.doc(c.root()))
	}
	d.RestAPIURL = c.root() + "api/rest/v2/registry-model/item/download?workspaceName=" + i.model.workspace.name +
		"&modelName=" + i.model.name + "&version=" + i.version
	return d
}

func (c registryCall) registryModels() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	w, err := c.workspaceFor(c.optional("workspaceName"), RoleViewer)
	if err != nil {
		return err
	}
	docs := []registryModelDoc{}
	for _, m := range w.registry {
		d := m.doc()
		if n := len(m.items); n > 0 {
			latest := m.items[n-1].doc()
			latest.Metadata = []string{}
			for _, a := range m.items[n-1].assets(st) {
				if a.metadata != nil {
					latest.Metadata = append(latest.Metadata, *a.metadata)
				}
			}
			d.LatestVersion = &latest
		}
		docs = append(docs, d)
	}
	return c.send(map[string]any{"registryModels": docs})
}

func (c registryCall) registryCount() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	w, err := c.workspaceFor(c.optional("workspaceName"), RoleViewer)
	if err != nil {
		return err
	}
	return c.send(map[string]any{"registryModelCount": len(w.registry)})
}

// readRegistry calls f for the model the query names, with the lock of the
// store held.
func (c registryCall) readRegistry(f func(m *registryModel) error) error {
	name, err := c.param("modelName")
	if err != nil {
		return err
	}
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	w, err := c.workspaceFor(c.optional("workspaceName"), RoleNone)
	if err != nil {
		return err
	}
	m := w.registryNamed(name)
	if m == nil {
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model %q does not exist in workspace %q", name, w.name)
	}
	if !m.public {
		if err := c.allow(w, RoleViewer, "registry model "+name); err != nil {
			return err
		}
	}
	return f(m)
}

func (c registryCall) registryDetails() error {
	return c.readRegistry(func(m *registryModel) error {
		d := m.doc()
		d.Versions = []registryItemDoc{}
		for _, i := range m.items {
			d.Versions = append(d.Versions, c.registryItemDoc(i))
		}
		return c.send(d)
	})
}

// latestRegistryVersion is registryDetails with the newest of the versions
// that fit alone.
func (c registryCall) latestRegistryVersion() error {
	return c.readRegistry(func(m *registryModel) error {
		stage, prefix := c.optional("stage"), ""
		if major := c.optional("versionMajor"); major != "" {
			prefix = major + "."
			if minor := c.optional("versionMinor"); minor != "" {
				prefix += minor + "."
			}
		}
		for _, i := range slices.Backward(m.items) {
			if strings.HasPrefix(i.version, prefix) && (stage == "" || slices.Contains(i.stages, stage)) {
				d := m.doc()
				d.Versions = []registryItemDoc{c.registryItemDoc(i)}
				return c.send(d)
			}
		}
		return refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model %q has no such version", m.name)
	})
}

func (c registryCall) registryNotes() error {
	return c.readRegistry(func(m *registryModel) error { return c.send(map[string]any{"notes": m.notes}) })
}

// pickItem returns the item with the version or stage in the query, else the
// latest.
func (c registryCall) pickItem(m *registryModel) (*registryItem, error) {
	version, stage := c.optional("version"), c.optional("stage")
	if version != "" && stage != "" {
		return nil, refusal.BadRequest("version and stage exclude each other")
	}
	for _, i := range slices.Backward(m.items) {
		if version == "" && stage == "" || i.version == version || slices.Contains(i.stages, stage) {
			return i, nil
		}
	}
	return nil, refusal.NoSuch(refusal.CodeNoRegistryModel, "registry model %q has no version %q", m.name, version+stage)
}

// noteDownload writes a download to the history of the item, as the real
// server does: reading the registry this way changes it.
func (c registryCall) noteDownload(i *registryItem) {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	i.event(c.now(), c.key.User, "MODEL_VERSION_DOWNLOADED", nil, nil)
}

func (c registryCall) downloadRegistryItem() error {
	var item *registryItem
	var files []*asset
	err := c.readRegistry(func(m *registryModel) (err error) {
		if item, err = c.pickItem(m); err == nil {
			files = item.assets(c.s.store)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.noteDownload(item)
	return assetCall(c).sendZip(files)
}

func (c registryCall) registryInstructions() error {
	var item *registryItem
	err := c.readRegistry(func(m *registryModel) (err error) {
		if item, err = c.pickItem(m); err != nil {
			return err
		}
		d := c.registryItemDoc(item)
		return c.send(map[string]any{"versions": []registryItemDoc{d}, "s3DownloadEnabled": false})
	})
	if err != nil {
		return err
	}
	c.noteDownload(item)
	return nil
}
