package torture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// The tools after one that fails tell its cause, whether or not the shell
// looks at the exit codes of all.
func TestCauseThroughPipe(t *testing.T) {
	src, dst := start(t, nil), start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	if err := src.faults.Set(1, inject.Fault{Kind: inject.FaultStatus(503), From: plain.reads / 2}); err != nil {
		t.Fatal(err)
	}
	exports, filters := pipe(), pipe()
	results := make(chan result, 2)
	go func() {
		results <- runTo(exports, "comet-export", nil, append(src.flags, "--retry-max-elapsed", "50ms", "lab/small")...)
	}()
	go func() { results <- runTo(filters, "comet-filter", exports, "--rename", "lab=lab") }()
	run("comet-import", filters, dst.flags...).want(t, cli.ExitServer).says(t, "aborted by its writer", "503", "run the whole pipeline again")
	for range 2 {
		r := <-results
		want := map[string]int{"comet-export": cli.ExitServer, "comet-filter": cli.ExitServer}[r.tool]
		r.want(t, want).says(t, "503")
	}
	src.faults.Reset()
	runImport(dst, plain.stream).want(t, cli.ExitOK)
	same(t, plain.state, dst)
}

// A pipeEnd is both ends of a pipe that closes with its writer.
type pipeEnd struct {
	*io.PipeReader
	w *io.PipeWriter
}

func pipe() pipeEnd {
	r, w := io.Pipe()
	return pipeEnd{r, w}
}

func (p pipeEnd) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipeEnd) Close() error                { return p.w.Close() }

// A tool that nobody reads any more ends, by the signal or its code, and says
// nothing.
func TestClosedPipe(t *testing.T) {
	src := start(t, nil)
	seedMany(src, dice(t), 12)
	text := runExport(src, "lab/many").want(t, cli.ExitOK).stdout
	for _, tool := range []struct {
		name  string
		stdin []byte
		args  []string
	}{
		{"comet-export", nil, append(src.flags, "-q", "lab/many")},
		{"comet-export", nil, append(src.flags, "-q", "-l", "lab/many")},
		{"comet-filter", text, []string{"-q"}},
		{"comet-filter", text, []string{"-q", "--archived", "exclude"}},
		{"comet-filter", text, []string{"-q", "--list"}},
		{"comet-filter", text, []string{"-q", "--json"}},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		cmd, stderr := process(t, tool.name, tool.args...)
		cmd.Stdin, cmd.Stdout = bytes.NewReader(tool.stdin), w
		code := codeOf(t, cmd.Run())
		w.Close()
		if code != cli.ExitBrokenPipe || stderr.Len() > 0 {
			t.Errorf("%s %q: exit code %d\n%s", tool.name, tool.args, code, stderr)
		}
	}
}

// runTo runs a tool with another standard output, which it closes at the end.
func runTo(stdout io.WriteCloser, name string, stdin io.Reader, args ...string) result {
	defer stdout.Close()
	var stderr bytes.Buffer
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	args = append([]string{"--progress", "none"}, args...)
	code := cli.Main(name, tools[name], cli.IO{Stdin: stdin, Stdout: stdout, Stderr: &stderr, Import: inParts}, args)
	return result{tool: name, args: args, code: code, stderr: stderr.String()}
}

// closeError is a standard output that the system has something against only
// when it is closed.
type closeError struct{ bytes.Buffer }

var errQuota = errors.New("disk quota exceeded")

func (*closeError) Close() error { return errQuota }

// What goes wrong with the bytes at the very end is no success.
func TestErrorAtClose(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	text := runExport(src, "lab/small").want(t, cli.ExitOK).stdout
	runTo(new(closeError), "comet-export", nil, append(src.flags, "lab/small")...).want(t, cli.ExitFailed).says(t, "standard output", errQuota.Error())
	runTo(new(closeError), "comet-filter", bytes.NewReader(text)).want(t, cli.ExitFailed).says(t, "standard output", errQuota.Error())
}

// Where an output cannot be written the message names it, and nothing is left
// that looks complete.
func TestOutputFails(t *testing.T) {
	src, dst := start(t, nil), start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	type place struct{ name, file, says string }
	places := []place{{"read-only folder", filepath.Join(readOnly(t), "small.comet.zst"), "small.comet.zst.partial"}}
	if _, err := os.Stat("/dev/full"); err == nil {
		places = append(places, place{"full device", "/dev/full", "/dev/full"})
	}
	if dir, ok := tinyDisk(t); ok {
		places = append(places, place{"full disk", filepath.Join(dir, "small.comet.zst"), filepath.Join(dir, "small.comet.zst.partial")})
	}
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			runExport(src, "-o", p.file, "lab/small").want(t, cli.ExitFailed, cli.ExitUsage).says(t, p.says)
			runFilter(plain.stream, "-o", p.file).want(t, cli.ExitFailed, cli.ExitUsage).says(t, p.says)
			if p.name != "full device" {
				mustNotExist(t, p.file)
			}
			runExport(src, "--report", p.file, "-o", os.DevNull, "lab/small").want(t, cli.ExitFailed, cli.ExitUsage).says(t, p.file)
			runImport(dst, plain.stream, "--report", p.file).want(t, cli.ExitFailed, cli.ExitUsage).says(t, p.file)
		})
	}
	runImport(dst, plain.stream).want(t, cli.ExitOK)
	same(t, plain.state, dst)
}

