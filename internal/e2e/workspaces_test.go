package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A whole workspace moves, with a project that is empty and one whose
// experiments are all archived, and with what belongs to the workspace itself.
func TestWorkspace(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"lab"}})
	src.SeedDemo("demo")
	before := whole(src)
	results := pipe(src, dst, []string{"demo"}, nil, []string{"lab"})
	for _, r := range results {
		if r.code != cli.ExitOK && r.code != cli.ExitIncomplete {
			r.want(t, cli.ExitOK)
		}
	}
	unchanged(t, "the source", before, whole(src))
	sameWorkspace(t, src, "demo", dst, "lab")
	stream := runExport(src, "demo").stdout
	before = whole(dst)
	dst.ResetStats()
	runImport(dst, stream, "lab").says(t, "nothing was written")
	unchanged(t, "the destination", before, whole(dst))
	if n := writes(dst); len(n) > 0 {
		t.Errorf("the second import writes: %v", n)
	}
}

// A workspace is copied on its own instance: everything under other keys and
// ids, and once.
func TestWorkspaceOnOneInstance(t *testing.T) {
	in := start(t, comettest.Options{Workspaces: []string{"lab"}})
	in.SeedDemo("demo")
	o := comettest.StateOptions{Workspace: "demo"}
	before := in.State(o)
	stream := runExport(in, "demo").stdout
	runImport(in, stream, "lab")
	after := in.State(o)
	unchanged(t, "the source", before, after)
	for _, name := range []string{"vision", "shelf"} {
		sameCopies(t, in, "demo/"+name, "lab/"+name)
	}
	from, to := workspaceState(in, "demo"), workspaceState(in, "lab")
	keys := bySource(t, in, "lab/vision")
	for i := range from.Artifacts {
		for j := range from.Artifacts[i].Versions {
			v := &from.Artifacts[i].Versions[j]
			v.Producer = keys[v.Producer]
			for k := range v.Consumers {
				v.Consumers[k] = keys[v.Consumers[k]]
			}
		}
	}
	for i := range from.RegistryModels {
		for j := range from.RegistryModels[i].Versions {
			v := &from.RegistryModels[i].Versions[j]
			v.Experiment = keys[v.Experiment]
		}
	}
	withoutFileIDs(from, to)
	if diff := diff(from.Artifacts, to.Artifacts); diff != "" {
		t.Errorf("artifacts (-source +copy):\n%s", head(diff))
	}
	if diff := diff(from.RegistryModels, to.RegistryModels); diff != "" {
		t.Errorf("registry models (-source +copy):\n%s", head(diff))
	}
	again := whole(in)
	in.ResetStats()
	runImport(in, stream, "lab").says(t, "nothing was written")
	unchanged(t, "the instance", again, whole(in))
}

// withoutFileIDs takes the ids of artifact files away, which are other ones in a
// copy.
func withoutFileIDs(workspaces ...*comettest.WorkspaceState) {
	for _, w := range workspaces {
		for _, a := range w.Artifacts {
			for _, v := range a.Versions {
				for i := range v.Files {
					v.Files[i].ID = ""
				}
			}
		}
	}
}

// sameWorkspace compares two workspaces that have the same keys and ids of
// experiments.
func sameWorkspace(t *testing.T, src *instance, from string, dst *instance, to string) {
	t.Helper()
	want, got := workspaceState(src, from), workspaceState(dst, to)
	for i := range want.Projects {
		for j := range want.Projects[i].Experiments {
			if e := &want.Projects[i].Experiments[j]; e.Running {
				e.Running, e.End = false, got.Projects[i].Experiments[j].End
			}
		}
	}
	sameWorkspaceState(t, want, got)
}

// sameWorkspaceState compares two workspaces, whose names may differ.
func sameWorkspaceState(t *testing.T, want, got *comettest.WorkspaceState) {
	t.Helper()
	got.Name = want.Name
	if diff := diff(want, got); diff != "" {
		t.Errorf("the workspace differs (-source +destination):\n%s", head(diff))
	}
}

