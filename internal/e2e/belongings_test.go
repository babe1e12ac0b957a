package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
)

// What belongs to a workspace moves with it, and a second time nothing more
// does.
func TestBelongings(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"lab"}})
	seedTeam(src, largeFile())
	before := whole(src)
	results := pipe(src, dst, []string{"team"}, nil, []string{"lab"})
	for _, r := range results {
		r.want(t, cli.ExitOK)
	}
	for _, r := range []result{results[0], results[2]} {
		r.says(t, "4 of 4 experiments") // the two links are none
	}
	unchanged(t, "the source", before, whole(src))
	sameWorkspace(t, src, "team", dst, "lab")
	sameSums(t, runExport(src, "team").want(t, cli.ExitOK).stdout, runExport(dst, "lab").want(t, cli.ExitOK).stdout)

	before = whole(dst)
	dst.ResetStats()
	pipe(src, dst, []string{"team"}, nil, []string{"--verify", "lab"})[2].want(t, cli.ExitOK).says(t, "nothing was written")
	unchanged(t, "the destination", before, whole(dst))
	if n := writes(dst); len(n) > 0 {
		t.Errorf("the second import writes: %v", n)
	}
}

// What the source listed are experiments and links: the counts of the plan add
// up to both.
func TestPlanBalances(t *testing.T) {
	src := start(t, comettest.Options{})
	seedTeam(src, 1)
	listed, found := int64(0), int64(0)
	for _, raw := range rawRecords(t, runExport(src, "team").want(t, cli.ExitOK).stdout) {
		rec, err := raw.Decode()
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case *stream.Plan:
			for _, p := range rec.Projects {
				listed += *p.Experiments
			}
		case *stream.Experiment, *stream.Link:
			found++
		}
	}
	if listed != 6 || found != listed {
		t.Errorf("the plan announces %d experiments and links, want 6; the stream has %d", listed, found)
	}
}

// The same on one instance: the copy has other keys and ids, and refers to
// itself.
func TestBelongingsOnOneInstance(t *testing.T) {
	in := start(t, comettest.Options{Workspaces: []string{"lab"}})
	seedTeam(in, 300_000)
	o := comettest.StateOptions{Workspace: "team"}
	before := in.State(o)
	stream := runExport(in, "team").want(t, cli.ExitOK).stdout
	runImport(in, stream, "lab").want(t, cli.ExitOK)
	unchanged(t, "the source", before, in.State(o))

	want, got := workspaceState(in, "team"), workspaceState(in, "lab")
	keys := bySource(t, in, "lab/train")
	maps.Copy(keys, bySource(t, in, "lab/serve"))
	withKeys(want, keys)
	withoutFileIDs(want, got)
	for _, part := range []struct {
		name      string
		want, got any
	}{
		{"artifacts", want.Artifacts, got.Artifacts},
		{"registry models", want.RegistryModels, got.RegistryModels},
		{"panels", want.Panels, got.Panels},
		{"views", viewsOf(want), viewsOf(got)},
	} {
		if diff := diff(part.want, part.got); diff != "" {
			t.Errorf("%s (-source +copy):\n%s", part.name, head(diff))
		}
	}
	importAgain(t, in, stream, "lab")
}

// withKeys gives what belongs to a workspace the keys that its experiments have
// in a copy.
func withKeys(w *comettest.WorkspaceState, keys map[string]string) {
	for i := range w.Artifacts {
		for j := range w.Artifacts[i].Versions {
			v := &w.Artifacts[i].Versions[j]
			v.Producer = keys[v.Producer]
			for k := range v.Consumers {
				v.Consumers[k] = keys[v.Consumers[k]]
			}
			slices.Sort(v.Consumers)
		}
	}
	for i := range w.RegistryModels {
		for j := range w.RegistryModels[i].Versions {
			v := &w.RegistryModels[i].Versions[j]
			v.Experiment = keys[v.Experiment]
		}
	}
	var pairs []string
	for from, to := range keys {
		pairs = append(pairs, from, to)
	}
	renamed := strings.NewReplacer(pairs...)
	for i := range w.Projects {
		for j := range w.Projects[i].Views {
			v := &w.Projects[i].Views[j]
			v.Experiment = renamed.Replace(v.Experiment)
			for field, raw := range v.Fields {
				v.Fields[field] = []byte(renamed.Replace(string(raw)))
			}
		}
	}
}

