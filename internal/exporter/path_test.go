package exporter

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/stream"
)

// Names that a path could not hold as they are, or that mean something else
// there, and the names that others look like when written.
var awkwardNames = []string{
	"artifacts", "model-registry", "panels", "%61rtifacts",
	"team", "team/a", "team%2Fa", "team%252Fa", "a/b/c", "/", "//x/",
	"50% off", "50%25", "%", "tab\tand\nline", "\u202edesrever", "Größe 2 (b)", " ", "-l", ".", "..",
}

// Whatever -l prints leads to what it stands for, and to nothing else.
func TestListedPathsLead(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedWorkspace("ws")
	wantProjects := make(map[string]bool)
	for i, name := range awkwardNames {
		key := fmt.Sprintf("%032x", i+1)
		srv.SeedExperiment("ws", name, comettest.ExperimentSpec{Key: key, Name: "e/" + name})
		srv.SeedArtifact("ws", comettest.ArtifactSpec{Name: name, Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
			{Version: "1.0.0", Producer: key},
		}})
		wantProjects[name] = true
	}
	client := newClient(t, srv)
	list := func(path string) [][]string {
		t.Helper()
		var lines [][]string
		err := List(t.Context(), Options{Client: client}, paths(t, path)[0], func(e listing.Entry) error {
			lines = append(lines, e.Texts())
			return nil
		})
		if err != nil {
			t.Fatalf("list %q: %v", path, err)
		}
		return lines
	}
	exported := func(path string) []stream.Record {
		t.Helper()
		return records(t, mustExport(t, Options{Client: client, Paths: paths(t, path)}))
	}
	gotProjects := make(map[string]bool)
	for _, line := range list("ws") {
		if line[0] == "ws/general" {
			continue // the server's own
		}
		all := exported(line[0])
		projects := of[*stream.Project](all)
		if len(projects) != 1 || len(of[*stream.Experiment](all)) != 1 {
			t.Errorf("%q leads to %d projects", line[0], len(projects))
			continue
		}
		gotProjects[projects[0].Name] = true
		experiments := list(line[0])
		if len(experiments) != 1 || !strings.HasPrefix(experiments[0][0], line[0]+"/") {
			t.Errorf("%q lists %q", line[0], experiments)
			continue
		}
		one := of[*stream.Experiment](exported(experiments[0][0]))
		if len(one) != 1 || one[0].Key != experiments[0][1] {
			t.Errorf("%q leads to %d experiments", experiments[0][0], len(one))
		}
	}
	if diff := cmp.Diff(wantProjects, gotProjects); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	gotArtifacts := make(map[string]bool)
	for _, line := range list("ws/artifacts") {
		versions := list(line[0])
		if len(versions) != 1 {
			t.Errorf("%q lists %q", line[0], versions)
			continue
		}
		for _, path := range []string{line[0], versions[0][0]} {
			all := of[*stream.Artifact](exported(path))
			if len(all) != 1 {
				t.Errorf("%q leads to %d artifacts", path, len(all))
				continue
			}
			gotArtifacts[all[0].Name] = true
		}
	}
	if diff := cmp.Diff(wantProjects, gotArtifacts); diff != "" {
		t.Errorf("artifacts (-want +got):\n%s", diff)
	}
}

// A name that looks as if it was escaped is found all the same, and where two
// things share a word the path says which one it took.
func TestPathsAsGiven(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	srv.SeedWorkspace("ws")
	for i, name := range []string{"a%2Fb", "panels"} {
		srv.SeedExperiment("ws", name, comettest.ExperimentSpec{Key: fmt.Sprintf("%032x", i+1)})
	}
	client := newClient(t, srv)
	all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, "ws/a%2Fb")}))
	if p := of[*stream.Project](all); len(p) != 1 || p[0].Name != "a%2Fb" {
		t.Errorf("projects %v", p)
	}
	obs := new(recorder)
	mustExport(t, Options{Client: client, Paths: paths(t, "ws/panels"), Observer: obs})
	want := []string{`"ws/panels" means all of the workspace; write the project of that name as "ws/%70anels"`}
	if diff := cmp.Diff(want, obs.warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	_, _, err := export(t, Options{Client: client, Paths: paths(t, "ws/panel/x")})
	missing, ok := errors.AsType[*find.NotFoundError](err)
	if !ok || strings.Join(missing.Hint(), "") != `did you mean "%70anels"?` {
		t.Errorf("error %v, hint %q", err, missing.Hint())
	}
}
