package store

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

// Experiment is one run. Its project and its place in listings are guarded by the lock
// of the store, Archived by both locks, so that either is enough to read it, and the rest
// by its own lock.
type Experiment struct {
	Key      string
	Project  *Project
	Archived bool

	sync.Mutex
	RunID           string
	GeneratedName   string // "" if created without one
	User            string
	Offline         bool
	Start           int64
	End             int64 // 0 = none yet
	Alive           bool
	Pinned          bool  // alive forever: seeded so
	Ended           bool  // alive, with an end that a call has set since the last beat
	beat            int64 // last sign of life
	Crashed         bool
	StatusError     *string
	StopRequested   bool
	Throttle        bool
	ThrottleMessage *string
	OptimizationID  *string
	FilePath        *string

	Parameters ValueTable
	Others     ValueTable
	Tags       []string
	HTML       *string
	Code       *string
	Graph      *string
	Output     Output
	Origins

	Contexts []string // contexts[i-1] is context i of the points
	context  map[string]uint32
	// lastContext and lastSeries are those that a point was added with, as the next
	// one most often is.
	lastContext uint32
	lastSeries  *metric.Series
	Metrics     map[string]*metric.Series
	MetricNames []string // in order of first arrival

	Assets  []*Asset
	PerType map[string]int // counts of assets
	changes int            // of assets
	derived derivedAssets
	Models  []*Model
}

// NewExperiment returns an experiment that began now and belongs to no project yet.
func NewExperiment(key, user string, now int64) *Experiment {
	return &Experiment{
		Key: key, User: user, Start: now, beat: now,
		RunID:   NewID(),
		context: make(map[string]uint32),
		PerType: make(map[string]int),
		Metrics: make(map[string]*metric.Series),
	}
}

// Running reports whether e counts as running at now. Once the heartbeat
// timed out, the last sign of life becomes the end, if no call has set one.
func (e *Experiment) Running(now int64, timeout time.Duration) bool {
	if e.Pinned {
		return true
	}
	if e.Alive && now-e.beat > timeout.Milliseconds() {
		e.Alive = false
		if !e.Ended {
			e.End = e.beat
		}
	}
	return e.Alive
}

// EndTime is the end of e, 0 while it has none.
func (e *Experiment) EndTime(now int64, timeout time.Duration) int64 {
	if e.Running(now, timeout) && !e.Ended {
		return 0
	}
	return e.End
}

// SetAlive notes a sign of life, or the end of the experiment: the time of a run that was
// alive until now.
func (e *Experiment) SetAlive(alive bool, now int64) {
	e.Ended = e.Ended && !alive
	switch {
	case alive:
		e.Alive, e.beat = true, now
	case e.Alive || e.Pinned || e.End == 0:
		e.Alive, e.Pinned, e.End = false, false, now
	}
}

// Touch notes that something was written at now.
func (e *Experiment) Touch(now int64, keepEnd bool) {
	if e.Alive || e.Pinned {
		e.beat = now
		return
	}
	if e.End == 0 || !keepEnd {
		e.End = now
	}
}

// Throttled notes that data was dropped because of a limit.
func (e *Experiment) Throttled(what string) {
	e.Throttle, e.ThrottleMessage = true, new("too many "+what)
}

// DisplayName is the name that was logged, else the one that the server made up.
func (e *Experiment) DisplayName() *string {
	if v := e.Others.Get("Name"); v != nil {
		return new(v.Current.Text)
	}
	if e.GeneratedName == "" {
		return nil
	}
	return new(e.GeneratedName)
}

// FileName is the last part of the path of the program.
func (e *Experiment) FileName() *string {
	if e.FilePath == nil {
		return nil
	}
	return new(path.Base(strings.ReplaceAll(*e.FilePath, `\`, "/")))
}

// AddTags adds those tags that e does not have.
func (e *Experiment) AddTags(tags []string) {
	for _, t := range tags {
		if !slices.Contains(e.Tags, t) {
			e.Tags = append(e.Tags, t)
		}
	}
}

// ContextIndex returns the index of a context, 0 for nil.
func (e *Experiment) ContextIndex(c *string) uint32 {
	if c == nil {
		return 0
	}
	if last := e.lastContext; last > 0 && e.Contexts[last-1] == *c {
		return last
	}
	i, ok := e.context[*c]
	if !ok {
		s := strings.Clone(*c)
		e.Contexts = append(e.Contexts, s)
		i = uint32(len(e.Contexts))
		e.context[s] = i
	}
	e.lastContext = i
	return i
}

// Series returns the metric of a name, and makes it if there is none.
func (e *Experiment) Series(name string) *metric.Series {
	if s := e.lastSeries; s != nil && s.Name == name {
		return s
	}
	s := e.Metrics[name]
	if s == nil {
		name = strings.Clone(name)
		s = &metric.Series{Name: name}
		e.Metrics[name] = s
		e.MetricNames = append(e.MetricNames, name)
	}
	e.lastSeries = s
	return s
}

// Snapshot returns the series of the given name, safe to read without lock,
// or nil.
func (e *Experiment) Snapshot(name string) *metric.Series {
	s := e.Metrics[name]
	if s == nil {
		return nil
	}
	return s.Snapshot()
}

// AddModel makes a model of the given name if there is none.
func (e *Experiment) AddModel(name string) {
	if !e.HasModel(name) {
		e.Models = append(e.Models, &Model{ID: NewID(), Name: name})
	}
}

// HasModel reports whether e has a model of a name.
func (e *Experiment) HasModel(name string) bool { return e.modelIndex(name) >= 0 }

func (e *Experiment) modelIndex(name string) int {
	return slices.IndexFunc(e.Models, func(m *Model) bool { return m.Name == name })
}

// CopyFrom takes over what another experiment logged up to a step, but no assets. The
// lock of old is held too.
func (e *Experiment) CopyFrom(old *Experiment, limit int64) {
	for _, v := range old.Parameters.All() {
		e.Parameters.Set(v.Name, v.Current)
	}
	for _, v := range old.Others.All() {
		if v.Name != "Name" {
			e.Others.Set(v.Name, v.Current)
		}
	}
	e.AddTags(old.Tags)
	e.HTML, e.Code, e.Graph, e.FilePath = old.HTML, old.Code, old.Graph, old.FilePath
	e.Git, e.GitPatch, e.System = old.Git, old.GitPatch, maps.Clone(old.System)
	e.Output.Pieces = slices.Clone(old.Output.Pieces)
	for _, name := range old.MetricNames {
		old.Metrics[name].Each(func(p *metric.Point) bool {
			if p.HasStep && p.Step > limit {
				return true
			}
			q := *p
			q.Context = e.ContextIndex(metric.ContextName(old.Contexts, p.Context))
			e.Series(name).Add(&q, false)
			return true
		})
	}
}
