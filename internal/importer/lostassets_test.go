package importer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// manyAssets is a project with an experiment that has assets of each way to
// upload them, some of which are like others.
func manyAssets() testProject {
	e := comettest.ExperimentSpec{Key: testKey(1), Start: start, End: start + 1, Assets: []comettest.AssetSpec{
		{ID: testID(1), Name: "twin", Body: []byte("same")}, {ID: testID(2), Name: "twin", Body: []byte("same")}, {ID: testID(3), Name: "twin", Body: []byte("else")},
		{ID: testID(4), Name: "r", Link: "s3://b/r"}, {ID: testID(5), Name: "r", Link: "s3://b/s"},
		{ID: testID(6), Name: "w/x", Type: "model-element", Model: "m", Body: []byte("w")},
		{ID: testID(7), Name: "i.png", Type: "image", Body: []byte("png"), Step: new(int64(1))}, {ID: testID(8), Name: "i.png", Type: "image", Body: []byte("pnh"), Step: new(int64(2))},
		{ID: testID(9), Name: "large", Body: bytes.Repeat([]byte("large"), 400_000)},
	}}
	for i := range 11 {
		e.Assets = append(e.Assets, comettest.AssetSpec{ID: testID(100 + i), Name: fmt.Sprint("a", i), Body: []byte(fmt.Sprint("body ", i))})
	}
	return testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}}
}

// contents returns what an experiment has of assets, whatever their ids, sorted.
func contents(srv *comettest.Server) []string {
	var list []string
	for _, a := range srv.State(comettest.StateOptions{Portable: true}).Experiment(testKey(1)).Assets {
		list = append(list, fmt.Sprint(a.Name, " ", a.Type, " ", a.Size, " ", a.SHA256, " ", a.Link))
	}
	slices.Sort(list)
	return list
}

