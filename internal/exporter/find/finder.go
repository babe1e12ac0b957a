package find

import (
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/base"
	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// A Finder finds what can be exported: what paths lead to, which of the listed
// experiments are selected, what belongs to a workspace.
type Finder struct {
	client   *comet.Client
	o        Options
	Search   *selection.Search // for the keys that were asked for
	since    changes
	due      map[string]bool // keys that are selected though nothing is seen to have changed; nil until it is known
	Reported map[string]bool // experiments that something needs, and what the server lacks, once reported

	listed atomic.Int64 // experiments that projects keep in memory

	// The lists of workspaces, once they have been read.
	ArtifactLists map[string][]comet.Artifact
	modelLists    map[string][]comet.RegistryModel
	panelLists    map[string]panelList

	NotAdded map[string]error // experiments that could not be added to the scope, and why
}

// Options say what is to be found.
type Options struct {
	Client          *comet.Client
	Resources       stream.Resources
	Selection       selection.Selection
	WithExperiments bool
	Base            *base.Base
	Listed          Listed  // by a list of keys, which then are those of Selection
	Recheck         float64 // of a hundred unchanged experiments, how many are selected all the same
	InFlight        int
	Warn            func(string)
}

// New returns a finder. It does not speak to the server yet.
func New(o Options) *Finder {
	return &Finder{
		client: o.Client, Search: o.Selection.Search(), Reported: make(map[string]bool), o: o,
		ArtifactLists: make(map[string][]comet.Artifact), modelLists: make(map[string][]comet.RegistryModel),
		panelLists: make(map[string]panelList), NotAdded: make(map[string]error),
	}
}

// NotFound returns an error that names the keys that were asked for and are in no
// listing, or says that none is what was asked for; nil if all is there.
func (x *Finder) NotFound() error {
	if missing := x.Search.Missing(); len(missing) > 0 {
		return &KeysError{Keys: missing}
	}
	return x.Search.Nothing()
}

// HasListed reports whether an experiment has been listed, where a base is compared
// with.
func (x *Finder) HasListed(key string) bool {
	_, ok := x.since.listed[key]
	return ok
}

// changes notes what is listed now, for what earlier archives have besides.
type changes struct {
	mu     sync.Mutex
	listed map[string]struct{} // keys
}

// list notes the experiments of a project, if they are to be compared.
func (c *changes) list(with *base.Base, all []Experiment) {
	if with == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed == nil {
		c.listed = make(map[string]struct{}, len(all))
	}
	for i := range all {
		c.listed[all[i].Key] = struct{}{}
	}
}

// inBase returns what a listing tells, as a base has it.
func (l *Experiment) inBase(p *Project) base.Experiment {
	in := p.InStream()
	return base.Experiment{
		Key: l.Key, Workspace: in.Workspace, Project: in.Name, Name: l.Name, Path: l.Path, Start: l.Start, End: l.End,
		Archived: l.Archived, Running: l.Running, Crashed: l.Crashed,
	}
}
