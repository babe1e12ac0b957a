package state

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// RegistryModel is a model of the registry, its versions in order of
// creation.
type RegistryModel struct {
	ID          string         `json:"id,omitempty"`
	Name        string         `json:"name"`
	Description *string        `json:"description"`
	Public      bool           `json:"public"`
	Notes       string         `json:"notes"`
	User        string         `json:"user,omitempty"`
	Created     int64          `json:"created,omitempty"`
	Versions    []RegistryItem `json:"versions"`
}

// RegistryItem is a version of a registry model.
type RegistryItem struct {
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

// Artifact is an artifact, its versions in order of creation.
type Artifact struct {
	ID          string            `json:"id,omitempty"`
	Project     string            `json:"project"`
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Description *string           `json:"description"`
	Tags        []string          `json:"tags"`
	Public      bool              `json:"public"`
	Emoji       *string           `json:"emoji"`
	Owner       string            `json:"owner,omitempty"`
	Versions    []ArtifactVersion `json:"versions"`
}

// ArtifactVersion is a version of an artifact, its files sorted by name
// and content.
type ArtifactVersion struct {
	ID        string   `json:"id,omitempty"`
	Version   string   `json:"version"`
	State     string   `json:"state"`
	Metadata  *string  `json:"metadata"`
	Note      *string  `json:"note"`
	Aliases   []string `json:"aliases"`
	Tags      []string `json:"tags"`
	Producer  string   `json:"producer"`
	Consumers []string `json:"consumers"`
	Owner     string   `json:"owner,omitempty"`
	Added     int64    `json:"added,omitempty"`
	Files     []Asset  `json:"files"`
}

// Panel is a custom panel.
type Panel struct {
	ID     string          `json:"id,omitempty"`
	Name   string          `json:"name"`
	Code   json.RawMessage `json:"code"`
	SHA256 string          `json:"sha256"` // of the zip
}

// View is a view of a project or, with Experiment, of an experiment.
type View struct {
	ID         string `json:"id,omitempty"`
	Name       string `json:"name"`
	Experiment string `json:"experiment,omitempty"`
	// Chart tells a view of the table for views of experiments.
	Chart  bool                       `json:"chart,omitempty"`
	Fields map[string]json.RawMessage `json:"fields"`
}

func registryStates(w *store.Workspace, o Options) []RegistryModel {
	list := []RegistryModel{}
	for _, m := range w.Registry {
		x := RegistryModel{Name: m.Name, Description: m.Description, Public: m.Public, Notes: m.Notes, Versions: []RegistryItem{}}
		if !o.Portable {
			x.ID, x.User, x.Created = m.ID, m.User, m.Created
		}
		for _, i := range m.Items {
			x.Versions = append(x.Versions, registryItemState(i, o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b RegistryModel) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func registryItemState(i *store.RegistryItem, o Options) RegistryItem {
	x := RegistryItem{
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

func artifactStates(w *store.Workspace, o Options) []Artifact {
	list := []Artifact{}
	for _, a := range w.Artifacts {
		x := Artifact{
			Project: a.Project.Name, Name: a.Name, Type: a.Type, Description: a.Description, Tags: sorted(a.Tags),
			Public: a.Public, Emoji: a.Emoji, Versions: []ArtifactVersion{},
		}
		if !o.Portable {
			x.ID, x.Owner = a.ID, a.Owner
		}
		for _, v := range a.Versions {
			x.Versions = append(x.Versions, artifactVersionState(v, o))
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Artifact) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func artifactVersionState(v *store.ArtifactVersion, o Options) ArtifactVersion {
	x := ArtifactVersion{
		Version: v.Version, State: v.State, Metadata: v.Metadata, Note: v.Note, Aliases: sorted(v.AllAliases()),
		Tags: sorted(v.Tags), Producer: v.Producer, Consumers: sorted(v.Consumers), Files: assetStates(v.Files, o),
	}
	if !o.Portable {
		x.ID, x.Owner, x.Added = v.ID, v.Owner, v.Added
	}
	slices.SortFunc(x.Files, func(a, b Asset) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256), cmp.Compare(a.Link, b.Link))
	})
	return x
}

func panelStates(w *store.Workspace, o Options) []Panel {
	list := []Panel{}
	for _, p := range w.Panels {
		x := Panel{Name: p.Name, Code: p.Code, SHA256: sumHex(p.Zip)}
		if !o.Portable {
			x.ID = p.ID
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Panel) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SHA256, b.SHA256))
	})
	return list
}

func viewStates(p *store.Project, o Options) []View {
	list := []View{}
	for _, v := range p.Views {
		x := View{Name: v.Name, Experiment: v.ExperimentKey, Chart: v.Table == store.Charts, Fields: v.Fields}
		if !o.Portable {
			x.ID = v.ID
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b View) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// addLineage fills the artifact versions that e consumed and produced.
func addLineage(st *store.Store, e *store.Experiment, x *Experiment) {
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
