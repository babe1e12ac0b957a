package exporter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

// special returns the records after all projects, in short.
func special(all []stream.Record) []string {
	var out []string
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	version := false
	for _, rec := range all {
		switch r := rec.(type) {
		case *stream.Artifact:
			version = true
			out = append(out, fmt.Sprintf("artifact %s %s %s", r.Name, r.Type, r.Project))
		case *stream.ArtifactVersion:
			out = append(out, fmt.Sprintf("version %s %s %v %v", r.Version, text(r.State), r.Alias, r.Tags))
		case *stream.Asset:
			if version {
				out = append(out, fmt.Sprintf("file %s %s", text(r.Name), text(r.Remote)))
			}
		case *stream.ArtifactEnd:
			version = false
			out = append(out, fmt.Sprintf("artifact-end %d", r.AssetBytes))
		case *stream.Model:
			out = append(out, fmt.Sprintf("model %s %q", r.Name, text(r.Notes)))
		case *stream.ModelVersion:
			out = append(out, fmt.Sprintf("model version %s %v %s %s %d", r.Version, r.Stages, text(r.Status), text(r.Model), len(r.Metadata)))
		case *stream.Link:
			out = append(out, fmt.Sprintf("link %s/%s", r.Workspace, r.Project))
		case *stream.Lineage:
			out = append(out, fmt.Sprintf("lineage %s/%s:%s", r.Workspace, r.Artifact, r.Version))
		case *stream.Panel:
			out = append(out, fmt.Sprintf("panel %s %v", r.Name, len(r.Data) > 0))
		case *stream.View:
			out = append(out, fmt.Sprintf("view %s/%s", r.Project, r.Name))
		}
	}
	return out
}

var (
	demoArtifact = []string{
		"artifact digits dataset vision",
		"version 1.0.0 CLOSED [] [raw]", "file train/a.csv -", "file empty.txt -",
		"version 1.1.0 ERROR [] []",
		"version 2.0.0 CLOSED [prod Latest] []", "file remote s3://bucket/digits/remote", "file train/a.csv -",
		"version 3.0.0 OPEN [] []",
		"artifact-end 100004",
	}
	demoModel = []string{
		`model cnn "# Model notes\n"`, "model version 1.0.0 [old] None cnn 0", "model version 1.0.1 [prod] Production cnn 1",
	}
)

// sameFiles sorts the files of each version: their order follows from ids.
func sameFiles(lines []string) []string {
	lines = slices.Clone(lines)
	for i := 0; i < len(lines); i++ {
		j := i
		for j < len(lines) && strings.HasPrefix(lines[j], "file ") {
			j++
		}
		slices.Sort(lines[i:j])
		i = max(i, j-1)
	}
	return lines
}

func TestWorkspace(t *testing.T) {
	srv := seedDemo(t)
	obs := new(recorder)
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo"), Observer: obs})
	if err != nil || sum.Items != 0 {
		t.Fatalf("error %v, summary %+v", err, sum)
	}
	all := records(t, data)
	if got := of[*stream.Plan](all)[0].Workspaces; !cmp.Equal(got, []string{"demo"}) {
		t.Errorf("workspaces of the plan: %q", got)
	}
	want := slices.Concat(demoArtifact, demoModel, []string{
		"link demo/shelf", "lineage demo/digits:1.0.0", "panel Scatter true", "view vision/Overview",
	})
	if diff := cmp.Diff(sameFiles(want), sameFiles(special(all))); diff != "" {
		t.Errorf("records behind the projects (-want +got):\n%s", diff)
	}
	for _, a := range of[*stream.ArtifactVersion](all) {
		if a.Experiment == nil {
			t.Errorf("version %s has no producer", a.Version)
		}
	}
	open := 0
	for _, w := range obs.warnings {
		if strings.Contains(w, "its state is") {
			open++
		}
	}
	if open != 2 {
		t.Errorf("%d versions told of that are not closed, want 2: %q", open, obs.warnings)
	}
}

func TestWorkspacePaths(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	for _, test := range []struct {
		path string
		want []string
	}{
		{"demo/artifacts", demoArtifact},
		{"demo/artifacts/digits", demoArtifact},
		{"demo/artifacts/digits/prod", []string{"artifact digits dataset vision", demoArtifact[5], demoArtifact[6], demoArtifact[7], "artifact-end 100000"}},
		{"demo/artifacts/digits/latest", []string{"artifact digits dataset vision", demoArtifact[5], demoArtifact[6], demoArtifact[7], "artifact-end 100000"}},
		{"demo/artifacts/digits/3.0.0", []string{"artifact digits dataset vision", demoArtifact[8], "artifact-end 0"}},
		{"demo/model-registry", demoModel},
		{"demo/model-registry/cnn/old", demoModel[:2]},
		{"demo/panels/Scatter", []string{"panel Scatter true"}},
	} {
		t.Run(test.path, func(t *testing.T) {
			all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, test.path)}))
			if diff := cmp.Diff(sameFiles(test.want), sameFiles(special(all))); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			if n := len(of[*stream.Experiment](all)); n != 0 {
				t.Errorf("%d experiments", n)
			}
		})
	}
	for _, path := range []string{"demo/artifacts/digit", "demo/artifacts/digits/9.9.9", "demo/model-registry/x", "demo/panels/Scatte", "dem/panels"} {
		_, sum, err := export(t, Options{Client: client, Paths: paths(t, path)})
		nf, ok := errors.AsType[*find.NotFoundError](err)
		if !ok || sum.Listed != 0 || path != "demo/model-registry/x" && len(nf.Similar) == 0 {
			t.Errorf("%s: error %v, near %+v", path, err, nf)
		}
	}
}

