package torture

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/bombs"
	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// maxPeak is the most memory that a tool may ever have resident, in bytes,
// whatever it is given.
const maxPeak = 150_000_000

// peakFile names the variable with the name of a file in which a tool leaves how
// much memory it has had at most.
const peakFile = "COMET_STREAM_PEAK_FILE"

// tellPeak writes the highest resident set of this process to a file, unless it
// has no name. What the system says of a process after its end is no measure: it
// counts the memory of the process that started it.
func tellPeak(file string) {
	if file == "" {
		return
	}
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		err = os.WriteFile(file, status, 0o600)
	}
	if err != nil {
		panic(err)
	}
}

// A measured is how a tool ended and how much memory it has had.
type measured struct {
	result
	peak int64
	cpu  time.Duration
}

// runMeasured runs a tool as a process of its own and fails the test if it has
// had too much memory.
func runMeasured(t *testing.T, name string, stdin io.Reader, stdout io.Writer, args ...string) measured {
	t.Helper()
	m := measure(t, name, stdin, stdout, args...)
	t.Logf("%s %s: %d MB at most, %v (%v of processor), exit code %d", name, strings.Join(tail(args, 2), " "), m.peak/1e6, m.took.Round(time.Millisecond), m.cpu.Round(time.Millisecond), m.code)
	if m.peak > maxPeak {
		t.Errorf("%s %q: %d bytes of memory, more than %d", name, args, m.peak, maxPeak)
	}
	return m
}

func tail(list []string, n int) []string { return list[max(0, len(list)-n):] }

func measure(t *testing.T, name string, stdin io.Reader, stdout io.Writer, args ...string) measured {
	t.Helper()
	cmd, stderr := process(t, name, args...)
	file := filepath.Join(t.TempDir(), "status")
	cmd.Env = append(cmd.Env, peakFile+"="+file)
	cmd.Stdin, cmd.Stdout = stdin, stdout
	begin := time.Now()
	code := codeOf(t, cmd.Run())
	m := measured{result: result{name, args, code, nil, stderr.String(), time.Since(begin)}}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	for line := range strings.Lines(string(read(t, file))) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			m.peak = kib << 10
		}
	}
	if m.peak == 0 {
		t.Fatal("the system does not tell the memory of a process")
	}
	return m
}

// measurable skips the test where the memory of a process says nothing.
func measurable(t *testing.T) {
	t.Helper()
	switch {
	case runtime.GOOS != "linux":
		t.Skip("only Linux tells the memory of a process")
	case underRace:
		t.Skip("the race detector takes memory of its own; run this test without it")
	}
}

// hog takes as much memory as no tool may.
func hog(context.Context, cli.IO, []string) error {
	b := make([]byte, maxPeak)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	runtime.KeepAlive(b)
	return nil
}

// The tests of the memory notice a program that takes too much.
func TestMemoryControl(t *testing.T) {
	measurable(t)
	m := measure(t, "hog", strings.NewReader(""), io.Discard)
	t.Logf("%d MB", m.peak/1e6)
	if m.peak <= maxPeak {
		t.Errorf("a program that takes %d bytes has taken %d", maxPeak, m.peak)
	}
}

// openFile opens a file for the time of the test.
func openFile(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// textStream leaves a stream with one experiment, which has a text of each kind,
// in a file.
func textStream(t *testing.T, key string, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "texts.comet.zst")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bombs.Texts(f, key, text, stream.TextKinds()...), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}

