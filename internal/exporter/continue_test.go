package exporter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// exportBlocks exports in small blocks, which give many places to cut at.
func exportBlocks(t *testing.T, o Options) ([]byte, *Summary) {
	t.Helper()
	var buf bytes.Buffer
	sum, err := New(o).Export(t.Context(), t.Context(), stream.NewWriter(&buf, stream.WriterOptions{Workers: 1, BlockSize: 1000}))
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), sum
}

// goOn continues the partial stream data and returns the whole.
func goOn(t *testing.T, data []byte, o Options) ([]byte, *Summary, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.partial")
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := ReadPartial(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(o).Match(p); err != nil {
		t.Fatal(err)
	}
	o.Continue = p
	w, err := p.Continue(f, stream.WriterOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	sum, exportErr := New(o).Export(t.Context(), t.Context(), w)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return whole, sum, exportErr
}

// planned is where the plan of a stream ends.
func planned(t *testing.T, data []byte) int {
	t.Helper()
	for n := 1; n < len(data); n++ {
		if p, err := stream.ReadPartial(bytes.NewReader(data[:n]), nil); err == nil && p.Plan != nil {
			return n
		}
	}
	t.Fatal("no plan")
	return 0
}

// Wherever an export was stopped, the next one ends with the same records.
func TestContinue(t *testing.T) {
	srv := seedDemo(t)
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "demo", Project: "synthetic", Experiments: 6, Metrics: 1, Points: 20, Assets: 1, AssetSize: 3000})
	o := Options{Client: newClient(t, srv), Paths: paths(t, "demo"), Selection: selection.Selection{MaxAssetSize: stream.NewInt64(100_000)}}
	data, _ := exportBlocks(t, o)
	want := content(t, data)
	from := planned(t, data)
	for _, n := range []int{from, from + 1, len(data) / 4, len(data) / 2, len(data) * 3 / 4, len(data) - 2000, len(data) - 1} {
		got, sum, err := goOn(t, data[:n], o)
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if !bytes.Equal(want, content(t, got)) {
			t.Errorf("cut at %d of %d: the records differ from those of an undisturbed export", n, len(data))
		}
		if n > len(data)/2 && sum.Kept == 0 {
			t.Errorf("cut at %d: nothing was kept: %+v", n, sum)
		}
	}
}

// Assets that a rule chooses may be in what is kept: what is left of the export says
// nothing of them.
func TestContinueChosenAssets(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	for i := range 3 {
		name := "notes.txt"
		if i == 0 {
			name = "model.pt"
		}
		srv.SeedExperiment("w", "p", comettest.ExperimentSpec{
			Key: strings.Repeat(string('a'+rune(i)), 32), Start: int64(i + 1), End: 10,
			Assets: []comettest.AssetSpec{{Name: name, Body: []byte("b")}},
		})
	}
	glob, err := selection.ParseGlob("*.pt")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Client: newClient(t, srv), Paths: paths(t, "w/p"), Selection: selection.Selection{AssetNames: []selection.Glob{glob}}}
	data, sum := exportBlocks(t, o)
	if sum.Nothing != nil {
		t.Errorf("the whole: %v", sum.Nothing)
	}
	_, sum, err = goOn(t, data[:len(data)-300], o)
	if err != nil || sum.Kept == 0 || sum.Kept == 3 || sum.Nothing != nil {
		t.Errorf("gone on: %v, kept %d, %v", err, sum.Kept, sum.Nothing)
	}
}

