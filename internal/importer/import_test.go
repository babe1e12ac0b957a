package importer

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
)

const start = 1_700_000_000_000

// Keys and ids of the tests.
func testKey(n int) string { return fmt.Sprintf("%032x", 0xabc000+n) }
func testID(n int) string  { return fmt.Sprintf("%032x", 0xdef000000+int64(n)) }

// richProjects holds everything that an import writes.
func richProjects() []testProject {
	about, html, code, graph, empty := "digits", "<h1>x</h1>", "print('träin')\n", `{"layers":[]}`, ""
	first := comettest.ExperimentSpec{
		Key: testKey(1), Name: "baseline", Start: start, End: start + 3600_000, FilePath: "/home/a/train.py", Tags: []string{"a b", "été"},
		Parameters: []comettest.Value{
			{Name: "lr", Value: "0.10", Time: start + 10, Step: new(int64(0))},
			{Name: "curr_step", Value: "0", Time: start + 11, Step: new(int64(0)), Context: new("train")},
			{Name: "curr_step", Value: "9", Time: start + 99, Step: new(int64(9))},
			{Name: "curr_step", Value: "5", Time: start + 100, Step: new(int64(10))},
			{Name: "empty", Value: "", Time: start + 12},
			{Name: "null-like", Value: "null", Time: start + 13},
		},
		Others: []comettest.Value{
			{Name: "dataset", Value: `{"name": "mnist"}`, Time: start + 2},
			{Name: "best", Value: "0.1", Time: start + 3}, {Name: "best", Value: "0.4", Time: start + 5}, {Name: "best", Value: "0.3", Time: start + 7},
		},
		HTML: &html, Code: &code, Graph: &graph, Output: []string{"epoch 1\n", "epoch 2 \x1b[32mok\x1b[0m\n", "no line end"},
		Git:      &comettest.GitSpec{User: new("a@example.com"), Root: new("01"), Branch: new("refs/heads/main")},
		GitPatch: []byte("diff --git a b\n"),
		System: map[string]any{
			"user": "alice", "pid": 42, "env": map[string]any{"A": "b"}, "command": []string{"python", "x.py"},
			"logAdditionalSystemInfoList": []map[string]any{{"key": "cluster", "value": "a1"}, {"key": "nodes", "value": 3}},
			"installedPackages":           []string{"numpy==1", "torch==2"}, "osPackages": []string{"bash=5"},
		},
		Assets: []comettest.AssetSpec{
			{ID: testID(1), Name: "fig/cat.png", Type: "image", Image: true, Step: new(int64(2)), Context: new("train"), Body: []byte("\x89PNG"), Metadata: new(`{"annotations":[{"name":"é"}]}`)},
			{ID: testID(2), Name: "empty.bin"},
			{ID: testID(3), Name: "data.csv", Step: new(int64(1)), Metadata: new(`{}`), Body: []byte("a,b\n")},
			{ID: testID(4), Name: "data.csv", Epoch: new(int64(3)), Body: []byte("c,d\n")},
			{ID: testID(5), Name: "nested/model.onnx", Type: "model-element", Model: "cnn", Body: []byte(strings.Repeat("w", 70_000))},
			{ID: testID(6), Name: "set", Link: "s3://bucket/set.tar", Metadata: new(`{"synced":true}`)},
			{ID: testID(7), Name: "plot", Type: "figure", Body: []byte("f")},
			{ID: testID(8), Name: "train.py", Type: "source_code", Body: []byte("import x")},
			{ID: testID(9), Name: "big.bin", Body: []byte(strings.Repeat("0123456789", 200_000))},
			{ID: testID(10), Name: "cm.json", Type: "confusion-matrix", Body: []byte(`{"sampleMatrix":[[[{"index":1,"assetId":"` + testID(1) + `"}]]]}`)},
		},
	}
	for i := range int64(1300) {
		first.Points = append(first.Points,
			comettest.MetricPoint{Metric: "loss", Value: fmt.Sprint(1 / float64(i+1)), Time: start + i, Step: &i, Epoch: new(i / 100), Context: new("train")})
		if i%5 == 0 {
			first.Points = append(first.Points, comettest.MetricPoint{Metric: "sys.cpu", Value: fmt.Sprint(i), Time: start + i})
		}
	}
	for i, v := range []string{"NaN", "Infinity", "-Infinity", "-0.0", "5e-324", "9007199254740993", "1.0E-5", "1.0", "1", "9223372036854775808", "3.14159265358979323846264338327950288", "True"} {
		first.Points = append(first.Points, comettest.MetricPoint{Metric: `odd/ä "q"`, Value: v, Time: start, Step: new(int64(i) - 4)})
	}
	for range 3 {
		first.Points = append(first.Points, comettest.MetricPoint{Metric: "twice", Value: "1", Time: 0})
	}
	return []testProject{
		{workspace: "source", name: "vision", spec: comettest.ProjectSpec{Description: &about, Public: true, Notes: "# Notes"}, experiments: []comettest.ExperimentSpec{
			first,
			{Key: testKey(2), Name: "gave up", Start: start + 1, End: start + 2, Archived: true, Crashed: true, HTML: &empty, Code: &empty, Graph: &empty,
				Points: []comettest.MetricPoint{{Metric: "loss", Value: "1", Time: start + 1}}},
			{Key: testKey(3), Start: start + 5, End: start + 5},
		}},
		{workspace: "source", name: "blank"},
		{workspace: "source", name: "shelf", experiments: []comettest.ExperimentSpec{
			{Key: testKey(4), Name: "old", Start: 1, End: 2, Archived: true, Others: []comettest.Value{{Name: "a", Value: "b", Time: 1}}},
		}},
	}
}

