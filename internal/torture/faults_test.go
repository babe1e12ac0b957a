package torture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// A trouble is a fault, and how the tools may end because of it.
type trouble struct {
	name  string
	fault inject.Fault
	// lasts makes the fault strike every request from the k-th on.
	lasts bool
	codes []int
}

// passing are faults after which a retry suffices.
func passing() []trouble {
	list := []trouble{}
	add := func(name string, f inject.Fault) {
		list = append(list, trouble{name: name, fault: f, codes: []int{cli.ExitOK}})
	}
	for _, kind := range []inject.FaultKind{
		inject.FaultRefuse, inject.FaultReset, inject.FaultResetHead, inject.FaultResetBody, inject.FaultShort,
		inject.FaultLength, inject.FaultHTML, inject.FaultLost,
	} {
		add(string(kind), inject.Fault{Kind: kind})
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504} {
		add(fmt.Sprint(status), inject.Fault{Kind: inject.FaultStatus(status)})
	}
	add("429 retry after", inject.Fault{Kind: inject.FaultStatus(429), RetryAfter: "1"})
	add("503 retry after", inject.Fault{Kind: inject.FaultStatus(503), RetryAfter: "1"})
	add("500 done", inject.Fault{Kind: inject.FaultStatus(500), Done: true})
	add("504 done", inject.Fault{Kind: inject.FaultStatus(504), Done: true})
	add("quota", inject.Fault{Kind: inject.FaultQuota, Requests: 3, RetryAfter: "0"})
	add("trickle", inject.Fault{Kind: inject.FaultTrickle, Bytes: 20_000, Delay: time.Millisecond})
	add("stall", inject.Fault{Kind: inject.FaultStall, Delay: 20 * time.Millisecond})
	add("hang", inject.Fault{Kind: inject.FaultHang, Delay: 20 * time.Millisecond})
	add("hang done", inject.Fault{Kind: inject.FaultHang, Delay: 20 * time.Millisecond, Done: true})
	return list
}

// ending are troubles that end a run, or leave something out, until it is
// started again.
func ending() []trouble {
	return []trouble{
		{"401 on", inject.Fault{Kind: inject.FaultStatus(401)}, true, []int{cli.ExitDenied}},
		{"403", inject.Fault{Kind: inject.FaultStatus(403)}, false, []int{cli.ExitOK, cli.ExitIncomplete, cli.ExitDenied}},
		{"503 on", inject.Fault{Kind: inject.FaultStatus(503)}, true, []int{cli.ExitServer}},
		{"refuse on", inject.Fault{Kind: inject.FaultRefuse}, true, []int{cli.ExitServer}},
		{"lost on", inject.Fault{Kind: inject.FaultLost}, true, []int{cli.ExitServer}},
		{"504 done on", inject.Fault{Kind: inject.FaultStatus(504), Done: true}, true, []int{cli.ExitServer}},
		{"html on", inject.Fault{Kind: inject.FaultHTML}, true, []int{cli.ExitServer}},
	}
}

// at returns the rule for the k-th request.
func (x trouble) at(k int) inject.Fault {
	f := x.fault
	f.From, f.To = k, k
	switch {
	case x.lasts:
		f.To = 0
	case f.Requests > 0:
		f.To = 0
		f.Times = 1
	}
	return f
}

// flags returns those that make an outage end the run at once. What strikes
// once must be mended however short the patience.
func (x trouble) flags() []string {
	if x.lasts {
		return []string{"--retry-max-elapsed", "50ms"}
	}
	return nil
}

// faultCases calls f for each trouble and each k up to n, or for a sample of
// them, concurrently.
func faultCases(t *testing.T, n, each int, f func(t *testing.T, x trouble, k int)) {
	rng := dice(t)
	t.Logf("an undisturbed run makes %d requests", n)
	for _, x := range append(passing(), ending()...) {
		for i, k := range rng.Perm(n) {
			if !long() && i >= each {
				break
			}
			t.Run(fmt.Sprintf("%s/%d", x.name, k+1), func(t *testing.T) {
				t.Parallel()
				f(t, x, k+1)
			})
		}
	}
}

// A fault at one request of an export is mended by asking again, or ends it
// with the documented code; then the same command gives the same records.
func TestFaultAtOneRequestOfExport(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	before := src.State()
	t.Cleanup(func() { unchanged(t, before, src.State()) })
	faultCases(t, plain.reads, 1, func(t *testing.T, x trouble, k int) {
		src := front(t, src)
		file := filepath.Join(t.TempDir(), "small.comet.zst")
		if err := src.faults.Set(1, x.at(k)); err != nil {
			t.Fatal(err)
		}
		r := runExport(src, append(x.flags(), "-o", file, "lab/small")...).want(t, x.codes...)
		if len(src.faults.Injected()) == 0 {
			t.Logf("request %d was not made", k)
		}
		src.faults.Reset()
		if r.code != cli.ExitOK {
			if r.code != cli.ExitIncomplete {
				mustNotExist(t, file)
			}
			runExport(src, "-o", file, "lab/small").want(t, cli.ExitOK)
		}
		if got := records(t, read(t, file)); got != plain.records {
			t.Errorf("the stream has %s, want %s\n%s", got, plain.records, r.stderr)
		}
	})
}