// workspaceState is the portable state of a workspace, with the names of panels
// in views in place of their ids, and the members of views sorted.
func workspaceState(in *instance, name string) *comettest.WorkspaceState {
	w := in.State(portable).Workspace(name)
	for i := range w.Projects {
		asImported(&w.Projects[i])
		for j := range w.Projects[i].Views {
			v := &w.Projects[i].Views[j]
			v.Fields = maps.Clone(v.Fields) // which the server uses too
			for field, raw := range v.Fields {
				for _, p := range in.State().Workspace(name).Panels {
					raw = bytes.ReplaceAll(raw, []byte(p.ID), []byte(p.Name))
				}
				v.Fields[field] = sortedJSON(raw)
			}
		}
	}
	return w
}

// sortedJSON writes JSON with the members of its objects sorted.
func sortedJSON(raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	if text, err := json.Marshal(v); err == nil {
		return text
	}
	return raw
}

// Two projects of the same name from two workspaces do not meet in one unless
// told to, and nothing is written before that is known.
func TestTwoWorkspacesIntoOne(t *testing.T) {
	src := start(t, comettest.Options{})
	for _, workspace := range []string{"one", "two"} {
		src.SeedProject(workspace, "shared", comettest.ProjectSpec{Notes: "of " + workspace})
		src.SeedExperiment(workspace, "shared", comettest.ExperimentSpec{Name: "of " + workspace, Start: epoch, End: epoch + 1})
		src.SeedExperiment(workspace, "own "+workspace, comettest.ExperimentSpec{Name: "alone", Start: epoch, End: epoch + 1})
	}
	both := runExport(src, "one/", "two/").want(t, cli.ExitOK).stdout
	joined := slices.Concat(runExport(src, "one").want(t, cli.ExitOK).stdout, runExport(src, "two").want(t, cli.ExitOK).stdout)
	t.Run("one stream", func(t *testing.T) {
		dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
		before := whole(dst)
		runImport(dst, both, "lab").want(t, cli.ExitUsage).says(t, "shared", "--merge")
		unchanged(t, "the destination", before, whole(dst))
		if n := writes(dst); len(n) > 0 {
			t.Errorf("refused after writing: %v", n)
		}
	})
	for name, stream := range map[string][]byte{"one stream, merged": both, "two streams, merged": joined} {
		t.Run(name, func(t *testing.T) {
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			runImport(dst, stream, "--merge", "lab")
			if n := len(projectState(t, dst, "lab/shared", comettest.StateOptions{}).Experiments); n != 2 {
				t.Errorf("the merged project has %d experiments, want 2", n)
			}
			for _, own := range []string{"lab/own one", "lab/own two"} {
				if n := len(projectState(t, dst, own, comettest.StateOptions{}).Experiments); n != 1 {
					t.Errorf("%s has %d experiments, want 1", own, n)
				}
			}
		})
	}
	t.Run("names kept", func(t *testing.T) {
		dst := start(t, comettest.Options{Workspaces: []string{"one", "two"}})
		runImport(dst, both).want(t, cli.ExitOK)
		for _, path := range []string{"one/shared", "two/shared", "one/own one", "two/own two"} {
			sameProject(t, src, path, dst, path)
		}
	})
}

// One experiment alone, by its key and by its name.
func TestOneExperiment(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedDemo("demo")
	for _, path := range []string{"demo/vision/" + comettest.DemoKey("demo", comettest.DemoArchived), "demo/vision/gave up"} {
		dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
		move(t, src, dst, path, "lab/one")
		p := projectState(t, dst, "lab/one", comettest.StateOptions{})
		if len(p.Experiments) != 1 {
			t.Fatalf("%s: %d experiments, want 1", path, len(p.Experiments))
		}
		sameExperiment(t, src.State(portable).Experiment(comettest.DemoKey("demo", comettest.DemoArchived)), &p.Experiments[0])
	}
	runExport(src, "demo/vision/baseline").want(t, cli.ExitFailed).
		says(t, comettest.DemoKey("demo", comettest.DemoFirst), comettest.DemoKey("demo", comettest.DemoTwin))
}
