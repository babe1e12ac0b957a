package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// twoExperiments are small, and have no references.
func twoExperiments() testProject {
	p := testProject{workspace: "team", name: "p"}
	for n := range 2 {
		p.experiments = append(p.experiments, comettest.ExperimentSpec{
			Key: testKey(n), Name: "n", Start: start, End: start + 1, Others: []comettest.Value{{Name: "o", Value: "1", Time: 1}},
			Points: []comettest.MetricPoint{{Metric: "m", Value: "1", Time: start}},
			Assets: []comettest.AssetSpec{{ID: testID(n), Name: "a", Body: []byte("bytes")}},
		})
	}
	return p
}

// broken returns a stream whose second experiment has no end.
func broken(t *testing.T, end func(*stream.Writer) error) []byte {
	s := newScript(t, sourceURL)
	p := twoExperiments()
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 2})
	s.experiment(p, p.experiments[0])
	s.open(p, p.experiments[1])
	s.metrics(p.experiments[1].Points)
	if err := end(s.w); err != nil {
		t.Fatal(err)
	}
	return s.b.Bytes()
}

func TestStreamBroken(t *testing.T) {
	whole := streamOf(t, twoExperiments())
	tests := []struct {
		name  string
		data  []byte
		class error
	}{
		{"truncated", broken(t, (*stream.Writer).Stop), stream.ErrTruncated},
		{"aborted", broken(t, func(w *stream.Writer) error { return w.Abort("server", "it rains") }), stream.ErrAborted},
		{"empty", nil, stream.ErrNotStream},
		{"text", []byte("hello\n"), stream.ErrNotStream},
		{"damaged", damage(broken(t, (*stream.Writer).Stop)), stream.ErrCorrupt},
		{"followed by rubbish", append(bytes.Clone(whole), strings.Repeat("rubbish", 20)...), stream.ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{})
			r := importTo(t, newClient(t, srv), tt.data, Options{})
			input, ok := errors.AsType[*InputError](r.err)
			if !ok || !errors.Is(input, tt.class) || input.ExitCode() != 4 {
				t.Fatalf("got %v, want %v", r.err, tt.class)
			}
			if _, ok := errors.AsType[*UnfinishedError](r.err); ok {
				t.Errorf("the cause is told twice: %v", r.err)
			}
			if r.Read == 0 {
				return
			}
			if r.of(t, testKey(0)).Result != report.ResultCreated {
				t.Errorf("the whole experiment: %+v", r.of(t, testKey(0)))
			}
			if e := srv.State().Experiment(testKey(1)); tt.name != "followed by rubbish" && e != nil && e.Start == start {
				t.Error("the broken experiment is finished")
			}
			// The whole stream mends it.
			importTo(t, newClient(t, srv), whole, Options{}).succeed(t)
			want := newServer(t, comettest.Options{})
			seed(want, "", twoExperiments())
			diffStates(t, "destination", stateOf(want), stateOf(srv))
		})
	}
}

// TestTruncatedAndCut loses one experiment to answers that are cut, in a stream
// that is cut itself: both are told, though both are io.ErrUnexpectedEOF.
func TestTruncatedAndCut(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
	importTo(t, newClient(t, srv), streamOf(t, twoExperiments()), Options{}).succeed(t)
	if err := faults.Set(1, inject.Fault{Kind: inject.FaultShort, Endpoint: "GET *log-other", Item: testKey(0)}); err != nil {
		t.Fatal(err)
	}
	r := importTo(t, newClient(t, srv), broken(t, (*stream.Writer).Stop), Options{})
	input, cut := errors.AsType[*InputError](r.err)
	unfinished, lost := errors.AsType[*UnfinishedError](r.err)
	if !cut || !errors.Is(input, io.ErrUnexpectedEOF) || !lost {
		t.Fatalf("got %v, want that the stream is truncated and an experiment is not finished", r.err)
	}
	if f := unfinished.Failures; len(f) != 1 || !errors.Is(f[0], io.ErrUnexpectedEOF) || !errors.Is(f[0], comet.ErrServer) {
		t.Errorf("not finished: %v", f)
	}
}

