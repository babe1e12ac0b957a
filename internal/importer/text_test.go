package importer

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/stream"
)

// A text that is not UTF-8, which no writer of ours makes, is told each time, and
// written once. A patch travels in a zip file and may hold anything.
func TestTextsNotUTF8(t *testing.T) {
	const bad = "caf\xe9 \xf0\x9f\x98 ok\n"
	p := testProject{
		workspace: "team", name: "p", spec: comettest.ProjectSpec{Notes: "# " + bad},
		experiments: []comettest.ExperimentSpec{{
			Key: testKey(1), Start: start, End: start, HTML: new("<p>" + bad), Code: new(bad), Graph: new(bad), Output: []string{bad, bad},
			GitPatch: []byte(bad),
		}},
	}
	data := streamOf(t, p)
	srv := newServer(t, comettest.Options{})
	c := newClient(t, srv)
	told := func(class string) []string {
		return []string{
			"code: " + class + ": 4 of its bytes are not UTF-8, and are U+FFFD at the destination",
			"graph: " + class + ": 4 of its bytes are not UTF-8, and are U+FFFD at the destination",
			"html: " + class + ": 4 of its bytes are not UTF-8, and are U+FFFD at the destination",
			"notes: " + class + ": 4 of its bytes are not UTF-8, and are U+FFFD at the destination",
			"output: " + class + ": 8 of its bytes are not UTF-8, and are U+FFFD at the destination",
		}
	}
	for _, run := range []struct {
		name, class string
		o           Options
		writes      bool
	}{
		{"dry run", "differs", Options{Mode: DryRun}, false},
		{"first", "differs", Options{Verify: true}, true},
		{"again", "differs", Options{}, false},
		{"update", "differs", Options{Update: true}, false},
		{"verify", "unverified", Options{Mode: VerifyOnly}, false},
	} {
		srv.ResetStats()
		r := importTo(t, c, data, run.o)
		if r.err != nil {
			t.Fatalf("%s: %v", run.name, r.err)
		}
		if diff := gocmp.Diff(told(run.class), r.issues()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", run.name, diff)
		}
		if n := writes(srv); len(n) > 0 != run.writes {
			t.Errorf("%s: writes %v", run.name, n)
		}
	}
	var e comettest.ExperimentState
	for _, p := range stateOf(srv).Workspace("team").Projects {
		for _, x := range p.Experiments {
			e = x
		}
	}
	good := "caf\ufffd \ufffd\ufffd\ufffd ok\n"
	if e.HTML.Text != "<p>"+good || e.Code.Text != good {
		t.Errorf("html %q, code %q", e.HTML.Text, e.Code.Text)
	}
	patch, err := c.Texts.GitPatch(t.Context(), e.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer patch.Close()
	if got, err := io.ReadAll(patch); string(got) != bad || err != nil {
		t.Errorf("patch %q, %v", got, err)
	}
}

// Links in a text are rewritten to the same bytes however often it is sent, also
// when the keys of more experiments become known meanwhile.
func TestRewrittenTextIsSteady(t *testing.T) {
	early, late, other := testKey(1), testKey(2), testKey(3)
	var keys place.Imported
	keys.Set(early, place.Experiment{Key: other})
	text := `<a href="/x?experimentKey=` + early + `">` + strings.Repeat("x ", 100_000) + `<a href="/x?experimentKey=` + late + `">`
	refs := keys.LinkReferences(&place.Source{}, "https://comet.test", place.Project{Workspace: "team", Name: "p"}, false)
	made, err := content.Text{Sum: content.SumOfText(text), Open: api.TextContent(text).Open}.Becomes(refs.Links)
	if err != nil {
		t.Fatal(err)
	}
	keys.Set(late, place.Experiment{Key: "0123456789"})
	for range 2 {
		if s, err := content.SumOf(made.Open); s != made.Sum || err != nil {
			t.Errorf("%v, then %v (%v)", made.Sum, s, err)
		}
	}
	if want := strings.ReplaceAll(text, early, other); made.Sum != content.SumOfText(want) {
		t.Error("another text was made than wanted")
	}
}

// A text that is sent again after a lost answer is sent whole.
func TestTextSentAgain(t *testing.T) {
	text := strings.Repeat("é\"\n", spool.SmallItem) // more than stays in memory
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{
		Key: testKey(1), Start: start, End: start, HTML: &text, Code: &text, Graph: &text, GitPatch: []byte(text),
	}}}
	faults := inject.NewFaults(1,
		inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *write/experiment/html", To: 1},
		inject.Fault{Kind: inject.FaultReset, Endpoint: "POST *write/experiment/code", To: 2},
		inject.Fault{Kind: inject.FaultStatus(http.StatusBadGateway), Endpoint: "POST *write/experiment/git/patch", To: 1},
	)
	want, srv := newServer(t, comettest.Options{}), newServer(t, comettest.Options{Middleware: faults.Middleware})
	seed(want, "", p)
	importTo(t, newClient(t, srv), streamOf(t, p), Options{Verify: true}).succeed(t)
	if n := len(faults.Injected()); n < 4 {
		t.Errorf("%d faults", n)
	}
	diffStates(t, "state", stateOf(want), stateOf(srv))
}

