package torture

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
)

// epoch is when everything begins.
const epoch = 1_700_000_000_000

// instance is an embedded server, what goes wrong with it, and the flags with
// which the tools reach it.
type instance struct {
	*comettest.Server
	faults *inject.Faults
	flags  []string
}

// start returns a running server with the workspace lab.
func start(t testing.TB, network *inject.Network) *instance {
	t.Helper()
	return startIn(t, network, comettest.Moods{})
}

// takesParts is the mood of a destination whose storage takes assets in parts.
var takesParts = comettest.Moods{S3Upload: true}

func startIn(t testing.TB, network *inject.Network, moods comettest.Moods) *instance {
	t.Helper()
	o := comettest.Options{Moods: moods}
	if network != nil {
		o.Middleware = network.Middleware
	}
	return startWith(t, o)
}

// startWith is start with options, of which faults come before the middleware.
func startWith(t testing.TB, o comettest.Options) *instance {
	t.Helper()
	faults, middleware := inject.NewFaults(0), o.Middleware
	o.Workspaces = append(o.Workspaces, "lab")
	o.Middleware = func(h http.Handler) http.Handler {
		if h = faults.Middleware(h); middleware != nil {
			h = middleware(h)
		}
		return h
	}
	s := comettest.Start(t, o)
	return &instance{s, faults, []string{"--url", s.ClientlibURL(), "--api-key-file", keyFile(t, comettest.DefaultAPIKey)}}
}

// front returns another address of an instance, with faults of its own.
func front(t testing.TB, in *instance) *instance {
	t.Helper()
	faults := inject.NewFaults(0)
	s := httptest.NewServer(faults.Middleware(in.Server))
	t.Cleanup(s.Close)
	return &instance{in.Server, faults, []string{"--url", s.URL + "/clientlib/", "--api-key-file", keyFile(t, comettest.DefaultAPIKey)}}
}

// secured returns another address of an instance, with TLS and a certificate
// for host that is valid until some time.
func secured(t testing.TB, in *instance, ca *inject.CA, until time.Time, host string) *instance {
	t.Helper()
	cert, err := ca.Certificate(until, host)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(in.Server)
	s.Listener = inject.TLSListener(s.Listener, cert)
	s.Start()
	t.Cleanup(s.Close)
	url := strings.Replace(s.URL, "http://", "https://", 1)
	return &instance{in.Server, nil, []string{"--url", url + "/clientlib/", "--api-key-file", keyFile(t, comettest.DefaultAPIKey)}}
}

// seedSmall fills the project lab/small: few experiments with something of
// every kind, so that there is a request of every kind.
func seedSmall(s *instance) {
	s.SeedProject("lab", "small", comettest.ProjectSpec{Description: new("about"), Public: true, Notes: "# Notes\n", ShareLinks: 2})
	s.SeedExperiment("lab", "small", richExperiment())
	s.SeedExperiment("lab", "small", comettest.ExperimentSpec{
		Key: strings.Repeat("b", 32), Name: "old", Start: epoch + 5000, End: epoch + 6000, Archived: true, Crashed: true,
		Points: points("loss", 40), Output: []string{"the same\n", "the same\n", "the same\n"},
	})
}

// richExperiment has more than one batch of points, exact duplicates among
// them, output that repeats itself, and assets of several kinds.
func richExperiment() comettest.ExperimentSpec {
	all := append(points("loss", 1100), points("acc", 60)...)
	twin := comettest.MetricPoint{Metric: "twin", Value: "0.5", Time: epoch + 9, Step: new(int64(3))}
	all = append(all, twin, twin, twin)
	return comettest.ExperimentSpec{
		Key: strings.Repeat("a", 32), Name: "rich", Start: epoch, End: epoch + 4000, FilePath: "/home/x/train.py", Tags: []string{"one", "two"},
		Parameters: []comettest.Value{{Name: "lr", Value: "0.1", Time: epoch + 1}, {Name: "layers", Value: "[1, 2]", Time: epoch + 2}},
		Others:     []comettest.Value{{Name: "dataset", Value: "mnist", Time: epoch + 1}, {Name: "count", Value: "3", Time: epoch + 2}},
		Points:     all, HTML: new("<p>once</p>"), Code: new("print(1)\n"), Graph: new(`{"nodes":[]}`),
		Output:   []string{strings.Repeat("a line of output\n", 300), strings.Repeat("epoch 1 done\n", 300)},
		Git:      &comettest.GitSpec{User: new("c"), Root: new("0123"), Branch: new("main"), Parent: new("4567"), Origin: new("git@example.com:c.git")},
		GitPatch: patchZip("diff --git a/x b/x\n"),
		System:   map[string]any{"hostname": "box", "pid": 42, "osType": "Linux", "installedPackages": []string{"numpy==1.26.0"}},
		Assets: []comettest.AssetSpec{
			{ID: assetID(1), Name: "data.bin", Size: 700_000, Seed: 7},
			{ID: assetID(2), Name: "empty.bin", Body: []byte{}},
			{ID: assetID(3), Name: "plot.png", Type: "image", Image: true, Body: []byte("\x89PNG not quite"), Step: new(int64(4)), Metadata: new(`{"a":1}`)},
			{ID: assetID(4), Name: "set.tar", Link: "s3://bucket/set.tar"},
			{ID: assetID(5), Name: "model.onnx", Type: "model-element", Model: "cnn", Body: []byte("weights")},
		},
	}
}

