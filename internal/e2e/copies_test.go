package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// sourceKey returns the key of the experiment that e was made from.
func sourceKey(e *comettest.ExperimentState) string {
	for _, o := range e.Others {
		if o.Name == "source_experiment_key" {
			return o.Current.Value
		}
	}
	return ""
}

// bySource returns the keys of a project's experiments by those of the
// experiments they were made from.
func bySource(t *testing.T, in *instance, path string) map[string]string {
	t.Helper()
	keys := make(map[string]string)
	for _, e := range projectState(t, in, path, comettest.StateOptions{}).Experiments {
		keys[sourceKey(&e)] = e.Key
	}
	return keys
}

// A copy on the source instance itself gets derived keys, the same on every
// run, and leaves the source as it was.
func TestCopyOnOneInstance(t *testing.T) {
	in := start(t, comettest.Options{Workspaces: []string{"b"}})
	in.SeedDemo("a")
	before := in.State(comettest.StateOptions{Workspace: "a", Points: true, Texts: true})
	stream := runExport(in, "a/vision").want(t, cli.ExitOK).stdout
	runImport(in, stream, "b/vision").want(t, cli.ExitOK)
	unchanged(t, "the source", before, in.State(comettest.StateOptions{Workspace: "a", Points: true, Texts: true}))

	first := bySource(t, in, "b/vision")
	for _, which := range []string{comettest.DemoFirst, comettest.DemoTwin, comettest.DemoArchived, comettest.DemoRunning, comettest.DemoEmpty} {
		key := comettest.DemoKey("a", which)
		if copied := first[key]; copied == "" || copied == key {
			t.Errorf("the copy of %s is %q", which, copied)
		}
	}
	importAgain(t, in, stream, "b/vision")

	other := start(t, comettest.Options{Workspaces: []string{"b"}})
	runImport(other, stream, "--keys", "derive", "b/vision").want(t, cli.ExitOK)
	for source, key := range bySource(t, other, "b/vision") {
		same(t, "the derived key of "+source, first[source], key)
	}
	runImport(in, stream, "b/elsewhere").want(t, cli.ExitOK)
	for source, key := range bySource(t, in, "b/elsewhere") {
		if first[source] == key {
			t.Errorf("two copies of %s have one key", source)
		}
	}
	sameCopies(t, in, "a/vision", "b/vision")
}

// sameCopies compares a project with a copy of derived keys and ids.
func sameCopies(t *testing.T, in *instance, from, to string) {
	t.Helper()
	want, got := projectState(t, in, from, comettest.StateOptions{}), projectState(t, in, to, comettest.StateOptions{})
	for i := range got.Experiments {
		e := &got.Experiments[i]
		n := slices.IndexFunc(want.Experiments, func(w comettest.ExperimentState) bool { return w.Key == sourceKey(e) })
		if n < 0 {
			t.Errorf("experiment %s is a copy of none", e.Key)
			continue
		}
		w := &want.Experiments[n]
		e.Key = w.Key
		e.Others = slices.DeleteFunc(e.Others, func(o comettest.ValueState) bool { return o.Name == "source_experiment_key" })
		if w.Running {
			w.Running, w.End = false, e.End
		}
		for _, x := range []*comettest.ExperimentState{w, e} {
			x.InputArtifacts, x.OutputArtifacts = nil, nil // belong to the workspace
		}
		for _, list := range [][]comettest.AssetState{w.Assets, e.Assets} {
			for j := range list {
				list[j].ID = ""
				if slices.Contains([]string{"confusion-matrix", "embeddings", "datagrid"}, list[j].Type) {
					list[j].SHA256, list[j].Size = "", 0 // refers to other ids now
				}
			}
			slices.SortFunc(list, func(a, b comettest.AssetState) int {
				return strings.Compare(a.Name+a.Type+a.SHA256, b.Name+b.Type+b.SHA256)
			})
		}
		sameExperiment(t, w, e)
	}
	if len(got.Experiments) != len(want.Experiments) {
		t.Errorf("%d experiments, want %d", len(got.Experiments), len(want.Experiments))
	}
}

