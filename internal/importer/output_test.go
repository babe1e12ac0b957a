package importer

import (
	"errors"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// TestOutputLost loses the answers to requests for a long output.
func TestOutputLost(t *testing.T) {
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start, Output: []string{strings.Repeat("a line\n", 22_000), "end"},
	}}}
	want := newServer(t, comettest.Options{})
	seed(want, "", p)
	data := streamOf(t, p)
	for i, kind := range []inject.FaultKind{inject.FaultLost, inject.FaultReset} {
		for at := i; at < 3; at += stride(2) {
			faults := inject.NewFaults(1, inject.Fault{Kind: kind, Endpoint: "POST *write/experiment/output", From: at + 1, To: at + 2})
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
			importTo(t, newClient(t, srv), data, Options{}).succeed(t)
			if len(faults.Injected()) == 0 {
				t.Error("no fault")
			}
			diffStates(t, string(kind), stateOf(want), stateOf(srv))
		}
	}
}

// TestOutputNeverArrives tells what is wrong where no request for an output comes
// through, and nothing of what it does about it.
func TestOutputNeverArrives(t *testing.T) {
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start, Output: []string{"a line\n"},
	}}}
	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *write/experiment/output"})
	srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
	r := importTo(t, newClient(t, srv), streamOf(t, p), Options{})
	if !errors.Is(r.err, comet.ErrUncertain) || r.Failed != 1 {
		t.Errorf("%v, %+v", r.err, r.Summary)
	}
}
