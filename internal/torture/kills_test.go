package torture

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// slow makes a run long enough to be interrupted anywhere.
func slow() *inject.Network { return &inject.Network{Latency: 5 * time.Millisecond} }

// inHand are flags with which requests are made a few at a time.
var inHand = []string{"-j", "2"}

// kill starts a process, ends it after a while with a signal, and returns its
// exit code.
func kill(t testing.TB, cmd *exec.Cmd, after time.Duration, sig syscall.Signal) int {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Signal(sig) })
	defer timer.Stop()
	return codeOf(t, cmd.Wait())
}

// An export that is killed leaves no file that looks complete; the same
// command goes on from there and ends with the same records.
func TestKilledExport(t *testing.T) {
	rng := dice(t)
	src := start(t, slow())
	seedMany(src, rng, 6)
	plain := withoutTrouble(t, src, "many")
	args := func(file string) []string { return append(append(src.flags, inHand...), "-o", file, "lab/many") }
	whole := runProcess(t, "comet-export", nil, args(filepath.Join(t.TempDir(), "x"))...).want(t, cli.ExitOK).took
	n := either(200, 4)
	var killed, kept atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d files, %d kills within %v, %d partial files gone on with", n, killed.Load(), whole, kept.Load())
		enough(t, killed.Load(), n)
	})
	for i := range n {
		moments := moments(rng, whole)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "many.comet.zst")
			for _, moment := range moments {
				cmd, _ := process(t, "comet-export", args(file)...)
				if kill(t, cmd, moment, syscall.SIGKILL) == 0 {
					break
				}
				killed.Add(1)
				absentOrWhole(t, file, plain.records)
			}
			if info, err := os.Stat(file + ".partial"); err == nil && info.Size() > 0 {
				kept.Add(1)
			}
			runExport(src, "-o", file, "lab/many").want(t, cli.ExitOK)
			if got := records(t, read(t, file)); got != plain.records {
				t.Errorf("the stream has %s, want %s", got, plain.records)
			}
		})
	}
}

// An import that is killed is completed by the same command, and nothing is
// there twice: of few experiments, which are asked each, and of many, for which
// single answers stand.
func TestKilledImport(t *testing.T) {
	rng := dice(t)
	src := start(t, nil)
	seedSmall(src)
	seedMany(src, rng, 12)
	for _, project := range []string{"small", "many"} {
		t.Run(project, func(t *testing.T) { killImports(t, rng, withoutTrouble(t, src, project)) })
	}
}

// killImports kills imports of a stream, and completes them.
func killImports(t *testing.T, rng *rand.Rand, plain undisturbed) {
	file := filepath.Join(t.TempDir(), "all.comet.zst")
	if err := os.WriteFile(file, plain.stream, 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(dst *instance) []string { return append(append(dst.flags, inHand...), "-i", file) }
	whole := runProcess(t, "comet-import", nil, args(start(t, slow()))...).want(t, cli.ExitOK).took
	n := either(100, 2)
	var killed atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d destinations, %d kills within %v", n, killed.Load(), whole)
		enough(t, killed.Load(), n)
	})
	for i := range n {
		moments := moments(rng, whole)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			moods := comettest.Moods{}
			if i%2 == 1 {
				moods = takesParts
			}
			dst := startIn(t, slow(), moods)
			for _, moment := range moments {
				cmd, _ := process(t, "comet-import", args(dst)...)
				if kill(t, cmd, moment, syscall.SIGKILL) == 0 {
					break
				}
				killed.Add(1)
			}
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
		})
	}
}

// moments are when a run and those after it are killed.
func moments(rng *rand.Rand, whole time.Duration) []time.Duration {
	list := make([]time.Duration, 1+rng.IntN(3))
	for i := range list {
		list[i] = time.Duration(rng.Int64N(int64(whole)))
	}
	return list
}

// enough fails a test that has killed too few runs to mean anything.
func enough(t testing.TB, killed int64, runs int) {
	if killed < int64(runs)/2 {
		t.Errorf("%d of %d runs were killed", killed, runs)
	}
}

