package importer

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/report"
)

func TestDerive(t *testing.T) {
	a := place.DeriveKey("k", place.Project{Workspace: "w", Name: "p"})
	if len(a) != 32 || !place.ValidKey(a) {
		t.Errorf("%q is no key", a)
	}
	if a != place.DeriveKey("k", place.Project{Workspace: "w", Name: "p"}) {
		t.Error("it is another one the second time")
	}
	for what, b := range map[string]string{
		"source": place.DeriveKey("l", place.Project{Workspace: "w", Name: "p"}), "project": place.DeriveKey("k", place.Project{Workspace: "w", Name: "q"}),
		"cut": place.DeriveKey("k", place.Project{Workspace: "wp", Name: ""}), "asset": place.DeriveAsset("k", place.Project{Workspace: "w", Name: "p"}),
	} {
		if a == b {
			t.Errorf("another %s gives the same", what)
		}
	}
}

func TestValidKey(t *testing.T) {
	for key, want := range map[string]bool{
		strings.Repeat("a", 31): false, strings.Repeat("a", 32): true, strings.Repeat("Z9", 25): true,
		strings.Repeat("a", 51): false, strings.Repeat("a", 31) + "-": false, strings.Repeat("ä", 20): false, "": false,
	} {
		if got := place.ValidKey(key); got != want {
			t.Errorf("validKey(%q) = %v", key, got)
		}
	}
}

