package e2e

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// seedWorkspaceLevel adds what belongs to the workspace team itself.
func seedWorkspaceLevel(src *instance) {
	file := func(name string, a comettest.AssetSpec) comettest.AssetSpec {
		a.Name = name
		return a
	}
	src.SeedArtifact("team", comettest.ArtifactSpec{
		Name: "digits", Type: "dataset", Description: new("handwritten"), Tags: []string{"public"}, Public: true, Emoji: new("🔢"),
		Versions: []comettest.ArtifactVersionSpec{
			{Version: "1.0.0", Producer: fidelityKey, Metadata: new(`{"rows":10}`), Tags: []string{"raw"}, Consumers: []string{archivedKey}, Files: []comettest.AssetSpec{
				file("train/a.csv", comettest.AssetSpec{Body: []byte("1,2\n"), Metadata: new(`{"part":1}`)}), file("empty.txt", comettest.AssetSpec{Type: "asset"}), file("unknown.txt", comettest.AssetSpec{Type: "unknown"})}},
			{Version: "2.0.0", Producer: archivedKey, Aliases: []string{"prod"}, Note: new("cleaned"), Files: []comettest.AssetSpec{
				file("train/a.csv", comettest.AssetSpec{Size: 3000, Seed: 5}), file("remote", comettest.AssetSpec{Type: "asset", Link: "s3://bucket/digits"}),
				file("c.png", comettest.AssetSpec{Type: "image", Body: []byte("png")})}},
		},
	})
	src.SeedRegistryModel("team", comettest.RegistrySpec{
		Name: "cnn", Description: new("the good one"), Public: true, Notes: "# Model notes\n",
		Versions: []comettest.RegistryVersionSpec{
			{Version: "1.0.0", Experiment: fidelityKey, Model: "cnn", Comment: new("first"), Stages: []string{"old"}},
			{Version: "1.0.1", Experiment: fidelityKey, Model: "cnn", Stages: []string{"prod"}, Status: "Production", Metadata: map[string]any{"accuracy": 0.9},
				Configuration: map[string]any{
					"status": "QA", "isReviewRequired": true, "comment": "to be looked at", "statusConfiguration": []map[string]any{{"key": "reviewer", "value": "carol"}},
				}},
		},
	})
	panel := src.SeedPanel("team", "Scatter", "from comet_ml import ui\nui.display('hi')\n")
	src.SeedView("team", "vision", "", "Overview", map[string]json.RawMessage{
		"v3":                   json.RawMessage(`{"sections":[{"panels":[{"templateId":"` + panel + `","experimentKeys":["` + fidelityKey + `"]}]}]}`),
		"dashboardChartState":  json.RawMessage(`"{\"panels\":[]}"`),
		"experimentQueryState": json.RawMessage(`"{\"rules\":[\"loss < 1\"]}"`),
		"reactGridTableState":  json.RawMessage(`"{\"columns\":[\"loss\"]}"`),
	})
	page := json.RawMessage(`{"panels":[{"templateId":"` + panel + `"}],"experimentKey":"` + fidelityKey + `"}`)
	src.SeedExperimentView("team", "vision", fidelityKey, "This run", map[string]json.RawMessage{
		"v2": page, "dashboardChartState": json.RawMessage(`"{\"panels\":[1]}"`),
	})
	src.SeedExperimentView("team", "vision", "", "Every run", map[string]json.RawMessage{"v2": json.RawMessage(`{"panels":[{"templateId":"` + panel + `"}]}`)})
}

// pages returns the views of the pages of experiments.
func (s side) pages() []comettest.ViewState {
	return slices.DeleteFunc(slices.Clone(s.p.Views), func(v comettest.ViewState) bool { return !v.Chart })
}

// namedIn returns the names of the panels, and the keys of the experiments,
// whose ids stand in a text.
func namedIn(s side, text string) (names []string) {
	for _, p := range s.w.Panels {
		if strings.Contains(text, p.ID) {
			names = append(names, p.Name)
		}
	}
	for _, e := range s.p.Experiments {
		if strings.Contains(text, e.Key) {
			names = append(names, e.Key)
		}
	}
	return names
}