func TestImportNew(t *testing.T) {
	want, got := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
	seed(want, "team", richProjects()...)
	r := importTo(t, newClient(t, got), streamOf(t, richProjects()...), Options{To: place.Project{Workspace: "team"}}).succeed(t)
	if r.Created != 4 || r.ProjectsCreated != 3 || r.Points != 1300+260+12+3+1 || r.Assets != 10 {
		t.Errorf("summary: %+v", r.Summary)
	}
	diffStates(t, "destination", stateOf(want), stateOf(got))
}

// TestImportAgain checks that a second import changes nothing, and asks little.
func TestImportAgain(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "update": {Update: true}, "verify": {Verify: true}} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{})
			c, data := newClient(t, srv), streamOf(t, richProjects()...)
			o.To = place.Project{Workspace: "team"}
			importTo(t, c, data, o).succeed(t)
			before := srv.State()
			srv.ResetStats()
			r := importTo(t, c, data, o).succeed(t)
			if r.AlreadyThere != 4 || r.Wrote() {
				t.Errorf("summary: %+v", r.Summary)
			}
			if w := writes(srv); len(w) > 0 {
				t.Errorf("writes: %v", w)
			}
			diffStates(t, "destination", before, srv.State())
			// One for the workspaces, one for the projects, one for the notes.
			if n := srv.Stats().Requests; name == "plain" && n > 3+14+7+2+3 {
				t.Errorf("%d requests: %v", n, srv.Counts())
			}
		})
	}
}

// TestImportRequests counts what a new experiment costs.
func TestImportRequests(t *testing.T) {
	srv := newServer(t, comettest.Options{})
	projects := richProjects()[:1]
	e := projects[0].experiments[0]
	e.Archived, e.Crashed = true, true
	projects[0].experiments = []comettest.ExperimentSpec{e}
	importTo(t, newClient(t, srv), streamOf(t, projects...), Options{To: place.Project{Workspace: "team"}}).succeed(t)
	counts := srv.Counts()
	n := srv.Stats().Requests
	for _, shared := range []string{"GET /api/rest/v2/workspaces", "GET /api/rest/v2/projects", "POST /api/rest/v2/write/project/create", "GET /api/rest/v2/project/notes", "POST /api/rest/v2/write/project/notes", "GET /clientlib/isAlive/ver"} {
		n -= counts[shared]
	}
	// A run asks once for an experiment before its handshake, again for a key that it
	// has just taken, and for a name.
	n -= 3
	// Name, dataset and best, which takes three; points and parameters.
	const assets, others, batches = 10, 5, 2 + 1
	if limit := 16 + assets + others + batches; n > limit {
		t.Errorf("%d requests, want at most %d: %v", n, limit, counts)
	}
	if got := counts["POST /clientlib/batch/logger/experiment/metric"]; got != 2 {
		t.Errorf("%d batches of points, want full ones", got)
	}
}

