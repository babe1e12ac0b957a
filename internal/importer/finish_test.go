package importer

import (
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/stream"
)

// An experiment that was running ends where the stream stops knowing of it, not
// when the import happens to run.
func TestEndOfRunning(t *testing.T) {
	for name, tt := range map[string]struct{ written, want int64 }{
		"stream later":            {start + 60_000, start + 60_000},
		"clock of another minute": {start - 60_000, start},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, comettest.Options{})
			s := newScriptOf(t, sourceURL, tt.written)
			p := testProject{workspace: "w", name: "p"}
			s.begin(p)
			from := int64(start)
			s.write(
				&stream.Project{Workspace: "w", Name: "p", Doc: s.doc(map[string]any{})},
				&stream.Experiment{Key: testKey(1), Workspace: "w", Project: "p", Running: true, Start: &from, Doc: s.doc(map[string]any{}), Tags: []string{}},
				&stream.ExperimentEnd{Key: testKey(1)},
			)
			data := s.close()
			o := Options{To: place.Project{Workspace: "team"}}
			importTo(t, newClient(t, srv), data, o).succeed(t)
			e := srv.State().Experiment(testKey(1))
			if e.Running || e.Start != start || e.End != tt.want {
				t.Errorf("running %v, from %d to %d; want the end %d", e.Running, e.Start, e.End, tt.want)
			}
			if r := importTo(t, newClient(t, srv), data, o).succeed(t); r.Wrote() {
				t.Errorf("the same again wrote: %+v", r.Summary)
			}
		})
	}
}

// A destination that does not tell whether an experiment has crashed is reported
// each time: what cannot be read is not the same.
func TestCrashUntold(t *testing.T) {
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{Version: "3.7.90"}})
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1, Crashed: true}}}
	data, c := streamOf(t, p), newClient(t, srv)
	for n, o := range []Options{{}, {}, {}, {Mode: VerifyOnly}} {
		r := importTo(t, c, data, o)
		want := "state: missing: "
		if o.Mode == VerifyOnly {
			want = "state: unverified: "
		}
		if issues := r.issues(); r.err != nil || len(issues) != 1 || !strings.HasPrefix(issues[0], want) {
			t.Errorf("run %d: %v, %q, want one %q", n, r.err, issues, want)
		}
	}
}