// Texts of any length pass the tools in little memory.
func TestMemoryTexts(t *testing.T) {
	measurable(t)
	for _, tt := range []struct {
		name string
		text []byte
	}{
		{"logs", bombs.Log(either(300_000_000, 40<<20))},
		{"bomb", bytes.Repeat([]byte{'a'}, either(256<<20, 40<<20))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := strings.Repeat("c", 32)
			file := textStream(t, key, tt.text)
			dst := startWith(t, comettest.Options{Limits: comettest.Limits{BodyMB: -1, UploadMB: -1}})
			temp := []string{"--temp-dir", t.TempDir()}
			for _, args := range [][]string{{}, {"--verify-only"}, {}} {
				in := openFile(t, file)
				runMeasured(t, "comet-import", in, io.Discard, append(append(temp, dst.flags...), append(args, "lab/texts")...)...).want(t, cli.ExitOK)
			}
			sum := fmt.Sprintf("%x", sha256.Sum256(tt.text))
			e := experimentOf(stateOf(dst), key)
			for _, have := range []*comettest.TextState{e.HTML, e.Code, e.Graph, e.Output} {
				if have == nil || have.SHA256 != sum {
					t.Errorf("the destination has %+v, want %s", have, sum)
				}
			}
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			runMeasured(t, "comet-export", strings.NewReader(""), out, append(dst.flags, "lab/texts")...).want(t, cli.ExitOK)
			for kind, have := range textSums(t, openFile(t, out.Name())) {
				if have != sum {
					t.Errorf("the export has another %s", kind)
				}
			}
		})
	}
}

// Values and metadata of assets that are as long as a record may be take little
// memory, however short the stream is.
func TestMemoryValues(t *testing.T) {
	measurable(t)
	var b bytes.Buffer
	n := either(40, 12)
	if err := bombs.Values(&b, strings.Repeat("d", 32), n, 7<<20); err != nil {
		t.Fatal(err)
	}
	dst := startWith(t, comettest.Options{Limits: comettest.Limits{BodyMB: -1, UploadMB: -1}})
	args := append([]string{"--temp-dir", t.TempDir()}, dst.flags...)
	m := runMeasured(t, "comet-import", bytes.NewReader(b.Bytes()), io.Discard, append(args, "lab/texts")...).want(t, cli.ExitOK)
	m.says(t, fmt.Sprint(n, " assets"))
	t.Logf("%d KB hold %d MB; nothing random", b.Len()/1000, 3*n*7<<20/1_000_000)
}

// textSums returns the SHA-256 of each text in a stream.
func textSums(t *testing.T, in io.Reader) map[stream.Kind]string {
	t.Helper()
	r := stream.NewReader(in, stream.ReaderOptions{})
	defer r.Close()
	hashes := make(map[stream.Kind]hash.Hash)
	for rec, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := rec.(*stream.Text); ok {
			if hashes[text.Of] == nil {
				hashes[text.Of] = sha256.New()
			}
			hashes[text.Of].Write(text.Data)
		}
	}
	sums := make(map[stream.Kind]string)
	for kind, h := range hashes {
		sums[kind] = fmt.Sprintf("%x", h.Sum(nil))
	}
	if len(sums) != len(stream.TextKinds()) {
		t.Errorf("%d texts, want %d", len(sums), len(stream.TextKinds()))
	}
	return sums
}

// crowd seeds n experiments with something of each kind.
func seedCrowd(s *instance, n int) {
	for i := range n {
		spec := richExperiment()
		spec.Key = fmt.Sprintf("%032x", i+1)
		for j := range spec.Assets {
			spec.Assets[j].ID = assetID(100*(i+1) + j)
		}
		s.SeedExperiment("lab", "crowd", spec)
	}
}

