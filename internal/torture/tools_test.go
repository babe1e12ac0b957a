package torture

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/importer"
)

// asTool names the variable that makes the test binary behave as the tool it
// names, so that there are real processes to send signals to.
const asTool = "COMET_STREAM_AS_TOOL"

type command func(context.Context, cli.IO, []string) error

var tools = map[string]command{
	"comet-export": cli.Export,
	"comet-filter": cli.Filter,
	"comet-import": cli.Import,
	"hog":          hog,
}

// inParts has assets of a few kilobytes go to storage in parts, where a
// destination takes them.
func inParts(o *importer.Options) { o.Direct = importer.DirectSizes{From: 10_000, Part: 200_000} }

// TestMain takes away every setting of the machine that the tools would find.
func TestMain(m *testing.M) {
	if name := os.Getenv(asTool); name != "" {
		code := cli.Main(name, tools[name], cli.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Import: inParts}, os.Args[1:])
		tellPeak(os.Getenv(peakFile))
		os.Exit(code)
	}
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "COMET_") && !strings.HasPrefix(name, "COMET_STREAM_") {
			os.Unsetenv(name)
		}
	}
	// Package net/http prints what the faults do to its servers and clients.
	log.SetOutput(io.Discard)
	flag.Parse()
	// The tests wait for retries more than they work.
	flag.Set("test.parallel", "24")
	home, err := os.MkdirTemp("", "torture")
	if err != nil {
		panic(err)
	}
	os.Setenv("HOME", home)
	os.Unsetenv("XDG_CACHE_HOME")
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// long reports whether the tests are to take all and not a sample.
func long() bool { return os.Getenv("COMET_STREAM_TORTURE") != "" }

// either returns the amount for the long form or for the sample.
func either(all, sample int) int {
	if long() {
		return all
	}
	return sample
}

// dice returns a source of random numbers, and logs the seed that repeats it.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("COMET_STREAM_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("COMET_STREAM_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// A result is how a tool ended.
type result struct {
	tool   string
	args   []string
	code   int
	stdout []byte
	stderr string
	took   time.Duration
}

// want fails the test unless the tool ended with one of the codes.
func (r result) want(t testing.TB, codes ...int) result {
	t.Helper()
	for _, code := range codes {
		if r.code == code {
			return r
		}
	}
	t.Fatalf("%s %q: exit code %d, want one of %v\n%s", r.tool, r.args, r.code, codes, r.stderr)
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

// run runs a tool inside the test.
func run(name string, stdin io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	begin := time.Now()
	args = append([]string{"--progress", "none"}, args...)
	code := cli.Main(name, tools[name], cli.IO{Stdin: stdin, Stdout: &stdout, Stderr: &stderr, Import: inParts}, args)
	return result{name, args, code, stdout.Bytes(), stderr.String(), time.Since(begin)}
}

func runExport(src *instance, args ...string) result {
	return run("comet-export", strings.NewReader(""), append(src.flags, args...)...)
}

func runImport(dst *instance, stream []byte, args ...string) result {
	return run("comet-import", bytes.NewReader(stream), append(dst.flags, args...)...)
}

func runFilter(stream []byte, args ...string) result {
	return run("comet-filter", bytes.NewReader(stream), args...)
}

// process returns a tool as a process of its own, not yet started. Its standard
// error goes to the buffer.
func process(t testing.TB, name string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"--progress", "none"}, args...)...)
	cmd.Env = append(os.Environ(), asTool+"="+name)
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

// runProcess runs a tool as a process of its own.
func runProcess(t testing.TB, name string, stdin io.Reader, args ...string) result {
	t.Helper()
	cmd, stderr := process(t, name, args...)
	var stdout bytes.Buffer
	cmd.Stdin, cmd.Stdout = stdin, &stdout
	begin := time.Now()
	code := codeOf(t, cmd.Run())
	return result{name, args, code, stdout.Bytes(), stderr.String(), time.Since(begin)}
}

// codeOf returns the exit code that a shell would report.
func codeOf(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	return exitCode(exit)
}

// keyFile writes the key of an instance to where a flag can name it.
func keyFile(t testing.TB, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
