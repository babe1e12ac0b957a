package store

import (
	"encoding/json"
)

// RegistryModel is a model of a workspace's registry. It and its items are
// guarded by the lock of the store.
type RegistryModel struct {
	Workspace   *Workspace
	ID          string
	Name        string
	Description *string
	Public      bool
	Notes       string
	User        string
	Created     int64
	Updated     int64
	Items       []*RegistryItem // versions, in order of creation
}

// RegistryItem is a version of a registry model: a model of an experiment.
type RegistryItem struct {
	Model         *RegistryModel
	ID            string
	Version       string
	Comment       *string
	Stages        []string
	Status        string
	Metadata      []RegistryMeta
	Configuration *StatusConfiguration // nil = none
	Source        *Model
	ExperimentKey string
	User          string
	Created       int64
	Updated       int64
	History       []RegistryEvent
}

// RegistryMeta is one entry of the metadata of a version, or of its configuration.
type RegistryMeta struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// RegistryEvent is what happened to a version.
type RegistryEvent struct {
	Time     int64
	Action   string
	User     string
	NewValue map[string]any
	OldValue map[string]any
}

// StatusConfiguration is the rule for the status of a version, as clients give it.
type StatusConfiguration struct {
	Status           string         `json:"status"`
	IsReviewRequired bool           `json:"isReviewRequired"`
	Items            []RegistryMeta `json:"statusConfiguration"`
	Comment          *string        `json:"comment"`
}

// NoStatus is the status of a version that was given none.
const NoStatus = "None"

// RegistryNamed returns the registry model of a name, nil if there is none.
func (w *Workspace) RegistryNamed(name string) *RegistryModel {
	return first(w.Registry, func(m *RegistryModel) bool { return m.Name == name })
}

// RegistryItem returns the version of an id, nil if there is none.
func (st *Store) RegistryItem(id string) *RegistryItem {
	for _, w := range st.Workspaces {
		for _, m := range w.Registry {
			if i := first(m.Items, func(i *RegistryItem) bool { return i.ID == id }); i != nil {
				return i
			}
		}
	}
	return nil
}

// Event adds an event to the history.
func (i *RegistryItem) Event(now int64, user, action string, newValue, oldValue map[string]any) {
	i.History = append(i.History, RegistryEvent{now, action, user, newValue, oldValue})
}

// Assets are the elements of the item's model, as they are now.
func (i *RegistryItem) Assets(st *Store) []*Asset {
	e := st.Experiments[i.ExperimentKey]
	if e == nil {
		return nil
	}
	e.Lock()
	defer e.Unlock()
	var list []*Asset
	for _, a := range e.Assets {
		if a.Grouping == i.Source.Name {
			list = append(list, a)
		}
	}
	return list
}

// Model is a named set of model elements of an experiment.
type Model struct {
	ID   string
	Name string
}

// ModelNamed returns a model of e, nil if there is none of the name. The lock of e is
// not held.
func (e *Experiment) ModelNamed(name string) *Model {
	e.Lock()
	defer e.Unlock()
	if i := e.modelIndex(name); i >= 0 {
		return e.Models[i]
	}
	return nil
}