// TestImportKilled ends an import at each of its requests, before and after the
// server has done it, and runs it again.
func TestImportKilled(t *testing.T) {
	data := streamOf(t, richProjects()...)
	o := Options{To: place.Project{Workspace: "team"}}
	calm := newServer(t, comettest.Options{})
	importTo(t, newClient(t, calm), data, o).succeed(t)
	want, total := stateOf(calm), calm.Stats().Requests
	step := stride(23)
	for i, after := range []bool{false, true} {
		for k := 1 + i*step/2; k <= total; k += step {
			t.Run(fmt.Sprintf("%d,after=%v", k, after), func(t *testing.T) {
				srv := newServer(t, comettest.Options{})
				killed(t, srv, data, o, k, after)
				r := importTo(t, newClient(t, srv), data, o)
				if r.err != nil {
					t.Fatalf("second import: %v", r.err)
				}
				for _, i := range r.issues() {
					t.Errorf("issue: %s", i)
				}
				diffStates(t, "destination", want, stateOf(srv))
				srv.ResetStats()
				importTo(t, newClient(t, srv), data, o).succeed(t)
				if w := writes(srv); len(w) > 0 {
					t.Errorf("the third import writes: %v", w)
				}
			})
		}
	}
}

// TestCompletionKilled ends an import that completes a finished experiment at
// each of its requests: that it moves the end of the experiment meanwhile is
// not taken for a difference later.
func TestCompletionKilled(t *testing.T) {
	whole := richProjects()[0]
	part := whole
	part.experiments = slices.Clone(whole.experiments)
	e := &part.experiments[0]
	e.Tags, e.Others, e.Parameters, e.Assets = nil, nil, e.Parameters[:1], e.Assets[:1]
	e.HTML, e.Output, e.Git, e.System, e.FilePath, e.Points = nil, nil, nil, nil, "", nil
	data, o := streamOf(t, whole), Options{To: place.Project{Workspace: "team"}}
	started := func(p testProject) *comettest.Server {
		srv := newServer(t, comettest.Options{})
		importTo(t, newClient(t, srv), streamOf(t, p), o).succeed(t)
		srv.ResetStats()
		return srv
	}
	want, calm := stateOf(started(whole)), started(part)
	importTo(t, newClient(t, calm), data, o).succeed(t)
	diffStates(t, "completed", want, stateOf(calm))
	for k := 1; k <= calm.Stats().Requests; k += stride(9) {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			srv := started(part)
			killed(t, srv, data, o, k, true)
			r := importTo(t, newClient(t, srv), data, o).succeed(t)
			if r.Failed > 0 || len(r.issues()) > 0 {
				t.Errorf("%+v, issues %v", r.Summary, r.issues())
			}
			diffStates(t, "destination", want, stateOf(srv))
		})
	}
}

// stride returns 1 where all cases are wanted, n where a sample will do.
func stride(n int) int {
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		return 1
	}
	return n
}

// killed runs an import that is ended at its k-th request, and waits until the
// server is done with what was under way.
func killed(t *testing.T, srv *comettest.Server, data []byte, o Options, k int, after bool) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := transport.DialContext
	var dialed atomic.Int64
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			dialed.Add(1)
		}
		return conn, err
	}
	c := newClient(t, srv, func(co *comet.Options) {
		co.Transport = &killer{next: transport, at: int64(k), after: after, kill: func() { cancel(errKilled) }}
	})
	accepted, open := srv.Connections()
	o.CleanupTime = time.Millisecond
	importIn(ctx, t, c, data, o)
	// What was sent may not have come to the server yet.
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		transport.CloseIdleConnections()
		all, still := srv.Connections()
		if all-accepted >= dialed.Load() && still <= open && srv.Stats().InFlight == 0 {
			return
		}
		<-ticker.C
	}
}

