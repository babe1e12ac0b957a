package comettest

import (
	"cmp"
	"encoding/json"
	"slices"
)

// RegistryModelState is a model of the registry, its versions in order of
// creation.
type RegistryModelState struct {
	ID          string              `json:"id,omitempty"`
	Name        string              `json:"name"`
	Description *string             `json:"description"`
	Public      bool                `json:"public"`
	Notes       string              `json:"notes"`
	User        string              `json:"user,omitempty"`
	Created     int64               `json:"created,omitempty"`
	Versions    []RegistryItemState `json:"versions"`
}

// RegistryItemState is a version of a registry model.
type RegistryItemState struct {
	ID       string                     `json:"id,omitempty"`
	Version  string                     `json:"version"`
	Comment  *string                    `json:"comment"`
	Stages   []string                   `json:"stages"`
	Status   string                     `json:"status"`
	Metadata map[string]json.RawMessage `json:"metadata"`
	// Configuration is the status configuration, with sorted names.
	Configuration json.RawMessage `json:"configuration,omitempty"`
	Experiment    string          `json:"experiment"`
	Model         string          `json:"model"`
	User          string          `json:"user,omitempty"`
	Created       int64           `json:"created,omitempty"`
	Events        []string        `json:"events,omitempty"`
}

// ArtifactState is an artifact, its versions in order of creation.
type ArtifactState struct {
	ID          string                 `json:"id,omitempty"`
	Project     string                 `json:"project"`
	Name        string                 `json:"name"`
	Type        string                 `json:"type"`
	Description *string                `json:"description"`
	Tags        []string               `json:"tags"`
	Public      bool                   `json:"public"`
	Emoji       *string                `json:"emoji"`
	Owner       string                 `json:"owner,omitempty"`
	Versions    []ArtifactVersionState `json:"versions"`
}

// ArtifactVersionState is a version of an artifact, its files sorted by name
// and content.
type ArtifactVersionState struct {
	ID        string       `json:"id,omitempty"`
	Version   string       `json:"version"`
	State     string       `json:"state"`
	Metadata  *string      `json:"metadata"`
	Note      *string      `json:"note"`
	Aliases   []string     `json:"aliases"`
	Tags      []string     `json:"tags"`
	Producer  string       `json:"producer"`
	Consumers []string     `json:"consumers"`
	Owner     string       `json:"owner,omitempty"`
	Added     int64        `json:"added,omitempty"`
	Files     []AssetState `json:"files"`
}

// PanelState is a custom panel.
type PanelState struct {
	ID     string          `json:"id,omitempty"`
	Name   string          `json:"name"`
	Code   json.RawMessage `json:"code"`
	SHA256 string          `json:"sha256"` // of the zip
}

// ViewState is a view of a project or, with Experiment, of an experiment.
type ViewState struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name"`
	Experiment string `json:"experiment,omitempty"`
	// Chart tells a view of the table for views of experiments.
	Chart  bool                       `json:"chart,omitempty"`
	Fields map[string]json.RawMessage `json:"fields"`
}

func (w *workspace) registryStates(o StateOptions) []RegistryModelState {
	list := []RegistryModelState{}
	for _, m := range w.registry {
		x := RegistryModelState{Name: m.name, Description: m.description, Public: m.public, Notes: m.notes, Versions: []RegistryItemState{}}
		if !o.Portable {
			x.ID, x.User, x.Created = m.id, m.user, m.created
		}
		for _, i := range m.items {
			x.Versions = append(x.Versions, i.state(o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b RegistryModelState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (i *registryItem) state(o StateOptions) RegistryItemState {
	x := RegistryItemState{
		Version: i.version, Comment: i.comment, Stages: sorted(i.stages), Status: i.status,
		Metadata: make(map[string]json.RawMessage), Experiment: i.experimentKey, Model: i.source.name,
	}
	for _, m := range i.metadata {
		x.Metadata[m.Key] = m.Value
	}
	if i.configuration != nil {
		doc, _ := json.Marshal(i.configuration) // what it holds came as JSON
		x.Configuration = canonical(doc)
	}
	if o.Portable {
		return x
	}
	x.ID, x.User, x.Created = i.id, i.user, i.created
	for _, ev := range i.history {
		x.Events = append(x.Events, ev.action)
	}
	return x
}

// sorted is a sorted copy of list that is never nil.
func sorted(list []string) []string {
	return append([]string{}, slices.Sorted(slices.Values(list))...)
}

func (w *workspace) artifactStates(o StateOptions) []ArtifactState {
	list := []ArtifactState{}
	for _, a := range w.artifacts {
		x := ArtifactState{
			Project: a.project.name, Name: a.name, Type: a.typ, Description: a.description, Tags: sorted(a.tags),
			Public: a.public, Emoji: a.emoji, Versions: []ArtifactVersionState{},
		}
		if !o.Portable {
			x.ID, x.Owner = a.id, a.owner
		}
		for _, v := range a.versions {
			x.Versions = append(x.Versions, v.stateOf(o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ArtifactState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (v *artifactVersion) stateOf(o StateOptions) ArtifactVersionState {
	x := ArtifactVersionState{
		Version: v.version, State: v.state, Metadata: v.metadata, Note: v.note, Aliases: sorted(v.allAliases()),
		Tags: sorted(v.tags), Producer: v.producer, Consumers: sorted(v.consumers), Files: assetStates(v.files, o),
	}
	if !o.Portable {
		x.ID, x.Owner, x.Added = v.id, v.owner, v.added
	}
	slices.SortFunc(x.Files, func(a, b AssetState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Link, b.Link))
	})
	return x
}

func (w *workspace) panelStates(o StateOptions) []PanelState {
	list := []PanelState{}
	for _, p := range w.panels {
		x := PanelState{Name: p.name, Code: p.code, SHA256: sumHex(p.zip)}
		if !o.Portable {
			x.ID = p.id
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b PanelState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256))
	})
	return list
}

func (p *project) viewStates(o StateOptions) []ViewState {
	list := []ViewState{}
	for _, v := range p.views {
		x := ViewState{Name: v.name, Experiment: v.experimentKey, Chart: v.table == charts, Fields: v.fields}
		if !o.Portable {
			x.ID = v.id
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ViewState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// lineage fills the artifact versions that e consumed and produced.
func (st *store) lineage(e *experiment, x *ExperimentState) {
	st.eachLink(e.key, func(v *artifactVersion, direction string) {
		name := v.artifact.name + ":" + v.version
		if direction == "input" {
			x.InputArtifacts = append(x.InputArtifacts, name)
		} else {
			x.OutputArtifacts = append(x.OutputArtifacts, name)
		}
	})
	slices.Sort(x.InputArtifacts)
	slices.Sort(x.OutputArtifacts)
}
