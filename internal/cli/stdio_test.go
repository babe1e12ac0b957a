package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/comet-stream/comet-stream/internal/filelock"
)

// terminal returns a file that is a terminal.
func terminal(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal to be had here: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// ioCommand returns a command with the given ends.
func ioCommand(stdin io.Reader, stdout io.Writer) *command {
	return newCommand("comet-filter", "", IO{Stdin: stdin, Stdout: stdout, Stderr: io.Discard})
}

func TestPipesAndTerminals(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		name           string
		v              any
		pipe, terminal bool
	}{
		{"pipe", w, true, false},
		{"file", file, false, false},
		{"buffer", new(bytes.Buffer), false, false},
		{"terminal", terminal(t), false, true},
	} {
		if got := isPipe(tt.v); got != tt.pipe {
			t.Errorf("isPipe(%s) = %v", tt.name, got)
		}
		if got := isTerminal(tt.v); got != tt.terminal {
			t.Errorf("isTerminal(%s) = %v", tt.name, got)
		}
	}
}

func TestOpenInput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in")
	if err := os.WriteFile(path, []byte("file"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, want, shown string
	}{
		{"standard input", "", "stdin", "standard input"},
		{"dash", "-", "stdin", "standard input"},
		{"file", path, "file", path},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := ioCommand(strings.NewReader("stdin"), nil).openInput(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(in)
			if err != nil || string(got) != tt.want || in.name != tt.shown {
				t.Errorf("read %q from %q, %v; want %q from %q", got, in.name, err, tt.want, tt.shown)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	_, err := ioCommand(nil, nil).openInput(filepath.Join(dir, "none"))
	if ExitCode(err) != ExitUsage || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v, code %d", err, ExitCode(err))
	}
	for _, path := range []string{"", "-"} {
		_, err = ioCommand(terminal(t), nil).openInput(path)
		if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "standard input is a terminal") {
			t.Errorf("openInput(%q) of a terminal gives %v, code %d", path, err, ExitCode(err))
		}
	}
}

func TestOutputStandard(t *testing.T) {
	var buf bytes.Buffer
	for _, path := range []string{"", "-"} {
		out, err := ioCommand(nil, &buf).openOutput(path)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(out, "data")
		if err := out.Commit(); err != nil {
			t.Error(err)
		}
		if out.Partial() != "" {
			t.Errorf("Partial() = %q for standard output", out.Partial())
		}
	}
	if buf.String() != "datadata" {
		t.Errorf("wrote %q", buf.String())
	}
}

func TestOutputTerminal(t *testing.T) {
	tty := terminal(t)
	_, err := ioCommand(nil, tty).openOutput("")
	if ExitCode(err) != ExitUsage || !strings.Contains(strings.Join(hintsOf(err), " "), "-o -") {
		t.Errorf("a terminal gives %v, code %d", err, ExitCode(err))
	}
	if _, err := ioCommand(nil, tty).openOutput("-"); err != nil {
		t.Errorf("-o - gives %v", err)
	}
}

// errWriter fails to be written or closed.
type errWriter struct{ write, close error }

func (w errWriter) Write(p []byte) (int, error) { return len(p), w.write }
func (w errWriter) Close() error                { return w.close }

func TestOutputStandardErrors(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
	for _, tt := range []struct {
		name string
		w    errWriter
		want int
	}{
		{"full", errWriter{write: full}, ExitFailed},
		{"closed pipe", errWriter{write: &fs.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}}, ExitBrokenPipe},
		{"closed pipe of the test", errWriter{write: io.ErrClosedPipe}, ExitBrokenPipe},
		{"close", errWriter{close: full}, ExitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := ioCommand(nil, tt.w).openOutput("")
			if err != nil {
				t.Fatal(err)
			}
			_, err = out.Write([]byte("x"))
			err = errors.Join(err, out.Commit())
			if got := ExitCode(err); got != tt.want || !strings.Contains(err.Error(), "standard output: ") {
				t.Errorf("error %v, code %d; want code %d", err, got, tt.want)
			}
		})
	}
}

// entries returns the names and contents of a folder's files.
func entries(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(data)
	}
	return found
}

