package comettest

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
)

// store is everything the server knows. Its lock guards the maps, what hangs
// on workspaces and projects, and the place of experiments in them; the
// contents of an experiment have a lock of their own, taken second.
type store struct {
	mu          sync.RWMutex
	workspaces  []*workspace
	projects    map[string]*project // by id
	experiments map[string]*experiment
	assets      map[assetRef]*asset // those of artifacts included
	uploads     map[string]*s3Upload
	bodies      *blob.Dir
}

type workspace struct {
	id        string
	name      string
	projects  []*project // the first is the general one
	members   map[string]bool
	registry  []*registryModel
	artifacts []*artifact
	panels    []*panel
}

type project struct {
	workspace   *workspace
	id          string
	name        string
	description *string
	public      bool
	general     bool
	owner       string
	notes       string
	shareCodes  []string
	created     int64
	updated     int64
	experiments []*experiment
	links       []*experiment // symlinked from other projects
	views       []*view
}

func newStore(bodies *blob.Dir) *store {
	return &store{
		projects:    make(map[string]*project),
		experiments: make(map[string]*experiment),
		assets:      make(map[assetRef]*asset),
		uploads:     make(map[string]*s3Upload),
		bodies:      bodies,
	}
}

// assetRef names an asset: ids belong to an experiment, which the uploads of
// artifact files name too.
type assetRef struct{ experimentKey, id string }

func (a *asset) ref() assetRef { return assetRef{a.experimentKey, a.id} }

// dropAsset lets go of an asset and its bytes. The lock of the store is held.
func (st *store) dropAsset(a *asset) {
	delete(st.assets, a.ref())
	a.body.Remove()
	for _, item := range a.items {
		item.body.Remove()
	}
}

// hasID reports whether any experiment has an asset of that id. The lock of the
// store is held.
func (st *store) hasID(id string) bool {
	for ref := range st.assets {
		if ref.id == id {
			return true
		}
	}
	return false
}

// newID returns a fresh id of 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// The methods below want the lock of the store held.

func (st *store) workspace(name string) *workspace {
	for _, w := range st.workspaces {
		if w.name == name {
			return w
		}
	}
	return nil
}

func (st *store) addWorkspace(name, owner string, now int64) *workspace {
	w := &workspace{id: newID(), name: name, members: map[string]bool{owner: true}}
	st.workspaces = append(st.workspaces, w)
	g := st.addProject(w, "general", owner, now)
	g.general = true
	return w
}

// ensureWorkspace returns the workspace of a name, and makes it if there is none.
// The lock of the store is not held.
func (st *store) ensureWorkspace(name, owner string, now int64) *workspace {
	st.mu.Lock()
	defer st.mu.Unlock()
	if w := st.workspace(name); w != nil {
		return w
	}
	return st.addWorkspace(name, owner, now)
}

func (w *workspace) project(name string) *project {
	for _, p := range w.projects {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (st *store) addProject(w *workspace, name, owner string, now int64) *project {
	p := &project{workspace: w, id: newID(), name: name, owner: owner, created: now, updated: now}
	w.projects = append(w.projects, p)
	st.projects[p.id] = p
	return p
}

func (st *store) addExperiment(p *project, e *experiment) {
	e.project = p
	p.experiments = append(p.experiments, e)
	st.experiments[e.key] = e
	p.updated = e.start
}

// removeExperiment deletes e and all that belongs to it.
func (st *store) removeExperiment(e *experiment) {
	delete(st.experiments, e.key)
	e.project.experiments = without(e.project.experiments, e)
	for _, w := range st.workspaces {
		for _, p := range w.projects {
			p.links = without(p.links, e)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.assets {
		st.dropAsset(a)
	}
}

func (st *store) removeProject(p *project) {
	for _, e := range slices.Clone(p.experiments) {
		st.removeExperiment(e)
	}
	delete(st.projects, p.id)
	p.workspace.projects = without(p.workspace.projects, p)
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(y T) bool { return y == x })
}

// validKey reports whether the handshake takes key as an experiment key.
func validKey(key string) bool {
	if len(key) < 32 || len(key) > 50 {
		return false
	}
	return strings.IndexFunc(key, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
