package importer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/stream"
)

// manyPoints is a project with one experiment that has n points of each metric.
func manyPoints(n int, metrics ...string) testProject {
	e := comettest.ExperimentSpec{Key: testKey(1), Start: start, End: start + int64(n)}
	for _, m := range metrics {
		for i := range int64(n) {
			e.Points = append(e.Points, comettest.MetricPoint{Metric: m, Value: fmt.Sprint(i * i), Time: start + i, Step: &i})
		}
	}
	return testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}}
}

// pointsSent counts the points that a server has received.
func pointsSent(srv *comettest.Server) map[string]int {
	n := make(map[string]int)
	for _, m := range srv.State().Experiment(testKey(1)).Metrics {
		n[m.Name] = m.Received
	}
	return n
}

// TestPointsThinned imports a series that the destination thins out, again, and
// once more after a kill at each batch.
func TestPointsThinned(t *testing.T) {
	const limit = 1500
	p := manyPoints(4200, "a", "b")
	data, want := streamOf(t, p), map[string]int{"a": 4200, "b": 4200}
	o := Options{SeriesCap: limit}
	kept := "the destination keeps 1500 of the 4200 points"
	for k := 0; k < 16; k += stride(3) {
		srv := newServer(t, comettest.Options{Moods: comettest.Moods{MetricCap: limit}})
		if k > 0 {
			killed(t, srv, data, o, 4+k, k%2 == 0)
		}
		r := importTo(t, newClient(t, srv), data, o)
		if r.err != nil || r.Differing+r.Missing > 0 {
			t.Fatalf("killed at batch %d: %v, %v", k, r.err, r.issues())
		}
		if d := gocmp.Diff(want, pointsSent(srv)); d != "" {
			t.Errorf("killed at batch %d: points that the server has got: %s", k, d)
		}
		srv.ResetStats()
		r = importTo(t, newClient(t, srv), data, o)
		issues := []string{`metrics "a": noted: ` + kept, `metrics "b": noted: ` + kept}
		if d := gocmp.Diff(issues, r.issues()); d != "" || r.AlreadyThere != 1 || len(writes(srv)) > 0 {
			t.Errorf("again: %v, %+v, %s", r.err, r.Summary, d)
		}
	}
}

// A series that the destination thins out is told once, by whom ever it is seen.
func TestPointsThinnedVerified(t *testing.T) {
	const limit = 1500
	data := streamOf(t, manyPoints(2000, "a", "b"))
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{MetricCap: limit}})
	c, o := newClient(t, srv), Options{SeriesCap: limit, Verify: true}
	kept := ": noted: the destination keeps 1500 of the 2000 points"
	want := []string{`metrics "a"` + kept, `metrics "b"` + kept}
	for range 2 {
		if d := gocmp.Diff(want, importTo(t, c, data, o).issues()); d != "" {
			t.Errorf("issues (-want +got): %s", d)
		}
	}
}

// TestPointsFull imports into a series at its cap that holds other points.
func TestPointsFull(t *testing.T) {
	p := manyPoints(3000, "a")
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{MetricCap: 2500}})
	theirs := p.experiments[0]
	theirs.Points = append([]comettest.MetricPoint{{Metric: "a", Value: "-5", Time: 1}}, theirs.Points...)
	srv.SeedExperiment("team", "p", theirs)
	r := importTo(t, newClient(t, srv), streamOf(t, p), Options{SeriesCap: 2500})
	if r.err != nil || r.Differing != 1 || len(writes(srv)) > 0 {
		t.Errorf("got %v, %+v, %v", r.err, r.Summary, r.issues())
	}
}