// What was skipped for a passing cause is tried again, what is kept is not
// fetched.
func TestContinueSkipped(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 5, Metrics: 1, Points: 20, Assets: 1, AssetSize: 3000})
	o := Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}
	want := content(t, mustExport(t, o))
	for _, test := range []struct {
		name  string
		fault inject.Fault
		kept  int64
		same  bool
	}{
		{"passing item", inject.Fault{Kind: "500", Endpoint: rest + "experiment/html", Item: keys[2]}, 2, true},
		{"passing experiment", inject.Fault{Kind: "500", Endpoint: rest + "experiment/metadata", Item: keys[2]}, 2, true},
		{"definite experiment", inject.Fault{Kind: "403", Endpoint: rest + "experiment/metadata", Item: keys[2]}, 3, false},
		{"definite item", inject.Fault{Kind: "403", Endpoint: rest + "experiment/html", Item: keys[2]}, 4, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := faults.Set(1, test.fault); err != nil {
				t.Fatal(err)
			}
			data, sum := exportBlocks(t, o)
			if sum.Items != 1 {
				t.Fatalf("summary %+v", sum)
			}
			faults.Reset()
			if err := faults.Set(1); err != nil {
				t.Fatal(err)
			}
			// Without its last block, which has the trailer and the end of the
			// last group.
			p, err := ReadPartial(bytes.NewReader(data[:len(data)-1]))
			if err != nil {
				t.Fatal(err)
			}
			if int64(len(p.Keys)) != test.kept {
				t.Errorf("%d experiments are kept, want %d", len(p.Keys), test.kept)
			}
			got, sum, err := goOn(t, data[:len(data)-1], o)
			if err != nil {
				t.Fatal(err)
			}
			if missing := sum.Items > 0; missing == test.same {
				t.Errorf("summary %+v", sum)
			}
			if test.same && !bytes.Equal(want, content(t, got)) {
				t.Error("the records differ from those of an undisturbed export")
			}
		})
	}
}

func TestContinueMismatch(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	data := mustExport(t, Options{Client: client, Paths: paths(t, "demo/shelf")})
	p, err := ReadPartial(bytes.NewReader(data[:len(data)-1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := New(Options{Client: client, Paths: paths(t, "demo/shelf")}).Match(p); err != nil {
		t.Errorf("the same export: %v", err)
	}
	other := seedDemo(t)
	html, _ := stream.ParseResources([]string{"html"})
	for name, o := range map[string]Options{
		"path":     {Client: client, Paths: paths(t, "demo/vision")},
		"resource": {Client: client, Paths: paths(t, "demo/shelf"), Resources: html},
		"server":   {Client: newClient(t, other), Paths: paths(t, "demo/shelf")},
		"state":    {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{Archived: selection.ArchivedExclude}},
		"type":     {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{AssetTypes: []string{"image"}}},
		"size":     {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{MaxAssetSize: stream.NewInt64(0)}},
		"time":     {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{Since: time.Unix(1, 0)}},
		"keys":     {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{Keys: map[string]bool{}}},
		"skipped":  {Client: client, Paths: paths(t, "demo/shelf"), Selection: selection.Selection{SkipKeys: map[string]bool{"a": true}}},
		"addition": {Client: client, Paths: paths(t, "demo/shelf"), WithExperiments: true},
	} {
		if _, ok := errors.AsType[*MismatchError](New(o).Match(p)); !ok {
			t.Errorf("another %s matches", name)
		}
	}
}

// An experiment that came to a project which the stream has left is reported;
// links there are found again.
func TestContinueLate(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "b", Experiments: 4})
	srv.SeedProject("w", "a", comettest.ProjectSpec{})
	srv.SeedLink(keys[0], "a")
	obs := new(recorder)
	o := Options{Client: newClient(t, srv), Paths: paths(t, "w/"), Observer: obs}
	data, _ := exportBlocks(t, o)
	late := srv.SeedExperiment("w", "a", comettest.ExperimentSpec{Start: 5})
	got, sum, err := goOn(t, data[:len(data)-1], o)
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, got)
	if links := of[*stream.Link](all); len(links) != 1 || links[0].Experiment != keys[0] || links[0].Project != "a" {
		t.Errorf("links %+v", links)
	}
	var groups []string
	for _, e := range of[*stream.Experiment](all) {
		groups = append(groups, e.Key)
	}
	told := 0
	for _, r := range obs.results {
		if r.Key == late && r.Result == ResultTooNew {
			told++
		}
	}
	if diff := cmp.Diff(keys, groups); diff != "" || told != 1 || sum.Kept != 3 {
		t.Errorf("groups (-want +got):\n%s\ntold %d times, summary %+v", diff, told, sum)
	}
}