// damage changes a byte near the end.
func damage(data []byte) []byte {
	data[len(data)-3] ^= 0x40
	return data
}

// TestSkipped imports what a stream has besides what it has not.
func TestSkipped(t *testing.T) {
	s := newScript(t, sourceURL)
	p := twoExperiments()
	e := p.experiments[0]
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 2})
	s.open(p, e)
	s.write(&stream.Text{Of: stream.KindHTML, Data: []byte("half of"), More: true},
		&stream.Skipped{Experiment: &e.Key, Of: stream.KindHTML, Reason: "it broke off", Status: 500})
	s.openAsset(e.Assets[0], 5)
	s.write(&stream.Chunk{Data: []byte("by")},
		&stream.Skipped{Experiment: &e.Key, Of: stream.KindAsset, ID: &e.Assets[0].ID, Name: &e.Assets[0].Name, Reason: "gone", Status: 404},
		&stream.ExperimentEnd{Key: e.Key},
		&stream.Skipped{Experiment: &p.experiments[1].Key, Of: stream.KindExperiment, Reason: "vanished", Workspace: "team", Project: "p"},
		&stream.Unknown{Of: "weather", Data: []byte("\x92\xa7weather\x80")})
	srv := newServer(t, comettest.Options{})
	r := importTo(t, newClient(t, srv), s.close(), Options{})
	if r.err != nil || r.Created != 1 || r.Read != 1 || r.Summary.Skipped != 3 {
		t.Errorf("import: %v, %+v", r.err, r.Summary)
	}
	if d := gocmp.Diff(map[string]int64{"weather": 1}, r.Unknown); d != "" {
		t.Errorf("unknown: %s", d)
	}
	want := []string{`asset "a": skipped: gone`, "experiment: skipped: vanished", "html: skipped: it broke off"}
	if d := gocmp.Diff(want, r.issues()); d != "" {
		t.Errorf("issues: %s", d)
	}
	got := srv.State().Experiment(e.Key)
	if got.HTML != nil || len(got.Assets) > 0 || got.End != e.End {
		t.Errorf("experiment: %+v", got)
	}
}

// TestJoinedStreams imports two streams at once that hold one experiment both.
func TestJoinedStreams(t *testing.T) {
	data := streamOf(t, twoExperiments())
	srv := newServer(t, comettest.Options{})
	r := importTo(t, newClient(t, srv), append(bytes.Clone(data), data...), Options{}).succeed(t)
	if r.Created != 2 || r.AlreadyThere != 2 {
		t.Errorf("summary: %+v", r.Summary)
	}
}

// TestInterrupted ends an import while its input hangs.
func TestInterrupted(t *testing.T) {
	whole := streamOf(t, twoExperiments())
	pr, pw := io.Pipe()
	defer pw.Close()
	srv := newServer(t, comettest.Options{})
	ctx, cancel := newCancel(t)
	go func() {
		// All but the trailer; then nothing comes any more.
		pw.Write(whole[:len(whole)-20])
		cancel(errKilled)
	}()
	sum, err := Import(ctx, t.Context(), pr, newClient(t, srv), Options{Direct: smallParts, TempDir: t.TempDir()})
	if !errors.Is(err, errKilled) {
		t.Errorf("got %v", err)
	}
	if sum.Read != sum.Created+sum.Failed {
		t.Errorf("summary: %+v", sum)
	}
}