// The experiments that versions come from can be had with them.
func TestWithExperiments(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	for _, test := range []struct {
		path string
		keys []string
	}{
		{"demo/artifacts/digits/1.0.0", []string{comettest.DemoFirst}},
		{"demo/artifacts", []string{comettest.DemoFirst, comettest.DemoTwin}},
		{"demo/model-registry/cnn", []string{comettest.DemoFirst}},
	} {
		obs := new(recorder)
		data, _, err := export(t, Options{Client: client, Paths: paths(t, test.path), WithExperiments: true, Observer: obs})
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, e := range of[*stream.Experiment](records(t, data)) {
			got = append(got, e.Key)
		}
		for _, which := range test.keys {
			want = append(want, comettest.DemoKey("demo", which))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: experiments (-want +got):\n%s", test.path, diff)
		}
		for _, w := range obs.warnings {
			if strings.Contains(w, "not in the stream (") {
				t.Errorf("%s: warning %q", test.path, w)
			}
		}
		obs = new(recorder)
		if _, _, err := export(t, Options{Client: client, Paths: paths(t, test.path), Observer: obs}); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, w := range obs.warnings {
			if strings.Contains(w, "--with-experiments") {
				told++
			}
		}
		if told != len(test.keys) {
			t.Errorf("%s: %d experiments told of, want %d: %q", test.path, told, len(test.keys), obs.warnings)
		}
	}
}

// A server without the newer registry has no status and no metadata, and one
// without artifacts has none.
func TestWorkspaceOld(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Version: "3.4.0"})
	srv.SeedDemo("demo")
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/model-registry")})
	if err != nil || sum.Items != 0 {
		t.Fatalf("error %v, summary %+v", err, sum)
	}
	for _, v := range of[*stream.ModelVersion](records(t, data)) {
		if v.Status != nil || v.Metadata != nil {
			t.Errorf("version %s: status %v, metadata %v", v.Version, v.Status, v.Metadata)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	sorted := []string{"latest", "1.0.0", "1.0.2", "1.0.10", "1.2.0", "2.0.0", "10.0.0"}
	got := slices.Clone(sorted)
	slices.Reverse(got)
	slices.SortFunc(got, find.CompareVersions)
	if diff := cmp.Diff(sorted, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

// Versions come in the order in which the source got them, whatever their numbers
// say: the last to come is the latest at a destination.
func TestVersionsInOrder(t *testing.T) {
	srv := seedDemo(t)
	key := comettest.DemoKey("demo", comettest.DemoFirst)
	srv.SeedArtifact("demo", comettest.ArtifactSpec{Name: "patched", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
		{Version: "2.0.0", Producer: key}, {Version: "1.0.1", Producer: key}, {Version: "1.0.10", Producer: key}, {Version: "1.0.9", Producer: key},
	}})
	srv.SeedRegistryModel("demo", comettest.RegistrySpec{Name: "patched", Versions: []comettest.RegistryVersionSpec{
		{Version: "2.0.0", Experiment: key, Model: "cnn"}, {Version: "1.0.1", Experiment: key, Model: "cnn"}, {Version: "1.0.10", Experiment: key, Model: "cnn"},
		{Version: "1.0.9", Experiment: key, Model: "cnn"},
	}})
	data, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/artifacts/patched", "demo/model-registry/patched")})
	if err != nil {
		t.Fatal(err)
	}
	var artifacts, models []string
	for _, v := range of[*stream.ArtifactVersion](records(t, data)) {
		artifacts = append(artifacts, v.Version)
	}
	for _, v := range of[*stream.ModelVersion](records(t, data)) {
		models = append(models, v.Version)
	}
	want := []string{"2.0.0", "1.0.1", "1.0.10", "1.0.9"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{artifacts, models}); diff != "" {
		t.Errorf("versions of artifact and model (-want +got):\n%s", diff)
	}
}

// Several paths into one workspace add up, and experiments bring along no inputs
// but those that paths name.
func TestWorkspaceSeveralPaths(t *testing.T) {
	srv := seedDemo(t)
	first := comettest.DemoKey("demo", comettest.DemoFirst)
	for _, name := range []string{"letters", "words"} {
		srv.SeedArtifact("demo", comettest.ArtifactSpec{Name: name, Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
			{Version: "1.0.0", Producer: first, Consumers: []string{first}}, {Version: "2.0.0", Producer: first, Consumers: []string{first}},
		}})
	}
	client := newClient(t, srv)
	letters := func(versions ...string) []string {
		return slices.Concat([]string{"artifact letters dataset vision"}, versions, []string{"artifact-end 0"})
	}
	one, two := "version 1.0.0 CLOSED [] []", "version 2.0.0 CLOSED [Latest] []"
	words := append([]string{"artifact words dataset vision"}, letters(one, two)[1:]...)
	for _, test := range []struct {
		paths []string
		with  bool
		want  []string
	}{
		{[]string{"demo/artifacts/letters", "demo/artifacts/words", "demo/panels"}, false, slices.Concat(letters(one, two), words, []string{"panel Scatter true"})},
		{[]string{"demo/artifacts/letters/2.0.0", "demo/artifacts/letters/1.0.0"}, false, letters(one, two)},
		{[]string{"demo/artifacts/letters/2.0.0", "demo/artifacts/letters"}, false, letters(one, two)},
		{[]string{"demo/artifacts/letters/latest"}, true, append(letters(two), "lineage demo/letters:2.0.0")},
		{[]string{"demo/artifacts/letters"}, true, append(letters(one, two), "lineage demo/letters:1.0.0", "lineage demo/letters:2.0.0")},
	} {
		all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, test.paths...), WithExperiments: test.with}))
		if diff := cmp.Diff(test.want, special(all)); diff != "" {
			t.Errorf("%q: records (-want +got):\n%s", test.paths, diff)
		}
	}
}
