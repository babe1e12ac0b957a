package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// seedFaults starts a server with a few experiments, and what goes wrong there.
func seedFaults(t *testing.T, rules ...inject.Fault) (*comettest.Server, []string) {
	t.Helper()
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	keys := seedSmall(srv)
	if err := faults.Set(1, rules...); err != nil {
		t.Fatal(err)
	}
	return srv, keys
}

// seedSmall seeds four small experiments.
func seedSmall(srv *comettest.Server) []string {
	return srv.SeedSynthetic(comettest.SyntheticSpec{
		Workspace: "w", Project: "p", Experiments: 4, Metrics: 2, Points: 30, Assets: 2, AssetSize: 5000, Parameters: 3,
	})
}

const rest = "GET /api/rest/v2/"

// skips describes skipped records.
func skips(all []stream.Record) []string {
	var out []string
	for _, s := range of[*stream.Skipped](all) {
		text := fmt.Sprintf("%s %d", s.Of, s.Status)
		if s.Name != nil {
			text += " " + *s.Name
		}
		if s.Passing {
			text += " passing"
		}
		out = append(out, text)
	}
	return out
}

// A definite answer about one item, or one that keeps failing while others
// succeed, is an item that is missing, and nothing else.
func TestSkipped(t *testing.T) {
	for _, test := range []struct {
		name   string
		fault  inject.Fault
		item   func(key string) string
		want   []string
		groups int
	}{
		{"forbidden text", inject.Fault{Kind: "403", Endpoint: rest + "experiment/html"}, nil, []string{"html 403"}, 4},
		{"failing text", inject.Fault{Kind: "500", Endpoint: rest + "experiment/output"}, nil, []string{"output 500 passing"}, 4},
		{"forbidden values", inject.Fault{Kind: "403", Endpoint: rest + "experiment/parameters"}, nil, []string{"parameters 403"}, 4},
		{"forbidden others", inject.Fault{Kind: "403", Endpoint: rest + "experiment/log-other"}, nil, []string{"others 403"}, 4},
		{"forbidden tags", inject.Fault{Kind: "403", Endpoint: rest + "experiment/tags"}, nil, []string{"experiment 403 tags"}, 4},
		{"forbidden details", inject.Fault{Kind: "403", Endpoint: rest + "experiment/system-details"}, nil, []string{"system 403"}, 4},
		{"failing git", inject.Fault{Kind: "503", Endpoint: rest + "experiment/git/metadata"}, nil, []string{"git 503 passing"}, 4},
		{"failing points", inject.Fault{Kind: "500", Endpoint: rest + "experiment/metrics/get-*"}, nil, []string{"metrics 500 metric_000 passing", "metrics 500 metric_001 passing"}, 4},
		{"failing call for all points", inject.Fault{Kind: "500", Endpoint: rest + "experiment/metrics/get-all"}, nil, nil, 4},
		{"forbidden list", inject.Fault{Kind: "403", Endpoint: rest + "experiment/asset/list"}, nil, []string{"asset 403"}, 4},
		{"forbidden experiment", inject.Fault{Kind: "403", Endpoint: rest + "experiment/metadata"}, nil, []string{"experiment 403 run 1"}, 3},
		{"missing text", inject.Fault{Kind: "404", Endpoint: rest + "experiment/html"}, nil, []string{"html 404"}, 4},
		{"refused text", inject.Fault{Kind: "400", Endpoint: rest + "experiment/graph"}, nil, []string{"graph 400"}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv, keys := seedFaults(t)
			test.fault.Item = keys[1]
			faulty, _ := seedFaults(t, test.fault)
			whole := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
			data, sum, err := export(t, Options{Client: newClient(t, faulty), Paths: paths(t, "w/p")})
			if err != nil {
				t.Fatal(err)
			}
			all := records(t, data)
			if diff := cmp.Diff(test.want, skips(all)); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			if int(sum.Items) != len(test.want) || len(of[*stream.Experiment](all)) != test.groups {
				t.Errorf("summary %+v, %d groups", sum, len(of[*stream.Experiment](all)))
			}
			// The other experiments are whole.
			if d := len(of[*stream.Chunk](whole)) - len(of[*stream.Chunk](all)); d > 2 {
				t.Errorf("%d chunks are missing", d)
			}
		})
	}
}