func TestSameInstance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://www.comet.com", "https://comet.com/clientlib/", true},
		{"http://127.0.0.1:80", "https://127.0.0.1", true},
		{"http://127.0.0.1:8080/", "http://127.0.0.1:8080", true},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8081", false},
		{"https://a.example.com", "https://b.example.com", false},
		{"", "", false},
	} {
		if got := place.SameInstance(tt.a, tt.b); got != tt.want {
			t.Errorf("sameInstance(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}

// one is a project with one experiment, which has an asset that refers to
// another one.
func one(key string) testProject {
	return testProject{workspace: "source", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: key, Name: "n", Start: start, End: start + 1,
		Points: []comettest.MetricPoint{{Metric: "m", Value: "1", Time: start}},
		Assets: []comettest.AssetSpec{
			{ID: testID(1), Name: "a.png", Type: "image", Image: true, Body: []byte("p")},
			{ID: testID(2), Name: "cm", Type: "confusion-matrix", Body: []byte(`{"cells":[{"assetId":"` + testID(1) + `"},{"assetId":"nobody0123456789"}],"key":"` + key + `"}`)},
		},
	}}}
}

// TestKeysSameInstance copies a project within one instance, twice, and
// restores it.
func TestKeysSameInstance(t *testing.T) {
	srv := newServer(t, comettest.Options{})
	p := one(testKey(1))
	seed(srv, "", p)
	source := srv.State().Workspace("source")
	s := newScript(t, srv.URL())
	s.begin(p)
	s.project(p)
	data, c := s.close(), newClient(t, srv)
	r := importTo(t, c, data, Options{To: place.Project{Workspace: "team"}})
	if r.err != nil || r.Created != 1 {
		t.Fatalf("copy: %v, %+v", r.err, r.Summary)
	}
	key, id := place.DeriveKey(testKey(1), place.Project{Workspace: "team", Name: "p"}), place.DeriveAsset(testID(1), place.Project{Workspace: "team", Name: "p"})
	e := srv.State(comettest.StateOptions{Texts: true}).Experiment(key)
	if e == nil {
		t.Fatal("no experiment under the derived key")
	}
	if o := r.of(t, testKey(1)); o.Key != key || len(o.Rewritten) != 1 || o.Rewritten[0].References != 2 {
		t.Errorf("outcome: %+v", o)
	}
	if want := []string{`asset "cm": noted: refers to items that are not in the stream: nobody0123456789`}; gocmp.Diff(want, r.issues()) != "" {
		t.Errorf("issues: %q", r.issues())
	}
	var origin string
	for _, o := range e.Others {
		if o.Name == place.SourceKeyOther {
			origin = o.Current.Value
		}
	}
	if origin != testKey(1) {
		t.Errorf("origin is %q", origin)
	}
	want := `{"cells":[{"assetId":"` + id + `"},{"assetId":"nobody0123456789"}],"key":"` + key + `"}`
	if got := readAsset(t, c, key, place.DeriveAsset(testID(2), place.Project{Workspace: "team", Name: "p"})); got != want {
		t.Errorf("rewritten asset:\n got %s\nwant %s", got, want)
	}
	srv.ResetStats()
	if r := importTo(t, c, data, Options{To: place.Project{Workspace: "team"}}); r.err != nil || r.AlreadyThere != 1 || len(writes(srv)) > 0 {
		t.Errorf("second copy: %v, %+v, %v", r.err, r.Summary, writes(srv))
	}
	if d := gocmp.Diff(source, srv.State().Workspace("source")); d != "" {
		t.Errorf("the source has changed: %s", d)
	}
	// Back to where it comes from: a restore, with all keys kept.
	srv.Delete(testKey(1))
	if r := importTo(t, c, data, Options{}); r.err != nil || r.Created != 1 || r.of(t, testKey(1)).Key != testKey(1) {
		t.Errorf("restore: %v, %+v", r.err, r.Summary)
	}
}

func readAsset(t *testing.T, c *comet.Client, key, id string) string {
	t.Helper()
	b, err := c.Assets.Content(t.Context(), comet.AssetRequest{Key: key, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := b.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return text.String()
		}
	}
}

func TestKeysTaken(t *testing.T) {
	key := testKey(1)
	elsewhere := func(srv *comettest.Server) {
		srv.SeedExperiment("other", "q", comettest.ExperimentSpec{Key: key, Start: 5, End: 6})
	}
	hidden := func(srv *comettest.Server) {
		srv.SeedExperiment("hidden", "q", comettest.ExperimentSpec{Key: key, Start: 5, End: 6})
	}
	derived := place.DeriveKey(key, place.Project{Workspace: "team", Name: "p"})
	tests := []struct {
		name   string
		seed   func(*comettest.Server)
		o      Options
		result report.Result
		key    string // at the destination
	}{
		{"elsewhere, leave", elsewhere, Options{}, report.ResultElsewhere, key},
		{"elsewhere, derive", elsewhere, Options{Elsewhere: place.ElsewhereDerive}, report.ResultCreated, derived},
		{"elsewhere, require", elsewhere, Options{Elsewhere: place.ElsewhereDerive, Keys: place.KeysRequire}, report.ResultElsewhere, key},
		{"hidden", hidden, Options{}, report.ResultCreated, derived},
		{"hidden, require", hidden, Options{Keys: place.KeysRequire}, report.ResultFailed, key},
		{"free, derive", nil, Options{Keys: place.KeysDerive}, report.ResultCreated, derived},
		{"free, require", nil, Options{Keys: place.KeysRequire}, report.ResultCreated, key},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{Keys: []comettest.Key{{Key: "someoneelse0", User: "eve"}, {
				Key: comettest.DefaultAPIKey, User: "bob", Workspaces: map[string]comettest.Role{"hidden": comettest.RoleNone},
			}}})
			if tt.seed != nil {
				tt.seed(srv)
			}
			tt.o.To = place.Project{Workspace: "team"}
			data, c := streamOf(t, one(key)), newClient(t, srv)
			r := importTo(t, c, data, tt.o)
			o := r.of(t, key)
			if o.Result != tt.result || o.Key != tt.key || (r.err != nil) != (tt.result == report.ResultFailed) {
				t.Errorf("got %q under %q: %v", o.Result, o.Key, r.err)
			}
			if tt.result != report.ResultCreated {
				return
			}
			srv.ResetStats()
			if r := importTo(t, c, data, tt.o); r.err != nil || r.AlreadyThere != 1 || len(writes(srv)) > 0 {
				// The reading of an experiment that may not be seen is not a write,
				// nor is the handshake that finds it taken.
				for e := range writes(srv) {
					if !strings.HasSuffix(e, "logger/get/run") {
						t.Errorf("second import: %v, %+v, %v", r.err, r.Summary, writes(srv))
					}
				}
			}
		})
	}
}

