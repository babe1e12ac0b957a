package exporter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// newClient returns a client of a test server that does not wait long.
func newClient(t testing.TB, srv *comettest.Server) *comet.Client {
	t.Helper()
	c, err := comet.New(comet.Options{
		URL: srv.ClientlibURL(), APIKey: comettest.DefaultAPIKey,
		Retry: comet.Retry{MaxElapsed: 2 * time.Second, Tries: 3, Base: time.Millisecond, Cap: 5 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// paths parses the paths of a test.
func paths(t testing.TB, list ...string) []find.Path {
	t.Helper()
	var out []find.Path
	for _, s := range list {
		p, err := find.ParsePath(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// recorder is an Observer that keeps what it is told.
type recorder struct {
	results  []*Result
	skipped  []*stream.Skipped
	warnings []string
}

func (r *recorder) Experiment(res *Result)               { c := *res; r.results = append(r.results, &c) }
func (r *recorder) Skipped(in string, s *stream.Skipped) { r.skipped = append(r.skipped, s) }
func (r *recorder) Warn(text string)                     { r.warnings = append(r.warnings, text) }

// export runs an export and returns the stream.
func export(t testing.TB, o Options) ([]byte, *Summary, error) {
	t.Helper()
	return exportContext(t, t.Context(), t.Context(), o)
}

func exportContext(t testing.TB, ctx, graceCtx context.Context, o Options) ([]byte, *Summary, error) {
	t.Helper()
	var buf bytes.Buffer
	w := stream.NewWriter(&buf, stream.WriterOptions{Workers: 1})
	sum, err := New(o).Export(ctx, graceCtx, w)
	return buf.Bytes(), sum, err
}

// mustExport is export of what must come out well.
func mustExport(t testing.TB, o Options) []byte {
	t.Helper()
	data, _, err := export(t, o)
	if err != nil {
		t.Fatalf("export: %v", err)
	}
	return data
}

// records reads a whole stream.
func records(t testing.TB, data []byte) []stream.Record {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	var all []stream.Record
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("read the stream: %v", err)
		}
		rec, err := stream.Raw{Kind: raw.Kind, Data: bytes.Clone(raw.Data)}.Decode()
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		all = append(all, rec)
	}
}

// content returns the bytes of all records but the header.
func content(t testing.TB, data []byte) []byte {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	var all []byte
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("read the stream: %v", err)
		}
		if raw.Kind != stream.KindHeader {
			all = append(all, raw.Data...)
		}
	}
}

// of returns the records of one type.
func of[T stream.Record](all []stream.Record) []T {
	var out []T
	for _, rec := range all {
		if r, ok := rec.(T); ok {
			out = append(out, r)
		}
	}
	return out
}

// kinds returns the kinds of the records, runs of one kind as "chunk*3".
func kinds(all []stream.Record) []string {
	var out []string
	n := 0
	for i, rec := range all {
		n++
		if i+1 < len(all) && all[i+1].Kind() == rec.Kind() {
			continue
		}
		k := string(rec.Kind())
		if n > 1 {
			k = fmt.Sprintf("%s*%d", k, n)
		}
		out = append(out, k)
		n = 0
	}
	return out
}

// seedDemo starts a server with the demo workspace.
func seedDemo(t testing.TB) *comettest.Server {
	t.Helper()
	// Time stands still: how long a running experiment has been running is
	// among its metadata.
	now := time.Now()
	srv := comettest.Start(t, comettest.Options{Clock: func() time.Time { return now }})
	srv.SeedDemo("demo")
	return srv
}

func TestExport(t *testing.T) {
	srv := seedDemo(t)
	obs := new(recorder)
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/vision"), Observer: obs})
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, data)
	if len(obs.skipped) > 0 {
		t.Errorf("skipped: %v", obs.skipped[0].Reason)
	}
	plan := of[*stream.Plan](all)[0]
	project := of[*stream.Project](all)
	groups := of[*stream.Experiment](all)
	if len(project) != 1 || *plan.Projects[0].Experiments != project[0].Experiments || project[0].Experiments != sum.Listed {
		t.Errorf("plan %+v, projects %+v, listed %d", plan, project, sum.Listed)
	}
	if got := int64(len(groups)) + sum.Linked; got != sum.Listed {
		t.Errorf("%d groups and %d links of %d experiments", len(groups), sum.Linked, sum.Listed)
	}
	first := groups[0]
	if first.Key != comettest.DemoKey("demo", "first") || first.Name == nil || *first.Name != "baseline" || first.Doc == nil {
		t.Errorf("first group %+v", first)
	}
	for i := 1; i < len(groups); i++ {
		if stream.CompareTimes(groups[i-1].Start, groups[i].Start) > 0 {
			t.Errorf("group %q starts before the one before it", groups[i].Key)
		}
	}
}

// The order of the items of an experiment is part of the format, and what
// servers tell in passing is not.
func TestExportOrder(t *testing.T) {
	srv := seedDemo(t)
	key := comettest.DemoKey("demo", "first")
	all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo/vision/"+key)}))
	got := kinds(all)[:16]
	want := []string{
		"header", "plan", "project", "experiment", "parameters", "others", "system", "requirements", "git", "git-patch",
		"code", "graph", "html", "output", "metrics*5", "asset",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	referring := false
	for _, a := range of[*stream.Asset](all) {
		refers := stream.RefersToAssets(*a.Type)
		if referring && !refers {
			t.Errorf("asset %q of type %q comes after one that may refer to it", a.ID, *a.Type)
		}
		referring = refers
		for _, name := range append([]string{"link"}, droppedMembers...) {
			if a.Doc.Member(name) != nil && (name != "link" || a.Remote == nil) {
				t.Errorf("asset %q: document with %q", a.ID, name)
			}
		}
	}
	if !referring {
		t.Error("no asset that refers to others in the demo")
	}
}

// The records are the same however many requests are under way.
func TestExportConcurrency(t *testing.T) {
	srv := seedDemo(t)
	srv.SeedSynthetic(comettest.SyntheticSpec{
		Workspace: "demo", Project: "synthetic", Experiments: 6, Metrics: 2, Points: 50, Assets: 1, AssetSize: 300_000, Parameters: 5,
	})
	var want []byte
	for _, n := range []int{1, 2, 16} {
		got := content(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo"), InFlight: n, Selection: selection.Selection{MaxAssetSize: stream.NewInt64(300_000)}}))
		if want == nil {
			want = got
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%d requests in flight give other records than one", n)
		}
	}
}

// Reading must leave the source as it is.
func TestExportChangesNothing(t *testing.T) {
	srv := seedDemo(t)
	before := srv.State()
	srv.ResetStats()
	mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "demo"), WithExperiments: true})
	for endpoint := range srv.Counts() {
		if !strings.HasPrefix(endpoint, "GET ") || strings.Contains(endpoint, "/write/") {
			t.Errorf("the export called %s", endpoint)
		}
	}
	if diff := cmp.Diff(before, srv.State()); diff != "" {
		t.Errorf("state of the source (-before +after):\n%s", diff)
	}
}

// What an experiment takes beside a request an asset, as the server counts: one call
// for each item, since no answer says that another one is absent, and one more for the
// views of its page. See docs/benchmarks.md.
func TestExportRequests(t *testing.T) {
	const n, metrics, assets = 20, 4, 3
	all := stream.AllResources
	for _, test := range []struct {
		name      string
		moods     comettest.Moods
		resources stream.Resources
		each      int // of an experiment
		project   int // once
	}{
		{"all", comettest.Moods{}, all, 14 + assets, 9},
		{"all of a project but its pages", comettest.Moods{}, all &^ stream.ResourcePanels, 13 + assets, 7},
		{"metadata", comettest.Moods{}, stream.ResourceMetadata, 2, 5},
		{"metrics", comettest.Moods{}, stream.ResourceMetrics, 2, 5},
		{"values", comettest.Moods{}, stream.ResourceParameters | stream.ResourceOthers, 3, 5},
		// Before 3.20.60 the summaries name the metrics, and the details of the
		// machine those of it, which are read once.
		{"all, of an older server", comettest.Moods{NoGetAll: true, Version: "3.19.0"}, all &^ stream.ResourcePanels, 13 + metrics + assets, 7},
		{"metrics, of an older server", comettest.Moods{NoGetAll: true, Version: "3.19.0"}, stream.ResourceMetrics, 3 + metrics, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := func(experiments int) (int, map[string]int) {
				srv := comettest.Start(t, comettest.Options{Moods: test.moods})
				srv.SeedSynthetic(comettest.SyntheticSpec{
					Workspace: "w", Project: "p", Experiments: experiments, Metrics: metrics, Points: 50, Assets: assets, AssetSize: 1000,
				})
				srv.ResetStats()
				mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Resources: test.resources})
				return srv.Stats().Requests, srv.Counts()
			}
			few, _ := requests(n)
			many, counts := requests(2 * n)
			if got := many - few; got != n*test.each {
				t.Errorf("%d requests for %d experiments, want %d: %v", got, n, n*test.each, counts)
			}
			if got := few - n*test.each; got > test.project {
				t.Errorf("%d requests for the project itself, want at most %d: %v", got, test.project, counts)
			}
		})
	}
}