// An asset that cannot be had is one item; whatever came of it does not count.
func TestSkippedAsset(t *testing.T) {
	for name, kind := range map[string]inject.FaultKind{"forbidden": "403", "missing": "404", "failing": "500", "short": inject.FaultShort} {
		t.Run(name, func(t *testing.T) {
			srv, keys := seedFaults(t)
			clean := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p/"+keys[2])}))
			id := of[*stream.Asset](clean)[0].ID
			faulty, _ := seedFaults(t, inject.Fault{Kind: kind, Endpoint: rest + "experiment/asset/get-asset", Item: id})
			data, _, err := export(t, Options{Client: newClient(t, faulty), Paths: paths(t, "w/p")})
			if err != nil {
				t.Fatal(err)
			}
			all := records(t, data)
			skipped := of[*stream.Skipped](all)
			if len(skipped) != 1 || skipped[0].ID == nil || *skipped[0].ID != id || *skipped[0].Experiment != keys[2] {
				t.Fatalf("skipped %v", skips(all))
			}
			if n := len(of[*stream.AssetEnd](all)); n != 4*2-1 {
				t.Errorf("%d assets are whole, want 7", n)
			}
			if passing := kind == "500" || kind == inject.FaultShort; skipped[0].Passing != passing {
				t.Errorf("passing %v", skipped[0].Passing)
			}
		})
	}
}

// deepen nests something in the first entry of a list deeper than a record can
// hold.
func deepen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		member, ok := map[string]string{"asset/list": "assets", "parameters": "values"}[strings.TrimPrefix(r.URL.Path, "/api/rest/v2/experiment/")]
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		r.Header.Set("Accept-Encoding", "identity")
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
		w.Write(bytes.Replace(answer.Body.Bytes(), []byte(`"`+member+`":[{`), []byte(`"`+member+`":[{"deep":`+deep+`,`), 1))
	})
}

// Of a list with an entry that no record can hold, the others are there.
func TestSkippedEntry(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Middleware: deepen})
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 1, Assets: 3, AssetSize: 10, Parameters: 3})
	all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	if n := len(of[*stream.Asset](all)); n != 2 {
		t.Errorf("%d assets, want 2", n)
	}
	n := 0
	for _, v := range of[*stream.Values](all) {
		if v.Of == stream.KindParameters {
			n += len(v.Values)
		}
	}
	if n != 2 {
		t.Errorf("%d parameters, want 2", n)
	}
	skipped := of[*stream.Skipped](all)
	if len(skipped) != 2 {
		t.Fatalf("skipped: %v", skips(all))
	}
	for i, of := range []stream.Kind{stream.KindParameters, stream.KindAsset} {
		if s := skipped[i]; s.Of != of || s.Name == nil || s.Passing || !strings.Contains(s.Reason, "does not fit the stream") {
			t.Errorf("skipped: %+v", s)
		}
	}
}

// Experiments that vanish between the listing and the reading are reported; so
// are items of one that vanishes in between.
func TestVanished(t *testing.T) {
	srv, keys := seedFaults(t)
	for _, old := range []bool{false, true} {
		srv.SetMoods(comettest.Moods{Vanish: keys[1:2], BadRequestForMissing: old})
		data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")})
		if err != nil {
			t.Fatal(err)
		}
		all := records(t, data)
		s := of[*stream.Skipped](all)
		if len(s) != 1 || s[0].Of != stream.KindExperiment || *s[0].Experiment != keys[1] || s[0].Passing || s[0].Project != "p" {
			t.Errorf("old %v: skipped %v", old, skips(all))
		}
		p := of[*stream.Project](all)[0]
		if p.Experiments != 4 || sum.Exported != 3 || sum.Skipped != 1 {
			t.Errorf("old %v: project %+v, summary %+v", old, p, sum)
		}
	}
	faulty, keys := seedFaults(t,
		inject.Fault{Kind: "404", SDKErrorCode: api.CodeNoSuchRun, Endpoint: rest + "experiment/metadata", From: 2, Item: keys[1]},
		inject.Fault{Kind: "404", SDKErrorCode: api.CodeNoSuchRun, Endpoint: rest + "experiment/parameters", Item: keys[1]})
	data, _, err := export(t, Options{Client: newClient(t, faulty), Paths: paths(t, "w/p")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"parameters 0"}, skips(records(t, data))); diff != "" {
		t.Errorf("skipped of %q (-want +got):\n%s", keys[1], diff)
	}
}

