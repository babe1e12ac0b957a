// Package seed fills the store of a server without HTTP: with single things, with the
// demo, and with synthetic experiments of any number.
package seed

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Seeds put things into the store of a server without HTTP. They panic on what no
// server would hold, such as a key that exists: a test that seeds is wrong then.
type Seeds struct {
	store *store.Store
	owner string // of what the seeds say no owner of
	now   func() int64
}

// New returns what seeds a store. What seeds name no owner of is the owner's.
func New(st *store.Store, owner string, now func() int64) Seeds { return Seeds{st, owner, now} }

// SeedWorkspace makes sure that a workspace exists.
func (s *Seeds) SeedWorkspace(name string) { s.store.EnsureWorkspace(name, s.owner, s.now()) }

// SeedProject makes sure that a project exists and sets its description,
// visibility and notes, and how many share links it has. A nil description is
// none.
func (s *Seeds) SeedProject(workspace, name string, spec Project) {
	w := s.store.EnsureWorkspace(workspace, s.owner, s.now())
	st := s.store
	st.Lock()
	defer st.Unlock()
	p := st.EnsureProject(w, name, s.owner, s.now())
	p.Description, p.Public, p.Notes = spec.Description, spec.Public, spec.Notes
	p.Owner = cmp.Or(spec.Owner, p.Owner)
	p.ShareCodes = nil
	for range spec.ShareLinks {
		p.AddShareCode()
	}
}

// Project is what a project has beside its experiments.
type Project struct {
	// Owner is a user; "" leaves the one it has, which is the first of the server.
	Owner       string
	Description *string
	Public      bool
	Notes       string
	ShareLinks  int
}

// Experiment describes an experiment to be seeded. Zero fields are absent.
type Experiment struct {
	// Key is the experiment key, any text; "" is a random one.
	Key  string
	Name string
	User string
	// Start and End are times in milliseconds; a Start of 0 is now.
	Start, End int64
	Running    bool
	Crashed    bool
	Archived   bool
	FilePath   string
	Tags       []string
	Parameters []Value
	Others     []Value
	Points     []Point
	// Synthetic metrics are made when they are read.
	Synthetic []SyntheticMetric
	HTML      *string
	Code      *string
	Graph     *string
	// Output is printed piece by piece.
	Output []string
	Git    *store.GitMetadata
	// GitPatch is what an upload would hold: a zip, or plain text.
	GitPatch []byte
	// System are fields of system-details by their JSON names; values are
	// marshalled.
	System         map[string]any
	OptimizationID string
	Assets         []Asset
}

// Value is a parameter or other to be seeded.
type Value struct {
	Name    string
	Value   string
	Time    int64
	Step    *int64
	Context *string
}

// Point is one point of a metric to be seeded. Value is the text as it
// is read back: a number, "NaN" or anything else.
type Point struct {
	Metric  string
	Value   string
	Time    int64
	Step    *int64
	Epoch   *int64
	Context *string
}

// SyntheticMetric is a metric of N points that depend on Seed alone, the first
// at the time Start.
type SyntheticMetric struct {
	Name  string
	Seed  uint64
	N     int
	Start int64
}

// Asset describes an asset to be seeded.
type Asset struct {
	// ID is the id of the asset; "" is a random one.
	ID   string
	Name string
	// Type is "asset" if empty.
	Type string
	// Model makes the asset an element of that model.
	Model    string
	Step     *int64
	Epoch    *int64
	Context  *string
	Metadata *string
	// Link makes the asset a remote one.
	Link string
	// Image makes the asset one that came as image or figure.
	Image bool
	// Body is the content, unless Size is positive: then the content is made
	// when it is read, from Seed.
	Body []byte
	Size int64
	Seed uint64
	// Items are the parts of a 3D scene.
	Items []Item
}

// Item describes a part of a 3D scene to be seeded.
type Item struct {
	Name, Type string
	Body       []byte
}

// SeedExperiment adds an experiment to a project, which is made if it is
// missing, and returns its key.
func (s *Seeds) SeedExperiment(workspace, project string, spec Experiment) string {
	e := s.newSeeded(&spec)
	w := s.store.EnsureWorkspace(workspace, s.owner, s.now())
	st := s.store
	st.Lock()
	defer st.Unlock()
	if st.Experiments[e.Key] != nil {
		panic(fmt.Sprintf("comettest: experiment %q exists", e.Key))
	}
	st.AddExperiment(st.EnsureProject(w, project, s.owner, s.now()), e)
	for _, a := range spec.Assets {
		s.seedAsset(e, a)
	}
	return e.Key
}

