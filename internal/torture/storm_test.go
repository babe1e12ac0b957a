package torture

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// maxRuns is how often a command is started again in a storm before the test
// gives up on it. The last of them has the server to itself.
const maxRuns = 8

// storm returns rules that strike requests at a rate with every kind of fault.
// What ends a run comes a few times in all.
func storm(rate float64) []inject.Fault {
	rules := []inject.Fault{
		{Kind: inject.FaultStatus(401), Rate: rate / 20, Times: 1},
		{Kind: inject.FaultStatus(403), Rate: rate / 20, Times: 3},
	}
	list := passing()
	for _, x := range list {
		f := x.fault
		f.Rate = rate / float64(len(list))
		if f.Requests > 0 {
			f.Times = 5
		}
		rules = append(rules, f)
	}
	return append(rules, inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *", Rate: rate, For: stormLag})
}

// stormLag is how long reads lag behind writes in a storm.
const stormLag = time.Second

// Random faults of every kind do no more than delay what is moved, or make the
// same command necessary again.
func TestStorm(t *testing.T) {
	rng := dice(t)
	n := either(200, 12)
	src := start(t, nil)
	seedMany(src, rng, n)
	plain := withoutTrouble(t, src, "many")
	before := src.State()
	t.Cleanup(func() { unchanged(t, before, src.State()) })
	for _, rate := range []float64{0.05, 0.2} {
		seed := rng.Uint64()
		t.Run(fmt.Sprintf("export/%v", rate), func(t *testing.T) {
			t.Parallel()
			from := front(t, src)
			file := filepath.Join(t.TempDir(), "many.comet.zst")
			again(t, from, rate, seed, func() result { return runExport(from, "-o", file, "lab/many") })
			if got := records(t, read(t, file)); got != plain.records {
				t.Errorf("the stream has %s, want %s", got, plain.records)
			}
		})
		t.Run(fmt.Sprintf("import/%v", rate), func(t *testing.T) {
			t.Parallel()
			dst := start(t, nil)
			again(t, dst, rate, seed, func() result { return runImport(dst, plain.stream) })
			same(t, plain.state, dst)
		})
	}
}

// again lets a storm loose on an instance and runs a command until it ends
// with 0.
func again(t *testing.T, in *instance, rate float64, seed uint64, command func() result) {
	t.Helper()
	var said strings.Builder
	if err := in.faults.Set(seed, storm(rate)...); err != nil {
		t.Fatal(err)
	}
	codes, faults := []int{}, in.faults.Counts()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was said:\n%s", said.String())
		}
	})
	for len(codes) < maxRuns {
		if len(codes) == maxRuns-1 {
			in.faults.Reset()
		}
		r := command().want(t, cli.ExitOK, cli.ExitIncomplete, cli.ExitServer, cli.ExitDenied)
		fmt.Fprintf(&said, "exit code %d\n%s\n", r.code, r.stderr)
		if len(codes) < maxRuns-1 {
			faults = in.faults.Counts()
		}
		if codes = append(codes, r.code); r.code == cli.ExitOK {
			break
		}
		// What is read of an experiment is believed, unless something is to be
		// written to it: a run that begins at once may miss that the last one
		// has left it unfinished.
		time.Sleep(stormLag)
	}
	t.Logf("%.0f %%: exit codes %v after the faults %v", 100*rate, codes, faults)
	if codes[len(codes)-1] != cli.ExitOK {
		t.Errorf("not done after %d runs", maxRuns)
	}
}
