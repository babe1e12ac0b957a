package importer

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Where an experiment that is resumed runs again, it is ended again, crashed or
// not, also when an import was killed while it completed it.
func TestReconcileResumed(t *testing.T) {
	p := richProjects()[0]
	p.experiments[0].Crashed = true
	data := streamOf(t, p)
	o := Options{To: place.Project{Workspace: "team"}}
	want := newServer(t, comettest.Options{})
	importTo(t, newClient(t, want), data, o).succeed(t)
	lacking := p
	lacking.experiments = slices.Clone(p.experiments)
	lacking.experiments[0].Assets = slices.DeleteFunc(slices.Clone(p.experiments[0].Assets), func(a comettest.AssetSpec) bool { return a.ID == testID(4) })
	for _, kill := range []int{0, 20, 25, 30, 35} {
		srv := newServer(t, comettest.Options{Moods: comettest.Moods{ResumeRuns: true}})
		importTo(t, newClient(t, srv), streamOf(t, lacking), o).succeed(t)
		if kill > 0 {
			killed(t, srv, data, o, kill, true)
		}
		importTo(t, newClient(t, srv), data, o).succeed(t)
		diffStates(t, fmt.Sprintf("killed at request %d", kill), stateOf(want), stateOf(srv))
	}
}

// TestReconcile imports into an experiment that was finished, and has since
// been changed.
func TestReconcile(t *testing.T) {
	base := richProjects()[0]
	base.spec = comettest.ProjectSpec{}
	tests := []struct {
		name   string
		change func(*comettest.ExperimentSpec)
		issues []string // without --update
		exact  bool     // the destination is then as the stream says
	}{
		{"nothing", func(*comettest.ExperimentSpec) {}, nil, true},
		{"lacks parameters", func(e *comettest.ExperimentSpec) { e.Parameters = e.Parameters[:1] }, nil, true},
		{"lacks others", func(e *comettest.ExperimentSpec) { e.Others = nil }, nil, true},
		{"lacks tags", func(e *comettest.ExperimentSpec) { e.Tags = e.Tags[1:] }, nil, true},
		{"lacks texts", func(e *comettest.ExperimentSpec) { e.HTML, e.Code, e.Graph, e.GitPatch = nil, nil, nil, nil }, nil, true},
		{"lacks output", func(e *comettest.ExperimentSpec) { e.Output = nil }, nil, true},
		{"lacks git and system", func(e *comettest.ExperimentSpec) { e.Git, e.System = nil, nil }, nil, true},
		{"lacks a system field", func(e *comettest.ExperimentSpec) {
			e.System = map[string]any{"user": "alice", "installedPackages": []string{"numpy==1", "torch==2"}}
		}, nil, true},
		{"lacks assets", func(e *comettest.ExperimentSpec) { e.Assets = e.Assets[2:5] }, nil, true},
		{"lacks the file path", func(e *comettest.ExperimentSpec) { e.FilePath = "" }, nil, true},
		{"begins an output", func(e *comettest.ExperimentSpec) { e.Output = []string{"epoch 1\n", "epo"} }, nil, true},
		{"other name", func(e *comettest.ExperimentSpec) { e.Name = "renamed" },
			[]string{`others "Name": differs: the destination has a different value`}, false},
		{"other parameter", func(e *comettest.ExperimentSpec) { e.Parameters[0].Value = "0.1" },
			[]string{`parameters "lr": differs: the destination has a different value`}, false},
		{"other texts", func(e *comettest.ExperimentSpec) { e.HTML, e.Code = new("x"), new("print('träin')\nx") },
			[]string{
				"code: differs: 16 bytes in the stream, 17 different bytes at the destination",
				"html: differs: 10 bytes in the stream, 1 different bytes at the destination",
			}, true},
		{"other output", func(e *comettest.ExperimentSpec) { e.Output = []string{"epoch 1\n", "epoch 3"} },
			[]string{"output: differs: the destination has a different output, and no call replaces it"}, false},
		{"other git", func(e *comettest.ExperimentSpec) { e.Git = &comettest.GitSpec{User: new("b")} },
			[]string{"git: differs: the destination has different values"}, true},
		{"other system", func(e *comettest.ExperimentSpec) { e.System["user"] = "bob" },
			[]string{`system "user": differs: the destination has a different value`}, true},
		{"other end", func(e *comettest.ExperimentSpec) { e.End++ },
			[]string{fmt.Sprintf("end time: differs: %d in the stream, %d at the destination", int64(start+3600_000), int64(start+3600_001))}, true},
		{"other state", func(e *comettest.ExperimentSpec) { e.Crashed = true },
			[]string{"state: differs: finished in the stream, crashed at the destination"}, true},
		{"archived", func(e *comettest.ExperimentSpec) { e.Archived = true },
			[]string{"archived: differs: false in the stream, true at the destination"}, true},
		{"other path", func(e *comettest.ExperimentSpec) { e.FilePath = "/x.py" },
			[]string{`file path: differs: "/home/a/train.py" in the stream, "/x.py" at the destination`}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, there := base, base
			p.experiments = []comettest.ExperimentSpec{richProjects()[0].experiments[0]}
			there.experiments = []comettest.ExperimentSpec{richProjects()[0].experiments[0]}
			p.experiments[0].Points, there.experiments[0].Points = nil, nil
			tt.change(&there.experiments[0])
			want, srv := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
			seed(want, "", p)
			seed(srv, "", there)
			data, c := streamOf(t, p), newClient(t, srv)
			r := importTo(t, c, data, Options{})
			if d := gocmp.Diff(tt.issues, r.issues()); r.err != nil || d != "" {
				t.Errorf("%v, issues: %s", r.err, d)
			}
			if tt.issues == nil {
				diffStates(t, "destination", stateOf(want), stateOf(srv))
			} else {
				if r.AlreadyThere != 1 || len(writes(srv)) > 0 {
					t.Errorf("%+v, writes %v", r.Summary, writes(srv))
				}
				r = importTo(t, c, data, Options{Update: true})
				if tt.exact {
					r.succeed(t)
					diffStates(t, "updated", stateOf(want), stateOf(srv))
				}
			}
			srv.ResetStats()
			importTo(t, c, data, Options{})
			if len(writes(srv)) > 0 {
				t.Errorf("again: %v", writes(srv))
			}
		})
	}
}

