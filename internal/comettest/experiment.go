package comettest

import (
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

// experiment is one run. project and the place in listings are guarded by the
// lock of the store, archived by both locks, so that either is enough to read
// it, and the rest by mu.
type experiment struct {
	key      string
	project  *project
	archived bool

	mu             sync.Mutex
	runID          string
	generatedName  string // "" if created without one
	user           string
	offline        bool
	start          int64
	end            int64 // 0 = none yet
	alive          bool
	pinned         bool  // alive forever: seeded so
	ended          bool  // alive, with an end that a call has set since the last beat
	beat           int64 // last sign of life
	crashed        bool
	statusError    *string
	stopRequested  bool
	throttle       bool
	throttleMsg    *string
	optimizationID *string
	filePath       *string

	params valueTable
	others valueTable
	tags   []string
	html   *string
	code   *string
	graph  *string
	output outputLog
	origins

	contexts []string // contexts[i-1] is context i of the points
	context  map[string]uint32
	// lastContext and lastSeries are those that a point was added with, as the next
	// one most often is.
	lastContext uint32
	lastSeries  *metric.Series
	metrics     map[string]*metric.Series
	names       []string // of metrics, in order of first arrival

	assets  []*asset
	perType map[string]int // counts of assets
	changes int            // of assets
	derived derivedAssets
	models  []*experimentModel
}

func newExperiment(key, user string, now int64) *experiment {
	return &experiment{
		key: key, user: user, start: now, beat: now,
		runID:   newID(),
		context: make(map[string]uint32),
		perType: make(map[string]int),
		metrics: make(map[string]*metric.Series),
	}
}

// The methods below want e.mu held.

// running reports whether e counts as running at now. Once the heartbeat
// timed out, the last sign of life becomes the end, if no call has set one.
func (e *experiment) running(now int64, timeout time.Duration) bool {
	if e.pinned {
		return true
	}
	if e.alive && now-e.beat > timeout.Milliseconds() {
		e.alive = false
		if !e.ended {
			e.end = e.beat
		}
	}
	return e.alive
}

// endTime is the end of e, 0 while it has none.
func (e *experiment) endTime(now int64, timeout time.Duration) int64 {
	if e.running(now, timeout) && !e.ended {
		return 0
	}
	return e.end
}

// touch notes that something was written at now.
func (e *experiment) touch(now int64, keepEnd bool) {
	if e.alive || e.pinned {
		e.beat = now
		return
	}
	if e.end == 0 || !keepEnd {
		e.end = now
	}
}

// throttled notes that data was dropped because of a limit.
func (e *experiment) throttled(what string) {
	msg := "too many " + what
	e.throttle, e.throttleMsg = true, &msg
}

func (e *experiment) displayName() *string {
	if v := e.others.get("Name"); v != nil {
		s := v.current.text
		return &s
	}
	if e.generatedName == "" {
		return nil
	}
	s := e.generatedName
	return &s
}

func (e *experiment) fileName() *string {
	if e.filePath == nil {
		return nil
	}
	name := path.Base(strings.ReplaceAll(*e.filePath, `\`, "/"))
	return &name
}

func (e *experiment) addTags(tags []string) {
	for _, t := range tags {
		if !slices.Contains(e.tags, t) {
			e.tags = append(e.tags, t)
		}
	}
}

// contextIndex returns the index of a context, 0 for nil.
func (e *experiment) contextIndex(c *string) uint32 {
	if c == nil {
		return 0
	}
	if last := e.lastContext; last > 0 && e.contexts[last-1] == *c {
		return last
	}
	i, ok := e.context[*c]
	if !ok {
		s := strings.Clone(*c)
		e.contexts = append(e.contexts, s)
		i = uint32(len(e.contexts))
		e.context[s] = i
	}
	e.lastContext = i
	return i
}

func (e *experiment) series(name string) *metric.Series {
	if s := e.lastSeries; s != nil && s.Name == name {
		return s
	}
	s := e.metrics[name]
	if s == nil {
		name = strings.Clone(name)
		s = &metric.Series{Name: name}
		e.metrics[name] = s
		e.names = append(e.names, name)
	}
	e.lastSeries = s
	return s
}

// snapshot returns the series of the given name, safe to read without lock,
// or nil.
func (e *experiment) snapshot(name string) *metric.Series {
	s := e.metrics[name]
	if s == nil {
		return nil
	}
	return s.Snapshot()
}

// addModel makes a model of the given name if there is none.
func (e *experiment) addModel(name string) {
	if !e.hasModel(name) {
		e.models = append(e.models, &experimentModel{id: newID(), name: name})
	}
}

func (e *experiment) hasModel(name string) bool { return e.modelIndex(name) >= 0 }

func (e *experiment) modelIndex(name string) int {
	return slices.IndexFunc(e.models, func(m *experimentModel) bool { return m.name == name })
}
