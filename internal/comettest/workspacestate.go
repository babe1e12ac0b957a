package comettest

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
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

func registryStates(w *store.Workspace, o StateOptions) []RegistryModelState {
	list := []RegistryModelState{}
	for _, m := range w.Registry {
		x := RegistryModelState{Name: m.Name, Description: m.Description, Public: m.Public, Notes: m.Notes, Versions: []RegistryItemState{}}
		if !o.Portable {
			x.ID, x.User, x.Created = m.ID, m.User, m.Created
		}
		for _, i := range m.Items {
			x.Versions = append(x.Versions, registryItemState(i, o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b RegistryModelState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func registryItemState(i *store.RegistryItem, o StateOptions) RegistryItemState {
	x := RegistryItemState{
		Version: i.Version, Comment: i.Comment, Stages: sorted(i.Stages), Status: i.Status,
		Metadata: make(map[string]json.RawMessage), Experiment: i.ExperimentKey, Model: i.Source.Name,
	}
	for _, m := range i.Metadata {
		x.Metadata[m.Key] = m.Value
	}
	if i.Configuration != nil {
		doc, _ := json.Marshal(i.Configuration) // what it holds came as JSON
		x.Configuration = canonical(doc)
	}
	if o.Portable {
		return x
	}
	x.ID, x.User, x.Created = i.ID, i.User, i.Created
	for _, ev := range i.History {
		x.Events = append(x.Events, ev.Action)
	}
	return x
}

// sorted is a sorted copy of list that is never nil.
func sorted(list []string) []string {
	return append([]string{}, slices.Sorted(slices.Values(list))...)
}

func artifactStates(w *store.Workspace, o StateOptions) []ArtifactState {
	list := []ArtifactState{}
	for _, a := range w.Artifacts {
		x := ArtifactState{
			Project: a.Project.Name, Name: a.Name, Type: a.Type, Description: a.Description, Tags: sorted(a.Tags),
			Public: a.Public, Emoji: a.Emoji, Versions: []ArtifactVersionState{},
		}
		if !o.Portable {
			x.ID, x.Owner = a.ID, a.Owner
		}
		for _, v := range a.Versions {
			x.Versions = append(x.Versions, artifactVersionState(v, o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ArtifactState) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func artifactVersionState(v *store.ArtifactVersion, o StateOptions) ArtifactVersionState {
	x := ArtifactVersionState{
		Version: v.Version, State: v.State, Metadata: v.Metadata, Note: v.Note, Aliases: sorted(v.AllAliases()),
		Tags: sorted(v.Tags), Producer: v.Producer, Consumers: sorted(v.Consumers), Files: assetStates(v.Files, o),
	}
	if !o.Portable {
		x.ID, x.Owner, x.Added = v.ID, v.Owner, v.Added
	}
	slices.SortFunc(x.Files, func(a, b AssetState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Link, b.Link))
	})
	return x
}

func panelStates(w *store.Workspace, o StateOptions) []PanelState {
	list := []PanelState{}
	for _, p := range w.Panels {
		x := PanelState{Name: p.Name, Code: p.Code, SHA256: sumHex(p.Zip)}
		if !o.Portable {
			x.ID = p.ID
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b PanelState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256))
	})
	return list
}

func viewStates(p *store.Project, o StateOptions) []ViewState {
	list := []ViewState{}
	for _, v := range p.Views {
		x := ViewState{Name: v.Name, Experiment: v.ExperimentKey, Chart: v.Table == store.Charts, Fields: v.Fields}
		if !o.Portable {
			x.ID = v.ID
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ViewState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// addLineage fills the artifact versions that e consumed and produced.
func addLineage(st *store.Store, e *store.Experiment, x *ExperimentState) {
	st.EachLink(e.Key, func(v *store.ArtifactVersion, direction string) {
		name := v.Artifact.Name + ":" + v.Version
		if direction == "input" {
			x.InputArtifacts = append(x.InputArtifacts, name)
		} else {
			x.OutputArtifacts = append(x.OutputArtifacts, name)
		}
	})
	slices.Sort(x.InputArtifacts)
	slices.Sort(x.OutputArtifacts)
}