// TestServerFails leaves an experiment unfinished whose item keeps failing, and
// imports the rest.
func TestServerFails(t *testing.T) {
	data := streamOf(t, richProjects()...)
	for _, tt := range []struct {
		fault  inject.Fault
		result report.Result
		class  error
	}{
		{inject.Fault{Kind: inject.FaultStatus(500), Endpoint: "POST *write/experiment/html"}, report.ResultFailed, comet.ErrServer},
		{inject.Fault{Kind: inject.FaultStatus(403), Endpoint: "POST *write/experiment/code", Item: "träin"}, report.ResultCreated, nil},
		{inject.Fault{Kind: inject.FaultStatus(401), Endpoint: "POST *write/experiment/html"}, report.ResultFailed, comet.ErrUnauthorized},
		{inject.Fault{Kind: inject.FaultStatus(400), Endpoint: "POST *logger/add/run", Item: testKey(1)}, report.ResultCreated, nil},
		{inject.Fault{Kind: inject.FaultStatus(400), Endpoint: "POST *offline-metadata"}, report.ResultCreated, nil},
	} {
		t.Run(fmt.Sprint(tt.fault.Kind, tt.fault.Endpoint), func(t *testing.T) {
			faults := inject.NewFaults(1, tt.fault)
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
			c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 3 })
			o := Options{To: place.Project{Workspace: "team"}}
			r := importTo(t, c, data, o)
			if got := r.of(t, testKey(1)); got.Result != tt.result || !errors.Is(r.err, tt.class) || (r.err != nil) != (tt.class != nil) {
				t.Errorf("got %q, %v", got.Result, r.err)
			}
			if tt.class == comet.ErrServer && r.Created != 2 {
				t.Errorf("the others: %+v", r.Summary)
			}
			faults.Reset()
			if r := importTo(t, c, data, o); r.err != nil {
				t.Errorf("again: %v", r.err)
			}
			want := newServer(t, comettest.Options{})
			importTo(t, newClient(t, want), data, o)
			if tt.fault.Item != testKey(1) {
				diffStates(t, "destination", stateOf(want), stateOf(srv))
			}
		})
	}
}

// TestFailuresAll reports all that could not be finished: the first failure need
// not be the gravest.
func TestFailuresAll(t *testing.T) {
	p := twoExperiments()
	p.experiments[0].Key = "short"
	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(500), Endpoint: "POST *log-other"})
	srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
	c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 3 })
	r := importTo(t, c, streamOf(t, p), Options{Keys: place.KeysRequire, Experiments: 1})
	key, ok := errors.AsType[*keyError](r.err)
	if !ok || key.key != "short" || !errors.Is(r.err, comet.ErrServer) || r.Failed != 2 {
		t.Errorf("%v, %+v", r.err, r.Summary)
	}
}