// TestImportLostAnswers loses answers to writes that must not be done twice.
func TestImportLostAnswers(t *testing.T) {
	data := streamOf(t, richProjects()...)
	o := Options{To: place.Project{Workspace: "team"}}
	calm := newServer(t, comettest.Options{})
	importTo(t, newClient(t, calm), data, o).succeed(t)
	for i, kind := range []inject.FaultKind{inject.FaultLost, inject.FaultReset, inject.FaultHTML, inject.FaultStatus(503)} {
		for j, endpoint := range []string{"POST *batch/logger/experiment/metric", "POST *write/experiment/output", "POST *logger/add/run", "POST *asset/upload", "POST *project/create"} {
			if (i+j)%stride(2) != 0 {
				continue
			}
			t.Run(string(kind)+" "+endpoint, func(t *testing.T) {
				faults := inject.NewFaults(1, inject.Fault{Kind: kind, Endpoint: endpoint, From: 1, To: 2})
				srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
				importTo(t, newClient(t, srv), data, o).succeed(t)
				if len(faults.Injected()) == 0 {
					t.Errorf("faults: %v", faults.Injected())
				}
				diffStates(t, "destination", stateOf(calm), stateOf(srv))
			})
		}
	}
}

// TestImportLag lets reads lag behind writes, in an import that is killed and
// run again.
func TestImportLag(t *testing.T) {
	data := streamOf(t, richProjects()[:1]...)
	o := Options{To: place.Project{Workspace: "team"}, Settle: 20 * time.Millisecond}
	// Each write to an experiment makes its old answers replay again. This is
	// less than what the readings that have to agree sit out.
	lag := (reconcile.Agreeing-1)*o.Settle - time.Millisecond
	calm := newServer(t, comettest.Options{})
	importTo(t, newClient(t, calm), data, o).succeed(t)
	total := calm.Stats().Requests
	for k := 15; k < total; k += stride(13) {
		faults := inject.NewFaults(1,
			inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *", Reads: 1, For: lag},
			inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *experiment/metric", From: 1, To: 1})
		srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
		killed(t, srv, data, o, k, true)
		if r := importTo(t, newClient(t, srv), data, o); r.err != nil {
			t.Fatalf("request %d: %v", k, r.err)
		}
		diffStates(t, fmt.Sprintf("killed at request %d", k), stateOf(calm), stateOf(srv))
	}
}

// TestImportMoods imports into servers of other ages and on bad days, twice.
func TestImportMoods(t *testing.T) {
	data := streamOf(t, richProjects()...)
	for name, moods := range map[string]comettest.Moods{
		"null fields":      {OptionalFields: "null"},
		"absent fields":    {OptionalFields: "absent"},
		"numbers for text": {NumbersForText: true},
		"text for numbers": {TextForNumbers: true},
		"extra fields":     {ExtraFields: true, ObjectWorkspaces: true},
		"400 for missing":  {BadRequestForMissing: true},
		"old":              {Version: "3.0.0", NoGetAll: true, BadRequestForMissing: true},
		"no version":       {NoVersion: true, NoGetAll: true},
		"no batches":       {NoBatch: true},
		"ids assigned":     {AssignIDs: true},
		"kept end":         {KeepEndTime: true},
		"merged":           {MergeDuplicates: true, InterleaveMetrics: true},
		"generated names":  {GeneratedNames: true},
		"taken keys taken": {TakenKeys: "answer"},
		"wordless":         {TakenKeys: "wordless"},
		"no gzip bodies":   {RefuseGzip: true},
		"no empty texts":   {RefuseEmptyTexts: true},
		"no resuming":      {Lacks: []string{"logger/get/run"}},
		"resumed ones run": {ResumeRuns: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{Moods: moods})
			c, o := newClient(t, srv), Options{To: place.Project{Workspace: "team"}}
			r := importTo(t, c, data, o)
			untold := int64(0)
			if moods.Version != "" {
				untold = 1 // old servers know no crashed experiments
			}
			created := r.Created
			if moods.TakenKeys == "answer" {
				// The first one may have been there, as far as can be told.
				created += r.Completed
			}
			if r.err != nil || created != 4 || r.Missing != untold {
				t.Fatalf("%v, %+v, %v", r.err, r.Summary, r.issues())
			}
			srv.ResetStats()
			r = importTo(t, c, data, o)
			if r.err != nil || r.AlreadyThere != 4 || r.Differing > 0 || r.Missing != untold || len(writes(srv)) > 0 {
				t.Errorf("again: %v, %+v, %v, %v", r.err, r.Summary, r.issues(), writes(srv))
			}
			o.Mode = VerifyOnly
			if r = importTo(t, c, data, o); r.err != nil || r.Unverified != untold {
				t.Errorf("--verify-only: %v, %+v, %v", r.err, r.Summary, r.issues())
			}
		})
	}
}
