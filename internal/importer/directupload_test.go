package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
)

// storage is what the second host of a server was asked.
type storage struct {
	mu      sync.Mutex
	puts    int
	headers http.Header
	hold    func() // nil, or called before each part is taken
}

func (s *storage) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/bucket/") {
			s.mu.Lock()
			s.puts++
			s.headers = r.Header
			s.mu.Unlock()
			if s.hold != nil {
				s.hold()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// directServer starts a server that takes uploads to its storage.
func directServer(t *testing.T, faults ...inject.Fault) (*comettest.Server, *storage) {
	s := new(storage)
	f := inject.NewFaults(1, faults...)
	return newServer(t, comettest.Options{
		Moods:      comettest.Moods{S3Upload: true},
		Middleware: func(h http.Handler) http.Handler { return s.middleware(f.Middleware(h)) },
	}), s
}

// uploadCounts are the requests for uploads of a server.
type uploadCounts struct{ Started, Completed, Plain int }

func countUploads(srv *comettest.Server) (n uploadCounts) {
	for endpoint, times := range srv.Counts() {
		switch {
		case strings.HasSuffix(endpoint, "/upload-start"):
			n.Started += times
		case strings.HasSuffix(endpoint, "/upload-complete"):
			n.Completed += times
		case strings.HasSuffix(endpoint, "/upload"):
			n.Plain += times
		}
	}
	return n
}

// directAssets is a project with assets that may go to storage, on disk and in
// memory, and others.
func directAssets() testProject {
	p := bigAsset()
	x := &p.experiments[0]
	body := bytes.Repeat([]byte("0123456789abcde\n"), 5000)
	x.Assets[0].Step, x.Assets[0].Epoch, x.Assets[0].Context, x.Assets[0].Metadata = new(int64(3)), new(int64(0)), new("train"), new(`{"ü":[1]}`)
	x.Assets = append(x.Assets,
		comettest.AssetSpec{ID: testID(2), Name: "w.bin", Type: "model-element", Model: "cnn", Body: body, Metadata: new(`{"q":1}`)},
		comettest.AssetSpec{ID: testID(3), Name: "i.png", Type: "image", Image: true, Body: body, Step: new(int64(1))},
		comettest.AssetSpec{ID: testID(4), Name: "other", Type: "audio", Body: body},
		comettest.AssetSpec{ID: testID(5), Name: "small", Body: body[:1000]},
		comettest.AssetSpec{ID: testID(6), Name: "remote", Link: "s3://b/k"})
	return p
}

// What goes to storage is the same there as what goes through the server.
func TestDirect(t *testing.T) {
	p := directAssets()
	srv, s := directServer(t)
	want := newServer(t, comettest.Options{})
	seed(want, "", p)
	data := streamOf(t, p)
	importTo(t, newClient(t, srv), data, Options{}).succeed(t)
	diffStates(t, "destination", stateOf(want), stateOf(srv))
	if n, want := countUploads(srv), (uploadCounts{3, 3, 3}); n != want {
		t.Errorf("uploads: %+v, want %+v", n, want)
	}
	if s.puts != 8+1+1 {
		t.Errorf("%d parts, want 10", s.puts)
	}
	for name := range s.headers {
		switch name {
		case "User-Agent", "Accept-Encoding", "Content-Length":
		default:
			t.Errorf("storage got %s", name)
		}
	}
	srv.ResetStats()
	importTo(t, newClient(t, srv), data, Options{Verify: true}).succeed(t)
	if n := writes(srv); len(n) > 0 {
		t.Errorf("the second import writes %v", n)
	}
}

// Whatever happens to a direct upload, the asset is there in the end, and once.
func TestDirectTrouble(t *testing.T) {
	const parts, start, complete, plain = "PUT /bucket/*", "POST *upload-start", "POST *upload-complete", "POST *asset/upload"
	status := inject.FaultStatus
	for name, tc := range map[string]struct {
		faults []inject.Fault
		want   uploadCounts
	}{
		"a part fails":    {[]inject.Fault{{Kind: status(503), Endpoint: parts, From: 3, To: 4}}, uploadCounts{2, 2, 0}},
		"a part breaks":   {[]inject.Fault{{Kind: inject.FaultReset, Endpoint: parts, Bytes: 100_000, From: 2, To: 2}}, uploadCounts{2, 2, 0}},
		"a part is lost":  {[]inject.Fault{{Kind: inject.FaultLost, Endpoint: parts, From: 2, To: 2}}, uploadCounts{2, 2, 0}},
		"expired":         {[]inject.Fault{{Kind: status(403), Endpoint: parts, From: 2, To: 2}}, uploadCounts{3, 3, 0}},
		"always refused":  {[]inject.Fault{{Kind: status(403), Endpoint: parts}}, uploadCounts{2, 2, 2}},
		"out of order":    {[]inject.Fault{{Kind: status(500), Endpoint: parts}}, uploadCounts{1, 1, 2}},
		"not known":       {[]inject.Fault{{Kind: status(404), Endpoint: start}}, uploadCounts{1, 0, 2}},
		"not allowed":     {[]inject.Fault{{Kind: status(405), Endpoint: start}}, uploadCounts{4, 0, 2}},
		"not implemented": {[]inject.Fault{{Kind: status(501), Endpoint: start}}, uploadCounts{4, 0, 2}},
		"refused":         {[]inject.Fault{{Kind: status(400), Endpoint: start}}, uploadCounts{1, 0, 2}},
		"begins again":    {[]inject.Fault{{Kind: inject.FaultLost, Endpoint: start, From: 1, To: 1}}, uploadCounts{3, 2, 0}},
		"the end is lost": {[]inject.Fault{{Kind: inject.FaultLost, Endpoint: complete, From: 1, To: 1}}, uploadCounts{2, 2, 0}},
		"lost, and late": {[]inject.Fault{
			{Kind: inject.FaultLost, Endpoint: complete, From: 1, To: 1},
			{Kind: inject.FaultLag, Endpoint: "GET *asset/list", Reads: 5, Prime: []string{"/api/rest/v2/experiment/asset/list?experimentKey={experimentKey}&type=all"}},
		}, uploadCounts{2, 2, 0}},
		"the end fails":      {[]inject.Fault{{Kind: status(503), Endpoint: complete, From: 1, To: 1}}, uploadCounts{2, 3, 0}},
		"the end is refused": {[]inject.Fault{{Kind: status(404), Endpoint: complete, From: 1, To: 1}}, uploadCounts{1, 1, 2}},
		"all is lost": {[]inject.Fault{
			{Kind: status(403), Endpoint: parts},
			{Kind: inject.FaultReset, Endpoint: plain, Bytes: 1000, From: 1, To: 1},
		}, uploadCounts{2, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, next := bigAsset(), bigAsset()
			x := &next.experiments[0]
			x.Key, x.Assets[0].ID, x.Assets[0].Body = testKey(2), testID(2), x.Assets[0].Body[:2000]
			srv, _ := directServer(t, tc.faults...)
			want := newServer(t, comettest.Options{})
			seed(want, "", p, next)
			// The second asset finds what was learnt of the first.
			c := newClient(t, srv)
			importTo(t, c, streamOf(t, p), Options{}).succeed(t)
			importTo(t, c, streamOf(t, next), Options{}).succeed(t)
			diffStates(t, "destination", stateOf(want), stateOf(srv))
			if n := countUploads(srv); n != tc.want {
				t.Errorf("uploads: %+v, want %+v", n, tc.want)
			}
		})
	}
}

// An import that is killed at any request is completed by another one.
func TestDirectKilled(t *testing.T) {
	p := directAssets()
	data := streamOf(t, p)
	want := newServer(t, comettest.Options{})
	seed(want, "", p)
	calm, s := directServer(t)
	importTo(t, newClient(t, calm), data, Options{}).succeed(t)
	requests := s.puts
	for _, n := range calm.Counts() {
		requests += n
	}
	for k := 1; k <= requests; k += stride(3) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(k, after), func(t *testing.T) {
				t.Parallel()
				srv, _ := directServer(t)
				killed(t, srv, data, Options{}, k, after)
				importTo(t, newClient(t, srv), data, Options{}).succeed(t)
				diffStates(t, "destination", stateOf(want), stateOf(srv))
			})
		}
	}
}