// A key that is no longer accepted, and a server that is out of reach, end the
// export: nothing is skipped for that. What is whole before it stays.
//
// The trouble begins once the first group is written. Until then what is asked
// of the last experiment waits, so that there is something left to ask.
func TestAborted(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault inject.Fault
		class string
		is    error
	}{
		{"unauthorized", inject.Fault{Kind: "401"}, "unauthorized", comet.ErrUnauthorized},
		{"outage", inject.Fault{Kind: "503"}, "server", comet.ErrOutage},
		{"refused connections", inject.Fault{Kind: inject.FaultRefuse}, "server", comet.ErrOutage},
	} {
		t.Run(test.name, func(t *testing.T) {
			faults, late := inject.NewFaults(1), &latecomer{written: make(chan struct{})}
			srv := comettest.Start(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
				return late.middleware(faults.Middleware(next))
			}})
			keys := seedSmall(srv)
			late.key = keys[len(keys)-1]
			late.begin = func() {
				if err := faults.Set(1, test.fault); err != nil {
					t.Error(err)
				}
			}
			client, err := comet.New(comet.Options{
				URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
				Retry: comet.Retry{MaxElapsed: 200 * time.Millisecond, Base: time.Millisecond, Cap: 5 * time.Millisecond},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdle()
			var buf bytes.Buffer
			w := stream.NewWriter(&buf, stream.WriterOptions{Workers: 1})
			_, err = New(Options{Client: client, Paths: paths(t, "w/p"), Observer: late}).Export(t.Context(), t.Context(), w)
			if !errors.Is(err, test.is) {
				t.Fatalf("error %v", err)
			}
			r := stream.NewReader(&buf, stream.ReaderOptions{})
			defer r.Close()
			groups := 0
			for {
				rec, err := r.Next()
				if err != nil {
					aborted, ok := errors.AsType[*stream.AbortedError](err)
					if !ok || aborted.Class != test.class || groups > 0 && aborted.Last == nil {
						t.Errorf("the stream ends with %v, after %d groups", err, groups)
					}
					break
				}
				switch rec.(type) {
				case *stream.ExperimentEnd:
					groups++
				case *stream.Skipped:
					t.Errorf("skipped %+v", rec)
				}
			}
			if groups == 0 {
				t.Error("no whole group before the end")
			}
		})
	}
}

// latecomer holds the requests for one experiment back until the first one is
// written, and calls begin then.
type latecomer struct {
	silent
	key     string
	begin   func()
	once    sync.Once
	written chan struct{}
}

func (l *latecomer) Experiment(*Result) {
	l.once.Do(func() {
		l.begin()
		close(l.written)
	})
}

func (l *latecomer) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("experimentKey") == l.key {
			select {
			case <-l.written:
			case <-r.Context().Done():
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Before anything is written a refused key is just an error.
func TestUnauthorizedAtOnce(t *testing.T) {
	srv, _ := seedFaults(t, inject.Fault{Kind: "401"})
	data, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")})
	if !errors.Is(err, comet.ErrUnauthorized) || len(data) != 0 {
		t.Errorf("error %v, %d bytes", err, len(data))
	}
}

// A key alone whose experiment is refused is no workspace of that name.
func TestForbiddenKeyAlone(t *testing.T) {
	srv, keys := seedFaults(t, inject.Fault{Kind: "403", Endpoint: rest + "experiment/metadata"})
	_, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, keys[1])})
	if _, missing := errors.AsType[*find.NotFoundError](err); missing || !errors.Is(err, comet.ErrForbidden) {
		t.Errorf("error %v", err)
	}
}

