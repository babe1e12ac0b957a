package e2e

import (
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A whole workspace moves, with a project that is empty and one whose
// experiments are all archived.
func TestWorkspace(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"lab"}})
	src.SeedDemo("demo")
	before := whole(src)
	move(t, src, dst, "demo", "lab")
	unchanged(t, "the source", before, whole(src))
	for _, name := range []string{"vision", "shelf", "blank"} {
		t.Run(name, func(t *testing.T) { sameDemo(t, src, "demo/"+name, dst, "lab/"+name) })
	}
	stream := runExport(src, "demo").want(t, cli.ExitOK).stdout
	t.Run("again", func(t *testing.T) { importAgain(t, dst, stream, "lab") })
}

// sameDemo compares projects one of which has experiments that run, and links
// and views, which have tests of their own.
func sameDemo(t *testing.T, src *instance, from string, dst *instance, to string) {
	t.Helper()
	want, got := projectState(t, src, from, comettest.StateOptions{}), projectState(t, dst, to, comettest.StateOptions{})
	if want.Notes != got.Notes || want.Public != got.Public || !equal(want.Description, got.Description) {
		t.Errorf("%s: notes, visibility or description differ", to)
	}
	if len(want.Experiments) != len(got.Experiments) {
		t.Fatalf("%s has %d experiments, want %d", to, len(got.Experiments), len(want.Experiments))
	}
	for i := range want.Experiments {
		w, g := &want.Experiments[i], &got.Experiments[i]
		if w.Running {
			w.Running, w.End = false, g.End
		}
		for _, e := range []*comettest.ExperimentState{w, g} {
			e.InputArtifacts, e.OutputArtifacts = nil, nil
		}
		sameExperiment(t, w, g)
	}
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

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
