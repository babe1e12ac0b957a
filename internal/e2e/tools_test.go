package e2e

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer"
)

var update = flag.Bool("update", false, "write docs/fidelity.md anew")

// TestMain takes away every setting of the machine that the tools would find.
func TestMain(m *testing.M) {
	flag.Parse()
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "COMET_") && !strings.HasPrefix(name, "COMET_STREAM_") {
			os.Unsetenv(name)
		}
	}
	// The tools keep their memory small. What they would set is for processes of
	// their own, not for this one.
	os.Setenv("GOGC", "100")
	os.Setenv("GOMEMLIMIT", "off")
	home, err := os.MkdirTemp("", "e2e")
	if err != nil {
		panic(err)
	}
	os.Setenv("HOME", home)
	os.Unsetenv("XDG_CACHE_HOME")
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// torture skips a test that is too long or too large for every day.
func torture(t *testing.T) {
	t.Helper()
	if os.Getenv("COMET_STREAM_TORTURE") == "" {
		t.Skip("COMET_STREAM_TORTURE is not set; make torture sets it")
	}
}

// instance is an embedded server, the key of its first user, and the flags with
// which the tools reach it.
type instance struct {
	*comettest.Server
	key   string
	flags []string
}

// start returns a running server.
func start(t testing.TB, opts comettest.Options) *instance {
	t.Helper()
	s := comettest.Start(t, opts)
	key := comettest.DefaultAPIKey
	if len(opts.Keys) > 0 {
		key = opts.Keys[0].Key
	}
	return &instance{s, key, reach(t, s.ClientlibURL(), key)}
}

// reach returns the flags with which a tool reaches a server. Everything comes
// from flags, so that tests can run concurrently.
func reach(t testing.TB, url, key string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--api-key-file", file, "--url", url}
}

// lacking makes a server answer as one that does not have the calls whose paths
// hold one of some texts.
func lacking(texts ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, text := range texts {
				if strings.Contains(r.URL.Path, text) {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusNotFound)
					io.WriteString(w, `{"code":404,"message":"HTTP 404 Not Found"}`)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// A result is how a command ended.
type result struct {
	tool   string
	args   []string
	code   int
	stdout []byte
	stderr string
}

// want fails the test unless the command ended with a code.
func (r result) want(t testing.TB, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("%s %q: exit code %d, want %d\n%s", r.tool, r.args, r.code, code, r.stderr)
	}
	return r
}

// says fails the test unless standard error holds each text.
func (r result) says(t testing.TB, texts ...string) result {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("%s %q: standard error does not say %q:\n%s", r.tool, r.args, text, r.stderr)
		}
	}
	return r
}

type command func(context.Context, cli.IO, []string) error

// run runs a command from stdin to stdout.
func run(name string, f command, stdin io.Reader, stdout io.Writer, args []string) result {
	var stderr bytes.Buffer
	code := cli.Main(name, f, cli.IO{Stdin: stdin, Stdout: stdout, Stderr: &stderr, Import: inParts}, args)
	return result{tool: name, args: args, code: code, stderr: stderr.String()}
}

// inParts has the smallest assets go to storage in parts, where a server takes
// them.
func inParts(o *importer.Options) { o.Direct = importer.DirectSizes{From: 1, Part: 5} }

// runExport runs comet-export on an instance. Its standard output is the stream.
func runExport(src *instance, args ...string) result {
	var stdout bytes.Buffer
	r := run("comet-export", cli.Export, strings.NewReader(""), &stdout, append(flagsOf(src), args...))
	r.stdout = stdout.Bytes()
	return r
}

// runFilter runs comet-filter on a stream.
func runFilter(stream []byte, args ...string) result {
	var stdout bytes.Buffer
	r := run("comet-filter", cli.Filter, bytes.NewReader(stream), &stdout, append([]string{"--progress", "none"}, args...))
	r.stdout = stdout.Bytes()
	return r
}

// runImport runs comet-import of a stream into an instance.
func runImport(dst *instance, stream []byte, args ...string) result {
	var stdout bytes.Buffer
	r := run("comet-import", cli.Import, bytes.NewReader(stream), &stdout, append(flagsOf(dst), args...))
	r.stdout = stdout.Bytes()
	return r
}

func flagsOf(in *instance) []string {
	return append([]string{"--progress", "none"}, in.flags...)
}

// move runs the three tools as one pipe, without rules in the filter, and
// fails the test unless each of them ends with 0.
func move(t testing.TB, src, dst *instance, from, to string) {
	t.Helper()
	for _, r := range pipe(src, dst, []string{from}, nil, []string{to}) {
		r.want(t, cli.ExitOK)
	}
}

// pipe runs the three tools concurrently, each with its arguments.
func pipe(src, dst *instance, exportArgs, filterArgs, importArgs []string) (results [3]result) {
	exported, exportEnd := io.Pipe()
	filtered, filterEnd := io.Pipe()
	var wait sync.WaitGroup
	wait.Go(func() {
		results[0] = run("comet-export", cli.Export, strings.NewReader(""), exportEnd, append(flagsOf(src), exportArgs...))
		exportEnd.Close()
	})
	wait.Go(func() {
		results[1] = run("comet-filter", cli.Filter, exported, filterEnd, append([]string{"--progress", "none"}, filterArgs...))
		filterEnd.Close()
		exported.Close()
	})
	wait.Go(func() {
		results[2] = run("comet-import", cli.Import, filtered, io.Discard, append(flagsOf(dst), importArgs...))
		filtered.Close()
	})
	wait.Wait()
	return results
}
