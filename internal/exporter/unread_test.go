package exporter

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/stream"
)

// faulty starts a server with rules of what goes wrong, which are set once it is
// seeded.
func faulty(t *testing.T, moods comettest.Moods, seed func(*comettest.Server), rules ...inject.Fault) *comettest.Server {
	t.Helper()
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Moods: moods, Middleware: faults.Middleware})
	seed(srv)
	if err := faults.Set(1, rules...); err != nil {
		t.Fatal(err)
	}
	return srv
}

// A file with the points that a server has dropped is named where it cannot be
// read, once for each metric, and what the server lists is carried.
func TestFullMetricsUnread(t *testing.T) {
	moods := comettest.Moods{MetricCap: comettest.DefaultMetricCap, FullMetricFiles: "typed"}
	for name, test := range map[string]struct {
		fault inject.Fault
		want  []string
	}{
		"forbidden file": {inject.Fault{Kind: "403", Endpoint: rest + "experiment/asset/get-asset"}, []string{"metrics 403 a b", "metrics 403 c"}},
		"failing file":   {inject.Fault{Kind: "500", Endpoint: rest + "experiment/asset/get-asset"}, []string{"metrics 500 a b passing", "metrics 500 c passing"}},
		"failing list": {
			inject.Fault{Kind: "500", Endpoint: rest + "experiment/asset/list", Item: stream.AssetFullMetric},
			[]string{"metrics 500 a b passing", "metrics 500 c passing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := faulty(t, moods, func(srv *comettest.Server) {
				srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Start: 1, Synthetic: []comettest.SyntheticMetric{
					{Name: "a b", Seed: 1, N: 15_010, Start: 1_700_000_000_000}, {Name: "c", Seed: 2, N: 15_010, Start: 1_700_000_000_000},
				}})
			}, test.fault)
			data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")})
			if err != nil {
				t.Fatal(err)
			}
			all := records(t, data)
			if diff := cmp.Diff(test.want, skips(all)); diff != "" || sum.Items != 2 || sum.Thinned != 0 {
				t.Errorf("%d skipped, %d thinned (-want +got):\n%s", sum.Items, sum.Thinned, diff)
			}
			if n := len(pointsOf(all, "c")); n != comettest.DefaultMetricCap {
				t.Errorf("%d points, want those that the server lists", n)
			}
		})
	}
}

// Neither a row without an end nor rows without an end are read into memory.
func TestFullMetricsBounded(t *testing.T) {
	for name, csv := range map[string]string{
		"a long row":  "value,timestamp,step,epoch\n1,5,0,\n" + strings.Repeat("9", maxFullRow+1) + ",5,0,\n",
		"a long head": "value,timestamp,step,epoch," + strings.Repeat("x", maxFullRow) + "\n1,5,0,\n",
		"many rows":   "value,timestamp,step,epoch\n1,5,0,\n" + strings.Repeat("1\n", maxFullRows),
	} {
		if err := newMerger(listedPoints("1"), "m").addFile(zipCSV(t, csv)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// Rows that are as long as may be, and one at the end without a line break.
	row := "1,5,0," + strings.Repeat(" ", maxFullRow-7)
	if err := newMerger(listedPoints("1"), "m").addFile(zipCSV(t, "value,timestamp,step,epoch\n"+row+"\n"+row+"\n"+row)); err != nil {
		t.Error(err)
	}
}

// A listing of versions that cannot be read is an error, and no empty list.
func TestListVersionsUnread(t *testing.T) {
	demo := func(srv *comettest.Server) { srv.SeedDemo("demo") }
	for path, fault := range map[string]inject.Fault{
		"demo/artifacts/digits":   {Kind: "500", Endpoint: rest + "artifacts/get", From: 2},
		"demo/model-registry/cnn": {Kind: "500", Endpoint: rest + "registry-model/details", From: 2},
	} {
		srv := faulty(t, comettest.Moods{}, demo, fault)
		// The first reading is that which settles the path.
		err := List(t.Context(), Options{Client: newClient(t, srv)}, paths(t, path)[0], func(listing.Entry) error { return nil })
		if !errors.Is(err, comet.ErrServer) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// An experiment that --with-experiments was to add and could not is missing.
func TestWithExperimentsUnread(t *testing.T) {
	key := comettest.DemoKey("demo", comettest.DemoFirst)
	for name, fault := range map[string]inject.Fault{
		"version":    {Kind: "500", Endpoint: rest + "artifacts/version", To: 3},
		"experiment": {Kind: "403", Endpoint: rest + "experiment/metadata", Item: key},
	} {
		srv := faulty(t, comettest.Moods{}, func(srv *comettest.Server) { srv.SeedDemo("demo") }, fault)
		data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/artifacts/digits/1.0.0"), WithExperiments: true})
		if err != nil {
			t.Fatal(err)
		}
		missing := 0
		for _, s := range of[*stream.Skipped](records(t, data)) {
			if s.Of == stream.KindExperiment && s.Experiment != nil && *s.Experiment == key {
				missing++
			}
		}
		if missing != 1 || sum.Items != 1 {
			t.Errorf("%s: named %d times, %d skipped", name, missing, sum.Items)
		}
	}
}

// Where the panels of a workspace cannot be listed, each project whose views show
// some of them says so.
func TestPanelsUnread(t *testing.T) {
	srv := faulty(t, comettest.Moods{}, func(srv *comettest.Server) {
		for _, p := range []string{"a", "b"} {
			srv.SeedProject("w", p, comettest.ProjectSpec{})
			srv.SeedView("w", p, "", "Page", nil)
		}
	}, inject.Fault{Kind: "500", Endpoint: rest + "code-panel/get-all"})
	data, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/a", "w/b")})
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, s := range skipsOf(t, data) {
		of = append(of, string(s.Of)+" "+s.Workspace+"/"+s.Project)
	}
	if diff := cmp.Diff([]string{"panel w/a", "panel w/b"}, of); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func skipsOf(t *testing.T, data []byte) []*stream.Skipped {
	return of[*stream.Skipped](records(t, data))
}