// No document is held that is too large, and few that are large, whatever it is
// that a source makes so.
func TestMemoryDocuments(t *testing.T) {
	measurable(t)
	n := either(100<<20, 17<<20)
	for _, tt := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		codes   []int
	}{
		{"metadata", map[string]http.HandlerFunc{"experiment/metadata": bombs.Document(`{"experimentKey":"k","junk":"`, `"}`, n)}, []int{cli.ExitIncomplete}},
		{"tags", map[string]http.HandlerFunc{"experiment/tags": bombs.Document(`{"tags":["`, `"]}`, n)}, []int{cli.ExitIncomplete}},
		{"system", map[string]http.HandlerFunc{"experiment/system-details": bombs.Document(`{"hostname":"x","env":{"A":"`, `"}}`, n)}, []int{cli.ExitIncomplete}},
		{"git", map[string]http.HandlerFunc{"experiment/git/metadata": bombs.Document(`{"user":"x","root":"`, `"}`, n)}, []int{cli.ExitIncomplete}},
		{"parameters", map[string]http.HandlerFunc{"experiment/parameters": bombs.Document(`{"values":[{"name":"p","valueCurrent":"`, `"}]}`, n)}, []int{cli.ExitIncomplete}},
		{"others", map[string]http.HandlerFunc{"experiment/log-other": bombs.Document(`{"values":[{"valueCurrent":"`, `","name":"p"}]}`, n)}, []int{cli.ExitIncomplete}},
		{"assets", map[string]http.HandlerFunc{"experiment/asset/list": bombs.Document(`{"assets":[{"assetId":"a","metadata":"`, `"}]}`, n)}, []int{cli.ExitIncomplete}},
		{"points", map[string]http.HandlerFunc{
			"experiment/metrics/get-metric": bombs.Document(`{"metrics":[{"metricName":"loss","metricValue":"`, `"}]}`, n),
			"experiment/metrics/get-all":    bombs.Document(`{"metrics":[{"metricName":"loss","metricValue":"`, `"}]}`, n),
		}, []int{cli.ExitIncomplete}},
		{"metrics", map[string]http.HandlerFunc{
			"experiment/metrics/summary": bombs.Document(`{"values":[{"name":"`, `"}]}`, n),
			"experiment/metrics/get-all": func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, `{"msg":"no such endpoint"}`, http.StatusNotImplemented)
			},
		}, []int{cli.ExitIncomplete}},
		{"experiments", map[string]http.HandlerFunc{"experiments": bombs.Document(`{"experiments":[{"experimentKey":"`, `"}]}`, n)}, []int{cli.ExitIncomplete, cli.ExitServer, cli.ExitFailed}},
		{"projects", map[string]http.HandlerFunc{"projects": bombs.Document(`{"projects":[{"projectName":"`, `"}]}`, n)}, []int{cli.ExitIncomplete, cli.ExitServer, cli.ExitFailed}},
		{"patch", map[string]http.HandlerFunc{"experiment/git/patch": bombs.Document("diff --git a b\n--- a\n+++ b\n", "", n)}, []int{cli.ExitOK}},
		{"bomb for a patch", map[string]http.HandlerFunc{"experiment/git/patch": bombs.Patch(3 << 30)}, []int{cli.ExitIncomplete}},
		{"bomb for a text", map[string]http.HandlerFunc{"experiment/output": bombs.Document(`{"output":"`, `"}`, either(600<<20, 1<<20))},
			[]int{either(cli.ExitIncomplete, cli.ExitOK)}},
		{"refusals", map[string]http.HandlerFunc{"experiment/tags": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"msg":"`)
			io.Copy(w, io.LimitReader(strings.NewReader(strings.Repeat("no ", n)), int64(n)))
		}}, []int{cli.ExitIncomplete}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := startWith(t, comettest.Options{Middleware: bombs.Replaced(tt.answers)})
			seedCrowd(src, 16)
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			m := runMeasured(t, "comet-export", strings.NewReader(""), out, append(src.flags, "lab/crowd")...).want(t, tt.codes...)
			t.Logf("%.300s", m.stderr)
		})
	}
}