func assetID(n int) string { return fmt.Sprintf("%032x", n) }

func points(name string, n int) []comettest.MetricPoint {
	list := make([]comettest.MetricPoint, n)
	for i := range list {
		list[i] = comettest.MetricPoint{Metric: name, Value: fmt.Sprint(1 / float64(i+1)), Time: epoch + int64(i)*1000, Step: new(int64(i)), Context: new("train")}
	}
	return list
}

// patchZip returns what a client uploads as a git patch.
func patchZip(patch string) []byte {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	f, err := zw.Create("git_diff.patch")
	if err == nil {
		_, err = io.WriteString(f, patch)
	}
	if err = errors.Join(err, zw.Close()); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// seedMany fills the project lab/many with n light experiments.
func seedMany(s *instance, rng *rand.Rand, n int) {
	s.SeedProject("lab", "many", comettest.ProjectSpec{Notes: "many\n"})
	for i := range n {
		spec := comettest.ExperimentSpec{
			Key: fmt.Sprintf("%016x%016x", rng.Uint64(), i), Name: fmt.Sprint("run ", i), Start: epoch + int64(i), End: epoch + int64(i) + 1000, Archived: i%7 == 3,
			Tags:       []string{fmt.Sprint("t", i%3)},
			Parameters: []comettest.Value{{Name: "lr", Value: fmt.Sprint(rng.Float64()), Time: epoch + 1}},
			Others:     []comettest.Value{{Name: "n", Value: fmt.Sprint(i), Time: epoch + 2}},
			Points:     points("loss", 1+rng.IntN(30)), Output: []string{fmt.Sprintf("run %d\nrun %d\n", i, i)},
		}
		if i%3 == 0 {
			spec.HTML = new(fmt.Sprintf("<p>%d</p>", i))
		}
		for j := range rng.IntN(3) {
			spec.Assets = append(spec.Assets, comettest.AssetSpec{ID: fmt.Sprintf("%032x", i*100+j+1), Name: fmt.Sprint("f", j), Size: 1 + rng.Int64N(20_000), Seed: rng.Uint64()})
		}
		s.SeedExperiment("lab", "many", spec)
	}
}

// stateOf returns what a client can have brought to an instance, but for its
// projects that are made with the workspaces.
func stateOf(in *instance) *comettest.WorkspaceState {
	return in.State(comettest.StateOptions{Portable: true, Readable: true}).Workspace("lab")
}

// experimentOf returns an experiment of a workspace, nil if it is not there.
func experimentOf(w *comettest.WorkspaceState, key string) *comettest.ExperimentState {
	return (&comettest.State{Workspaces: []comettest.WorkspaceState{*w}}).Experiment(key)
}

// same fails the test if an instance has anything else than what the
// undisturbed run left.
func same(t testing.TB, want *comettest.WorkspaceState, got *instance) {
	t.Helper()
	if diff := cmp.Diff(want, stateOf(got)); diff != "" {
		const limit = 4000
		t.Errorf("the state differs (-undisturbed +this):\n%.*s", limit, diff)
	}
}

// records returns the number and a hash of the records of a complete stream,
// its header aside. The same state of a source gives the same.
func records(t testing.TB, text []byte) string {
	t.Helper()
	r := stream.NewReader(bytes.NewReader(text), stream.ReaderOptions{})
	defer r.Close()
	h := sha256.New()
	for n := 0; ; n++ {
		raw, err := r.NextRaw()
		switch {
		case err == io.EOF:
			return fmt.Sprintf("%d records %x", n, h.Sum(nil))
		case err != nil:
			t.Fatalf("the stream: %v", err)
		case raw.Kind != stream.KindHeader:
			h.Write(raw.Data)
		}
	}
}

// undisturbed is what runs without any trouble give.
type undisturbed struct {
	stream  []byte
	records string
	state   *comettest.WorkspaceState // of the destination
	reads   int                       // requests of the export
	writes  int                       // requests of the import
}

// withoutTrouble exports a project and imports it elsewhere.
func withoutTrouble(t testing.TB, src *instance, project string) undisturbed {
	t.Helper()
	dst := start(t, nil)
	src.ResetStats()
	exported := runExport(src, "lab/"+project).want(t, 0)
	runImport(dst, exported.stdout).want(t, 0)
	return undisturbed{exported.stdout, records(t, exported.stdout), stateOf(dst), total(src), total(dst)}
}

// total returns how many requests an instance has had.
func total(in *instance) int {
	n := 0
	for _, count := range in.Counts() {
		n += count
	}
	return n
}