// Keys that no handshake takes are derived.
func TestKeysRefused(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	odd := []string{"oldkeyof25charactersonlyxx"[:25], strings.Repeat("x", 51), "has-dashes-in-it-and-is-long-enough-00"}
	for _, key := range odd {
		src.SeedExperiment("src", "p", comettest.ExperimentSpec{Key: key, Name: key, Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{{Name: "a", Body: []byte("a")}}})
	}
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst/p").want(t, cli.ExitOK)
	copied := bySource(t, dst, "dst/p")
	for _, key := range odd {
		if len(copied[key]) != 32 {
			t.Errorf("the copy of %q is %q", key, copied[key])
		}
	}
	importAgain(t, dst, stream, "dst/p")

	strict := start(t, comettest.Options{Workspaces: []string{"dst"}})
	r := runImport(strict, stream, "--keys", "require", "dst/p")
	if r.code == cli.ExitOK {
		t.Error("--keys require is content with derived keys")
	}
	r.says(t, odd[0])
	if p := strict.State().Project("dst", "p"); p != nil && len(p.Experiments) > 0 {
		t.Errorf("--keys require has imported %d experiments", len(p.Experiments))
	}
}

// An experiment whose key is taken in another project is left, listed, and
// reported in the exit code, or imported under a derived key.
func TestKeyElsewhere(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	key := strings.Repeat("7", 32)
	for _, in := range []*instance{src, dst} {
		in.SeedExperiment("src", "p", comettest.ExperimentSpec{Key: key, Name: "taken", Start: epoch, End: epoch + 1})
	}
	free := src.SeedExperiment("src", "p", comettest.ExperimentSpec{Name: "free", Start: epoch + 1, End: epoch + 2})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	before := dst.State(comettest.StateOptions{Workspace: "src"})
	runImport(dst, stream, "dst/p").want(t, cli.ExitIncomplete).says(t, key)
	unchanged(t, "the project elsewhere", before, dst.State(comettest.StateOptions{Workspace: "src"}))
	p := projectState(t, dst, "dst/p", comettest.StateOptions{})
	if len(p.Experiments) != 1 || p.Experiments[0].Key != free {
		t.Errorf("the target holds %d experiments, want the free one alone", len(p.Experiments))
	}
	runImport(dst, stream, "--elsewhere", "derive", "dst/p").want(t, cli.ExitOK)
	if copied := bySource(t, dst, "dst/p")[key]; copied == "" || copied == key {
		t.Errorf("the copy of the taken key is %q", copied)
	}
	unchanged(t, "the project elsewhere", before, dst.State(comettest.StateOptions{Workspace: "src"}))
	importAgain(t, dst, stream, "--elsewhere", "derive", "dst/p")
}

// A key that belongs to an experiment nobody may see is derived.
func TestKeyOfOthers(t *testing.T) {
	src := start(t, comettest.Options{})
	dst := start(t, comettest.Options{Keys: []comettest.Key{
		{Key: "thekeyofbob0000000000000", User: "bob"}, // who owns the workspaces
		{Key: "thekeyofeve0000000000000", User: "eve", Role: comettest.RoleNone},
	}})
	dst.key, dst.flags = "thekeyofeve0000000000000", reach(t, dst.ClientlibURL(), "thekeyofeve0000000000000")
	key := strings.Repeat("7", 32)
	src.SeedExperiment("src", "p", comettest.ExperimentSpec{Key: key, Name: "ours", Start: epoch, End: epoch + 1})
	dst.SeedExperiment("secret", "p", comettest.ExperimentSpec{Key: key, Name: "theirs", Start: epoch, End: epoch + 1})
	before := dst.State(comettest.StateOptions{Workspace: "secret"})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "eve/p").want(t, cli.ExitOK)
	if copied := bySource(t, dst, "eve/p")[key]; copied == "" || copied == key {
		t.Errorf("the copy of the taken key is %q", copied)
	}
	unchanged(t, "the experiment of others", before, dst.State(comettest.StateOptions{Workspace: "secret"}))
	importAgain(t, dst, stream, "eve/p")
}
