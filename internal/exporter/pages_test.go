package exporter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
	"github.com/google/go-cmp/cmp"
)

// pagesServer has a project whose views, and those of its first experiment, show
// two of three panels.
func pagesServer(t *testing.T, o comettest.Options) *comettest.Server {
	t.Helper()
	srv := comettest.Start(t, o)
	srv.SeedProject("w", "p", comettest.ProjectSpec{})
	srv.SeedProject("w", "q", comettest.ProjectSpec{})
	for i, key := range []string{pageKey(1), pageKey(2)} {
		srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Key: key, Start: int64(i + 1), End: 10})
	}
	shows := func(panel string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"v2": json.RawMessage(fmt.Sprintf(`{"panels":[{"templateId":%q}]}`, panel))}
	}
	scatter, bars, unused := srv.SeedPanel("w", "Scatter", "1"), srv.SeedPanel("w", "Bars", "2"), srv.SeedPanel("w", "Unused", "3")
	srv.SeedView("w", "p", "", "Overview", shows(scatter))
	srv.SeedView("w", "p", "", "Overview 2", shows(scatter))
	srv.SeedView("w", "q", "", "Other", shows(unused))
	srv.SeedExperimentView("w", "p", "", "All runs", nil)
	srv.SeedExperimentView("w", "p", pageKey(1), "Mine", shows(bars))
	return srv
}

func pageKey(n int) string { return strings.Repeat(fmt.Sprint(n), 32) }

// pagesOf returns the views and panels of a stream in short.
func pagesOf(all []stream.Record) []string {
	var list []string
	for _, rec := range all {
		switch r := rec.(type) {
		case *stream.Panel:
			list = append(list, "panel "+r.Name)
		case *stream.View:
			table, of := "dashboard", "project"
			if r.ChartTemplate {
				table = "chart"
			}
			if r.Experiment != nil {
				of = (*r.Experiment)[:1]
			}
			list = append(list, fmt.Sprintf("%s %s of %s", table, r.Name, of))
		}
	}
	return list
}

// projectsOnly makes a server leave the views of experiments out of the listing
// of a whole project.
func projectsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/views/") || r.URL.Query().Has("experimentKey") {
			next.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		next.ServeHTTP(rec, r)
		var doc struct {
			Views []map[string]any `json:"views"`
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
			panic(err)
		}
		doc.Views = slices.DeleteFunc(doc.Views, func(v map[string]any) bool { return v["experimentKey"] != nil })
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(doc)
	})
}

// An export has the views of the projects and experiments in it, and the panels
// that they show, each once and before the first view that shows it.
func TestPages(t *testing.T) {
	const all, mine, bars, unused = "chart All runs of project", "chart Mine of 1", "panel Bars", "panel Unused"
	const scatter, first, second, other = "panel Scatter", "dashboard Overview of project", "dashboard Overview 2 of project", "dashboard Other of project"
	for _, test := range []struct {
		paths, resources string
		keys             []string
		want             []string
		// asked is what comes where the views of experiments have to be asked for,
		// nil for the same.
		asked []string
	}{
		{
			paths: "w/p",
			want:  []string{scatter, first, second, all, bars, mine},
		},
		{
			paths: "w/p", resources: "panels",
			want: []string{scatter, first, second, all, bars, mine},
		},
		{paths: "w/p", resources: "project metadata"},
		{paths: "w/p/" + pageKey(1), want: []string{bars, mine}},
		{paths: "w/p/" + pageKey(2)},
		{paths: "w/p", keys: []string{pageKey(2)}, want: []string{scatter, first, second, all}},
		{
			paths: "w",
			want:  []string{bars, scatter, unused, first, second, all, mine, other},
			asked: []string{bars, scatter, unused, first, second, all, other, mine},
		},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s %d %v", test.paths, test.resources, len(test.keys), asked), func(t *testing.T) {
				want := test.want
				var o comettest.Options
				if asked {
					o.Middleware = projectsOnly
				}
				if asked && test.asked != nil {
					want = test.asked
				}
				resources, err := stream.ParseResources(strings.Fields(test.resources))
				if err != nil {
					t.Fatal(err)
				}
				all := records(t, mustExport(t, Options{
					Client: newClient(t, pagesServer(t, o)), Paths: paths(t, test.paths), Resources: resources, Selection: selection.Selection{Keys: keySet(test.keys)},
				}))
				if diff := cmp.Diff(want, pagesOf(all)); diff != "" {
					t.Errorf("views and panels (-want +got):\n%s", diff)
				}
				if lost := of[*stream.Skipped](all); len(lost) > 0 {
					t.Errorf("%d skipped: %+v", len(lost), lost[0])
				}
				if got := of[*stream.Plan](all)[0].Workspaces; (len(got) > 0) != (test.paths == "w") {
					t.Errorf("workspaces of the plan: %q", got)
				}
			})
		}
	}
}

func keySet(keys []string) map[string]bool {
	if keys == nil {
		return nil
	}
	set := make(map[string]bool)
	for _, k := range keys {
		set[k] = true
	}
	return set
}
