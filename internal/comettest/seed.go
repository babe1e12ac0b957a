package comettest

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

// Seeds put things into the store of a server without HTTP. They panic on what no
// server would hold, such as a key that exists: a test that seeds is wrong then.
type Seeds struct {
	store *store
	owner string // of what the seeds say no owner of
	now   func() int64
}

// SeedWorkspace makes sure that a workspace exists.
func (s *Seeds) SeedWorkspace(name string) { s.store.ensureWorkspace(name, s.owner, s.now()) }

// SeedProject makes sure that a project exists and sets its description,
// visibility and notes, and how many share links it has. A nil description is
// none.
func (s *Seeds) SeedProject(workspace, name string, spec ProjectSpec) {
	w := s.store.ensureWorkspace(workspace, s.owner, s.now())
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	p := w.project(name)
	if p == nil {
		p = st.addProject(w, name, s.owner, s.now())
	}
	p.description, p.public, p.notes = spec.Description, spec.Public, spec.Notes
	p.owner = cmp.Or(spec.Owner, p.owner)
	p.shareCodes = nil
	for range spec.ShareLinks {
		p.addShareCode()
	}
}

// ProjectSpec is what a project has beside its experiments.
type ProjectSpec struct {
	// Owner is a user; "" leaves the one it has, which is the first of the server.
	Owner       string
	Description *string
	Public      bool
	Notes       string
	ShareLinks  int
}

// ExperimentSpec describes an experiment to be seeded. Zero fields are absent.
type ExperimentSpec struct {
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
	Points     []MetricPoint
	// Synthetic metrics are made when they are read.
	Synthetic []SyntheticMetric
	HTML      *string
	Code      *string
	Graph     *string
	// Output is printed piece by piece.
	Output []string
	Git    *GitState
	// GitPatch is what an upload would hold: a zip, or plain text.
	GitPatch []byte
	// System are fields of system-details by their JSON names; values are
	// marshalled.
	System         map[string]any
	OptimizationID string
	Assets         []AssetSpec
}

// Value is a parameter or other to be seeded.
type Value struct {
	Name    string
	Value   string
	Time    int64
	Step    *int64
	Context *string
}