// Values of 9 MB are named, and lists of a hundred thousand entries read and
// compared, of several experiments at a time.
func TestMemoryLong(t *testing.T) {
	measurable(t)
	n := either(100_000, 25_000)
	long := strings.Repeat("x", 9<<20)
	for _, tt := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		says    []string // by the export
	}{
		{"assets", map[string]http.HandlerFunc{"experiment/asset/list": bombs.AssetList(n)}, []string{fmt.Sprint(4*n, " assets")}},
		{"values", map[string]http.HandlerFunc{"experiment/parameters": bombs.ValueList(n), "experiment/log-other": bombs.ValueList(n)}, nil},
		{"long values", nil, []string{`parameters "long parameter": skipped`, `others "long other": skipped`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := startWith(t, comettest.Options{Middleware: bombs.Replaced(tt.answers)})
			seedCrowd(src, 4)
			if tt.answers == nil {
				spec := richExperiment()
				spec.Parameters = append(spec.Parameters, comettest.Value{Name: "long parameter", Value: long, Time: epoch})
				spec.Others = append(spec.Others, comettest.Value{Name: "long other", Value: long, Time: epoch})
				src.SeedExperiment("lab", "crowd", spec)
			}
			file := filepath.Join(t.TempDir(), "out")
			out, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			runMeasured(t, "comet-export", strings.NewReader(""), out, append(src.flags, "lab/crowd")...).want(t, cli.ExitOK, cli.ExitIncomplete).says(t, tt.says...)
			runMeasured(t, "comet-filter", openFile(t, file), io.Discard, "--sum").want(t, cli.ExitOK)
			// The destination has all of it, the long values too: what is read of them
			// is compared with a stream that has other ones.
			for _, mode := range [][]string{{"--dry-run"}, {"--verify"}, {"--verify-only"}} {
				runMeasured(t, "comet-import", openFile(t, file), io.Discard, append(append(mode, src.flags...), "lab/crowd")...).
					want(t, cli.ExitOK, cli.ExitIncomplete, cli.ExitDiffers)
			}
		})
	}
}

// Long metrics are put together from files in little memory, whatever these hold.
func TestMemoryFullMetric(t *testing.T) {
	measurable(t)
	zipped := func(write func(w io.Writer)) http.HandlerFunc {
		var buf bytes.Buffer
		zw := zip.NewWriter(&buf)
		w, err := zw.Create("m_0.csv")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "value,timestamp,step,epoch\n")
		write(w)
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		return func(w http.ResponseWriter, _ *http.Request) { w.Write(buf.Bytes()) }
	}
	for _, tt := range []struct {
		name  string
		files http.HandlerFunc // in place of those of the server
		codes []int
	}{
		{"as they are", nil, []int{cli.ExitOK}},
		{"a row without end", zipped(func(w io.Writer) { io.Copy(w, io.LimitReader(nines{}, 300<<20)) }), []int{cli.ExitIncomplete}},
		{"rows without end", zipped(func(w io.Writer) { fmt.Fprint(w, strings.Repeat("1,1,1,1\n", 20<<20)) }), []int{cli.ExitIncomplete}},
		{"a file without end", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, io.LimitReader(nines{}, 300<<20)) }, []int{cli.ExitIncomplete}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := comettest.Options{Moods: comettest.Moods{MetricCap: comettest.DefaultMetricCap, FullMetricFiles: "typed"}}
			if tt.files != nil {
				o.Middleware = bombs.Replaced(map[string]http.HandlerFunc{"experiment/asset/get-asset": tt.files})
			}
			src := startWith(t, o)
			n := 20_000
			if tt.files == nil {
				n = 400_000
			}
			var metrics []comettest.SyntheticMetric
			for m := range 4 {
				metrics = append(metrics, comettest.SyntheticMetric{Name: fmt.Sprint("m", m), Seed: uint64(m), N: n, Start: epoch})
			}
			src.SeedExperiment("lab", "points", comettest.ExperimentSpec{Start: epoch, Synthetic: metrics})
			m := runMeasured(t, "comet-export", strings.NewReader(""), io.Discard, append(src.flags, "lab/points")...).want(t, tt.codes...)
			t.Logf("%.300s", m.stderr)
		})
	}
}

// nines is a number without end.
type nines struct{}

func (nines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '9'
	}
	return len(p), nil
}