// An asset is written once where a server gives ids of its own, whichever answer
// is lost.
func TestLostAnswersOfAssets(t *testing.T) {
	p := manyAssets()
	data := streamOf(t, p)
	moods := comettest.Moods{AssignIDs: true}
	calm := newServer(t, comettest.Options{Moods: moods})
	importTo(t, newClient(t, calm), data, Options{}).succeed(t)
	want, kept := contents(calm), newServer(t, comettest.Options{})
	importTo(t, newClient(t, kept), data, Options{}).succeed(t)
	if n := len(p.experiments[0].Assets); len(want) != n || gocmp.Diff(contents(kept), want) != "" {
		t.Fatalf("%d assets without a fault, want %d", len(want), n)
	}
	lost := 0
	for _, kind := range []inject.FaultKind{inject.FaultLost, inject.FaultReset, inject.FaultStatus(502)} {
		for n := 1; n <= 20; n += stride(3) {
			faults := inject.NewFaults(1,
				inject.Fault{Kind: kind, Endpoint: "POST *upload", From: n, To: n},
				inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *asset/list", Reads: n % 3})
			if n%3 == 0 {
				faults = inject.NewFaults(1, inject.Fault{Kind: kind, Endpoint: "POST *upload", From: n, To: n + 1})
			}
			srv := newServer(t, comettest.Options{Moods: moods, Middleware: faults.Middleware})
			c := newClient(t, srv)
			for run, o := range []Options{{Verify: true}, {}, {}, {Verify: true}, {Mode: VerifyOnly}} {
				if r := importTo(t, c, data, o); r.err != nil || len(r.issues()) > 0 {
					t.Errorf("%s of upload %d, run %d: %v, %q", kind, n, run, r.err, r.issues())
				}
			}
			if d := gocmp.Diff(want, contents(srv)); d != "" {
				t.Errorf("%s of upload %d (-want +got): %s", kind, n, d)
			}
			lost += len(faults.Injected())
		}
	}
	t.Logf("%d answers were lost", lost)
	if lost == 0 {
		t.Error("no fault was injected")
	}
}

// An import that was killed is gone on with where ids are assigned: no asset is
// there twice, none is missing.
func TestKilledAssetsAssigned(t *testing.T) {
	data := streamOf(t, manyAssets())
	moods := comettest.Moods{AssignIDs: true}
	calm := newServer(t, comettest.Options{Moods: moods})
	importTo(t, newClient(t, calm), data, Options{}).succeed(t)
	want := contents(calm)
	for k := 3; k < 30; k += stride(4) {
		srv := newServer(t, comettest.Options{Moods: moods})
		killed(t, srv, data, Options{}, k, k%2 == 0)
		c := newClient(t, srv)
		for run, o := range []Options{{Verify: true}, {}, {Mode: VerifyOnly}} {
			if r := importTo(t, c, data, o); r.err != nil || len(r.issues()) > 0 {
				t.Errorf("killed at %d, run %d: %v, %q", k, run, r.err, r.issues())
			}
		}
		if d := gocmp.Diff(want, contents(srv)); d != "" {
			t.Errorf("killed at %d (-want +got): %s", k, d)
		}
	}
}

// Of two assets with the same bytes under one name a destination that keeps ids
// may have the later one alone: the earlier is not taken for it.
func TestTwinThere(t *testing.T) {
	for name, begun := range map[string]int64{"finished": start, "unfinished": start + 5} {
		t.Run(name, func(t *testing.T) {
			p := manyAssets()
			theirs := manyAssets()
			theirs.experiments[0].Start, theirs.experiments[0].Assets = begun, theirs.experiments[0].Assets[1:2]
			srv, want := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
			seed(srv, "", theirs)
			seed(want, "", p)
			c, data := newClient(t, srv), streamOf(t, p)
			importTo(t, c, data, Options{Verify: true}).succeed(t)
			importTo(t, c, data, Options{Mode: VerifyOnly}).succeed(t)
			diffStates(t, "destination", stateOf(want), stateOf(srv))
		})
	}
}

// A server that takes no second asset of a name says so with the code by which
// others say that an id exists.
func TestNamesOnce(t *testing.T) {
	p := manyAssets()
	for name, moods := range map[string]comettest.Moods{"ids kept": {NamesOnce: true}, "ids assigned": {NamesOnce: true, AssignIDs: true}} {
		t.Run(name, func(t *testing.T) {
			faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *upload", Rate: 0.3})
			srv := newServer(t, comettest.Options{Moods: moods, Middleware: faults.Middleware})
			c, data := newClient(t, srv), streamOf(t, p)
			for run := range 3 {
				r := importTo(t, c, data, Options{})
				var names []string
				for _, i := range r.issues() {
					if !strings.HasSuffix(i, upload.ErrNameTaken.Error()) {
						t.Errorf("run %d: %s", run, i)
					}
					names = append(names, strings.SplitN(i, ":", 2)[0])
				}
				want := []string{`asset "i.png"`, `asset "r"`, `asset "twin"`, `asset "twin"`}
				if d := gocmp.Diff(want, names); r.err != nil || d != "" {
					t.Errorf("run %d: %v, issues (-want +got): %s", run, r.err, d)
				}
				if got := len(contents(srv)); got != 16 {
					t.Errorf("run %d: %d assets, want one of each name", run, got)
				}
			}
		})
	}
}

// Verification names what the destination has and the stream has not.
func TestVerifyStrangers(t *testing.T) {
	p := manyAssets()
	theirs := manyAssets()
	assets := &theirs.experiments[0].Assets
	*assets = append(*assets, comettest.AssetSpec{ID: testID(500), Name: "stranger", Body: []byte("x")},
		comettest.AssetSpec{ID: testID(501), Name: "a1", Body: []byte("body 1")},
		comettest.AssetSpec{ID: testID(502), Name: "full", Type: "ASSET_TYPE_FULL_METRIC", Body: []byte("x")})
	srv := newServer(t, comettest.Options{})
	seed(srv, "", theirs)
	for _, o := range []Options{{Verify: true}, {Mode: VerifyOnly}} {
		r := importTo(t, newClient(t, srv), streamOf(t, p), o)
		want := []string{`asset "a1": unverified: the destination has an identical asset under another id`, `asset "stranger": unverified: not in the stream`}
		if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil {
			t.Errorf("%v, issues (-want +got): %s", r.err, d)
		}
	}
}

// Files of artifacts are written once too.
func TestLostAnswersOfFiles(t *testing.T) {
	w := richWorkspace()
	for i := range 6 {
		v := &w.artifacts[0].Versions[0]
		v.Files = append(v.Files, comettest.AssetSpec{ID: testID(600 + i), Name: fmt.Sprint("f", i), Type: "unknown", Body: []byte(fmt.Sprint("file ", i))})
	}
	data := w.stream(t, sourceURL)
	files := func(srv *comettest.Server) []string {
		var list []string
		for _, a := range srv.State(comettest.StateOptions{Portable: true}).Workspace("team").Artifacts {
			for _, v := range a.Versions {
				for _, f := range v.Files {
					list = append(list, fmt.Sprint(a.Name, " ", v.Version, " ", v.State, " ", f.Name, " ", f.SHA256, " ", f.Link))
				}
			}
		}
		slices.Sort(list)
		return list
	}
	moods := comettest.Moods{AssignIDs: true}
	calm := newServer(t, comettest.Options{Moods: moods})
	importTo(t, newClient(t, calm), data, Options{Verify: true}).succeed(t)
	want := files(calm)
	for endpoint, most := range map[string]int{"POST *asset/upload": 12, "POST *remote/batch": 1} {
		for n := 1; n <= most; n += stride(3) {
			faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultLost, Endpoint: endpoint, From: n, To: n})
			srv := newServer(t, comettest.Options{Moods: moods, Middleware: faults.Middleware})
			c := newClient(t, srv)
			for run, o := range []Options{{Verify: true}, {}, {Mode: VerifyOnly}} {
				if r := importTo(t, c, data, o); r.err != nil || r.Missing+r.Differing+r.Unverified > 0 {
					t.Errorf("%s %d, run %d: %v, %q", endpoint, n, run, r.err, r.issues())
				}
			}
			if d := gocmp.Diff(want, files(srv)); d != "" || len(faults.Injected()) == 0 {
				t.Errorf("%s %d (-want +got): %s", endpoint, n, d)
			}
		}
	}
}
