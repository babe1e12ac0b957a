package seed

import (
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Artifact describes an artifact to be seeded. It belongs to the project
// of the experiment that produced its first version.
type Artifact struct {
	Name, Type  string
	Description *string
	Tags        []string
	Public      bool
	Emoji       *string
	Versions    []ArtifactVersion // oldest first
}

// ArtifactVersion describes a version of an artifact.
type ArtifactVersion struct {
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
	Files []Asset
}

// SeedArtifact adds an artifact to a workspace.
func (s *Seeds) SeedArtifact(workspace string, spec Artifact) {
	st := s.store
	st.Lock()
	defer st.Unlock()
	w := st.Workspace(workspace)
	if w == nil || w.ArtifactNamed(spec.Name) != nil || len(spec.Versions) == 0 {
		panic(fmt.Sprintf("comettest: artifact %q cannot be seeded", spec.Name))
	}
	first := spec.Versions[0].Producer
	a := &store.Artifact{
		ID: derive.ID("artifact", workspace, spec.Name), Type: spec.Type, Name: spec.Name, Description: spec.Description,
		Tags: spec.Tags, Public: spec.Public, Emoji: spec.Emoji, Owner: s.owner, Producer: first,
		Project: w.Projects[0],
	}
	if e := st.Experiments[first]; e != nil {
		a.Project = e.Project
	}
	w.Artifacts = append(w.Artifacts, a)
	for _, v := range spec.Versions {
		s.seedArtifactVersion(a, v)
	}
}

func (s *Seeds) seedArtifactVersion(a *store.Artifact, spec ArtifactVersion) {
	v := &store.ArtifactVersion{
		Artifact: a, ID: derive.ID("artifact version", a.ID, spec.Version), Version: spec.Version, Owner: a.Owner,
		Metadata: spec.Metadata, Note: spec.Note, State: spec.State, Added: spec.Added, Tags: spec.Tags,
		Producer: spec.Producer, Consumers: spec.Consumers,
	}
	if v.State == "" {
		v.State = store.StateClosed
	}
	if v.Added == 0 {
		v.Added = demoStart + int64(len(a.Versions))
	}
	a.Versions = append(a.Versions, v)
	v.SetAliases(spec.Aliases)
	for _, f := range spec.Files {
		if f.Type == "" {
			f.Type = store.TypeUnknown
		}
		file := s.newAsset(f, spec.Producer, v.Added)
		file.VersionID = v.ID
		s.store.AddAsset(file)
		v.Files = append(v.Files, file)
	}
}

// RegistryModel describes a registry model to be seeded.
type RegistryModel struct {
	Name        string
	Description *string
	Public      bool
	Notes       string
	Versions    []RegistryVersion // oldest first
}

// RegistryVersion describes a version of a registry model: the model of an
// experiment, which must exist.
type RegistryVersion struct {
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
func (s *Seeds) SeedRegistryModel(workspace string, spec RegistryModel) {
	st := s.store
	st.Lock()
	defer st.Unlock()
	w := st.Workspace(workspace)
	if w == nil || w.RegistryNamed(spec.Name) != nil {
		panic(fmt.Sprintf("comettest: registry model %q cannot be seeded", spec.Name))
	}
	m := &store.RegistryModel{
		Workspace: w, ID: derive.ID("registry", workspace, spec.Name), Name: spec.Name, Description: spec.Description,
		Public: spec.Public, Notes: spec.Notes, User: s.owner, Created: demoStart, Updated: demoStart,
	}
	w.Registry = append(w.Registry, m)
	for _, v := range spec.Versions {
		m.Items = append(m.Items, s.seedRegistryItem(m, v))
	}
}

func (s *Seeds) seedRegistryItem(m *store.RegistryModel, spec RegistryVersion) *store.RegistryItem {
	e := s.store.Experiments[spec.Experiment]
	if e == nil || e.ModelNamed(spec.Model) == nil {
		panic(fmt.Sprintf("comettest: no model %q in experiment %q", spec.Model, spec.Experiment))
	}
	now := demoStart + int64(len(m.Items))
	i := &store.RegistryItem{
		Model: m, ID: derive.ID("registry item", m.ID, spec.Version), Version: spec.Version, Comment: spec.Comment,
		Stages: spec.Stages, Status: spec.Status, Source: e.ModelNamed(spec.Model), ExperimentKey: e.Key,
		User: m.User, Created: now, Updated: now,
	}
	if i.Status == "" {
		i.Status = store.NoStatus
	}
	for key, v := range spec.Metadata {
		raw, err := json.Marshal(v)
		if err != nil {
			panic("comettest: metadata: " + err.Error())
		}
		i.Metadata = append(i.Metadata, store.RegistryMeta{Key: key, Value: raw})
	}
	if spec.Configuration != nil {
		raw, err := json.Marshal(spec.Configuration)
		if err == nil {
			err = json.Unmarshal(raw, &i.Configuration)
		}
		if err != nil {
			panic("comettest: status configuration: " + err.Error())
		}
	}
	i.Event(now, m.User, "MODEL_VERSION_CREATED", nil, nil)
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
	p := &store.Panel{
		ID: derive.ID("panel", workspace, name), Owner: s.owner, Created: demoStart, Revision: demoStart,
		Zip: blob.Zip("tempVisualizationTemplate.json", doc),
	}
	if p.Name, p.Code, err = store.ReadPanel(p.Zip); err != nil {
		panic("comettest: panel: " + err.Error())
	}
	st := s.store
	st.Lock()
	defer st.Unlock()
	w := st.Workspace(workspace)
	w.Panels = append(w.Panels, p)
	return p.ID
}

// SeedView adds a view to a project, or to one experiment of it if key is not
// empty, and returns its id. Fields are those of write/views/upsert, as JSON.
func (s *Seeds) SeedView(workspace, project, key, name string, fields map[string]json.RawMessage) string {
	return s.seedView(store.Dashboards, workspace, project, key, name, fields)
}

// SeedExperimentView adds a view to an experiment, in the table of its own that
// views/chart-templates lists, and returns its id. Fields are as in SeedView.
func (s *Seeds) SeedExperimentView(workspace, project, key, name string, fields map[string]json.RawMessage) string {
	return s.seedView(store.Charts, workspace, project, key, name, fields)
}

func (s *Seeds) seedView(table store.ViewTable, workspace, project, key, name string, fields map[string]json.RawMessage) string {
	id := []string{"view", workspace, project, name}
	if table == store.Charts {
		id = append(id, key)
	}
	st := s.store
	st.Lock()
	defer st.Unlock()
	p := st.Workspace(workspace).Project(project)
	p.Views = append(p.Views, &store.View{
		Table: table, ID: derive.ID(id...), Name: name, ExperimentKey: key, Fields: fields,
		CreatedBy: s.owner, Updated: demoStart,
	})
	return derive.ID(id...)
}