// Faults that pass are not to be seen in the stream.
func TestPassingFaults(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 6, Metrics: 2, Points: 30, Assets: 2, AssetSize: 5000})
	want := content(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	var rules []inject.Fault
	for _, kind := range []inject.FaultKind{
		inject.FaultReset, inject.FaultResetBody, inject.FaultShort, inject.FaultHTML, "500", "503", "429", "408",
	} {
		rules = append(rules, inject.Fault{Kind: kind, Rate: 0.03})
	}
	if err := faults.Set(1, rules...); err != nil {
		t.Fatal(err)
	}
	client, err := comet.New(comet.Options{
		URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
		Retry: comet.Retry{Tries: 100, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdle()
	if got := content(t, mustExport(t, Options{Client: client, Paths: paths(t, "w/p")})); !bytes.Equal(want, got) {
		t.Error("the records differ from those of an undisturbed export")
	}
	if len(faults.Injected()) < 10 {
		t.Errorf("%d faults", len(faults.Injected()))
	}
}

// Once the context is done, the experiment at work is finished.
func TestInterrupted(t *testing.T) {
	srv, keys := seedFaults(t)
	ctx, cancel := context.WithCancel(t.Context())
	obs := &stopper{stop: cancel, after: 2}
	data, sum, err := exportContext(t, ctx, t.Context(), Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Observer: obs})
	if !errors.Is(err, context.Canceled) || sum.Exported != 2 {
		t.Fatalf("error %v, summary %+v", err, sum)
	}
	p, err := ReadPartial(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if aborted, ok := errors.AsType[*stream.AbortedError](p.Cause); !ok || aborted.Class != "interrupted" {
		t.Errorf("the stream ends with %v", p.Cause)
	}
	if diff := cmp.Diff(keys[:2], p.Keys); diff != "" {
		t.Errorf("whole experiments (-want +got):\n%s", diff)
	}
}

// stopper stops an export after some experiments.
type stopper struct {
	silent
	stop  func()
	after int
}

func (s *stopper) Experiment(*Result) {
	if s.after--; s.after == 0 {
		s.stop()
	}
}

// Listings of all moods give each experiment once.
func TestListings(t *testing.T) {
	srv := seedDemo(t)
	run := func(t *testing.T) []byte {
		return content(t, mustExport(t, Options{
			Client: newClient(t, srv), Paths: paths(t, "demo/"), Selection: selection.Selection{MaxAssetSize: stream.NewInt64(100_000)},
		}))
	}
	want := run(t)
	for name, moods := range map[string]comettest.Moods{
		"pages":            {ForcePages: 2},
		"repeating":        {ForcePages: 2, RepeatListing: true},
		"shifting":         {ForcePages: 2, ShiftListing: 1},
		"ignoring pages":   {IgnorePages: true},
		"archived and not": {IgnoreArchived: true},
		"interleaved":      {InterleaveMetrics: true},
		"no points at all": {NoGetAll: true},
		"redirects":        {RedirectDownloads: true},
		"ranges":           {Ranges: true},
		"no gzip":          {NoGzip: true},
		"no version":       {NoVersion: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv.SetMoods(moods)
			if !bytes.Equal(want, run(t)) {
				t.Error("the records differ")
			}
		})
	}
}

// An experiment that is linked into a second project is in the stream once.
func TestLinked(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "home", Experiments: 2})
	srv.SeedProject("w", "guest", comettest.ProjectSpec{})
	srv.SeedLink(keys[0], "guest")
	client := newClient(t, srv)
	for _, test := range []struct {
		paths  []string
		groups []string
		links  []string
	}{
		{[]string{"w/"}, keys, []string{"guest " + keys[0]}},
		{[]string{"w/home"}, keys, nil},
		{[]string{"w/guest"}, nil, []string{"guest " + keys[0]}},
		{[]string{"w/guest/" + keys[0]}, keys[:1], nil},
		{[]string{"w/guest", "w/home/" + keys[0]}, keys[:1], []string{"guest " + keys[0]}},
	} {
		all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, test.paths...)}))
		var groups, links []string
		for _, e := range of[*stream.Experiment](all) {
			groups = append(groups, e.Key)
		}
		for _, l := range of[*stream.Link](all) {
			links = append(links, l.Project+" "+l.Experiment)
		}
		slices.Sort(groups)
		want := slices.Sorted(slices.Values(test.groups))
		if !cmp.Equal(groups, want) || !cmp.Equal(links, test.links) {
			t.Errorf("%v: groups %v, links %v; want %v, %v", test.paths, groups, links, want, test.links)
		}
	}
}

