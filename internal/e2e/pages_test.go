package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Keys of experiments with pages, and of one without.
var pagedKey, plainKey = strings.Repeat("5", 32), strings.Repeat("6", 32)

// seedPages makes a project with views of its own and of an experiment, which
// show some of the panels of the workspace.
func seedPages(in *instance) {
	in.SeedProject("team", "vision", comettest.ProjectSpec{})
	for i, key := range []string{pagedKey, plainKey} {
		in.SeedExperiment("team", "vision", comettest.ExperimentSpec{Key: key, Name: key[:1], Start: epoch + int64(i), End: epoch + 10})
	}
	scatter, bars := in.SeedPanel("team", "Scatter", "s"), in.SeedPanel("team", "Bars", "b")
	in.SeedPanel("team", "Unused", "u")
	id := in.State().Project("team", "vision").ID
	in.SeedView("team", "vision", "", "Overview", map[string]json.RawMessage{
		"v3":                  json.RawMessage(`{"panels":[{"keys":["` + plainKey + `"],"projectId":"` + id + `","templateId":"` + scatter + `"}]}`),
		"dashboardChartState": json.RawMessage(`"{\"rows\":1}"`),
	})
	in.SeedExperimentView("team", "vision", pagedKey, "This run", map[string]json.RawMessage{
		"v2": json.RawMessage(`{"experimentKey":"` + pagedKey + `","panels":[{"templateId":"` + bars + `"}]}`),
	})
	in.SeedExperimentView("team", "vision", "", "Every run", map[string]json.RawMessage{"v2": json.RawMessage(`{"wide":true}`)})
}

// shownPages returns the views of a project, with names in place of what is
// another at the destination, and the names of the panels of its workspace.
func shownPages(t *testing.T, in *instance, workspace, project string) (views, panels []string) {
	t.Helper()
	w, p := in.State().Workspace(workspace), in.State().Project(workspace, project)
	names := []string{p.ID, "<project>"}
	for _, e := range p.Experiments {
		names = append(names, e.Key, "<run "+*e.Name+">")
	}
	for _, panel := range w.Panels {
		names = append(names, panel.ID, "<"+panel.Name+">")
		panels = append(panels, panel.Name)
	}
	named := strings.NewReplacer(names...)
	for _, v := range p.Views {
		text, err := json.Marshal(v.Fields)
		if err != nil {
			t.Fatal(err)
		}
		table := "dashboard"
		if v.Chart {
			table = "chart"
		}
		views = append(views, named.Replace(table+" "+v.Name+" of "+v.Experiment+": "+string(text)))
	}
	return views, panels
}

// The views of a project and of its experiments move with it, and the panels
// that they show: to another instance, and on one instance with new ids.
func TestPages(t *testing.T) {
	src := start(t, comettest.Options{Workspaces: []string{"other"}})
	seedPages(src)
	want, _ := shownPages(t, src, "team", "vision")
	if len(want) != 3 {
		t.Fatalf("views of the source: %q", want)
	}
	stream := runExport(src, "team/vision").want(t, cli.ExitOK).stdout
	dst := start(t, comettest.Options{Workspaces: []string{"other"}})
	for _, in := range []*instance{dst, src} {
		runImport(in, stream, "--verify", "other/vision").want(t, cli.ExitOK)
		views, panels := shownPages(t, in, "other", "vision")
		if diff := cmp.Diff(want, views); diff != "" {
			t.Errorf("views (-source +destination):\n%s", diff)
		}
		if !slices.Equal(panels, []string{"Bars", "Scatter"}) {
			t.Errorf("panels %q", panels)
		}
		importAgain(t, in, stream, "other/vision")
		runImport(in, stream, "--verify-only", "other/vision").want(t, cli.ExitOK)
	}
	again := runExport(dst, "other/vision").want(t, cli.ExitOK).stdout
	sameSums(t, stream, again)

	// A copy beside the project shows the very same panels.
	runImport(src, stream, "team/copy").want(t, cli.ExitOK)
	views, panels := shownPages(t, src, "team", "copy")
	if diff := cmp.Diff(want, views); diff != "" || len(panels) != 3 {
		t.Errorf("panels %q, views (-source +copy):\n%s", panels, diff)
	}

	// Renamed, the panels go where the views go.
	renamed := runFilter(stream, "--rename", "team/vision=lab/eye").want(t, cli.ExitOK).stdout
	lab := start(t, comettest.Options{Workspaces: []string{"lab"}})
	runImport(lab, renamed).want(t, cli.ExitOK)
	views, panels = shownPages(t, lab, "lab", "eye")
	if diff := cmp.Diff(want, views); diff != "" || len(panels) != 2 {
		t.Errorf("panels %q, views (-source +renamed):\n%s", panels, diff)
	}

	// A view of an experiment goes with it.
	for _, v := range sums(t, runFilter(stream, "--key", plainKey).want(t, cli.ExitOK).stdout) {
		if strings.Contains(v, "This run") {
			t.Errorf("the filter keeps a view of an experiment that it drops: %s", v)
		}
	}
}

// A destination that has no table for the views of experiments keeps them with
// those of projects. Those for the pages of all experiments are missing, and told
// each time.
func TestPagesOldDestination(t *testing.T) {
	src := start(t, comettest.Options{})
	seedPages(src)
	stream := runExport(src, "team/vision").want(t, cli.ExitOK).stdout
	dst := start(t, comettest.Options{Workspaces: []string{"team"}, Middleware: lacking("chart-templates")})
	for range 2 {
		runImport(dst, stream, "team").want(t, cli.ExitIncomplete).says(t, `view "Every run": missing`)
	}
	runImport(dst, stream, "--verify-only", "team").want(t, cli.ExitDiffers)
	views, _ := shownPages(t, dst, "team", "vision")
	if len(views) != 2 || !strings.HasPrefix(views[0], "dashboard Overview of :") || !strings.HasPrefix(views[1], "dashboard This run of <run 5>:") {
		t.Errorf("views %q", views)
	}
}
