package comettest

import (
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
)

// ArtifactSpec describes an artifact to be seeded. It belongs to the project
// of the experiment that produced its first version.
type ArtifactSpec struct {
	Name, Type  string
	Description *string
	Tags        []string
	Public      bool
	Emoji       *string
	Versions    []ArtifactVersionSpec // oldest first
}

// ArtifactVersionSpec describes a version of an artifact.
type ArtifactVersionSpec struct {
	Version  string
	State    string // CLOSED if empty
	Metadata *string
	Note     *string
	Aliases  []string
	Tags     []string
	// Producer and Consumers are experiment keys.
	Producer  string
	Consumers []string
	// Added is its time; 0 is the time of the demo.
	Added int64
	Files []AssetSpec
}

// SeedArtifact adds an artifact to a workspace.
func (s *Seeds) SeedArtifact(workspace string, spec ArtifactSpec) {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	w := st.workspace(workspace)
	if w == nil || w.artifactNamed(spec.Name) != nil || len(spec.Versions) == 0 {
		panic(fmt.Sprintf("comettest: artifact %q cannot be seeded", spec.Name))
	}
	first := spec.Versions[0].Producer
	a := &artifact{
		id: derive.ID("artifact", workspace, spec.Name), typ: spec.Type, name: spec.Name, description: spec.Description,
		tags: spec.Tags, public: spec.Public, emoji: spec.Emoji, owner: s.owner, producer: first,
		project: w.projects[0],
	}
	if e := st.experiments[first]; e != nil {
		a.project = e.project
	}
	w.artifacts = append(w.artifacts, a)
	for _, v := range spec.Versions {
		s.seedArtifactVersion(a, v)
	}
}

func (s *Seeds) seedArtifactVersion(a *artifact, spec ArtifactVersionSpec) {
	v := &artifactVersion{
		artifact: a, id: derive.ID("artifact version", a.id, spec.Version), version: spec.Version, owner: a.owner,
		metadata: spec.Metadata, note: spec.Note, state: spec.State, added: spec.Added, tags: spec.Tags,
		producer: spec.Producer, consumers: spec.Consumers,
	}
	if v.state == "" {
		v.state = stateClosed
	}
	if v.added == 0 {
		v.added = demoStart + int64(len(a.versions))
	}
	a.versions = append(a.versions, v)
	v.setAliases(spec.Aliases)
	for _, f := range spec.Files {
		if f.Type == "" {
			f.Type = typeUnknown
		}
		file := s.newAsset(f, spec.Producer, v.added)
		file.versionID = v.id
		v.files = append(v.files, file)
	}
}

// RegistrySpec describes a registry model to be seeded.
type RegistrySpec struct {
	Name        string
	Description *string
	Public      bool
	Notes       string
	Versions    []RegistryVersionSpec // oldest first
}

// RegistryVersionSpec describes a version of a registry model: the model of an
// experiment, which must exist.
type RegistryVersionSpec struct {
	Version           string
	Experiment, Model string
	Comment           *string
	Stages            []string
	Status            string // None if empty
	// Metadata values are marshalled.
	Metadata map[string]any
	// Configuration is the status configuration by its JSON names, nil for none.
	Configuration map[string]any
}

// SeedRegistryModel adds a model to the registry of a workspace.
func (s *Seeds) SeedRegistryModel(workspace string, spec RegistrySpec) {
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	w := st.workspace(workspace)
	if w == nil || w.registryNamed(spec.Name) != nil {
		panic(fmt.Sprintf("comettest: registry model %q cannot be seeded", spec.Name))
	}
	m := &registryModel{
		workspace: w, id: derive.ID("registry", workspace, spec.Name), name: spec.Name, description: spec.Description,
		public: spec.Public, notes: spec.Notes, user: s.owner, created: demoStart, updated: demoStart,
	}
	w.registry = append(w.registry, m)
	for _, v := range spec.Versions {
		m.items = append(m.items, s.seedRegistryItem(m, v))
	}
}

func (s *Seeds) seedRegistryItem(m *registryModel, spec RegistryVersionSpec) *registryItem {
	e := s.store.experiments[spec.Experiment]
	if e == nil || e.modelNamed(spec.Model) == nil {
		panic(fmt.Sprintf("comettest: no model %q in experiment %q", spec.Model, spec.Experiment))
	}
	now := demoStart + int64(len(m.items))
	i := &registryItem{
		model: m, id: derive.ID("registry item", m.id, spec.Version), version: spec.Version, comment: spec.Comment,
		stages: spec.Stages, status: spec.Status, source: e.modelNamed(spec.Model), experimentKey: e.key,
		user: m.user, created: now, updated: now,
	}
	if i.status == "" {
		i.status = noStatus
	}
	for key, v := range spec.Metadata {
		raw, err := json.Marshal(v)
		if err != nil {
			panic("comettest: metadata: " + err.Error())
		}
		i.metadata = append(i.metadata, registryMeta{key, raw})
	}
	if spec.Configuration != nil {
		raw, err := json.Marshal(spec.Configuration)
		if err == nil {
			err = json.Unmarshal(raw, &i.configuration)
		}
		if err != nil {
			panic("comettest: status configuration: " + err.Error())
		}
	}
	i.event(now, m.user, "MODEL_VERSION_CREATED", nil, nil)
	return i
}

// SeedPanel adds a Python panel to a workspace and returns its id.
func (s *Seeds) SeedPanel(workspace, name, code string) string {
	doc, err := json.Marshal(map[string]any{
		"templateName": name, "createdAt": demoStart, "editable": true, "thumbnailName": "template-thumbnail-1",
		"code": map[string]any{"type": "py", "pyCode": code, "code": "", "html": "", "css": "", "pyConfig": "{}"},
	})
	if err != nil {
		panic("comettest: panel: " + err.Error())
	}
	p := &panel{
		id: derive.ID("panel", workspace, name), owner: s.owner, created: demoStart, revision: demoStart,
		zip: blob.Zip("tempVisualizationTemplate.json", doc),
	}
	if p.name, p.code, err = readPanel(p.zip); err != nil {
		panic("comettest: panel: " + err.Error())
	}
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	w := st.workspace(workspace)
	w.panels = append(w.panels, p)
	return p.id
}

// SeedView adds a view to a project, or to one experiment of it if key is not
// empty, and returns its id. Fields are those of write/views/upsert, as JSON.
func (s *Seeds) SeedView(workspace, project, key, name string, fields map[string]json.RawMessage) string {
	return s.seedView(dashboards, workspace, project, key, name, fields)
}

// SeedExperimentView adds a view to an experiment, in the table of its own that
// views/chart-templates lists, and returns its id. Fields are as in SeedView.
func (s *Seeds) SeedExperimentView(workspace, project, key, name string, fields map[string]json.RawMessage) string {
	return s.seedView(charts, workspace, project, key, name, fields)
}

func (s *Seeds) seedView(table viewTable, workspace, project, key, name string, fields map[string]json.RawMessage) string {
	id := []string{"view", workspace, project, name}
	if table == charts {
		id = append(id, key)
	}
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	p := st.workspace(workspace).project(project)
	p.views = append(p.views, &view{
		table: table, id: derive.ID(id...), name: name, experimentKey: key, fields: fields,
		createdBy: s.owner, updated: demoStart,
	})
	return derive.ID(id...)
}
