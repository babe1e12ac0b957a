package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A kind is one line of the table: a kind of data that a project holds.
type kind struct {
	name string
	// items returns the data of this kind, each with the experiment it is of,
	// and how many there are.
	items func(*comettest.ProjectState) (items []any, n int)
}

func (k kind) count(p *comettest.ProjectState) int {
	_, n := k.items(p)
	return n
}

// same compares the data of two projects, by their JSON.
func (k kind) same(src, dst *comettest.ProjectState) bool {
	a, _ := k.items(src)
	b, _ := k.items(dst)
	return bytes.Equal(text(a), text(b))
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("demo: a state that came as JSON is none: " + err.Error())
	}
	return b
}

// asImported returns the state of a source as its copy must be: what ran there
// has ended here, at a time that only the importing tool can say.
func asImported(src, dst *comettest.ProjectState) *comettest.ProjectState {
	want := *src
	want.Experiments = slices.Clone(src.Experiments)
	for i := range want.Experiments {
		e := &want.Experiments[i]
		if !e.Running {
			continue
		}
		e.Running = false
		for _, f := range dst.Experiments {
			if f.Key == e.Key {
				e.End = f.End
			}
		}
	}
	return &want
}

// kinds are the lines of the table, in order.
var kinds = []kind{
	ofProject("project description, visibility", func(p *comettest.ProjectState) any { return []any{p.Description, p.Public} }),
	ofProject("project notes", func(p *comettest.ProjectState) any { return p.Notes }),
	ofExperiment("experiments, their keys and names", func(e *comettest.ExperimentState) (any, int) { return e.Name, 1 }),
	ofExperiment("start and end", func(e *comettest.ExperimentState) (any, int) { return []int64{e.Start, e.End}, 2 }),
	ofExperiment("running", func(e *comettest.ExperimentState) (any, int) { return e.Running, one(e.Running) }),
	ofExperiment("crashed", func(e *comettest.ExperimentState) (any, int) { return e.Crashed, one(e.Crashed) }),
	ofExperiment("archived", func(e *comettest.ExperimentState) (any, int) { return e.Archived, one(e.Archived) }),
	ofExperiment("file paths", func(e *comettest.ExperimentState) (any, int) { return e.FilePath, one(e.FilePath != nil) }),
	ofExperiment("tags", func(e *comettest.ExperimentState) (any, int) { return e.Tags, len(e.Tags) }),
	ofExperiment("parameters", func(e *comettest.ExperimentState) (any, int) { return values(e.Parameters), len(e.Parameters) }),
	ofExperiment("others", func(e *comettest.ExperimentState) (any, int) { return values(e.Others), len(e.Others) }),
	ofExperiment("metrics", func(e *comettest.ExperimentState) (any, int) { return metricNames(e), len(e.Metrics) }),
	ofExperiment("metric points", func(e *comettest.ExperimentState) (any, int) { return e.Metrics, points(e) }),
	ofExperiment("system details", func(e *comettest.ExperimentState) (any, int) { return e.System, len(e.System) }),
	ofExperiment("git metadata", func(e *comettest.ExperimentState) (any, int) { return e.Git, one(e.Git != nil) }),
	ofExperiment("git patches", func(e *comettest.ExperimentState) (any, int) { return e.GitPatchSHA256, one(e.GitPatchSHA256 != "") }),
	ofText("code", func(e *comettest.ExperimentState) *comettest.TextState { return e.Code }),
	ofText("graph", func(e *comettest.ExperimentState) *comettest.TextState { return e.Graph }),
	ofText("html", func(e *comettest.ExperimentState) *comettest.TextState { return e.HTML }),
	ofText("output", func(e *comettest.ExperimentState) *comettest.TextState { return e.Output }),
	ofExperiment("assets, their ids and names", func(e *comettest.ExperimentState) (any, int) { return assets(e), len(e.Assets) }),
	ofExperiment("asset bytes", func(e *comettest.ExperimentState) (any, int) { return bodies(e) }),
	ofExperiment("models", func(e *comettest.ExperimentState) (any, int) { return e.Models, len(e.Models) }),
}

func ofProject(name string, f func(*comettest.ProjectState) any) kind {
	return kind{name: name, items: func(p *comettest.ProjectState) ([]any, int) { return []any{f(p)}, 1 }}
}

func ofExperiment(name string, f func(*comettest.ExperimentState) (any, int)) kind {
	return kind{name: name, items: func(p *comettest.ProjectState) (items []any, n int) {
		for i := range p.Experiments {
			data, m := f(&p.Experiments[i])
			items, n = append(items, p.Experiments[i].Key, data), n+m
		}
		return items, n
	}}
}

// ofText is a text of an experiment, counted in bytes.
func ofText(name string, f func(*comettest.ExperimentState) *comettest.TextState) kind {
	return ofExperiment("bytes of "+name, func(e *comettest.ExperimentState) (any, int) {
		t := f(e)
		if t == nil {
			return nil, 0
		}
		return t.SHA256, t.Bytes
	})
}

func one(have bool) int {
	if have {
		return 1
	}
	return 0
}

// values are the values without what says how the client came by them, which
// no call reads.
func values(list []comettest.ValueState) []comettest.ValueState {
	out := make([]comettest.ValueState, len(list))
	for i, v := range list {
		v.Source = ""
		out[i] = v
	}
	return out
}

func metricNames(e *comettest.ExperimentState) (names []string) {
	for _, m := range e.Metrics {
		names = append(names, m.Name)
	}
	return names
}

func points(e *comettest.ExperimentState) (n int) {
	for _, m := range e.Metrics {
		n += m.Points
	}
	return n
}

// assets are the assets without their bytes, and without the epoch, which no
// call reads.
func assets(e *comettest.ExperimentState) []comettest.AssetState {
	list := make([]comettest.AssetState, len(e.Assets))
	for i, a := range e.Assets {
		a.Epoch, a.SHA256 = nil, ""
		list[i] = a
	}
	return list
}

func bodies(e *comettest.ExperimentState) (sums []string, n int) {
	for _, a := range e.Assets {
		sums, n = append(sums, a.SHA256), n+int(a.Size)
	}
	return sums, n
}