func TestKeysRefused(t *testing.T) {
	srv := newServer(t, comettest.Options{})
	for _, key := range []string{"short", "with-dashes-0123456789-0123456789", strings.Repeat("x", 60)} {
		data := streamOf(t, testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: key, Start: start, End: start}}})
		r := importTo(t, newClient(t, srv), data, Options{}).succeed(t)
		if o := r.of(t, key); o.Result != report.ResultCreated || o.Key != place.DeriveKey(key, place.Project{Workspace: "team", Name: "p"}) {
			t.Errorf("%q: %+v", key, o)
		}
		r = importTo(t, newClient(t, srv), data, Options{Keys: place.KeysRequire})
		if _, ok := errors.AsType[*keyError](r.err); !ok {
			t.Errorf("%q, --keys require: %v", key, r.err)
		}
	}
}

// TestAssetIDTaken imports an asset whose id another experiment has.
func TestAssetIDTaken(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{InstanceIDs: true}})
	srv.SeedExperiment("other", "q", comettest.ExperimentSpec{Key: testKey(9), Start: 1, End: 2, Assets: []comettest.AssetSpec{
		{ID: testID(1), Name: "a.png", Body: []byte("p")},
	}})
	data, c := streamOf(t, one(testKey(1))), newClient(t, srv)
	o := Options{To: place.Project{Workspace: "team"}}
	r := importTo(t, c, data, o)
	if r.err != nil || r.Missing > 0 {
		t.Fatalf("import: %v, %v", r.err, r.issues())
	}
	derived := place.DeriveAsset(testID(1), place.Project{Workspace: "team", Name: "p"})
	if got := readAsset(t, c, testKey(1), testID(2)); !strings.Contains(got, derived) {
		t.Errorf("the reference was not changed: %s", got)
	}
	srv.ResetStats()
	if r := importTo(t, c, data, o); r.err != nil || r.AlreadyThere != 1 || len(writes(srv)) > 0 {
		t.Errorf("second import: %v, %+v, %v", r.err, r.Summary, writes(srv))
	}
	for name, o := range map[string]Options{"--verify": {Verify: true}, "--verify-only": {Mode: VerifyOnly}, "--dry-run": {Mode: DryRun}} {
		o.To = place.Project{Workspace: "team"}
		if r := importTo(t, c, data, o); r.err != nil || r.AlreadyThere != 1 || r.Unverified > 0 {
			t.Errorf("%s: %v, %+v, %v", name, r.err, r.Summary, r.issues())
		}
	}
}

// An asset that refers to others is written after them, also where they come
// through late: only then it is known which ids they have.
func TestAssetIDTakenLate(t *testing.T) {
	referrer := make(chan struct{})
	var once sync.Once
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{InstanceIDs: true}, Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost && strings.Contains(r.URL.RawQuery, testID(2)):
				once.Do(func() { close(referrer) })
			case r.Method == http.MethodPost && strings.Contains(r.URL.RawQuery, testID(1)):
				select {
				case <-referrer:
				case <-time.After(200 * time.Millisecond):
				}
			}
			next.ServeHTTP(rw, r)
		})
	}})
	srv.SeedExperiment("other", "q", comettest.ExperimentSpec{Key: testKey(9), Start: 1, End: 2, Assets: []comettest.AssetSpec{
		{ID: testID(1), Name: "a.png", Body: []byte("p")},
	}})
	c := newClient(t, srv)
	r := importTo(t, c, streamOf(t, one(testKey(1))), Options{To: place.Project{Workspace: "team"}})
	if r.err != nil || r.Missing > 0 {
		t.Fatalf("import: %v, %v", r.err, r.issues())
	}
	derived := place.DeriveAsset(testID(1), place.Project{Workspace: "team", Name: "p"})
	if got := readAsset(t, c, testKey(1), testID(2)); !strings.Contains(got, derived) {
		t.Errorf("the reference was not changed: %s", got)
	}
}

// TestRemoteAssetTellsIDs has a remote asset as the first by which it shows that
// the server gives assets ids of its own.
func TestRemoteAssetTellsIDs(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{AssignIDs: true}})
	p := one(testKey(1))
	p.experiments[0].Assets = []comettest.AssetSpec{{ID: testID(30), Name: "r", Link: "s3://b/r"}}
	c := newClient(t, srv)
	importTo(t, c, streamOf(t, p), Options{To: place.Project{Workspace: "team"}, Verify: true}).succeed(t)
	if assets := srv.State().Experiment(testKey(1)).Assets; len(assets) != 1 || assets[0].ID == testID(30) {
		t.Errorf("assets: %+v", assets)
	}
}

