package torture

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// maxMemory is the heap that a tool may have, whatever it is given: with the
// server, and with what has not been collected yet. Alone a tool has less.
const maxMemory = 256 << 20

// Every golden stream that is none, or a bad one, is refused by every tool with
// exit code 4. An import of it touches nothing but its target.
func TestBadStreams(t *testing.T) {
	files, err := filepath.Glob("../../stream/testdata/*.comet.zst")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden streams: %v", err)
	}
	dst := start(t, nil)
	dst.SeedWorkspace("other")
	dst.SeedProject("other", "p", comettest.ProjectSpec{Notes: "mine"})
	dst.SeedExperiment("other", "p", comettest.ExperimentSpec{Key: strings.Repeat("c", 32), Points: points("loss", 3)})
	before := dst.State().Workspace("other")
	n, most := 0, uint64(0)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".comet.zst")
		if strings.HasPrefix(name, "good-") || strings.HasPrefix(name, "v1") {
			continue
		}
		n++
		text := read(t, file)
		t.Run(name, func(t *testing.T) {
			for _, mode := range []string{"--check", "--json", "--sum"} {
				most = max(most, refused(t, func() result { return runFilter(text, mode) }, cli.ExitInput))
			}
			// It looks at no more than it prints.
			most = max(most, refused(t, func() result { return runFilter(text, "--list") }, cli.ExitInput, cli.ExitOK))
			salvage := func() result {
				r := runFilter(text, "--salvage")
				if len(r.stdout) > 0 {
					runFilter(r.stdout, "--check").want(t, cli.ExitOK)
				}
				return r
			}
			most = max(most, refused(t, salvage, cli.ExitOK, cli.ExitIncomplete, cli.ExitInput))
			code := cli.ExitInput
			if name == "aborted" {
				code = cli.ExitServer // it returns what the abort record says
			}
			most = max(most, refused(t, func() result { return runImport(dst, text, "lab") }, code))
		})
	}
	if diff := cmp.Diff(before, dst.State().Workspace("other")); diff != "" {
		t.Errorf("another workspace has changed (-before +after):\n%s", diff)
	}
	t.Logf("%d streams; at most %d KiB were allocated", n, most>>10)
}

// refused runs a tool on a bad stream and returns how much it has allocated in
// all.
func refused(t testing.TB, run func() result, codes ...int) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := run().want(t, codes...)
	runtime.ReadMemStats(&after)
	got := after.TotalAlloc - before.TotalAlloc
	if got > maxMemory || r.took > hangTime {
		t.Errorf("%s %q: %d bytes allocated, in %v", r.tool, r.args, got, r.took)
	}
	printable(t, r, r.stderr)
	return got
}

// printable fails the test if what a tool says holds anything that a terminal
// would obey.
func printable(t testing.TB, r result, text string) {
	t.Helper()
	for _, c := range text {
		if c != '\n' && c != '\t' && c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u202e' {
			t.Errorf("%s %q prints %q:\n%q", r.tool, r.args, c, text)
			return
		}
	}
}

// An asset that fills a disk and was made of a few kilobytes passes the tools in
// little memory.
func TestCompressionBomb(t *testing.T) {
	size := int64(either(1<<30, 32<<20))
	text := bomb(t, size)
	dst := start(t, nil)
	for _, tool := range []func() result{
		func() result { return runFilter(text, "--check") },
		func() result { return runFilter(text, "--sum") },
		func() result { return runFilter(text, "--rename", "lab=elsewhere") },
		func() result { return runFilter(text, "--salvage") },
		func() result { return runImport(dst, text, "--dry-run") },
		func() result { return runImport(dst, text, "--temp-max", "1M", "lab/bomb") },
	} {
		var r result
		peak := peakHeap(func() { r = tool().want(t, cli.ExitOK) })
		t.Logf("%s %q: %d KiB become %d MiB; %d MiB of heap, %v", r.tool, r.args, len(text)>>10, size>>20, peak>>20, r.took.Round(time.Millisecond))
		if peak > maxMemory {
			t.Errorf("%s %q: %d bytes of heap", r.tool, r.args, peak)
		}
	}
}

// bomb returns a good stream with one asset of zeros.
func bomb(t testing.TB, size int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := newHandmade(t, &buf)
	key := strings.Repeat("d", 32)
	w.begin(key)
	w.write(&stream.Asset{ID: assetID(1), Name: new("zeros"), Size: &size, Doc: w.empty})
	zeros := make([]byte, stream.MaxData)
	for left := size; left > 0; left -= int64(len(zeros)) {
		w.write(&stream.Chunk{Data: zeros[:min(left, int64(len(zeros)))]})
	}
	w.write(&stream.AssetEnd{Size: size})
	w.end(key)
	return buf.Bytes()
}

// handmade writes a stream with one experiment by hand.
type handmade struct {
	t     testing.TB
	w     *stream.Writer
	empty stream.Doc
}