// workspaceRows are the rows of what belongs to a workspace.
func workspaceRows() []row {
	type model = comettest.RegistryModelState
	type item = comettest.RegistryItemState
	type artifact = comettest.ArtifactState
	type version = comettest.ArtifactVersionState
	models := func(f func(m model) any) func(side) any {
		return func(s side) any { return each(s.w.RegistryModels, f) }
	}
	items := func(f func(i item) any) func(side) any {
		return models(func(m model) any { return each(m.Versions, f) })
	}
	artifacts := func(f func(a artifact) any) func(side) any {
		return func(s side) any { return each(s.w.Artifacts, f) }
	}
	versions := func(f func(v version) any) func(side) any {
		return artifacts(func(a artifact) any { return each(a.Versions, f) })
	}
	files := func(f func(a comettest.AssetState) any) func(side) any {
		return versions(func(v version) any { return each(v.Files, f) })
	}
	return inSection("Workspaces", []row{
		{data: "registry models: names and descriptions", get: models(func(m model) any { return []any{m.Name, m.Description} })},
		{data: "registry models: visibility", get: models(func(m model) any { return m.Public })},
		{data: "registry models: notes", get: models(func(m model) any { return m.Notes })},
		{data: "registry versions: versions and comments", get: items(func(i item) any { return []any{i.Version, i.Comment} })},
		{data: "registry versions: stages, which are their tags", get: items(func(i item) any { return i.Stages })},
		{data: "registry versions: status", get: items(func(i item) any { return i.Status })},
		{data: "registry versions: metadata", get: items(func(i item) any { return i.Metadata })},
		{data: "registry versions: status configuration", get: items(func(i item) any { return i.Configuration })},
		{data: "registry versions: experiment and model", get: items(func(i item) any { return []any{i.Experiment, i.Model} })},
		{data: "registry models: image, whether made automatically or monitored", missing: "no call sets them"},
		{data: "registry models and versions: owner", get: models(func(m model) any { return m.User }), missing: "no call sets it"},
		{data: "registry models and versions: times of creation", get: models(func(m model) any { return m.Created }), missing: "no call sets them"},
		{data: "registry versions: history, requests of approval", missing: "no call sets them"},
		{data: "registry models and artifacts without versions", missing: "no call makes them; they are reported"},
		{data: "versions of registry models and artifacts whose experiment the source has deleted", missing: "calls make a version for an experiment that exists; they are reported"},
		{data: "artifacts: names and types", get: artifacts(func(a artifact) any { return []any{a.Name, a.Type} })},
		{data: "artifacts: tags", get: artifacts(func(a artifact) any { return a.Tags })},
		{data: "artifacts: descriptions", get: artifacts(func(a artifact) any { return a.Description })},
		{data: "artifacts: visibility", get: artifacts(func(a artifact) any { return a.Public })},
		{data: "artifacts: emoji", get: artifacts(func(a artifact) any { return a.Emoji })},
		{data: "artifacts: project", get: artifacts(func(a artifact) any { return a.Project })},
		{data: "artifacts: project, where the first experiment was moved to another one since", change: "it is given to `write/artifacts/upsert`; a server that takes no project there makes it that of the experiment, which is reported"},
		{data: "artifact versions: versions and states", get: versions(func(v version) any { return []any{v.Version, v.State} })},
		{data: "artifact versions: metadata", get: versions(func(v version) any { return v.Metadata })},
		{data: "artifact versions: aliases and tags", get: versions(func(v version) any { return []any{v.Aliases, v.Tags} })},
		{data: "artifact versions: notes", get: versions(func(v version) any { return v.Note })},
		{data: "artifact versions: producing experiment", get: versions(func(v version) any { return v.Producer })},
		{data: "artifact versions: consuming experiments", get: versions(func(v version) any { return v.Consumers })},
		{data: "artifact versions: owner, time", get: versions(func(v version) any { return []any{v.Owner, v.Added} }), missing: "no call sets them"},
		{data: "artifact versions: which version they were made from, times of consumption", missing: "no call sets them"},
		{data: "artifact files: ids", get: files(func(a comettest.AssetState) any { return a.ID })},
		{data: "artifact files: names and bytes", get: files(func(a comettest.AssetState) any { return []any{a.Name, a.SHA256} })},
		{data: "artifact files: metadata", get: files(func(a comettest.AssetState) any { return a.Metadata })},
		{data: "artifact files: types", get: files(func(a comettest.AssetState) any { return []any{a.Name, a.Type} })},
		{data: "artifact files: remote links", get: files(func(a comettest.AssetState) any { return a.Link })},
		{data: "custom panels: name and code", get: func(s side) any {
			return each(s.w.Panels, func(p comettest.PanelState) any { return []any{p.Name, p.Code} })
		}},
		{data: "custom panels: ids", get: func(s side) any {
			return each(s.w.Panels, func(p comettest.PanelState) any { return p.ID })
		}, missing: "no call sets them; views are given the new ones"},
		{data: "custom panels: owner, scope, revisions", missing: "no call sets them"},
		{data: "views and dashboards", get: func(s side) any {
			return each(s.p.Views, func(v comettest.ViewState) any { return []any{v.Name, v.Fields["dashboardChartState"]} })
		}},
		{data: "views and dashboards: saved queries and columns", get: func(s side) any {
			return each(s.p.Views, func(v comettest.ViewState) any {
				return []any{v.Fields["experimentQueryState"], v.Fields["reactGridTableState"]}
			})
		}},
		{data: "views and dashboards: the panels and experiments in them", get: func(s side) any {
			return each(s.p.Views, func(v comettest.ViewState) any { return namedIn(s, string(v.Fields["v3"])) })
		}},
		{data: "views of experiments, and of the pages of all experiments", get: func(s side) any {
			return each(s.pages(), func(v comettest.ViewState) any { return []any{v.Name, v.Experiment, v.Fields["dashboardChartState"]} })
		}},
		{data: "views of experiments: the panels and experiments in them", get: func(s side) any {
			return each(s.pages(), func(v comettest.ViewState) any { return namedIn(s, string(v.Fields["v2"])) })
		}},
		{data: "views and dashboards: ids", get: func(s side) any {
			return each(s.p.Views, func(v comettest.ViewState) any { return v.ID })
		}, missing: "no call sets them"},
		{data: "views and dashboards: pinned experiments, which of them are defaults", missing: "no call sets them"},
		{data: "members and roles, comments, reports, alerts, webhooks", missing: "no call reads them"},
	})
}

func each[T any](list []T, f func(T) any) []any {
	var out []any
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}