// MetricPoint is one point of a metric to be seeded. Value is the text as it
// is read back: a number, "NaN" or anything else.
type MetricPoint struct {
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

// AssetSpec describes an asset to be seeded.
type AssetSpec struct {
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
	Items []ItemSpec
}

// ItemSpec describes a part of a 3D scene to be seeded.
type ItemSpec struct {
	Name, Type string
	Body       []byte
}

// SeedExperiment adds an experiment to a project, which is made if it is
// missing, and returns its key.
func (s *Seeds) SeedExperiment(workspace, project string, spec ExperimentSpec) string {
	e := s.newSeeded(&spec)
	w := s.store.ensureWorkspace(workspace, s.owner, s.now())
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.experiments[e.key] != nil {
		panic(fmt.Sprintf("comettest: experiment %q exists", e.key))
	}
	p := w.project(project)
	if p == nil {
		p = st.addProject(w, project, s.owner, s.now())
	}
	st.addExperiment(p, e)
	for _, a := range spec.Assets {
		s.seedAsset(e, a)
	}
	return e.key
}

// newSeeded makes the experiment but for its assets.
func (s *Seeds) newSeeded(spec *ExperimentSpec) *experiment {
	if spec.Key == "" {
		spec.Key = newID()
	}
	if spec.User == "" {
		spec.User = s.owner
	}
	if spec.Start == 0 {
		spec.Start = s.now()
	}
	e := newExperiment(spec.Key, spec.User, spec.Start)
	e.end, e.pinned, e.crashed, e.archived = spec.End, spec.Running, spec.Crashed, spec.Archived
	if !spec.Running && e.end == 0 {
		e.end = spec.Start
	}
	e.filePath, e.optimizationID = optionalText(spec.FilePath), optionalText(spec.OptimizationID)
	e.addTags(spec.Tags)
	e.html, e.code, e.graph = spec.HTML, spec.Code, spec.Graph
	e.gitPatch = spec.GitPatch
	if spec.Git != nil {
		git := gitMetadata(*spec.Git)
		e.git = &git
	}
	e.seedValues(spec)
	for i, text := range spec.Output {
		e.output.add(outputPiece{text: text, offset: int64(i), time: spec.Start + int64(i)})
	}
	return e
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (e *experiment) seedValues(spec *ExperimentSpec) {
	if spec.Name != "" {
		e.others.set("Name", stamped{text: spec.Name, time: spec.Start})
	}
	set := func(t *valueTable, values []Value) {
		for _, v := range values {
			if v.Time == 0 {
				v.Time = spec.Start
			}
			t.set(v.Name, stamped{v.Value, v.Time, v.Step, v.Context})
		}
	}
	set(&e.params, spec.Parameters)
	set(&e.others, spec.Others)
	for _, m := range spec.Synthetic {
		e.series(m.Name).Synth = &metric.Synthetic{Seed: m.Seed, N: m.N, Start: m.Start}
	}
	e.seedPoints(spec.Points)
	doc := make(map[string]json.RawMessage)
	for name, v := range spec.System {
		raw, err := json.Marshal(v)
		if err != nil {
			panic("comettest: system details: " + err.Error())
		}
		doc[name] = raw
	}
	if len(doc) > 0 {
		if err := e.system.merge(doc, false); err != nil {
			panic("comettest: system details: " + err.Error())
		}
	}
}

func (e *experiment) seedPoints(points []MetricPoint) {
	for _, m := range points {
		p := metric.Point{Value: metric.ParseValue(m.Value), Time: m.Time, Context: e.contextIndex(m.Context)}
		if m.Step != nil {
			p.Step, p.HasStep = *m.Step, true
		}
		if m.Epoch != nil {
			p.Epoch, p.HasEpoch = *m.Epoch, true
		}
		e.series(m.Metric).Add(&p, false)
	}
}

// SeedPoints adds metric points to an experiment.
func (s *Seeds) SeedPoints(key string, points ...MetricPoint) {
	e := s.seeded(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seedPoints(points)
}

// SeedAsset adds an asset to an experiment and returns its id.
func (s *Seeds) SeedAsset(key string, spec AssetSpec) string {
	e := s.seeded(key)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return s.seedAsset(e, spec)
}

// SeedLink makes an experiment appear in another project of its workspace.
func (s *Seeds) SeedLink(key, project string) {
	e := s.seeded(key)
	st := s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	w := e.project.workspace
	p := w.project(project)
	if p == nil {
		p = st.addProject(w, project, s.owner, s.now())
	}
	if err := p.link(e); err != nil {
		panic("comettest: " + err.Error())
	}
}

// Delete removes an experiment and all its assets.
func (s *Seeds) Delete(key string) {
	e := s.seeded(key)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.removeExperiment(e)
}

func (s *Seeds) seeded(key string) *experiment {
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	e := s.store.experiments[key]
	if e == nil {
		panic(fmt.Sprintf("comettest: no experiment %q", key))
	}
	return e
}

// newAsset makes an asset and notes its id. The lock of the store is held.
func (s *Seeds) newAsset(spec AssetSpec, key string, created int64) *asset {
	a := &asset{
		id: spec.ID, experimentKey: key, name: spec.Name, typ: spec.Type, grouping: spec.Model,
		step: spec.Step, epoch: spec.Epoch, context: spec.Context, metadata: spec.Metadata,
		created: created, image: spec.Image, remote: spec.Link != "", link: spec.Link,
	}
	if a.id == "" {
		a.id = newID()
	}
	if a.typ == "" {
		a.typ = typeAsset
	}
	switch {
	case a.remote:
	case spec.Size > 0:
		a.body = blob.FromSeed(spec.Seed, spec.Size)
	default:
		a.body = blob.FromBytes(spec.Body)
	}
	for _, item := range spec.Items {
		a.items = append(a.items, &asset{
			id: derive.ID("item", a.id, item.Name), experimentKey: key, name: item.Name, typ: item.Type,
			created: created, body: blob.FromBytes(item.Body),
		})
	}
	a.name = a.finalName(a.name)
	if s.store.assets[a.ref()] != nil {
		panic(fmt.Sprintf("comettest: asset %q exists", a.id))
	}
	s.store.assets[a.ref()] = a
	return a
}

// seedAsset adds an asset to e. The lock of the store is held.
func (s *Seeds) seedAsset(e *experiment, spec AssetSpec) string {
	a := s.newAsset(spec, e.key, e.start)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.assets = append(e.assets, a)
	e.perType[a.typ]++
	e.changes++
	if a.grouping != "" {
		e.addModel(a.grouping)
	}
	return a.id
}