// newSeeded makes the experiment but for its assets.
func (s *Seeds) newSeeded(spec *Experiment) *store.Experiment {
	if spec.Key == "" {
		spec.Key = store.NewID()
	}
	if spec.User == "" {
		spec.User = s.owner
	}
	if spec.Start == 0 {
		spec.Start = s.now()
	}
	e := store.NewExperiment(spec.Key, spec.User, spec.Start)
	e.End, e.Pinned, e.Crashed, e.Archived = spec.End, spec.Running, spec.Crashed, spec.Archived
	if !spec.Running && e.End == 0 {
		e.End = spec.Start
	}
	e.FilePath, e.OptimizationID = optionalText(spec.FilePath), optionalText(spec.OptimizationID)
	e.AddTags(spec.Tags)
	e.HTML, e.Code, e.Graph = spec.HTML, spec.Code, spec.Graph
	e.GitPatch = spec.GitPatch
	if spec.Git != nil {
		e.Git = new(*spec.Git)
	}
	seedValues(e, spec)
	for i, text := range spec.Output {
		e.Output.Add(store.OutputPiece{Text: text, Offset: int64(i), Time: spec.Start + int64(i)})
	}
	return e
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func seedValues(e *store.Experiment, spec *Experiment) {
	if spec.Name != "" {
		e.Others.Set("Name", store.Stamped{Text: spec.Name, Time: spec.Start})
	}
	set := func(t *store.ValueTable, values []Value) {
		for _, v := range values {
			if v.Time == 0 {
				v.Time = spec.Start
			}
			t.Set(v.Name, store.Stamped{Text: v.Value, Time: v.Time, Step: v.Step, Context: v.Context})
		}
	}
	set(&e.Parameters, spec.Parameters)
	set(&e.Others, spec.Others)
	for _, m := range spec.Synthetic {
		e.Series(m.Name).Synth = &metric.Synthetic{Seed: m.Seed, N: m.N, Start: m.Start}
	}
	seedPoints(e, spec.Points)
	doc := make(map[string]json.RawMessage)
	for name, v := range spec.System {
		raw, err := json.Marshal(v)
		if err != nil {
			panic("comettest: system details: " + err.Error())
		}
		doc[name] = raw
	}
	if len(doc) > 0 {
		if err := e.System.Merge(doc, false); err != nil {
			panic("comettest: system details: " + err.Error())
		}
	}
}

func seedPoints(e *store.Experiment, points []Point) {
	for _, m := range points {
		p := metric.Point{Value: metric.ParseValue(m.Value), Time: m.Time, Context: e.ContextIndex(m.Context)}
		if m.Step != nil {
			p.Step, p.HasStep = *m.Step, true
		}
		if m.Epoch != nil {
			p.Epoch, p.HasEpoch = *m.Epoch, true
		}
		e.Series(m.Metric).Add(&p, false)
	}
}

// SeedPoints adds metric points to an experiment.
func (s *Seeds) SeedPoints(key string, points ...Point) {
	e := s.seeded(key)
	e.Lock()
	defer e.Unlock()
	seedPoints(e, points)
}

// SeedAsset adds an asset to an experiment and returns its id.
func (s *Seeds) SeedAsset(key string, spec Asset) string {
	e := s.seeded(key)
	s.store.Lock()
	defer s.store.Unlock()
	return s.seedAsset(e, spec)
}

// SeedLink makes an experiment appear in another project of its workspace.
func (s *Seeds) SeedLink(key, project string) {
	e := s.seeded(key)
	st := s.store
	st.Lock()
	defer st.Unlock()
	p := st.EnsureProject(e.Project.Workspace, project, s.owner, s.now())
	if err := p.Link(e); err != nil {
		panic("comettest: " + err.Error())
	}
}

// Delete removes an experiment and all its assets.
func (s *Seeds) Delete(key string) {
	e := s.seeded(key)
	s.store.Lock()
	defer s.store.Unlock()
	s.store.RemoveExperiment(e)
}

func (s *Seeds) seeded(key string) *store.Experiment {
	s.store.RLock()
	defer s.store.RUnlock()
	e := s.store.Experiments[key]
	if e == nil {
		panic(fmt.Sprintf("comettest: no experiment %q", key))
	}
	return e
}

// newAsset makes an asset. The lock of the store is held.
func (s *Seeds) newAsset(spec Asset, key string, created int64) *store.Asset {
	a := &store.Asset{
		ID: spec.ID, ExperimentKey: key, Name: spec.Name, Type: spec.Type, Grouping: spec.Model,
		Step: spec.Step, Epoch: spec.Epoch, Context: spec.Context, Metadata: spec.Metadata,
		Created: created, Image: spec.Image, Remote: spec.Link != "", Link: spec.Link,
	}
	if a.ID == "" {
		a.ID = store.NewID()
	}
	if a.Type == "" {
		a.Type = store.TypeAsset
	}
	switch {
	case a.Remote:
	case spec.Size > 0:
		a.Body = blob.FromSeed(spec.Seed, spec.Size)
	default:
		a.Body = blob.FromBytes(spec.Body)
	}
	for _, item := range spec.Items {
		a.Items = append(a.Items, &store.Asset{
			ID: derive.ID("item", a.ID, item.Name), ExperimentKey: key, Name: item.Name, Type: item.Type,
			Created: created, Body: blob.FromBytes(item.Body),
		})
	}
	a.Name = a.FinalName(a.Name)
	if s.store.Asset(key, a.ID) != nil {
		panic(fmt.Sprintf("comettest: asset %q exists", a.ID))
	}
	return a
}

// seedAsset adds an asset to e. The lock of the store is held.
func (s *Seeds) seedAsset(e *store.Experiment, spec Asset) string {
	a := s.newAsset(spec, e.Key, e.Start)
	e.Lock()
	defer e.Unlock()
	e.AddAsset(s.store, a)
	return a.ID
}