// TestPointsMissing completes experiments that lack points.
func TestPointsMissing(t *testing.T) {
	whole := manyPoints(1500, "a", "b")
	for i := range whole.experiments[0].Points {
		// Each point stands there twice.
		if i%300 == 0 {
			whole.experiments[0].Points = append(whole.experiments[0].Points, whole.experiments[0].Points[i])
		}
	}
	data := streamOf(t, whole)
	want := newServer(t, comettest.Options{})
	seed(want, "", whole)
	tests := map[string]struct {
		moods comettest.Moods
		keep  func(i int) bool
		// untold is how many metrics are as a server shows them that thins
		// them out.
		untold int64
	}{
		"every third":  {keep: func(i int) bool { return i%3 != 0 }, untold: 2},
		"a tail":       {keep: func(i int) bool { return i < 1000 }},
		"stretches":    {keep: func(i int) bool { return i%400 < 300 }},
		"one by one":   {comettest.Moods{NoGetAll: true}, func(i int) bool { return i%2 == 0 }, 2},
		"mixed":        {comettest.Moods{InterleaveMetrics: true}, func(i int) bool { return i%7 != 0 }, 2},
		"one metric":   {keep: func(i int) bool { return 1500 <= i && i < 3000 }},
		"nothing":      {keep: func(int) bool { return false }},
		"text numbers": {comettest.Moods{NumbersForText: true, TextForNumbers: true}, func(i int) bool { return i%2 == 0 }, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{Moods: tt.moods})
			part := whole
			part.experiments = []comettest.ExperimentSpec{whole.experiments[0]}
			part.experiments[0].Points = nil
			for i, p := range whole.experiments[0].Points {
				if tt.keep(i) {
					part.experiments[0].Points = append(part.experiments[0].Points, p)
				}
			}
			seed(srv, "", part)
			c, o := newClient(t, srv), Options{}
			if tt.untold > 0 {
				srv.ResetStats()
				r := importTo(t, c, data, o)
				if r.err != nil || r.Differing != tt.untold || len(writes(srv)) > 0 {
					t.Errorf("%v, %q, %v", r.err, r.issues(), writes(srv))
				}
				o.RewriteSeries = true
			}
			r := importTo(t, c, data, o).succeed(t)
			lacked := len(whole.experiments[0].Points) - len(part.experiments[0].Points)
			if r.Completed != 1 || int(r.Points) > lacked {
				t.Errorf("%d points written, %d lacked: %+v", r.Points, lacked, r.Summary)
			}
			// Copies of points that are there are not sent.
			got, all := pointsSent(srv), pointsSent(want)
			if r.Points == int64(lacked) {
				diffStates(t, "destination", stateOf(want), stateOf(srv))
			} else if got["a"]+got["b"] < all["a"]+all["b"]-10 {
				t.Errorf("points: %v of %v", got, all)
			}
			srv.ResetStats()
			if importTo(t, c, data, Options{}).succeed(t); len(writes(srv)) > 0 {
				t.Errorf("again: %v", writes(srv))
			}
		})
	}
}

// TestPointsMerged imports equal points to a destination that merges them.
func TestPointsMerged(t *testing.T) {
	p := manyPoints(10, "a")
	p.experiments[0].Points = append(p.experiments[0].Points, p.experiments[0].Points...)
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{MergeDuplicates: true}})
	for i := range 2 {
		srv.ResetStats()
		r := importTo(t, newClient(t, srv), streamOf(t, p), Options{Verify: true}).succeed(t)
		if i == 1 && (r.AlreadyThere != 1 || len(writes(srv)) > 0) {
			t.Errorf("again: %+v, %v", r.Summary, writes(srv))
		}
	}
}

// TestPointsRefused imports points of which the destination refuses some.
func TestPointsRefused(t *testing.T) {
	s := newScript(t, sourceURL)
	p := manyPoints(0)
	e := p.experiments[0]
	s.begin(p)
	s.write(&stream.Project{Workspace: "team", Name: "p", Experiments: 1})
	s.open(p, e)
	rec := &stream.Metrics{Name: "a"}
	for i := range int64(1200) {
		rec.Points = append(rec.Points, stream.Point{Value: stream.IntValue(i), Time: stream.NewInt64(i), Step: stream.NewInt64(i)})
	}
	rec.Points[5].Value = stream.Value{}
	rec.Points[7].Extra = s.doc(map[string]any{"step": 1.5})
	s.write(rec)
	// A server may also refuse what no rule foretells.
	few := []stream.Point{{Value: stream.IntValue(1), Time: stream.NewInt64(1)}, {Value: stream.IntValue(2), Time: stream.NewInt64(1)}}
	s.write(&stream.Metrics{Name: "forbidden", Points: few})
	s.write(&stream.Metrics{Name: "z", Points: append(few, few[0])})
	s.write(&stream.ExperimentEnd{Key: e.Key})
	data := s.close()
	for name, moods := range map[string]comettest.Moods{"in batches": {}, "one by one": {NoBatch: true}} {
		t.Run(name, func(t *testing.T) {
			faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(422), Endpoint: "POST *experiment/metric", Item: "forbidden"})
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware, Moods: moods})
			r := importTo(t, newClient(t, srv), data, Options{})
			if r.err != nil || r.Created != 1 || r.Missing != 2 {
				t.Errorf("got %v, %+v, %v", r.err, r.Summary, r.issues())
			}
			if n := pointsSent(srv); n["a"] != 1199 || n["forbidden"] != 0 || n["z"] != 3 || r.Points != 1202 {
				t.Errorf("points: %v, %d told", n, r.Points)
			}
		})
	}
}

