package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
)

// faultySource starts a server with a few experiments, makes it the source of
// the tools, and returns its faults.
func faultySource(t *testing.T) (*inject.Faults, []string) {
	t.Helper()
	faults := inject.NewFaults(1)
	srv := source(t, faults.Middleware)
	keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 4, Metrics: 1, Points: 20, Assets: 1, AssetSize: 3000})
	return faults, keys
}

// source starts a server and makes it the source of the tools.
func source(t *testing.T, middleware func(http.Handler) http.Handler) *comettest.Server {
	t.Helper()
	srv := comettest.Start(t, comettest.Options{Middleware: middleware})
	t.Setenv("COMET_URL_OVERRIDE", srv.ClientlibURL())
	t.Setenv("COMET_API_KEY", comettest.DefaultAPIKey)
	t.Setenv("HOME", t.TempDir())
	return srv
}

// runExportCommand runs comet-export, and returns its exit code and what it
// printed.
func runExportCommand(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, talk bytes.Buffer
	stdio := IO{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &talk}
	err := Export(ctx, stdio, args)
	code = finish(ctx, "comet-export", stdio, err)
	return code, out.String(), talk.String()
}

// endOf returns the error with which a stream ends, nil for a trailer.
func endOf(t *testing.T, data string) error {
	t.Helper()
	r := stream.NewReader(strings.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestExportExitCodes(t *testing.T) {
	const rest = "GET /api/rest/v2/"
	for _, test := range []struct {
		name   string
		fault  inject.Fault
		code   int
		class  string // of the abort, "" for a trailer
		stderr []string
	}{
		{"skipped", inject.Fault{Kind: "403", Endpoint: rest + "experiment/html"}, ExitIncomplete, "",
			[]string{`warning: experiment "`, `": html: skipped: GET `, ": 403 Forbidden", "error: 4 items missing from the stream (recorded there as skipped)"}},
		{"unauthorized", inject.Fault{Kind: "401", From: 40}, ExitDenied, "unauthorized",
			[]string{"error: GET ", "401 Unauthorized", "hint: the key comes from COMET_API_KEY"}},
		{"outage", inject.Fault{Kind: "503", From: 40}, ExitServer, "server",
			[]string{"503 Service Unavailable", "hint: run the whole pipeline again: comet-import writes what is missing, any other copy is cut off"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			faults, _ := faultySource(t)
			if err := faults.Set(1, test.fault); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := runExportCommand(t, t.Context(), "--retry-max-elapsed", "300ms", "w/p")
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			end := endOf(t, stdout)
			aborted, _ := errors.AsType[*stream.AbortedError](end)
			if (end != nil) != (test.class != "") || aborted != nil && aborted.Class != test.class {
				t.Errorf("the stream ends with %v", end)
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in:\n%s", want, stderr)
				}
			}
			if n := strings.Count(stderr, "hint: "); n > 1 {
				t.Errorf("%d hints in:\n%s", n, stderr)
			}
			if strings.Contains(stderr, comettest.DefaultAPIKey) || strings.Contains(stdout, comettest.DefaultAPIKey) {
				t.Error("the key is in the output")
			}
		})
	}
}

// What to do about a stream that is cut off depends on where it went.
func TestExportHintFitsOutput(t *testing.T) {
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "redirected"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := os.WriteFile(filepath.Join(dir, "o.partial"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		stdout io.Writer
		out    string
		want   string
	}{
		{"file", file, "", "run the command again; with -o FILE"},
		{"pipe", w, "", "run the whole pipeline again"},
		{"-o", w, filepath.Join(dir, "o"), "continues " + filepath.Join(dir, "o.partial")},
		{"-o, and nothing of it yet", w, filepath.Join(dir, "none"), "run the same command again"},
	} {
		c := &exportCommand{command: newCommand("comet-export", exportUsage, IO{Stdout: tt.stdout})}
		out, err := c.openOutput(tt.out)
		if err != nil {
			t.Fatal(err)
		}
		hints := hintsOf(c.howToGoOn(out, withCode(ExitServer, errors.New("503"))))
		if len(hints) != 1 || !strings.Contains(hints[0], tt.want) || strings.Contains(tt.name, "nothing") && hints[0] != tt.want {
			t.Errorf("%s: hints %q, want %q", tt.name, hints, tt.want)
		}
	}
}

// A file that is missing from an artifact is reported with the artifact.
func TestExportArtifactFile(t *testing.T) {
	faults := inject.NewFaults(1)
	source(t, faults.Middleware).SeedDemo("demo")
	if err := faults.Set(1, inject.Fault{Kind: "403", Endpoint: "GET */get-asset"}); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runExportCommand(t, t.Context(), "demo/artifacts/digits/1.0.0")
	const want = `comet-export: warning: artifact "digits:1.0.0": asset "train/a.csv": skipped: GET `
	if code != ExitIncomplete || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, no %q in:\n%s", code, want, stderr)
	}
}

// After an interrupt the file is continued by the same command.
func TestExportInterrupted(t *testing.T) {
	srv := source(t, nil)
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 4, Assets: 1, AssetSize: 3000})
	srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Start: 1, Running: true})
	name := filepath.Join(t.TempDir(), "f.comet.zst")
	ctx, cancel := context.WithCancelCause(t.Context())
	// The signal comes when the first experiment has been begun: the export
	// warns of it then.
	talk := &listener{word: "is running", heard: func() { cancel(&interruptError{os.Interrupt}) }}
	stdio := IO{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: talk}
	code := finish(ctx, "comet-export", stdio, Export(ctx, stdio, []string{"-o", name, "w/p"}))
	if code != ExitInterrupted || !strings.Contains(talk.String(), "hint: run the same command again: it continues "+name+".partial") {
		t.Errorf("exit code %d, stderr:\n%s", code, talk)
	}
	data, err := os.ReadFile(name + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	aborted, ok := errors.AsType[*stream.AbortedError](endOf(t, string(data)))
	if !ok || aborted.Class != "interrupted" || aborted.Last == nil {
		t.Errorf("the stream ends with %v", aborted)
	}
	if code, _, stderr := runExportCommand(t, t.Context(), "-o", name, "w/p"); code != ExitOK || !strings.Contains(stderr, "continuing ") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
	if data, err = os.ReadFile(name); err != nil || endOf(t, string(data)) != nil {
		t.Errorf("the whole file: %v, %v", err, endOf(t, string(data)))
	}
}