// TestAssetThrough imports an asset for which there is no room.
func TestAssetThrough(t *testing.T) {
	body := []byte(strings.Repeat("0123456789abcdef", 200_000))
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start, Assets: []comettest.AssetSpec{
			{ID: testID(1), Name: "big", Body: body, Metadata: new(`{"a":1}`)}, {ID: testID(2), Name: "small", Body: body[:10]},
		},
	}}}
	o := Options{TempMax: 1 << 20}
	t.Run("good", func(t *testing.T) {
		srv, want := newServer(t, comettest.Options{}), newServer(t, comettest.Options{})
		seed(want, "", p)
		r := importTo(t, newClient(t, srv, func(o *comet.Options) { o.MaxInFlight = 1 }), streamOf(t, p), o).succeed(t)
		if r.AssetBytes != int64(len(body))+10 {
			t.Errorf("summary: %+v", r.Summary)
		}
		diffStates(t, "destination", stateOf(want), stateOf(srv))
	})
	t.Run("broken off", func(t *testing.T) {
		faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *asset/upload", Item: testID(1), Bytes: 1 << 20, From: 1, To: 1})
		srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
		r := importTo(t, newClient(t, srv), streamOf(t, p), o)
		through, ok := errors.AsType[*upload.BrokenOff](r.err)
		if !ok || through.ExitCode() != 5 || r.of(t, testKey(1)).Result != report.ResultFailed {
			t.Fatalf("got %v", r.err)
		}
		if e := srv.State().Experiment(testKey(1)); e == nil || e.Start == start {
			t.Errorf("it is finished: %+v", e)
		}
		importTo(t, newClient(t, srv), streamOf(t, p), o).succeed(t)
	})
	t.Run("bad hash", func(t *testing.T) {
		for _, max := range []int64{1 << 20, 1 << 30} {
			srv := newServer(t, comettest.Options{})
			r := importTo(t, newClient(t, srv), badHash(t, p), Options{TempMax: max})
			if _, ok := errors.AsType[*InputError](r.err); !ok || !errors.Is(r.err, upload.ErrBadHash) {
				t.Errorf("got %v", r.err)
			}
			if e := srv.State().Experiment(testKey(1)); e != nil && len(e.Assets) > 0 {
				t.Errorf("it was written: %+v", e.Assets)
			}
		}
	})
}

// TestBrokenInsideAsset imports a stream that ends in the middle of an asset,
// one that is kept until it is whole and one for which there is no room.
func TestBrokenInsideAsset(t *testing.T) {
	p := bigAsset()
	for _, most := range []int64{1 << 20, 1 << 30} {
		s := newScript(t, sourceURL)
		s.openFirst(p)
		s.chunks(p.experiments[0].Assets[0].Body[:2<<20])
		if err := s.w.Stop(); err != nil {
			t.Fatal(err)
		}
		srv := newServer(t, comettest.Options{})
		r := importTo(t, newClient(t, srv), s.b.Bytes(), Options{TempMax: most})
		if !errors.Is(r.err, stream.ErrTruncated) {
			t.Errorf("got %v", r.err)
		}
		if e := srv.State().Experiment(testKey(1)); e != nil && len(e.Assets) > 0 {
			t.Errorf("it was written: %+v", e.Assets)
		}
		importTo(t, newClient(t, srv), streamOf(t, p), Options{TempMax: most}).succeed(t)
	}
}

// openFirst opens the first experiment of a project, and its first asset.
func (s *script) openFirst(p testProject) {
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name, Experiments: 1})
	e := p.experiments[0]
	s.open(p, e)
	s.openAsset(e.Assets[0], int64(len(e.Assets[0].Body)))
}

// badHash returns a stream whose asset is not what its end says.
func badHash(t *testing.T, p testProject) []byte {
	s := newScript(t, sourceURL)
	s.openFirst(p)
	e := p.experiments[0]
	a := e.Assets[0]
	s.chunks(a.Body)
	sum := sha256.Sum256([]byte("something else"))
	s.write(&stream.AssetEnd{Size: int64(len(a.Body)), SHA256: hex.EncodeToString(sum[:])}, &stream.ExperimentEnd{Key: e.Key})
	return s.close()
}
