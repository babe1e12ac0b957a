package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A kind is one line of the table: a kind of data that a workspace holds.
type kind struct {
	name string
	// items returns the data of this kind, each with what it is of, and how many
	// there are.
	items func(*comettest.WorkspaceState) (items []any, n int)
}

func (k kind) count(w *comettest.WorkspaceState) int {
	_, n := k.items(w)
	return n
}

// same compares the data of two workspaces, by their JSON.
func (k kind) same(src, dst *comettest.WorkspaceState) bool {
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
func asImported(src, dst *comettest.WorkspaceState) *comettest.WorkspaceState {
	ends := make(map[string]int64)
	for _, p := range dst.Projects {
		for _, e := range p.Experiments {
			ends[e.Key] = e.End
		}
	}
	want := *src
	want.Projects = slices.Clone(src.Projects)
	for i := range want.Projects {
		p := &want.Projects[i]
		p.Experiments = slices.Clone(p.Experiments)
		for j := range p.Experiments {
			if e := &p.Experiments[j]; e.Running {
				e.Running, e.End = false, ends[e.Key]
			}
		}
	}
	return &want
}

// kinds are the lines of the table, in order.
var kinds = []kind{
	ofProject("projects, description, visibility", func(p *comettest.ProjectState) (any, int) { return []any{p.Description, p.Public}, 1 }),
	ofProject("project notes", func(p *comettest.ProjectState) (any, int) { return p.Notes, one(p.Notes != "") }),
	ofProject("share links, as many", func(p *comettest.ProjectState) (any, int) { return p.ShareCodes, p.ShareCodes }),
	ofProject("links from other projects", func(p *comettest.ProjectState) (any, int) { return p.Links, len(p.Links) }),
	ofExperiment("experiments, their keys and names", func(e *comettest.ExperimentState) (any, int) { return e.Name, 1 }),
	ofExperiment("start and end", func(e *comettest.ExperimentState) (any, int) { return []int64{e.Start, e.End}, 2 }),
	ofExperiment("running", func(e *comettest.ExperimentState) (any, int) { return e.Running, one(e.Running) }),
	ofExperiment("crashed", func(e *comettest.ExperimentState) (any, int) { return e.Crashed, one(e.Crashed) }),
	ofExperiment("archived", func(e *comettest.ExperimentState) (any, int) { return e.Archived, one(e.Archived) }),
	ofExperiment("file paths", func(e *comettest.ExperimentState) (any, int) { return e.FilePath, one(e.FilePath != nil) }),
	ofExperiment("tags", func(e *comettest.ExperimentState) (any, int) { return e.Tags, len(e.Tags) }),
	ofExperiment("parameters", func(e *comettest.ExperimentState) (any, int) { return e.Parameters, len(e.Parameters) }),
	ofExperiment("others", func(e *comettest.ExperimentState) (any, int) { return e.Others, len(e.Others) }),
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
	ofExperiment("artifacts, in and out", func(e *comettest.ExperimentState) (any, int) {
		return []any{e.InputArtifacts, e.OutputArtifacts}, len(e.InputArtifacts) + len(e.OutputArtifacts)
	}),
	{"artifacts", func(w *comettest.WorkspaceState) ([]any, int) { return artifacts(w, false), len(w.Artifacts) }},
	{"artifact versions, their files", func(w *comettest.WorkspaceState) ([]any, int) {
		list := artifacts(w, true)
		return list, len(list)
	}},
	{"registry models and versions", func(w *comettest.WorkspaceState) (items []any, n int) {
		for _, m := range w.RegistryModels {
			items, n = append(items, m), n+1+len(m.Versions)
		}
		return items, n
	}},
	{"custom panels", func(w *comettest.WorkspaceState) (items []any, n int) {
		for _, p := range w.Panels {
			items, n = append(items, p.Name, p.Code), n+1
		}
		return items, n
	}},
	ofProject("views", func(p *comettest.ProjectState) (any, int) {
		var names []string
		for _, v := range p.Views {
			names = append(names, v.Name) // what is in them has ids of panels
		}
		return names, len(names)
	}),
}

func ofProject(name string, f func(*comettest.ProjectState) (any, int)) kind {
	return kind{name: name, items: func(w *comettest.WorkspaceState) (items []any, n int) {
		for i := range w.Projects {
			data, m := f(&w.Projects[i])
			items, n = append(items, w.Projects[i].Name, data), n+m
		}
		return items, n
	}}
}

func ofExperiment(name string, f func(*comettest.ExperimentState) (any, int)) kind {
	return ofProject(name, func(p *comettest.ProjectState) (any, int) {
		items, n := []any{}, 0
		for i := range p.Experiments {
			data, m := f(&p.Experiments[i])
			items, n = append(items, p.Experiments[i].Key, data), n+m
		}
		return items, n
	})
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

// assets are the assets without their bytes.
func assets(e *comettest.ExperimentState) []comettest.AssetState {
	list := slices.Clone(e.Assets)
	for i := range list {
		list[i].SHA256 = ""
	}
	return list
}

// artifacts are the artifacts without their versions, or their versions, with
// files that have ids of the server.
func artifacts(w *comettest.WorkspaceState, versions bool) (list []any) {
	for _, a := range w.Artifacts {
		if !versions {
			a.Versions = nil
			list = append(list, a)
			continue
		}
		for _, v := range a.Versions {
			v.Files = slices.Clone(v.Files)
			for i := range v.Files {
				v.Files[i].ID = ""
			}
			list = append(list, v)
		}
	}
	return list
}

func bodies(e *comettest.ExperimentState) (sums []string, n int) {
	for _, a := range e.Assets {
		sums, n = append(sums, a.SHA256), n+int(a.Size)
	}
	return sums, n
}