// A project that may not be read is no reason to give up the others.
func TestForbiddenProject(t *testing.T) {
	faults := inject.NewFaults(1, inject.Fault{Kind: "403", Endpoint: rest + "experiments", Item: "projectName=shelf"})
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	srv.SeedDemo("demo")
	data, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo")})
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, data)
	s := of[*stream.Skipped](all)
	if len(s) != 1 || s[0].Of != stream.KindProject || s[0].Project != "shelf" || s[0].Status != 403 {
		t.Errorf("skipped %v", skips(all))
	}
	for _, p := range of[*stream.Plan](all)[0].Projects {
		if (p.Experiments == nil) != (p.Project == "shelf") {
			t.Errorf("plan %+v", p)
		}
	}
	// Alone it is an error.
	if _, _, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/shelf")}); !errors.Is(err, comet.ErrForbidden) || !strings.Contains(err.Error(), "demo/shelf") {
		t.Errorf("error %v", err)
	}
}

// A call for all points that never comes out well is replaced by calls for the
// points of each metric, and is not made again for every experiment. A metric
// that cannot be had by itself either is named.
func TestHeavyPoints(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	const experiments = 60
	keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: experiments, Metrics: 4, Points: 20})
	want := content(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	slow := inject.Fault{Endpoint: rest + "experiment/metrics/get-all"}
	for _, kind := range []inject.FaultKind{"504", "500", inject.FaultResetBody, inject.FaultHTML} {
		t.Run(string(kind), func(t *testing.T) {
			slow.Kind = kind
			if err := faults.Set(1, slow); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(want, content(t, mustExport(t, Options{Client: patientClient(t, srv), Paths: paths(t, "w/p")}))) {
				t.Error("the records differ from those of an undisturbed export")
			}
			// Those that were under way at the same time have tried it, each a few times.
			if n := faults.Counts()[kind]; n < 3 || n >= experiments {
				t.Errorf("%d calls for all points of %d experiments", n, experiments)
			}
		})
	}
	slow.Kind = "504"
	lost := inject.Fault{Kind: "504", Endpoint: rest + "experiment/metrics/get-metric", Item: "experimentKey=" + keys[7] + "&metricName=metric_002"}
	if err := faults.Set(1, slow, lost); err != nil {
		t.Fatal(err)
	}
	all := records(t, mustExport(t, Options{Client: patientClient(t, srv), Paths: paths(t, "w/p")}))
	if diff := cmp.Diff([]string{"metrics 504 metric_002 passing"}, skips(all)); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if s := of[*stream.Skipped](all); len(s) == 1 && *s[0].Experiment != keys[7] {
		t.Errorf("skipped of %q, want %q", *s[0].Experiment, keys[7])
	}
}

// A single failure of the call for all points, and failures for those with many
// metrics, say nothing of experiments that have few.
func TestHeavyPointsBySize(t *testing.T) {
	var m metricSizes
	check := func(want int) {
		t.Helper()
		if got := m.threshold(); got != want {
			t.Errorf("from %d metrics on, want %d", got, want)
		}
	}
	m.noteFailed(30)
	check(0)
	m.seen(1, 10)
	m.noteFailed(20)
	check(30)
	m.noteFailed(25)
	check(25)
	m = metricSizes{}
	m.noteFailed(30)
	m.seen(1, 40) // it was a mishap
	m.noteFailed(30)
	check(0)
	m = metricSizes{}
	m.tooLarge(50)
	check(50)
}

// patientClient returns a client that tries as often as it does by default.
func patientClient(t testing.TB, srv *comettest.Server) *comet.Client {
	t.Helper()
	c, err := comet.New(comet.Options{
		URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
		Retry: comet.Retry{MaxElapsed: time.Minute, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}