func TestVerifyOnly(t *testing.T) {
	data := streamOf(t, richProjects()...)
	o := Options{To: place.Project{Workspace: "team"}, Mode: VerifyOnly}
	t.Run("nothing there", func(t *testing.T) {
		srv := newServer(t, comettest.Options{})
		r := importTo(t, newClient(t, srv), data, o)
		if r.err != nil || r.Unverified == 0 || r.Failed != 4 || len(writes(srv)) > 0 || srv.Counts()["POST /clientlib/logger/add/run"] > 0 {
			t.Errorf("%v, %+v, %v", r.err, r.Summary, writes(srv))
		}
	})
	t.Run("all there", func(t *testing.T) {
		srv := newServer(t, comettest.Options{})
		c := newClient(t, srv)
		importTo(t, c, data, Options{To: o.To, Verify: true}).succeed(t)
		srv.ResetStats()
		r := importTo(t, c, data, o).succeed(t)
		if r.Unverified > 0 || r.AlreadyThere != 4 || len(writes(srv)) > 0 || srv.Counts()["POST /clientlib/logger/add/run"] > 0 {
			t.Errorf("%+v, %v", r.Summary, srv.Counts())
		}
		if got := srv.Counts()["GET /api/rest/v2/experiment/asset/get-asset"]; got != 9 {
			t.Errorf("%d assets were read, want 9", got)
		}
	})
	t.Run("changed", func(t *testing.T) {
		srv := newServer(t, comettest.Options{})
		projects := richProjects()
		e := &projects[0].experiments[0]
		e.Name, e.End, e.Archived, e.HTML, e.Tags, e.FilePath = "renamed", e.End+1, true, new("x"), e.Tags[:1], "/x"
		e.Parameters, e.Others[0].Value = e.Parameters[1:], "x"
		e.Points = append(e.Points[1:], e.Points[len(e.Points)-1])
		e.Assets[2].Body, e.Assets[3].Body = []byte("x,y\n"), []byte("longer")
		e.Assets = e.Assets[1:]
		e.System["user"], e.Git = "bob", nil
		projects[0].spec.Notes = "changed"
		seed(srv, "team", projects...)
		r := importTo(t, newClient(t, srv), data, o)
		var got []string
		for _, i := range r.issues() {
			got = append(got, strings.SplitN(i, ": unverified", 2)[0])
		}
		want := []string{
			"archived", `asset "data.csv"`, `asset "data.csv"`, `asset "fig/cat.png"`, "end time", `file path`, "git", "html",
			`metrics "loss"`, `metrics "twice"`, "notes", `others "Name"`, `others "dataset"`, "parameters", `system "user"`, `tags "été"`,
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Errorf("findings: %s", d)
		}
		if int(r.Unverified) != len(want) || len(writes(srv)) > 0 {
			t.Errorf("%+v, %v", r.Summary, writes(srv))
		}
	})
}

// What was written a moment ago and does not show yet is read once more before a
// verification reports it.
func TestVerifyLag(t *testing.T) {
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start + 1, Tags: []string{"a"}, Code: new("x"), Git: &comettest.GitSpec{Branch: new("main")},
		Parameters: []comettest.Value{{Name: "lr", Value: "1", Time: start}}, Others: []comettest.Value{{Name: "o", Value: "1", Time: start}},
	}}}
	for _, read := range []string{"tags", "code", "git/metadata", "parameters", "log-other"} {
		t.Run(read, func(t *testing.T) {
			faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *experiment/" + read, Reads: 1})
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
			c, bare := newClient(t, srv), testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}}
			importTo(t, c, streamOf(t, bare), Options{}).succeed(t)
			importTo(t, c, streamOf(t, p), Options{Verify: true}).succeed(t)
			if len(faults.Injected()) == 0 {
				t.Error("no reading lagged behind")
			}
		})
	}
}

// A name that is not among the others of the stream is compared too.
func TestVerifyName(t *testing.T) {
	s := newScript(t, sourceURL)
	p := testProject{workspace: "team", name: "p"}
	e := comettest.ExperimentSpec{Key: testKey(1), Name: "ours", Start: start, End: start + 1}
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 1})
	s.open(p, e)
	s.write(&stream.ExperimentEnd{Key: e.Key})
	data := s.close()
	for _, theirs := range []string{"theirs", ""} {
		srv := newServer(t, comettest.Options{})
		e.Name = theirs
		seed(srv, "", testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}})
		r := importTo(t, newClient(t, srv), data, Options{Mode: VerifyOnly})
		if r.err != nil || r.Unverified != 1 || r.Differing > 0 {
			t.Errorf("the destination has the name %q: %v, %q", theirs, r.err, r.issues())
		}
	}
}