// TestAssetIDsAssigned imports to a server that gives assets ids of its own.
func TestAssetIDsAssigned(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{AssignIDs: true}})
	p := one(testKey(1))
	p.experiments[0].Assets = append([]comettest.AssetSpec{
		{ID: testID(20), Name: "twin", Body: []byte("same")}, {ID: testID(21), Name: "twin", Body: []byte("same")}, {ID: testID(22), Name: "twin", Body: []byte("else")},
		{ID: testID(30), Name: "r", Link: "s3://b/r"}, {ID: testID(31), Name: "w/x", Type: "model-element", Model: "m", Body: []byte("w")},
	}, p.experiments[0].Assets...)
	data, c := streamOf(t, p), newClient(t, srv)
	o := Options{To: place.Project{Workspace: "team"}, Verify: true}
	r := importTo(t, c, data, o)
	assets := srv.State().Experiment(testKey(1)).Assets
	if r.err != nil || r.Missing+r.Unverified > 0 || len(assets) != len(p.experiments[0].Assets) {
		t.Fatalf("%v, %+v, %v, %d assets", r.err, r.Summary, r.issues(), len(assets))
	}
	ids := make(map[string]string)
	for _, a := range assets {
		ids[a.Name] = a.ID
	}
	if got := readAsset(t, c, testKey(1), ids["cm"]); !strings.Contains(got, ids["a.png"]) {
		t.Errorf("the reference was not changed: %s", got)
	}
	for name, o := range map[string]Options{"again": {}, "--verify": {Verify: true}, "--verify-only": {Mode: VerifyOnly}, "--dry-run": {Mode: DryRun}} {
		o.To = place.Project{Workspace: "team"}
		srv.ResetStats()
		if r := importTo(t, c, data, o); r.err != nil || r.AlreadyThere != 1 || r.Unverified > 0 || len(writes(srv)) > 0 {
			t.Errorf("%s: %v, %+v, %v, %v", name, r.err, r.Summary, r.issues(), writes(srv))
		}
	}
}

// TestAssetLinkDiffers imports a remote asset that the experiment has with
// another link, and one that it has with bytes of its own.
func TestAssetLinkDiffers(t *testing.T) {
	ours, theirs := one(testKey(1)), one(testKey(1))
	links := []comettest.AssetSpec{{ID: testID(30), Name: "r", Link: "s3://b/r"}, {ID: testID(31), Name: "l", Link: "s3://b/l"}}
	ours.experiments[0].Assets = links
	theirs.experiments[0].Assets = []comettest.AssetSpec{{ID: testID(30), Name: "r", Link: "s3://b/other"}, {ID: testID(31), Name: "l", Body: []byte("l")}}
	srv := newServer(t, comettest.Options{})
	seed(srv, "team", theirs)
	c, data := newClient(t, srv), streamOf(t, ours)
	for i, o := range []Options{{}, {}, {Mode: VerifyOnly}} {
		o.To = place.Project{Workspace: "team"}
		r := importTo(t, c, data, o)
		class := "differs"
		if o.Mode == VerifyOnly {
			class = "unverified"
		}
		want := []string{`asset "r": ` + class + `: the destination has a different link`}
		if o.Mode == VerifyOnly {
			want = append([]string{`asset "l": unverified: not in the stream`}, want...)
		}
		if d := gocmp.Diff(want, r.issues()); r.err != nil || d != "" {
			t.Errorf("run %d: %v, %s", i+1, r.err, d)
		}
	}
	if n := len(srv.State().Experiment(testKey(1)).Assets); n != 3 {
		t.Errorf("%d assets", n)
	}
}

// The first asset that shows whether ids are kept may be one that has no bytes
// to read back.
func TestAssetIDsAssignedRemote(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{AssignIDs: true}})
	p := one(testKey(1))
	p.experiments[0].Assets = []comettest.AssetSpec{{ID: testID(1), Name: "r", Link: "s3://b/r"}}
	data, c := streamOf(t, p), newClient(t, srv)
	for range 2 {
		r := importTo(t, c, data, Options{To: place.Project{Workspace: "team"}, Verify: true})
		if n := len(srv.State().Experiment(testKey(1)).Assets); r.err != nil || r.Missing+r.Unverified > 0 || n != 1 {
			t.Fatalf("%v, %v, %d assets", r.err, r.issues(), n)
		}
	}
}