// A text for which there is no room on disk is named with what to do, and the
// others are written.
func TestTextOverTempMax(t *testing.T) {
	long, short := strings.Repeat("a line of code\n", 200_000), "<p>short</p>"
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{
		{Key: testKey(1), Start: start, End: start + 1, Code: &long, HTML: &short, GitPatch: []byte("diff --git a b\n")},
	}}
	srv := newServer(t, comettest.Options{})
	c, data := newClient(t, srv), streamOf(t, p)
	r := importTo(t, c, data, Options{TempMax: 1 << 20})
	want := "code: larger than the space for temporary files (raise --temp-max)"
	if r.err == nil || !strings.Contains(r.err.Error(), want) {
		t.Errorf("%v, want %q", r.err, want)
	}
	e := srv.State(comettest.StateOptions{Texts: true}).Experiment(testKey(1))
	if e.HTML == nil || e.GitPatchSHA256 == "" || e.Code != nil {
		t.Errorf("the destination has %+v, %q, %+v", e.HTML, e.GitPatchSHA256, e.Code)
	}
	importTo(t, c, data, Options{Verify: true}).succeed(t)
}

// Notes and panels for which there is no room on disk are named with what to do, and
// the rest of the stream is written.
func TestNotesOverTempMax(t *testing.T) {
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}}
	long := testProject{workspace: "team", name: "long"}
	s := newScript(t, sourceURL)
	s.begin(long, p)
	s.project(long)
	for n := range 5 {
		s.write(&stream.Notes{Workspace: "team", Project: "long", Data: []byte(strings.Repeat("a long note\n", 40_000)), More: n < 4})
	}
	s.project(p)
	for i, size := range []int{40_000, 1} {
		var code strings.Builder // that a zip file makes no smaller than half
		for n := range size {
			fmt.Fprintf(&code, "%x", sha256.Sum256([]byte{byte(n), byte(n >> 8)}))
		}
		rest := panelZip(fmt.Sprintf(`{"type":"py","pyCode":%q}`, code.String()))
		for more := true; more; {
			n := min(len(rest), stream.MaxData)
			more = n < len(rest)
			s.write(&stream.Panel{Workspace: "team", ID: fmt.Sprintf("%032d", i), Name: fmt.Sprint(size), Doc: s.doc(map[string]any{}), Data: rest[:n], More: more})
			rest = rest[n:]
		}
	}
	data := s.close()
	srv := newServer(t, comettest.Options{})
	c := newClient(t, srv)
	r := importTo(t, c, data, Options{TempMax: 1 << 20})
	want := []string{
		"notes: missing: larger than the space for temporary files (raise --temp-max)",
		`panel "40000": missing: larger than the space for temporary files (raise --temp-max)`,
	}
	if d := gocmp.Diff(want, r.issues()); r.err != nil || d != "" {
		t.Errorf("%v, issues (-want +got): %s", r.err, d)
	}
	if r.Created != 1 || r.Missing != 2 {
		t.Errorf("%+v", r.Summary)
	}
	state := stateOf(srv)
	if panels, _ := takePanels(state); len(panels) != 1 {
		t.Errorf("%d panels, want the small one", len(panels))
	}
	if r := importTo(t, c, data, Options{}); r.err != nil || len(r.issues()) > 0 || r.Other["panel"] == 0 || r.Other["notes"] != 1 {
		t.Errorf("with room: %v, %q, %+v", r.err, r.issues(), r.Other)
	}
}