// TestDryRunOutage reads nothing into an answer that the server owes.
func TestDryRunOutage(t *testing.T) {
	derived := place.DeriveKey(testKey(0), place.Project{Workspace: "team", Name: "p"})
	for _, mode := range []Mode{DryRun, VerifyOnly} {
		faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(500), Endpoint: "GET *experiment/metadata", Item: derived})
		srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
		c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 3 })
		r := importTo(t, c, streamOf(t, twoExperiments()), Options{Mode: mode})
		if got := r.of(t, testKey(0)); !errors.Is(r.err, comet.ErrServer) || got.Result != report.ResultFailed {
			t.Errorf("mode %v: %v, %+v", mode, r.err, got)
		}
	}
}

// TestVerifyFinds checks that --verify sees what an import did not bring about.
func TestVerifyFinds(t *testing.T) {
	// A server that says yes and does nothing.
	deaf := inject.NewFaults(1,
		inject.Fault{Kind: inject.FaultHTML, Endpoint: "POST *write/experiment/tags"})
	srv := newServer(t, comettest.Options{Middleware: deaf.Middleware})
	c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 2 })
	p := twoExperiments()
	p.experiments[0].Tags = []string{"x"}
	r := importTo(t, c, streamOf(t, p), Options{Verify: true})
	if r.err == nil && r.Unverified == 0 {
		t.Errorf("%+v", r.Summary)
	}
	if o := r.of(t, testKey(1)); !o.Verified {
		t.Errorf("the other experiment: %+v", o)
	}
}

func TestDryRun(t *testing.T) {
	data := streamOf(t, richProjects()...)
	srv := newServer(t, comettest.Options{})
	c, o := newClient(t, srv), Options{To: place.Project{Workspace: "team"}, Mode: DryRun}
	before := srv.State()
	r := importTo(t, c, data, o).succeed(t)
	if r.Created != 4 || r.ProjectsCreated != 3 || r.Points != 1576 || r.Assets != 10 {
		t.Errorf("nothing there: %+v", r.Summary)
	}
	if len(writes(srv)) > 0 || srv.Counts()["POST /clientlib/logger/add/run"] > 0 {
		t.Errorf("writes: %v", srv.Counts())
	}
	diffStates(t, "destination", before, srv.State())
	importTo(t, c, data, Options{To: o.To}).succeed(t)
	if r := importTo(t, c, data, o).succeed(t); r.AlreadyThere != 4 || r.Wrote() {
		t.Errorf("all there: %+v", r.Summary)
	}
	projects := richProjects()
	projects[0].experiments[0].Points = projects[0].experiments[0].Points[:100]
	srv = newServer(t, comettest.Options{})
	seed(srv, "team", projects...)
	if r := importTo(t, newClient(t, srv), data, o).succeed(t); r.Completed != 1 || r.AlreadyThere != 3 || r.Points == 0 || len(writes(srv)) > 0 {
		t.Errorf("some there: %+v, %v", r.Summary, writes(srv))
	}
	if r := importTo(t, newClient(t, srv), broken(t, (*stream.Writer).Stop), o); r.err == nil {
		t.Error("a truncated stream passes")
	}
}

// TestViewer imports with a key that may only read.
func TestViewer(t *testing.T) {
	srv := newServer(t, comettest.Options{Keys: []comettest.Key{{Key: "someoneelse0", User: "eve"}, {
		Key: comettest.DefaultAPIKey, User: "bob", Role: comettest.RoleViewer,
	}}})
	before := srv.State()
	for _, mode := range []Mode{Write, DryRun} {
		r := importTo(t, newClient(t, srv), streamOf(t, twoExperiments()), Options{Mode: mode})
		if !errors.Is(r.err, comet.ErrForbidden) || r.Failed != 2 {
			t.Errorf("mode %d: %v, %+v", mode, r.err, r.Summary)
		}
	}
	diffStates(t, "destination", before, srv.State())
}