// TestPointsRefusedAndLost counts each point once where answers are lost while a
// batch is halved to find the point that is refused.
func TestPointsRefusedAndLost(t *testing.T) {
	s := newScript(t, sourceURL)
	p := manyPoints(0)
	e := p.experiments[0]
	s.begin(p)
	s.write(&stream.Project{Workspace: "team", Name: "p", Experiments: 1})
	s.open(p, e)
	points := []stream.Point{{Value: stream.IntValue(1), Time: stream.NewInt64(1)}, {Value: stream.IntValue(2), Time: stream.NewInt64(2)}}
	s.write(&stream.Metrics{Name: "a", Points: points}, &stream.Metrics{Name: "b", Points: points})
	s.write(&stream.Metrics{Name: "c", Points: points}, &stream.Metrics{Name: "forbidden", Points: points[:1]}, &stream.Metrics{Name: "z", Points: points[:1]})
	s.write(&stream.ExperimentEnd{Key: e.Key})
	// The first request, and that for the second half.
	faults := inject.NewFaults(1,
		inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *experiment/metric", From: 1, To: 1},
		inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *experiment/metric", Item: "forbidden", From: 3, To: 3},
		inject.Fault{Kind: inject.FaultStatus(422), Endpoint: "POST *experiment/metric", Item: "forbidden"})
	srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
	r := importTo(t, newClient(t, srv), s.close(), Options{})
	n := pointsSent(srv)
	if r.err != nil || r.Missing != 1 || n["a"]+n["b"]+n["c"]+n["z"] != 7 || r.Points != 7 {
		t.Errorf("%v, %d points told, %v sent, %q, %d faults", r.err, r.Points, n, r.issues(), len(faults.Injected()))
	}
}

// TestPointsWithoutTime imports values that have no time, more than once: the
// destination gives each one, which is told each time.
func TestPointsWithoutTime(t *testing.T) {
	s := newScript(t, sourceURL)
	p := manyPoints(0)
	s.begin(p)
	s.write(&stream.Project{Workspace: "team", Name: "p", Experiments: 1})
	s.open(p, p.experiments[0])
	timed := map[string]any{"name": "timed", "valueCurrent": "1", "timestampCurrent": 5}
	s.write(&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{s.doc(map[string]any{"name": "x", "valueCurrent": "1"}), s.doc(timed)}})
	s.write(&stream.Values{Of: stream.KindOthers, Values: []stream.Doc{
		s.doc(map[string]any{"name": "y", "valueCurrent": "1"}), s.doc(map[string]any{"name": "z", "valueCurrent": "1"}), s.doc(timed),
	}})
	s.write(&stream.Metrics{Name: "a", Points: []stream.Point{
		{Value: stream.IntValue(1), Step: stream.NewInt64(1)}, {Value: stream.IntValue(2), Step: stream.NewInt64(2)}, {Value: stream.IntValue(3), Time: stream.NewInt64(5)},
	}})
	s.write(&stream.ExperimentEnd{Key: testKey(1)})
	data, srv := s.close(), newServer(t, comettest.Options{})
	for i, o := range []Options{{Verify: true}, {}, {Mode: VerifyOnly}} {
		srv.ResetStats()
		class := "differs"
		if o.Mode == VerifyOnly {
			class = "unverified"
		}
		const of = " without a time, which got the time of the experiment: "
		want := []string{
			`metrics "a": ` + class + `: 2 points` + of + `["a"]`, `others: ` + class + `: 2 values` + of + `["y" "z"]`, `parameters "x": ` + class + `: 1 value` + of + `["x"]`,
		}
		r := importTo(t, newClient(t, srv), data, o)
		if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil {
			t.Errorf("run %d: %v, issues (-want +got): %s", i, r.err, d)
		}
		if i > 0 && len(writes(srv)) > 0 || pointsSent(srv)["a"] != 3 {
			t.Errorf("run %d: %v, %v", i, writes(srv), pointsSent(srv))
		}
	}
}