func viewsOf(w *comettest.WorkspaceState) (views []comettest.ViewState) {
	for i := range w.Projects {
		views = append(views, w.Projects[i].Views...)
	}
	return views
}

// outages are the ways in which a server goes away at its k-th request: before
// that is done, or when it is done and not answered.
func outages(k int) map[string][]inject.Fault {
	gone := inject.Fault{Kind: inject.FaultRefuse, From: k + 1}
	return map[string][]inject.Fault{
		"not done": {{Kind: inject.FaultRefuse, From: k}},
		"done":     {{Kind: inject.FaultLost, From: k, To: k}, gone},
	}
}

// everyday is the distance between the requests that everyday tests strike; the
// long form strikes each.
func everyday(n int) int {
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		return 1
	}
	return n
}

// Wherever a destination goes away, or an import is killed, the next import ends
// as one that nothing disturbed.
func TestBelongingsImportOutage(t *testing.T) {
	src := start(t, comettest.Options{})
	seedTeam(src, 300_000)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	calm := start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(calm, stream, "lab").want(t, cli.ExitOK)
	for k := 3; k <= calm.Stats().Requests; k += everyday(61) {
		for name, rules := range outages(k) {
			t.Run(fmt.Sprintf("request %d %s", k, name), func(t *testing.T) {
				t.Parallel()
				faults := inject.NewFaults(1)
				dst := start(t, comettest.Options{Workspaces: []string{"lab"}, Middleware: faults.Middleware})
				if err := faults.Set(1, rules...); err != nil {
					t.Fatal(err)
				}
				runImport(dst, stream, "--retry-max-elapsed", "1ms", "lab").want(t, cli.ExitServer)
				faults.Reset()
				runImport(dst, stream, "lab").want(t, cli.ExitOK)
				sameWorkspace(t, src, "team", dst, "lab")
				importAgain(t, dst, stream, "lab")
			})
		}
	}
}

// Wherever a source goes away, the export that is run again ends with the stream
// of one that nothing disturbed; and a request that fails once makes no
// difference.
func TestBelongingsExportOutage(t *testing.T) {
	faults := inject.NewFaults(1)
	src := start(t, comettest.Options{Middleware: faults.Middleware})
	seedTeam(src, 300_000)
	want := content(t, runExport(src, "team").want(t, cli.ExitOK).stdout)
	total := src.Stats().Requests
	set := func(t *testing.T, rules ...inject.Fault) {
		t.Helper()
		if err := faults.Set(1, rules...); err != nil {
			t.Fatal(err)
		}
	}
	for k := 3; k <= total; k += everyday(61) {
		t.Run(fmt.Sprintf("request %d", k), func(t *testing.T) {
			set(t, inject.Fault{Kind: inject.FaultStatus(503), From: k, To: k})
			sameContent(t, want, content(t, runExport(src, "team").want(t, cli.ExitOK).stdout))
			file := filepath.Join(t.TempDir(), "team.comet.zst")
			set(t, inject.Fault{Kind: inject.FaultRefuse, From: k})
			r := runExport(src, "--retry-max-elapsed", "1ms", "-o", file, "team")
			if faults.Counts()[inject.FaultRefuse] > 0 { // the last requests of one run are not made in every one
				r.want(t, cli.ExitServer)
			}
			faults.Reset()
			runExport(src, "-o", file, "team").want(t, cli.ExitOK)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sameContent(t, want, content(t, text))
		})
	}
}