// The parts of one asset go concurrently, also while the stream still brings it.
func TestDirectSideBySide(t *testing.T) {
	p := bigAsset()
	// Of bytes that do not compress it is known how many are in how much of the
	// stream.
	if _, err := rand.NewChaCha8([32]byte{}).Read(p.experiments[0].Assets[0].Body); err != nil {
		t.Fatal(err)
	}
	data := streamOf(t, p)
	srv, s := directServer(t)
	const together = 3
	var under atomic.Int32
	all := make(chan struct{})
	s.hold = func() {
		if under.Add(1) == together {
			close(all)
		}
		select {
		case <-all:
		case <-t.Context().Done():
		}
	}
	r, w := io.Pipe()
	go func() {
		most := len(data) * 3 / 4
		w.Write(data[:most])
		select {
		case <-all:
		case <-t.Context().Done():
		}
		w.Write(data[most:])
		w.Close()
	}()
	if _, err := Import(t.Context(), t.Context(), r, newClient(t, srv), Options{Direct: smallParts, TempDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	want := newServer(t, comettest.Options{})
	seed(want, "", p)
	diffStates(t, "destination", stateOf(want), stateOf(srv))
}

// Nothing appears of an asset that is not what the stream says, or not whole.
func TestDirectDamaged(t *testing.T) {
	p := bigAsset()
	cut := newScript(t, sourceURL)
	cut.openFirst(p)
	cut.chunks(p.experiments[0].Assets[0].Body[:2<<20])
	if err := cut.w.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"bad hash": badHash(t, p), "cut": cut.b.Bytes()} {
		t.Run(name, func(t *testing.T) {
			srv, _ := directServer(t)
			r := importTo(t, newClient(t, srv), data, Options{})
			if _, ok := errors.AsType[*InputError](r.err); !ok {
				t.Errorf("got %v", r.err)
			}
			if e := srv.State().Experiment(testKey(1)); e != nil && len(e.Assets) > 0 {
				t.Errorf("it was written: %+v", e.Assets)
			}
			// The completion says that there is none.
			if n, want := countUploads(srv), (uploadCounts{1, 1, 0}); n != want {
				t.Errorf("uploads: %+v, want %+v", n, want)
			}
			importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
		})
	}
}

// The end of the work ends a direct upload, and the server is told.
func TestDirectCancelled(t *testing.T) {
	p := bigAsset()
	srv, s := directServer(t)
	ctx, cancel := newCancel(t)
	s.hold = func() { cancel(errKilled) }
	if r := importIn(ctx, t, newClient(t, srv), streamOf(t, p), Options{}); !errors.Is(r.err, errKilled) {
		t.Errorf("got %v", r.err)
	}
	if e := srv.State().Experiment(testKey(1)); e != nil && len(e.Assets) > 0 {
		t.Errorf("it was written: %+v", e.Assets)
	}
	if n, want := countUploads(srv), (uploadCounts{1, 1, 0}); n != want {
		t.Errorf("uploads: %+v, want %+v", n, want)
	}
}

// What cannot be kept, or is of another size than was announced, goes through
// the server.
func TestDirectNot(t *testing.T) {
	p := bigAsset()
	body := p.experiments[0].Assets[0].Body
	odd := newScript(t, sourceURL)
	odd.begin(p)
	odd.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 1})
	odd.open(p, p.experiments[0])
	odd.openAsset(p.experiments[0].Assets[0], int64(len(body))+1000)
	odd.chunks(body)
	odd.endAsset(body)
	odd.write(&stream.ExperimentEnd{Key: testKey(1)})
	for name, tc := range map[string]struct {
		data    []byte
		tempMax int64
		want    uploadCounts
	}{
		"no room":    {streamOf(t, p), 1 << 20, uploadCounts{0, 0, 1}},
		"other size": {odd.close(), 1 << 30, uploadCounts{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, _ := directServer(t)
			importTo(t, newClient(t, srv), tc.data, Options{TempMax: tc.tempMax}).succeed(t)
			if n := countUploads(srv); n != tc.want {
				t.Errorf("uploads: %+v, want %+v", n, tc.want)
			}
			if a := srv.State().Experiment(testKey(1)).Assets; len(a) != 1 || a[0].Size != int64(len(body)) {
				t.Errorf("assets: %+v", a)
			}
		})
	}
}