// A fault at one request of an import is mended, or ends it with the
// documented code; then the same command completes what is there, without
// writing anything twice.
func TestFaultAtOneRequestOfImport(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	faultCases(t, plain.writes, 2, func(t *testing.T, x trouble, k int) {
		faultAtImport(t, plain, start(t, nil), x, k)
	})
}

// The same holds where assets go to storage in parts, for the requests that go
// there too.
func TestFaultAtOneRequestOfImportToStorage(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	network := &inject.Network{}
	dst := startIn(t, network, takesParts)
	runImport(dst, plain.stream).want(t, cli.ExitOK)
	same(t, plain.state, dst)
	requests := int(network.Stats().Requests)
	if parts := requests - total(dst); parts < 4 {
		t.Fatalf("%d parts went to storage", parts)
	}
	faultCases(t, requests, 2, func(t *testing.T, x trouble, k int) {
		faultAtImport(t, plain, startIn(t, nil, takesParts), x, k)
	})
}

func faultAtImport(t *testing.T, plain undisturbed, dst *instance, x trouble, k int) {
	if err := dst.faults.Set(1, x.at(k)); err != nil {
		t.Fatal(err)
	}
	r := runImport(dst, plain.stream, x.flags()...).want(t, x.codes...)
	injected := dst.faults.Injected()
	dst.faults.Reset()
	if r.code != cli.ExitOK {
		runImport(dst, plain.stream).want(t, cli.ExitOK)
	}
	same(t, plain.state, dst)
	if t.Failed() {
		t.Logf("faults: %v\n%s", injected, r.stderr)
	}
}

// Reads that lags behind writes do not make an import write anything twice, even
// where the answer of a write was lost.
func TestLagAtImport(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	rng := dice(t)
	for i := range either(60, 3) {
		k, reads := 1+rng.IntN(plain.writes), 1+rng.IntN(3)
		t.Run(fmt.Sprintf("%d/%d reads/%d", i, reads, k), func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			// A later write makes old answers replay as often again. The bound in
			// time is what an import sits out with three readings a second apart.
			lag := inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *", Reads: reads, For: 3 * time.Second / 2}
			lost := inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *", From: k/2 + 1, Times: 2}
			if err := dst.faults.Set(1, lost, lag); err != nil {
				t.Fatal(err)
			}
			r := runImport(dst, plain.stream).want(t, cli.ExitOK, cli.ExitServer, cli.ExitIncomplete)
			injected := dst.faults.Injected()
			dst.faults.Reset()
			runImport(dst, plain.stream).want(t, cli.ExitOK)
			same(t, plain.state, dst)
			if t.Failed() {
				t.Logf("faults: %v\n%s", injected, r.stderr)
			}
		})
	}
}

// What an export could not have stays told, in its exit code too, for as long as
// the file lacks it.
func TestMissingItemIsToldAgain(t *testing.T) {
	src := start(t, nil)
	seedSmall(src)
	plain := withoutTrouble(t, src, "small")
	if err := src.faults.Set(1, inject.Fault{Kind: inject.FaultStatus(403), Endpoint: "GET *experiment/html"}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "small.comet.zst")
	export := func(codes ...int) result { return runExport(src, "-o", file, "lab/small").want(t, codes...) }
	export(cli.ExitIncomplete)
	src.faults.Reset()
	// A kill just before the renaming leaves this.
	if err := os.Rename(file, file+".partial"); err != nil {
		t.Fatal(err)
	}
	export(cli.ExitIncomplete).says(t, "was complete", "2 items missing from the stream")
	export(cli.ExitOK)
	if got := records(t, read(t, file)); got != plain.records {
		t.Errorf("the stream has %s, want %s", got, plain.records)
	}
}

func mustNotExist(t testing.TB, file string) {
	t.Helper()
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("%s is there (%v), and looks complete", file, err)
	}
}

// absentOrWhole fails the test if there is a file that looks complete and is
// not. A kill that comes after the renaming finds it whole.
func absentOrWhole(t testing.TB, file, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		t.Error(err)
	case records(t, text) != want:
		t.Errorf("%s looks complete, and has %s, want %s", file, records(t, text), want)
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unchanged fails the test if reading from the source has changed it.
func unchanged(t testing.TB, before, after *comettest.State) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the source has changed (-before +after):\n%.*s", 4000, diff)
	}
}
