// Package store holds what a server knows: workspaces, projects, experiments and what
// belongs to them, as it was sent. It knows no requests and no answers.
//
// The lock of the [Store] guards it all but the contents of an experiment, which has a
// lock of its own, taken second. Unless a method says otherwise, its caller holds the
// lock of what it belongs to.
package store

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Store is everything a server knows. Its lock guards the maps, what hangs on
// workspaces and projects, and the place of experiments in them.
type Store struct {
	sync.RWMutex
	Workspaces  []*Workspace
	Projects    map[string]*Project // by id
	Experiments map[string]*Experiment
	Uploads     map[string]*DirectUpload
	Bodies      *blob.Dir
	assets      map[assetRef]*Asset // those of artifacts included
}

// Workspace is a workspace and what belongs to it beside experiments.
type Workspace struct {
	ID        string
	Name      string
	Projects  []*Project      // the first is the general one
	Members   map[string]bool // by user: whether an admin
	Registry  []*RegistryModel
	Artifacts []*Artifact
	Panels    []*Panel
}

// Project is a project, its experiments in the order in which they came.
type Project struct {
	Workspace   *Workspace
	ID          string
	Name        string
	Description *string
	Public      bool
	General     bool
	Owner       string
	Notes       string
	ShareCodes  []string
	Created     int64
	Updated     int64
	Experiments []*Experiment
	Links       []*Experiment // symlinked from other projects
	Views       []*View
}

// New returns an empty store that keeps the contents of assets in bodies.
func New(bodies *blob.Dir) *Store {
	return &Store{
		Projects:    make(map[string]*Project),
		Experiments: make(map[string]*Experiment),
		assets:      make(map[assetRef]*Asset),
		Uploads:     make(map[string]*DirectUpload),
		Bodies:      bodies,
	}
}

// assetRef names an asset: ids belong to an experiment, which the uploads of
// artifact files name too.
type assetRef struct{ experimentKey, id string }

// Asset returns an asset of an experiment, or a file of an artifact that was uploaded for
// it, nil if there is none.
func (st *Store) Asset(experimentKey, id string) *Asset {
	return st.assets[assetRef{experimentKey, id}]
}

// AddAsset makes an asset known by its experiment and id.
func (st *Store) AddAsset(a *Asset) { st.assets[assetRef{a.ExperimentKey, a.ID}] = a }

// dropAsset forgets an asset and removes its bytes.
func (st *Store) dropAsset(a *Asset) {
	delete(st.assets, assetRef{a.ExperimentKey, a.ID})
	a.Body.Remove()
	for _, item := range a.Items {
		item.Body.Remove()
	}
}

// HasID reports whether any experiment has an asset of that id.
func (st *Store) HasID(id string) bool {
	for ref := range st.assets {
		if ref.id == id {
			return true
		}
	}
	return false
}

// NewID returns a fresh id of 32 hexadecimal digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// first returns the first of a list that is wanted, nil if there is none.
func first[T any](list []*T, wanted func(*T) bool) *T {
	if i := slices.IndexFunc(list, wanted); i >= 0 {
		return list[i]
	}
	return nil
}

// Workspace returns the workspace of a name, nil if there is none.
func (st *Store) Workspace(name string) *Workspace {
	return first(st.Workspaces, func(w *Workspace) bool { return w.Name == name })
}

// AddWorkspace makes a workspace with its general project.
func (st *Store) AddWorkspace(name, owner string, now int64) *Workspace {
	w := &Workspace{ID: NewID(), Name: name, Members: map[string]bool{owner: true}}
	st.Workspaces = append(st.Workspaces, w)
	g := st.AddProject(w, "general", owner, now)
	g.General = true
	return w
}

// EnsureWorkspace returns the workspace of a name, and makes it if there is none.
// The lock of the store is not held.
func (st *Store) EnsureWorkspace(name, owner string, now int64) *Workspace {
	st.Lock()
	defer st.Unlock()
	if w := st.Workspace(name); w != nil {
		return w
	}
	return st.AddWorkspace(name, owner, now)
}

// Project returns the project of a name, nil if there is none.
func (w *Workspace) Project(name string) *Project {
	return first(w.Projects, func(p *Project) bool { return p.Name == name })
}

// AddProject makes a project of a name that is free.
func (st *Store) AddProject(w *Workspace, name, owner string, now int64) *Project {
	p := &Project{Workspace: w, ID: NewID(), Name: name, Owner: owner, Created: now, Updated: now}
	w.Projects = append(w.Projects, p)
	st.Projects[p.ID] = p
	return p
}

// EnsureProject returns the project of a name, and makes it if there is none.
func (st *Store) EnsureProject(w *Workspace, name, owner string, now int64) *Project {
	if p := w.Project(name); p != nil {
		return p
	}
	return st.AddProject(w, name, owner, now)
}

// AddExperiment puts an experiment into a project.
func (st *Store) AddExperiment(p *Project, e *Experiment) {
	e.Project = p
	p.Experiments = append(p.Experiments, e)
	st.Experiments[e.Key] = e
	p.Updated = e.Start
}

// RemoveExperiment deletes e and all that belongs to it.
func (st *Store) RemoveExperiment(e *Experiment) {
	delete(st.Experiments, e.Key)
	e.Project.Experiments = Without(e.Project.Experiments, e)
	for _, w := range st.Workspaces {
		for _, p := range w.Projects {
			p.Links = Without(p.Links, e)
		}
	}
	e.Lock()
	defer e.Unlock()
	for _, a := range e.Assets {
		st.dropAsset(a)
	}
}

// RemoveProject deletes p with the experiments that are in it.
func (st *Store) RemoveProject(p *Project) {
	for _, e := range slices.Clone(p.Experiments) {
		st.RemoveExperiment(e)
	}
	delete(st.Projects, p.ID)
	p.Workspace.Projects = Without(p.Workspace.Projects, p)
}

// Without is a copy of a list that lacks x.
func Without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return y == x })
}

// ValidKey reports whether the handshake takes key as an experiment key.
func ValidKey(key string) bool {
	if len(key) < 32 || len(key) > 50 {
		return false
	}
	return strings.IndexFunc(key, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// AddShareCode makes a share link of the project and returns its code.
func (p *Project) AddShareCode() string {
	code := NewID()[:20]
	p.ShareCodes = append(p.ShareCodes, code)
	return code
}

// Link adds e to the listing of p. Linking twice changes nothing.
func (p *Project) Link(e *Experiment) error {
	if p == e.Project {
		return refusal.BadRequest("experiment %s is in project %q already", e.Key, p.Name)
	}
	if !slices.Contains(p.Links, e) {
		p.Links = append(p.Links, e)
	}
	return nil
}