// Where the id is taken, the asset goes to storage under the derived one.
func TestDirectTaken(t *testing.T) {
	p := bigAsset()
	theirs := bigAsset()
	theirs.name, theirs.experiments[0].Key = "q", testKey(2)
	srv, _ := directServer(t)
	plain := newServer(t, comettest.Options{})
	for _, s := range []*comettest.Server{srv, plain} {
		s.AdjustMoods(func(m *comettest.Moods) { m.InstanceIDs = true })
		seed(s, "", theirs)
		importTo(t, newClient(t, s), streamOf(t, p), Options{}).succeed(t)
	}
	diffStates(t, "destination", stateOf(plain), stateOf(srv))
	if n, want := countUploads(srv), (uploadCounts{2, 2, 0}); n != want {
		t.Errorf("uploads: %+v, want %+v", n, want)
	}
}

// Files of artifacts go to storage too, under the conditions of their own.
func TestDirectArtifact(t *testing.T) {
	w := richWorkspace()
	srv, _ := directServer(t)
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Verify: true})
	if r.err != nil || r.Missing+r.Differing > 0 {
		t.Fatalf("import: %v, %v", r.err, r.issues())
	}
	w.check(t, "destination", srv)
	if n := countUploads(srv); n.Started != 1 || n.Completed != 1 {
		t.Errorf("uploads: %+v, want the one large file in parts", n)
	}
}