// Standard output may be a full disk, too.
func TestStandardOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no device that is always full: %v", err)
	}
	defer full.Close()
	src := start(t, nil)
	seedSmall(src)
	text := runExport(src, "lab/small").want(t, cli.ExitOK).stdout
	for _, tool := range []struct {
		name  string
		stdin []byte
		args  []string
	}{
		{"comet-export", nil, append(src.flags, "lab/small")},
		{"comet-export", nil, append(src.flags, "-l", "lab/small")},
		{"comet-filter", text, nil},
		{"comet-filter", text, []string{"--list"}},
		{"comet-filter", text, []string{"--json"}},
		{"comet-filter", text, []string{"--sum"}},
		{"comet-filter", text, []string{"--check"}},
		{"comet-filter", text, []string{"--salvage"}},
	} {
		cmd, stderr := process(t, tool.name, tool.args...)
		cmd.Stdin, cmd.Stdout = bytes.NewReader(tool.stdin), full
		code := codeOf(t, cmd.Run())
		if said := stderr.String(); code != cli.ExitFailed || strings.Count(said, "error:") != 1 || !strings.Contains(said, "standard output: ") {
			t.Errorf("%s %q: exit code %d\n%s", tool.name, tool.args, code, said)
		}
	}
}

// An import without room for temporary files says where it looked for it, and
// is completed by the same command with another place.
func TestTempFails(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	src.SeedExperiment("lab", "small", comettest.ExperimentSpec{
		Key: strings.Repeat("9", 32), Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{{ID: assetID(9), Name: "big", Size: 3 << 20, Seed: 9}},
	})
	plain := withoutTrouble(t, src, "small")
	dirs := map[string]string{"read-only folder": readOnly(t), "missing folder": filepath.Join(t.TempDir(), "missing")}
	if dir, ok := tinyDisk(t); ok {
		dirs["full disk"] = dir
	}
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			dst := start(t, nil)
			runImport(dst, plain.stream, "--temp-dir", dir).want(t, cli.ExitFailed, cli.ExitUsage).says(t, dir)
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
		})
	}
}

// readOnly returns a folder in which no file can be made, by root either.
func readOnly(t testing.TB) string {
	t.Helper()
	if os.Geteuid() == 0 {
		if runtime.GOOS != "linux" {
			t.Skip("nothing is read-only for root")
		}
		return "/proc/self"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tinyDisk returns a folder with room for 64 KiB, if this process may make one.
func tinyDisk(t testing.TB) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "none", dir).Run(); err != nil {
		t.Logf("no small disk to be had here: %v", err)
		return "", false
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", dir).Run(); err != nil {
			t.Errorf("umount %s: %v", dir, err)
		}
	})
	return dir, true
}

// A server whose certificate is not to be trusted gets no request, and no
// patience: more tries would not mend it.
func TestUntrusted(t *testing.T) {
	ca, err := inject.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := start(t, nil)
	for _, test := range []struct {
		name  string
		until time.Time
		host  string
		flags []string
		says  string
	}{
		{"unknown authority", time.Now().Add(time.Hour), "127.0.0.1", nil, "--ca-file"},
		{"expired", time.Now().Add(-time.Hour), "127.0.0.1", []string{"--ca-file", caFile}, "expired"},
		{"another host", time.Now().Add(time.Hour), "example.com", []string{"--ca-file", caFile}, "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := secured(t, plain, ca, test.until, test.host)
			before := total(plain)
			for _, r := range []result{
				runExport(in, append(test.flags, "lab")...), runImport(in, nil, test.flags...),
			} {
				r.want(t, cli.ExitFailed).says(t, test.says)
				if r.took > 2*time.Second {
					t.Errorf("%s took %v", r.tool, r.took)
				}
			}
			if n := total(plain); n != before {
				t.Errorf("%d requests were made", n-before)
			}
		})
	}
}

// Several importers, each with experiments of its own, fill one destination at
// once, also on a bad day.
func TestImportersSideBySide(t *testing.T) {
	rng := dice(t)
	const importers = 4
	src := start(t, nil)
	seedMany(src, rng, 3*importers)
	plain := withoutTrouble(t, src, "many")
	keys := make([][]string, importers)
	for i, key := range slices.Sorted(maps.Keys(groups(t, plain.stream))) {
		keys[i%importers] = append(keys[i%importers], "--key", key)
	}
	parts := make([][]byte, importers)
	for i := range parts {
		parts[i] = runFilter(plain.stream, keys[i]...).want(t, cli.ExitOK).stdout
		if n := len(groups(t, parts[i])); n != 3 {
			t.Fatalf("part %d has %d experiments", i, n)
		}
	}
	for i := range either(40, 3) {
		seed := rng.Uint64()
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			if i%2 == 1 {
				if err := dst.faults.Set(seed, inject.Fault{Kind: inject.FaultLost, Rate: 0.05}, inject.Fault{Kind: inject.FaultStatus(503), Rate: 0.05}); err != nil {
					t.Fatal(err)
				}
			}
			results := make(chan result)
			for _, part := range parts {
				go func() { results <- runImport(dst, part) }()
			}
			for range parts {
				(<-results).want(t, cli.ExitOK)
			}
			same(t, plain.state, dst)
		})
	}
}