func TestOutputFile(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before map[string]string
		run    func(*testing.T, *output)
		want   map[string]string
	}{
		{
			"committed", nil,
			func(t *testing.T, o *output) { put(t, o, "new"); commit(t, o) },
			map[string]string{"f": "new"},
		},
		{
			"replaces an older one", map[string]string{"f": "older and longer"},
			func(t *testing.T, o *output) { put(t, o, "new"); commit(t, o) },
			map[string]string{"f": "new"},
		},
		{
			"without bytes", nil,
			func(t *testing.T, o *output) { commit(t, o) },
			map[string]string{"f": ""},
		},
		{
			"not opened before the first byte", map[string]string{"f": "older", "f.partial": "part"},
			func(t *testing.T, o *output) { o.Close() },
			map[string]string{"f": "older", "f.partial": "part"},
		},
		{
			"not committed", map[string]string{"f": "older"},
			func(t *testing.T, o *output) { put(t, o, "new"); o.Close() },
			map[string]string{"f": "older", "f.partial": "new"},
		},
		{
			"a partial is begun anew", map[string]string{"f.partial": "longer than new"},
			func(t *testing.T, o *output) { put(t, o, "new"); o.Close() },
			map[string]string{"f.partial": "new"},
		},
		{
			"a partial is gone on with", map[string]string{"f.partial": "whole|broken"},
			func(t *testing.T, o *output) { o.Keep(6); put(t, o, "x"); put(t, o, "y"); commit(t, o) },
			map[string]string{"f": "whole|xy"},
		},
		{
			"close after commit", nil,
			func(t *testing.T, o *output) { put(t, o, "new"); commit(t, o); o.Close(); commit(t, o) },
			map[string]string{"f": "new"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range tt.before {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			o, err := ioCommand(nil, nil).openOutput(filepath.Join(dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := o.Partial(), filepath.Join(dir, "f.partial"); got != want {
				t.Errorf("Partial() = %q, want %q", got, want)
			}
			tt.run(t, o)
			got := entries(t, dir)
			if len(got) != len(tt.want) {
				t.Errorf("files %v, want %v", got, tt.want)
			}
			for name, data := range tt.want {
				if got[name] != data {
					t.Errorf("%s holds %q, want %q", name, got[name], data)
				}
			}
		})
	}
}

func put(t *testing.T, o *output, s string) {
	t.Helper()
	if _, err := io.WriteString(o, s); err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, o *output) {
	t.Helper()
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Of two runs that write one file the second gives way, and the first is whole.
func TestOutputTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var outputs [2]*output
	for i := range outputs {
		var err error
		if outputs[i], err = fileOutput(path); err != nil {
			t.Fatal(err)
		}
		defer outputs[i].Close()
	}
	first, second := outputs[0], outputs[1]
	put(t, first, "one")
	if _, err := second.Write([]byte("two")); !errors.Is(err, filelock.ErrLocked) {
		if runtime.GOOS == "windows" {
			t.Skip("there are no such locks here")
		}
		t.Fatalf("a second writer gives %v, want %v", err, filelock.ErrLocked)
	}
	put(t, first, " and more")
	commit(t, first)
	if data, _ := os.ReadFile(path); string(data) != "one and more" {
		t.Errorf("the file holds %q", data)
	}
	put(t, second, "two")
	commit(t, second)
	if data, _ := os.ReadFile(path); string(data) != "two" {
		t.Errorf("after the second run the file holds %q", data)
	}
}

func TestOutputThroughLink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	link := filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("older"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	o, err := fileOutput(link)
	if err != nil {
		t.Fatal(err)
	}
	put(t, o, "new")
	commit(t, o)
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if data, _ := os.ReadFile(target); string(data) != "new" {
		t.Errorf("the target holds %q", data)
	}
}

func TestOutputDevice(t *testing.T) {
	o, err := fileOutput(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if o.Partial() != "" {
		t.Fatalf("Partial() = %q: a device must never be replaced", o.Partial())
	}
	put(t, o, "data")
	commit(t, o)
}

func TestOutputErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := fileOutput(dir); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder gives %v, code %d", err, ExitCode(err))
	}
	if _, err := fileOutput(filepath.Join(dir, "none", "f")); ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("a missing folder gives %v, code %d", err, ExitCode(err))
	}
	gone := filepath.Join(dir, "gone")
	if err := os.Mkdir(gone, 0o777); err != nil {
		t.Fatal(err)
	}
	o, err := fileOutput(filepath.Join(gone, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Write([]byte("x")); ExitCode(err) != ExitFailed || !strings.Contains(err.Error(), filepath.Join(gone, "f.partial")) {
		t.Errorf("a folder that is gone gives %v, code %d", err, ExitCode(err))
	}
	o, err = fileOutput(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, o, "x")
	o.Close()
	if _, err := o.Write([]byte("y")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write after Close gives %v", err)
	}
}