// TestLimits imports assets over the limits that the handshake tells.
func TestLimits(t *testing.T) {
	big := []byte(strings.Repeat("x", 3<<20))
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start, Assets: []comettest.AssetSpec{
			{ID: testID(1), Name: "a.png", Type: "image", Image: true, Body: big}, {ID: testID(2), Name: "b", Body: big},
			{ID: testID(3), Name: "c.mp4", Type: "video", Body: big}, {ID: testID(4), Name: "d", Body: append(big, big...)},
			{ID: testID(5), Name: strings.Repeat("é", 11)}, {ID: testID(6), Name: strings.Repeat("é", 10)},
			{ID: testID(7), Name: "long.png", Type: "image", Image: true}, {ID: testID(8), Name: strings.Repeat("r", 11), Link: "s3://b/r"},
		},
	}}}
	srv := newServer(t, comettest.Options{Limits: comettest.Limits{UploadMB: 2, AssetMB: 5, VideoMB: 1, AssetName: 10, ImageName: 5}})
	r := importTo(t, newClient(t, srv), streamOf(t, p), Options{})
	want := []string{
		`asset "a.png": missing: its 3145728 bytes are over the limit of the destination, 2097152`,
		`asset "c.mp4": missing: its 3145728 bytes are over the limit of the destination, 1048576`,
		`asset "d": missing: its 6291456 bytes are over the limit of the destination, 5242880`,
		`asset "long.png": missing: its name of 8 characters is over the limit of the destination, 5`,
		`asset "rrrrrrrrrrr": missing: its name of 11 characters is over the limit of the destination, 10`,
		`asset "ééééééééééé": missing: its name of 11 characters is over the limit of the destination, 10`,
	}
	if d := gocmp.Diff(want, r.issues()); r.err != nil || d != "" || r.Missing != 6 {
		t.Errorf("%v, %+v, %s", r.err, r.Summary, d)
	}
	if n := srv.Counts()["POST /clientlib/asset/upload"]; n != 2 {
		t.Errorf("%d uploads", n)
	}
}

const sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestDryRunLimits reports what servers usually refuse.
func TestDryRunLimits(t *testing.T) {
	s := newScript(t, sourceURL)
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start}}}
	s.begin(p)
	s.write(&stream.Project{Workspace: "team", Name: "p", Experiments: 1})
	s.open(p, p.experiments[0])
	for i, name := range []string{"large.png", "fits.png"} {
		size := int64(200<<20 + 1 - i)
		s.openAsset(comettest.AssetSpec{ID: testID(i), Name: name, Type: "image"}, size)
		// What counts is what the source says of them.
		s.write(&stream.AssetEnd{SHA256: sumOfNothing})
	}
	s.write(&stream.ExperimentEnd{Key: testKey(1)})
	srv := newServer(t, comettest.Options{})
	r := importTo(t, newClient(t, srv), s.close(), Options{Mode: DryRun})
	want := []string{`asset "large.png": noted: may be refused, if the destination has the default limits: ` +
		`its 209715201 bytes are over the limit of the destination, 209715200`}
	if d := gocmp.Diff(want, r.issues()); r.err != nil || d != "" || r.Missing > 0 || r.Assets != 2 {
		t.Errorf("%v, %+v, %s", r.err, r.Summary, d)
	}
}

// TestVerifyDigests verifies at a server that takes a while to digest what it
// was sent, and says so.
func TestVerifyDigests(t *testing.T) {
	var asked atomic.Int64
	const busy = 15
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch path := r.URL.Path; {
			case strings.HasSuffix(path, "/processing/status"):
				fmt.Fprintf(w, `{"processing":%v}`, asked.Add(1) < busy)
			case strings.HasSuffix(path, "/metrics/get-all") && asked.Load() < busy:
				fmt.Fprint(w, `{"metrics":[]}`)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}})
	r := importTo(t, newClient(t, srv), streamOf(t, one(testKey(1))), Options{To: place.Project{Workspace: "team"}, Verify: true, Settle: time.Millisecond})
	if r.err != nil || r.Created != 1 || r.Unverified > 0 || asked.Load() < busy {
		t.Errorf("%v, %+v, %v, asked %d times", r.err, r.Summary, r.issues(), asked.Load())
	}
}

// An experiment that a handshake knows and the reading does not yet is ended
// again where the handshake has resumed it.
func TestReconcileHiddenResumed(t *testing.T) {
	var hidden atomic.Int64
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{ResumeRuns: true}, Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/experiment/metadata") && r.URL.Query().Get("experimentKey") == testKey(0) && hidden.Add(-1) >= 0 {
				http.Error(rw, `{"msg":"No such experiment","code":404}`, http.StatusNotFound)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}})
	data := streamOf(t, twoExperiments())
	importTo(t, newClient(t, srv), data, Options{}).succeed(t)
	before := stateOf(srv)
	hidden.Store(2)
	importTo(t, newClient(t, srv), data, Options{}).succeed(t)
	if hidden.Load() >= 0 {
		t.Error("nothing was hidden")
	}
	diffStates(t, "again", before, stateOf(srv))
}