// listener calls heard when a word is written to it.
type listener struct {
	strings.Builder
	word  string
	heard func()
}

func (l *listener) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(l.word)) {
		l.heard()
	}
	return l.Builder.Write(p)
}

// A report has a line for each experiment and one for all of them, whatever
// happens.
func TestExportReport(t *testing.T) {
	faults, keys := faultySource(t)
	if err := faults.Set(1, inject.Fault{Kind: "403", Endpoint: "*experiment/code", Item: keys[0]},
		inject.Fault{Kind: "404", Endpoint: "*experiment/metadata", Item: keys[1]}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "report")
	if code, _, stderr := runExportCommand(t, t.Context(), "--report", name, "w/p"); code != ExitIncomplete {
		t.Fatalf("exit code %d, stderr:\n%s", code, stderr)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines:\n%s", len(lines), data)
	}
	type line struct {
		Key, Result               string
		Missing                   []struct{ Kind string }
		Kind                      string
		Listed, Exported, Skipped int
	}
	results := make(map[string]line)
	var last line
	for _, text := range lines {
		last = line{}
		if err := json.Unmarshal([]byte(text), &last); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		results[last.Key] = last
	}
	if r := results[keys[0]]; r.Result != "exported" || len(r.Missing) != 1 || r.Missing[0].Kind != "code" {
		t.Errorf("line of an experiment that lacks something: %+v", r)
	}
	if r := results[keys[1]]; r.Result != "skipped" {
		t.Errorf("line of an experiment that is gone: %+v", r)
	}
	if s := last; s.Kind != "total" || s.Listed != 4 || s.Exported+s.Skipped != s.Listed || s.Skipped != 1 {
		t.Errorf("last line %s", lines[4])
	}
}