func newHandmade(t testing.TB, out io.Writer) *handmade {
	t.Helper()
	empty, err := stream.DocFromJSON([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	return &handmade{t, stream.NewWriter(out, stream.WriterOptions{BlockSize: 15 << 20}), empty}
}

func (w *handmade) write(records ...stream.Record) {
	w.t.Helper()
	for _, rec := range records {
		if err := w.w.Write(rec); err != nil {
			w.t.Fatal(err)
		}
	}
}

// begin writes what stands before the items of the experiment.
func (w *handmade) begin(key string) {
	w.t.Helper()
	w.write(&stream.Header{Tool: "test", Source: stream.Source{URL: "https://source.example.com"}, Parents: []string{}, Requires: []string{}, Scope: stream.Scope{Paths: []string{}, Resources: []string{}}},
		&stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{}},
		&stream.Project{Workspace: "lab", Name: "bomb", Experiments: 1, Doc: w.empty},
		&stream.Experiment{Key: key, Workspace: "lab", Project: "bomb", Doc: w.empty, Tags: []string{}})
}

func (w *handmade) end(key string) {
	w.t.Helper()
	w.write(&stream.ExperimentEnd{Key: key})
	if err := w.w.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// peakHeap returns the highest size of the heap that it sees while f runs.
func peakHeap(f func()) uint64 {
	runtime.GC()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		most := uint64(0)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-ticker.C:
			case <-done:
				peak <- most
				return
			}
		}
	}()
	f()
	close(done)
	return <-peak
}

// hostileNames are what someone may have called a thing.
var hostileNames = []string{
	"../../../escape", "/etc/passwd", `..\..\escape.exe`, "a/../../b", "~/.ssh/authorized_keys", "-rf", "$(touch pwned)", "`touch pwned`",
	"\x1b]0;title\x07\x1b[2J", "\u009b31mred", "two\nlines\r", "gnp.\u202eexe", "nul\x00byte", "' OR 1=1 --", strings.Repeat("long ", 100),
}

// Names are data: they reach the destination as they are, no file is made of
// them, and no terminal obeys them. A stream that is an asset stays an asset.
func TestHostileNames(t *testing.T) {
	hidden := start(t, nil)
	hidden.SeedExperiment("lab", "hidden", comettest.ExperimentSpec{Key: strings.Repeat("e", 32)})
	inner := runExport(hidden, "lab/hidden").want(t, cli.ExitOK).stdout

	src, dst := start(t, nil), start(t, nil)
	src.SeedExperiment("lab", "names", namedBy(hostileNames, inner))
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("TMPDIR", dir)
	said := func(r result) {
		t.Helper()
		printable(t, r, r.stderr)
		printable(t, r, string(r.stdout))
	}
	text := runExport(src, "lab/names").want(t, cli.ExitOK)
	printable(t, text, text.stderr)
	said(runExport(src, "-l", "lab/names").want(t, cli.ExitOK))
	for _, mode := range []string{"--check", "--list", "--sum"} {
		said(runFilter(text.stdout, mode).want(t, cli.ExitOK))
	}
	// JSON escapes what a terminal obeys, and keeps the other characters.
	lines := runFilter(text.stdout, "--json").want(t, cli.ExitOK)
	printable(t, lines, strings.ReplaceAll(string(lines.stdout), "\u202e", ""))
	said(runImport(dst, text.stdout, "-v", "--verify").want(t, cli.ExitOK))
	key := strings.Repeat("f", 32)
	want := experimentOf(stateOf(src), key)
	if want == nil || len(want.Assets) != len(hostileNames) {
		t.Fatalf("the source has %+v", want)
	}
	if diff := cmp.Diff(want, experimentOf(stateOf(dst), key)); diff != "" {
		t.Errorf("(-source +destination):\n%.*s", 4000, diff)
	}
	if e := experimentOf(stateOf(dst), strings.Repeat("e", 32)); e != nil {
		t.Errorf("the experiment inside an asset was imported")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("files were made: %v, %v", entries, err)
	}
}

// namedBy returns an experiment whose every part has one of the names.
func namedBy(names []string, content []byte) comettest.ExperimentSpec {
	spec := comettest.ExperimentSpec{
		Key: strings.Repeat("f", 32), Name: strings.Join(names, " "), Start: epoch, End: epoch + 1, FilePath: names[0], Tags: names,
	}
	for i, name := range names {
		spec.Parameters = append(spec.Parameters, comettest.Value{Name: fmt.Sprint(name, i), Value: name, Time: epoch})
		spec.Others = append(spec.Others, comettest.Value{Name: name, Value: name, Time: epoch})
		spec.Points = append(spec.Points, comettest.MetricPoint{Metric: name, Value: "1", Time: epoch, Context: new(name)})
		spec.Assets = append(spec.Assets, comettest.AssetSpec{ID: assetID(i + 1), Name: name, Body: content})
	}
	return spec
}
