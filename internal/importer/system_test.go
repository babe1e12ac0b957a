package importer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// TestGitNull imports a repository again of which the destination has made null
// of what is empty.
func TestGitNull(t *testing.T) {
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/experiment/git/metadata") {
				next.ServeHTTP(rw, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			rw.Header().Set("Content-Type", "application/json")
			if _, err := io.WriteString(rw, strings.ReplaceAll(rec.Body.String(), `""`, "null")); err != nil {
				t.Error(err)
			}
		})
	}})
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{
		{Key: testKey(1), Start: start, End: start + 1, Git: &comettest.GitSpec{Branch: new("main"), Root: new("")}},
	}}
	c, data := newClient(t, srv), streamOf(t, p)
	importTo(t, c, data, Options{Verify: true}).succeed(t)
	importTo(t, c, data, Options{}).succeed(t)
	importTo(t, c, data, Options{Mode: VerifyOnly}).succeed(t)
}

func systemProject() testProject {
	return testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start + 1,
		System: map[string]any{"user": "ann", "logAdditionalSystemInfoList": []map[string]string{{"key": "a", "value": "1"}, {"key": "b", "value": "2"}, {"key": "a", "value": "3"}}},
	}}}
}

// A server that appends gets additional system information once, whatever answer
// is lost.
func TestSystemAppended(t *testing.T) {
	data := streamOf(t, systemProject())
	want := newServer(t, comettest.Options{Moods: comettest.Moods{AppendSystem: true}})
	importTo(t, newClient(t, want), data, Options{}).succeed(t)
	for name, fault := range map[string]inject.Fault{
		"answer lost":       {Kind: inject.FaultLost, From: 1, To: 1},
		"request lost":      {Kind: inject.FaultReset, From: 1, To: 1},
		"two answers lost":  {Kind: inject.FaultLost, From: 1, To: 2},
		"answered by a 502": {Kind: inject.FaultStatus(502), From: 1, To: 1},
	} {
		t.Run(name, func(t *testing.T) {
			fault.Endpoint = "POST *system-details"
			faults := inject.NewFaults(1, fault, inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *system-details", Reads: 1})
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware, Moods: comettest.Moods{AppendSystem: true}})
			c := newClient(t, srv)
			for range 3 {
				importTo(t, c, data, Options{Verify: true}).succeed(t)
			}
			importTo(t, c, data, Options{Mode: VerifyOnly}).succeed(t)
			diffStates(t, "destination", stateOf(want), stateOf(srv))
			if len(faults.Injected()) == 0 {
				t.Error("no fault was injected")
			}
		})
	}
}

// Additional system information that is there twice is told each time, and not
// written once more.
func TestSystemDoubled(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{AppendSystem: true}})
	data, c := streamOf(t, systemProject()), newClient(t, srv)
	importTo(t, c, data, Options{}).succeed(t)
	if err := c.Origins.WriteSystem(t.Context(), testKey(1), json.RawMessage(`{"logAdditionalSystemInfoList":[{"key":"a","value":"1"},{"key":"b","value":"2"}]}`)); err != nil {
		t.Fatal(err)
	}
	srv.ResetStats()
	for _, o := range []struct {
		Options
		class string
	}{{Options{}, "differs"}, {Options{}, "differs"}, {Options{Mode: VerifyOnly}, "unverified"}} {
		r := importTo(t, c, data, o.Options)
		want := `system "logAdditionalSystemInfoList": ` + o.class + ": the destination has 2 duplicate entries"
		if !slices.Contains(r.issues(), want) {
			t.Errorf("%v, %q, want %q", r.err, r.issues(), want)
		}
	}
	if n := writes(srv)["POST /clientlib/rest/v2/write/experiment/system-details"]; n > 0 {
		t.Errorf("it is written again: %v", writes(srv))
	}
}
