package importer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/report"
)

// laps is a project whose metric has several points of each step, one lap after
// the other, and one that has a point of each.
func laps(n, perLap int) testProject {
	e := comettest.ExperimentSpec{Key: testKey(1), Start: start, End: start + int64(n)}
	for i := range n {
		step := int64(i % perLap)
		e.Points = append(e.Points, comettest.MetricPoint{Metric: "laps", Value: fmt.Sprint((i * 7919) % n), Time: start + int64(i), Step: &step})
	}
	for i := range int64(n / 2) {
		e.Points = append(e.Points, comettest.MetricPoint{Metric: "once", Value: fmt.Sprint(-i), Time: start + i, Step: &i})
	}
	return testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}}
}

// displays are the ways of servers to show less than they have.
var displays = map[string]comettest.Moods{
	"all":              {},
	"every third":      {MetricStride: 3},
	"every second":     {MetricStride: 2},
	"one of a hundred": {MetricStride: 100},
	"a thousand":       {MetricCap: 1000},
	"all but one":      {MetricCap: 4199},
	"half":             {MetricCap: 2100},
	"the first":        {MetricCap: 1000, MetricCapEnd: "first"},
	"the last":         {MetricCap: 1000, MetricCapEnd: "last"},
	"first of a step":  {OnePerStep: "first"},
	"last of a step":   {OnePerStep: "last"},
}

// No import writes what is there: not where the destination shows less of a
// metric than it has, whatever it is that it shows.
func TestPointsShown(t *testing.T) {
	for project, p := range map[string]testProject{"a": manyPoints(4200, "a"), "laps": laps(4200, 1400), "short laps": laps(4200, 4)} {
		data := streamOf(t, p)
		for name, moods := range displays {
			for _, last := range []bool{false, true} {
				moods.CurrentIsLast = last
				t.Run(fmt.Sprint(project, "/", name, "/", last), func(t *testing.T) {
					srv := newServer(t, comettest.Options{Moods: moods})
					c := newClient(t, srv)
					r := importTo(t, c, data, Options{Verify: true})
					want := pointsSent(srv)
					if r.err != nil || r.Differing+r.Missing > 0 {
						t.Errorf("the first run: %v, %q", r.err, r.issues())
					}
					state := stateOf(srv)
					for run, o := range []Options{{}, {}, {Verify: true}, {Mode: DryRun}, {Mode: VerifyOnly}} {
						r := importTo(t, c, data, o)
						if r.err != nil || name == "all" && len(r.issues()) > 0 || r.Points > 0 {
							t.Errorf("run %d: %v, %d points, %q", run, r.err, r.Points, r.issues())
						}
						if got := pointsSent(srv); fmt.Sprint(got) != fmt.Sprint(want) {
							t.Fatalf("run %d: the server has got %v, want %v; %q", run, got, want, r.issues())
						}
					}
					diffStates(t, "destination", state, stateOf(srv))
				})
			}
		}
	}
}

// stored returns what a server has of each metric, whatever it shows of it.
func stored(srv *comettest.Server) map[string]string {
	moods := srv.Moods()
	defer srv.SetMoods(moods)
	srv.SetMoods(comettest.Moods{})
	found := make(map[string]string)
	for _, m := range srv.State().Experiment(testKey(1)).Metrics {
		found[m.Name] = fmt.Sprint(m.Received, " ", m.SHA256)
	}
	return found
}

// An import that was killed is gone on with: nothing is written twice, whatever
// the destination shows; and where it shows all, nothing is missing. What cannot
// be told is named, each time.
func TestPointsShownKilled(t *testing.T) {
	counts := make(map[string]int)
	for project, p := range map[string]testProject{"a, b": manyPoints(4200, "a", "b"), "laps": laps(4200, 1400)} {
		data := streamOf(t, p)
		for name, moods := range displays {
			calm := newServer(t, comettest.Options{Moods: moods})
			importTo(t, newClient(t, calm), data, Options{}).succeed(t)
			all, want := pointsSent(calm), stored(calm)
			for k := 3; k < 16; k += 2 * stride(3) {
				srv := newServer(t, comettest.Options{Moods: moods})
				killed(t, srv, data, Options{}, k, k%2 == 0)
				if k%3 == 0 {
					killed(t, srv, data, Options{}, k+6, k%4 == 0)
				}
				c := newClient(t, srv)
				for run := range 3 {
					r := importTo(t, c, data, Options{})
					told := make(map[string]bool)
					for _, i := range r.of(t, testKey(1)).Issues {
						told[i.Name] = i.Class == report.Differs
					}
					got, has := pointsSent(srv), stored(srv)
					for metric, n := range all {
						what := fmt.Sprintf("%s, %s, killed at %d, run %d: metric %q: %d points of %d, %v, %q", project, name, k, run, metric, got[metric], n, r.err, r.issues())
						switch {
						case r.err != nil, got[metric] > n, name == "all" && got[metric] < n, got[metric] < n && !told[metric]:
							t.Error(what)
						case got[metric] < n:
							counts["told"]++
						case has[metric] != want[metric]:
							t.Error("other points: " + what)
						default:
							counts["complete"]++
						}
					}
				}
			}
		}
	}
	t.Logf("metrics after a kill: %v", counts)
	if counts["told"] == 0 || counts["complete"] == 0 {
		t.Error("not all outcomes were seen")
	}
}

// A destination that keeps the point that comes last has the points of the stream
// in its order, also the last one.
func TestLastPointArrivesLast(t *testing.T) {
	p := manyPoints(5000, "a", "b", "c")
	e := &p.experiments[0]
	for i := range e.Points {
		e.Points[i].Time = start // all at once
	}
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{CurrentIsLast: true}})
	for _, k := range []int{0, 6, 9} {
		if k > 0 {
			killed(t, srv, streamOf(t, p), Options{}, k, true)
		}
	}
	importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
	for _, m := range srv.State().Experiment(testKey(1)).Metrics {
		if m.Current.Step == nil || *m.Current.Step != 4999 || m.Received != 5000 {
			t.Errorf("metric %q: the current value is that of step %v, %d points", m.Name, m.Current.Step, m.Received)
		}
	}
}

// With --rewrite-series what the destination does not show is written.
func TestRewriteSeries(t *testing.T) {
	p := manyPoints(3000, "a")
	data := streamOf(t, p)
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{MetricStride: 3}})
	c := newClient(t, srv)
	importTo(t, c, data, Options{}).succeed(t)
	r := importTo(t, c, data, Options{})
	want := `metrics "a": differs: the destination shows 1000 of the 3000 points`
	if issues := r.issues(); r.err != nil || len(issues) != 1 || !strings.HasPrefix(issues[0], want) {
		t.Errorf("%v, %q, want %q", r.err, issues, want)
	}
	if r := importTo(t, c, data, Options{RewriteSeries: true}).succeed(t); r.Points != 2000 || pointsSent(srv)["a"] != 5000 {
		t.Errorf("%d points written, the server has got %v", r.Points, pointsSent(srv))
	}
}
