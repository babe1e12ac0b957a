package importer

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/stream"
)

// bigAsset is a project of one experiment whose asset is kept on disk.
func bigAsset() testProject {
	return testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start,
		Assets: []comettest.AssetSpec{{ID: testID(1), Name: "big", Body: []byte(strings.Repeat("0123456789abcdef", 200_000))}},
	}}}
}

// alikeAssets is bigAsset with a second asset of the same name and size, which
// it returns too.
func alikeAssets() (testProject, comettest.AssetSpec) {
	p := bigAsset()
	x := &p.experiments[0]
	like := x.Assets[0]
	like.ID, like.Body = testID(2), bytes.ToUpper(like.Body)
	x.Assets = append(x.Assets, like)
	return p, like
}

// uploads tells when the first upload has begun.
type uploads struct {
	once  sync.Once
	begun chan struct{}
}

func (u *uploads) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "asset/upload") {
			u.once.Do(func() { close(u.begun) })
		}
		next.ServeHTTP(w, r)
	})
}

// The upload of a large asset has begun before the stream has the whole of it.
func TestAssetFollowed(t *testing.T) {
	p := bigAsset()
	data := streamOf(t, p)
	up := &uploads{begun: make(chan struct{})}
	srv, want := newServer(t, comettest.Options{Middleware: up.middleware}), newServer(t, comettest.Options{})
	seed(want, "", p)
	r, w := io.Pipe()
	go func() {
		w.Write(data[:len(data)/2])
		select {
		case <-up.begun:
		case <-t.Context().Done():
		}
		w.Write(data[len(data)/2:])
		w.Close()
	}()
	if _, err := Import(t.Context(), t.Context(), r, newClient(t, srv), Options{Direct: smallParts, TempDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	diffStates(t, "destination", stateOf(want), stateOf(srv))
}

// An upload that breaks off is repeated from the start, also where the asset
// has another size than was announced.
func TestAssetFollowedAgain(t *testing.T) {
	p := bigAsset()
	body := p.experiments[0].Assets[0].Body
	otherSize := func(size int64) []byte {
		s := newScript(t, sourceURL)
		s.begin(p)
		s.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 1})
		e := p.experiments[0]
		s.open(p, e)
		s.openAsset(e.Assets[0], size)
		s.chunks(body)
		s.endAsset(body)
		s.write(&stream.ExperimentEnd{Key: e.Key})
		return s.close()
	}
	reset := inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *asset/upload", Bytes: 1 << 20, From: 1, To: 1}
	for name, test := range map[string]struct {
		data   []byte
		faults []inject.Fault
	}{
		"reset":   {streamOf(t, p), []inject.Fault{reset}},
		"smaller": {otherSize(int64(len(body)) - 1000), nil},
		"larger":  {otherSize(int64(len(body)) + 1000), nil},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{Middleware: inject.NewFaults(1, test.faults...).Middleware})
			importTo(t, newClient(t, srv), test.data, Options{}).succeed(t)
			a := srv.State().Experiment(testKey(1)).Assets
			if len(a) != 1 || a[0].Size != int64(len(body)) {
				t.Errorf("assets: %+v", a)
			}
			if r := importTo(t, newClient(t, srv), streamOf(t, p), Options{Mode: VerifyOnly, Verify: true}); r.err != nil {
				t.Error(r.err)
			}
		})
	}
}

// An upload whose answer is lost is not repeated under another id while the list
// does not show it yet.
func TestAssetLostAndLate(t *testing.T) {
	p := bigAsset()
	p.experiments[0].Assets = append(p.experiments[0].Assets, comettest.AssetSpec{ID: testID(2), Name: "empty"})
	faults := inject.NewFaults(1,
		inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *asset/upload", From: 1, To: 2},
		inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *asset/list", Reads: 5})
	srv, want := newServer(t, comettest.Options{Middleware: faults.Middleware}), newServer(t, comettest.Options{})
	seed(want, "", p)
	importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
	diffStates(t, "destination", stateOf(want), stateOf(srv))
}

// A large asset that the destination has under another id is known by its bytes
// alone: one of the same name and size is another one where they differ.
func TestAssetFollowedLike(t *testing.T) {
	p, like := alikeAssets()
	there := bigAsset()
	there.experiments[0].Assets = []comettest.AssetSpec{like}
	srv, want := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
	seed(srv, "", there)
	seed(want, "", p)
	importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
	diffStates(t, "destination", stateOf(want), stateOf(srv))
}

// Where the destination gives assets ids of its own, large ones of one name and
// size are known by their bytes, and not written again while these come.
func TestAssetsAlikeAgain(t *testing.T) {
	p, _ := alikeAssets()
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{AssignIDs: true}})
	importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
	srv.ResetStats()
	importTo(t, newClient(t, srv), streamOf(t, p), Options{}).succeed(t)
	if w := writes(srv); len(w) > 0 || len(srv.State().Experiment(p.experiments[0].Key).Assets) != 2 {
		t.Errorf("the second import writes %v", w)
	}
}

func TestTail(t *testing.T) {
	content := []byte(strings.Repeat("tail", 1000))
	spooled := func(t *testing.T) *spool.Spool {
		sp, err := spool.NewSpooler(t.TempDir(), 1<<20, 1<<30).Open(t.Context(), 2*spool.SmallItem)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sp.Close() })
		return sp
	}
	t.Run("whole", func(t *testing.T) {
		sp := spooled(t)
		tail := sp.Follow()
		go func() {
			for _, c := range content {
				sp.Write([]byte{c})
			}
			tail.End(int64(len(content)))
		}()
		for range 2 {
			r, err := tail.Open()
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(r, content); err != nil {
				t.Error(err)
			}
		}
		if err := tail.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sp := spooled(t)
			tail := sp.Follow()
			first, _ := tail.Open()
			second, _ := tail.Open() // as for a request that was never sent
			sp.Write(content)
			got := make([]byte, len(content))
			if n, err := io.ReadFull(second, got[:len(got)-1]); err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
			if n, err := io.ReadFull(first, got[:len(got)-1]); err != nil || !bytes.Equal(got[:n], content[:n]) {
				t.Errorf("%d bytes: %v", n, err)
			}
			if _, err := tail.Open(); err != spool.ErrFollowedOnce {
				t.Errorf("a second reader: %v, want %v", err, spool.ErrFollowedOnce)
			}
			var over [2]error
			go func() { _, over[0] = first.Read(got) }()
			go func() { _, over[1] = second.Read(got) }()
			synctest.Wait()
			if over != [2]error{} {
				t.Errorf("the last byte came too early: %v", over)
			}
			second.Close()
			tail.Fail(flow.ErrDropped)
			synctest.Wait()
			if !errors.Is(over[0], flow.ErrDropped) || over[1] == nil || errors.Is(over[1], flow.ErrDropped) || tail.Wait() != flow.ErrDropped {
				t.Errorf("ends: %v, %v", over, tail.Wait())
			}
		})
	})
}