// content returns the records of a stream but for its header, whose id and time
// are its own.
func content(t *testing.T, text []byte) []string {
	t.Helper()
	var lines []string
	for _, raw := range rawRecords(t, text)[1:] {
		lines = append(lines, string(raw.Kind)+" "+string(raw.Data))
	}
	return lines
}

func sameContent(t *testing.T, want, got []string) {
	t.Helper()
	if diff := diff(want, got); diff != "" {
		t.Errorf("the records differ (-calm +disturbed):\n%s", head(diff))
	}
}

// A version that the destination has in another way is told and left as it is.
// Files are compared by their sizes, and with --verify by their bytes.
func TestBelongingsDiffer(t *testing.T) {
	src := start(t, comettest.Options{})
	seedTeam(src, 3000)
	stream := runExport(src, "--with-experiments", "team/artifacts/digits").want(t, cli.ExitOK).stdout
	for _, test := range []struct {
		name   string
		change func(v *comettest.ArtifactVersionSpec)
		code   int // of an import
		verify int // of one with --verify, and of --verify-only
		says   string
	}{
		{"the same", func(*comettest.ArtifactVersionSpec) {}, cli.ExitOK, cli.ExitOK, "nothing was written"},
		{"other bytes", func(v *comettest.ArtifactVersionSpec) { v.Files[0].Body = []byte("2,1\n") }, cli.ExitOK, cli.ExitDiffers, "nothing was written"},
		{"another size", func(v *comettest.ArtifactVersionSpec) { v.Files[0].Body = []byte("1,2,3\n") }, cli.ExitIncomplete, cli.ExitDiffers, "without a file of this name and size"},
		{"one file more", func(v *comettest.ArtifactVersionSpec) { v.Files = append(v.Files, comettest.AssetSpec{Name: "more"}) },
			cli.ExitIncomplete, cli.ExitDiffers, "1 files that are not in the stream"},
		{"other metadata", func(v *comettest.ArtifactVersionSpec) { v.Metadata = new(`{"rows":11}`) }, cli.ExitIncomplete, cli.ExitDiffers, "different metadata"},
		{"another alias", func(v *comettest.ArtifactVersionSpec) { v.Aliases = []string{"second"} }, cli.ExitIncomplete, cli.ExitDiffers, "different aliases"},
		{"another state", func(v *comettest.ArtifactVersionSpec) { v.State = "ERROR" }, cli.ExitIncomplete, cli.ExitDiffers, "different state"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			runImport(dst, runFilter(stream, "-x", "artifacts").want(t, cli.ExitOK).stdout, "lab").want(t, cli.ExitOK)
			theirs := teamArtifacts(3000)[0]
			theirs.Versions = theirs.Versions[:1]
			theirs.Versions[0].Aliases = []string{"first"}
			test.change(&theirs.Versions[0])
			dst.SeedArtifact("lab", theirs)
			state := func() comettest.ArtifactVersionState {
				v := dst.State().Workspace("lab").Artifacts[0].Versions[0]
				v.Aliases = slices.DeleteFunc(v.Aliases, func(s string) bool { return s == "Latest" }) // the server's own
				return v
			}
			before := state()

			first := runImport(dst, stream, "lab").want(t, test.code)
			again := runImport(dst, stream, "lab").want(t, test.code)
			if test.code == cli.ExitOK {
				again.says(t, test.says)
			} else {
				first.says(t, test.says)
				again.says(t, test.says, "nothing was written")
			}
			for _, flags := range [][]string{{"--verify"}, {"--verify-only"}} {
				r := runImport(dst, stream, append(flags, "lab")...)
				if test.verify == cli.ExitOK || flags[0] == "--verify-only" || test.code == cli.ExitOK {
					r.want(t, test.verify)
				} else {
					r.want(t, cli.ExitIncomplete)
				}
			}
			if diff := diff(before, state()); diff != "" {
				t.Errorf("the version has changed (-before +after):\n%s", diff)
			}
		})
	}
}