// When the exporter of a pipe is killed, the importer keeps the whole
// experiments, says that the stream is cut, and the same pipe completes them.
func TestKilledPipe(t *testing.T) {
	rng := dice(t)
	src := start(t, slow())
	seedMany(src, rng, 6)
	plain := withoutTrouble(t, src, "many")
	for i := range either(50, 3) {
		moment := time.Duration(rng.Int64N(int64(400 * time.Millisecond)))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			export, _ := process(t, "comet-export", append(append(src.flags, inHand...), "lab/many")...)
			r, w := io.Pipe()
			export.Stdout = w
			done := make(chan result)
			go func() { done <- run("comet-import", r, dst.flags...) }()
			kill(t, export, moment, syscall.SIGKILL)
			w.Close()
			t.Logf("exit code %d of the importer", (<-done).want(t, cli.ExitOK, cli.ExitInput).code)
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
		})
	}
}

// SIGINT and SIGTERM end a tool in time with the code of the signal; an export
// says so in its stream, and both are completed by the same command.
func TestSignals(t *testing.T) {
	rng := dice(t)
	src := start(t, slow())
	seedMany(src, rng, 12)
	plain := withoutTrouble(t, src, "many")
	for _, test := range []struct {
		name string
		sig  syscall.Signal
		code int
	}{
		{"SIGINT", syscall.SIGINT, cli.ExitInterrupted},
		{"SIGTERM", syscall.SIGTERM, cli.ExitTerminated},
	} {
		t.Run("export/"+test.name, func(t *testing.T) {
			t.Parallel()
			from := front(t, src)
			stall(t, from)
			export, stderr := process(t, "comet-export", append(append(from.flags, inHand...), "lab/many")...)
			var stdout bytes.Buffer
			export.Stdout = &stdout
			took := signalled(t, export, from, test.sig, test.code)
			if took > 11*time.Second {
				t.Errorf("it took %v to leave", took)
			}
			dst := start(t, nil)
			runImport(dst, stdout.Bytes()).want(t, cli.ExitInput).says(t, "aborted", "interrupted")
			runFilter(stdout.Bytes(), "--check").want(t, cli.ExitInput).says(t, "aborted", "interrupted")
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
			if !bytes.Contains(stderr.Bytes(), []byte("run the ")) {
				t.Errorf("it does not say how to go on:\n%s", stderr)
			}
		})
		t.Run("import/"+test.name, func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			stall(t, dst)
			imp, stderr := process(t, "comet-import", append(dst.flags, inHand...)...)
			imp.Stdin = bytes.NewReader(plain.stream)
			if took := signalled(t, imp, dst, test.sig, test.code); took > 11*time.Second {
				t.Errorf("it took %v to leave", took)
			}
			dst.faults.Reset()
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
			if !bytes.Contains(stderr.Bytes(), []byte("run the ")) {
				t.Errorf("it does not say how to go on:\n%s", stderr)
			}
		})
	}
}

// A second signal ends a tool that still waits for what is in flight.
func TestSecondSignal(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	hang(t, src)
	export, stderr := process(t, "comet-export", append(src.flags, "lab/small")...)
	export.Stdout = io.Discard
	if err := export.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, src)
	begin := time.Now()
	var code int
	left := make(chan struct{})
	go func() {
		defer close(left)
		code = codeOf(t, export.Wait())
	}()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for again := true; again; {
		export.Process.Signal(syscall.SIGINT)
		select {
		case <-left:
			again = false
		case <-ticker.C:
		}
	}
	if took := time.Since(begin); took > 5*time.Second || code != 128+int(syscall.SIGINT) {
		t.Errorf("exit code %d after %v\n%s", code, took, stderr)
	}
}

// stall makes the requests of an instance slow from the twentieth on, so that
// some are in flight when a signal comes.
func stall(t testing.TB, in *instance) {
	t.Helper()
	if err := in.faults.Set(1, inject.Fault{Kind: inject.FaultHang, From: 20, Delay: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
}

// hang leaves requests without an answer from the tenth on.
func hang(t testing.TB, in *instance) {
	t.Helper()
	if err := in.faults.Set(1, inject.Fault{Kind: inject.FaultHang, From: 10}); err != nil {
		t.Fatal(err)
	}
}

// waitFor returns when the first fault of an instance has begun.
func waitFor(t testing.TB, in *instance) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for len(in.faults.Injected()) == 0 {
		select {
		case <-ticker.C:
		case <-t.Context().Done():
			t.Fatal("no request has come that far")
		}
	}
}

// signalled starts a process, sends it a signal once requests are slow, and
// returns how long it took to leave.
func signalled(t *testing.T, cmd *exec.Cmd, in *instance, sig syscall.Signal, code int) time.Duration {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, in)
	begin := time.Now()
	cmd.Process.Signal(sig)
	if got := codeOf(t, cmd.Wait()); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, cmd.Stderr)
	}
	return time.Since(begin)
}