// TestPointsCrowded compares more points than there is memory for ahead of the
// turn of their experiments.
func TestPointsCrowded(t *testing.T) {
	p := testProject{workspace: "team", name: "p"}
	for n := range 6 {
		e := manyPoints(1200, "a", "b").experiments[0]
		e.Key = testKey(n)
		p.experiments = append(p.experiments, e)
	}
	srv := newServer(t, comettest.Options{})
	data, c := streamOf(t, p), newClient(t, srv)
	importTo(t, c, data, Options{}).succeed(t)
	srv.ResetStats()
	if r := importTo(t, c, data, Options{Compared: 128 << 10}).succeed(t); r.AlreadyThere != 6 || len(writes(srv)) > 0 {
		t.Errorf("again: %+v, %v", r.Summary, writes(srv))
	}
}

// TestPointsRandom kills imports of random points at random requests.
func TestPointsRandom(t *testing.T) {
	for seedNumber := range uint64(40 / stride(8)) {
		rng := rand.New(rand.NewPCG(seedNumber, 7))
		e := comettest.ExperimentSpec{Key: testKey(1), Start: start, End: start + 1}
		for range 1 + rng.IntN(6000) {
			p := comettest.MetricPoint{Metric: fmt.Sprint("m", rng.IntN(3)), Value: fmt.Sprint(rng.IntN(4)), Time: start + rng.Int64N(2000)}
			if rng.IntN(3) > 0 {
				p.Step = new(rng.Int64N(5))
			}
			if rng.IntN(3) == 0 {
				p.Context = new([]string{"", "train"}[rng.IntN(2)])
			}
			e.Points = append(e.Points, p)
		}
		p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}}
		data := streamOf(t, p)
		want, srv := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
		seed(want, "", p)
		for range 1 + rng.IntN(3) {
			killed(t, srv, data, Options{}, 5+rng.IntN(12), rng.IntN(2) == 0)
		}
		r := importTo(t, newClient(t, srv), data, Options{})
		if r.err != nil {
			t.Fatalf("seed %d: %v", seedNumber, r.err)
		}
		diffStates(t, fmt.Sprintf("seed %d", seedNumber), stateOf(want), stateOf(srv))
	}
}

// TestPointsRestless imports into an experiment whose points never stay the same:
// what it lacks cannot be known.
func TestPointsRestless(t *testing.T) {
	p := manyPoints(20, "a")
	for name, times := range map[string]int64{"finished": start, "unfinished": start + 5} {
		t.Run(name, func(t *testing.T) {
			theirs := p.experiments[0]
			theirs.Start, theirs.Points = times, theirs.Points[:10]
			var n atomic.Int64
			srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					r.Header.Del("Accept-Encoding")
					rec := httptest.NewRecorder()
					next.ServeHTTP(rec, r)
					body := rec.Body.Bytes()
					if strings.Contains(r.URL.Path, "metrics/get-all") {
						body = bytes.ReplaceAll(body, []byte(`"81"`), fmt.Appendf(nil, "%q", fmt.Sprint(1000+n.Add(1))))
					}
					maps.Copy(rw.Header(), rec.Header())
					rw.Header().Del("Content-Length")
					rw.WriteHeader(rec.Code)
					if _, err := rw.Write(body); err != nil {
						t.Error(err)
					}
				})
			}})
			srv.SeedExperiment("team", "p", theirs)
			r := importTo(t, newClient(t, srv), streamOf(t, p), Options{Settle: time.Millisecond})
			if !errors.Is(r.err, reconcile.ErrRestless) || r.Failed != 1 || pointsSent(srv)["a"] != 10 {
				t.Errorf("%v, %+v, %v after %d readings", r.err, r.Summary, pointsSent(srv), n.Load())
			}
		})
	}
}
