package importer

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/stream"
)

// testWorkspace is what belongs to a workspace as a whole.
type testWorkspace struct {
	projects  []testProject
	artifacts []comettest.ArtifactSpec
	models    []comettest.RegistrySpec
	panel     []byte
}

// richWorkspace has something of each kind.
func richWorkspace() testWorkspace {
	maker, user := testKey(1), testKey(2)
	element := comettest.AssetSpec{ID: testID(1), Name: "model.onnx", Type: "model-element", Model: "cnn", Body: []byte("weights")}
	file := func(n int, name string, body []byte) comettest.AssetSpec {
		return comettest.AssetSpec{ID: testID(n), Name: name, Type: "unknown", Body: body}
	}
	remote := func(n int) comettest.AssetSpec {
		return comettest.AssetSpec{ID: testID(n), Name: fmt.Sprint("r", n), Type: "unknown", Link: fmt.Sprint("s3://b/", n), Metadata: new(`{"synced":true}`)}
	}
	big := []byte(strings.Repeat("0123456789abcdef", 100_000))
	return testWorkspace{
		projects: []testProject{
			{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{
				{Key: maker, Start: start, End: start + 1, Assets: []comettest.AssetSpec{element}}, {Key: user, Start: start + 5, End: start + 6},
			}},
			{workspace: "team", name: "q"},
		},
		artifacts: []comettest.ArtifactSpec{
			{Name: "set", Type: "dataset", Description: new("digits"), Emoji: new("🔢"), Tags: []string{"public"}, Versions: []comettest.ArtifactVersionSpec{
				{Version: "1.0.0", Producer: maker, Metadata: new(`{"rows":10}`), Tags: []string{"raw"}, Consumers: []string{user},
					Files: []comettest.AssetSpec{file(11, "a/x.csv", []byte("1,2")), file(12, "empty", nil), remote(13), remote(14)}},
				{Version: "1.1.0", Producer: maker, State: "ERROR"},
				{Version: "2.0.0", Producer: user, Aliases: []string{"prod"}, Note: new("cleaned"), Files: []comettest.AssetSpec{file(15, "big", big)}},
				{Version: "3.0.0", Producer: user, State: "OPEN", Files: []comettest.AssetSpec{file(16, "y", []byte("y"))}},
			}},
			{Name: "other", Type: "model", Versions: []comettest.ArtifactVersionSpec{{Version: "1.0.0", Producer: user, Files: []comettest.AssetSpec{file(17, "a/x.csv", []byte("1,2"))}}}},
		},
		models: []comettest.RegistrySpec{{Name: "cnn", Description: new("good"), Notes: "# Notes", Versions: []comettest.RegistryVersionSpec{
			{Version: "1.0.0", Experiment: maker, Model: "cnn", Comment: new("first"), Stages: []string{"old", "x"}},
			{Version: "1.0.1", Experiment: maker, Model: "cnn", Stages: []string{"prod"}, Status: "Production", Metadata: map[string]any{"accuracy": 0.9},
				Configuration: map[string]any{
					"status": "QA", "isReviewRequired": true, "comment": "look",
					"statusConfiguration": []map[string]any{{"key": "b", "value": "2"}, {"key": "a", "value": "1"}},
				}},
		}}},
		panel: panelZip(`{"type":"py","pyCode":"print('hi')"}`),
	}
}

func panelZip(code string) []byte {
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	w, err := zw.Create("panel.json")
	if err == nil {
		_, err = w.Write([]byte(`{"templateName":"Scatter","code":` + code + `}`))
	}
	if err == nil {
		err = zw.Close()
	}
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

const sourcePanel = "00000000000000000000000000panel1"

// stream writes the workspace by hand.
func (w *testWorkspace) stream(t *testing.T, source string) []byte {
	s := newScript(t, source)
	plan := &stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{"team"}}
	for _, p := range w.projects {
		plan.Projects = append(plan.Projects, stream.PlannedProject{Workspace: p.workspace, Project: p.name})
	}
	s.write(plan)
	for _, p := range w.projects {
		s.project(p)
	}
	for _, a := range w.artifacts {
		s.artifact(a)
	}
	for _, m := range w.models {
		s.model(m)
	}
	if len(w.projects) > 0 {
		s.write(&stream.Link{Experiment: testKey(1), Workspace: "team", Project: "q"})
	}
	for _, a := range w.artifacts {
		for _, v := range a.Versions {
			for _, consumer := range v.Consumers {
				s.write(&stream.Lineage{Artifact: a.Name, Version: v.Version, Workspace: "team", Experiment: consumer})
			}
		}
	}
	if len(w.projects) == 0 {
		return s.close()
	}
	half := len(w.panel) / 2
	for i, part := range [][]byte{w.panel[:half], w.panel[half:]} {
		s.write(&stream.Panel{Workspace: "team", ID: sourcePanel, Name: "Scatter", Doc: s.doc(map[string]any{}), Data: part, More: i == 0})
	}
	v3 := map[string]any{"sections": []any{map[string]any{"panels": []any{map[string]any{"templateId": sourcePanel, "experimentKey": testKey(1), "project": "source-project-id"}}}}}
	s.write(&stream.View{Workspace: "team", Project: "p", Name: "Overview", Doc: s.doc(map[string]any{
		"projectId": "source-project-id", "templateName": "Overview", "v3": v3, "dashboardChartState": `{"key":"` + testKey(2) + `"}`, "pinnedExperiments": []string{testKey(1)},
	})}, &stream.View{Workspace: "team", Project: "p", Name: workspace.UnsavedName, Doc: s.doc(map[string]any{})})
	return s.close()
}

func (s *script) artifact(a comettest.ArtifactSpec) {
	s.write(&stream.Artifact{ID: "a-" + a.Name, Name: a.Name, Type: a.Type, Project: "p", Workspace: "team", Doc: s.doc(map[string]any{
		"description": a.Description, "emoji": a.Emoji, "tags": slices.Concat([]string{}, a.Tags), "isPublic": a.Public,
	})})
	for i, v := range a.Versions {
		state := v.State
		if state == "" {
			state = "CLOSED"
		}
		alias := slices.Concat([]string{}, v.Aliases)
		if i == newest(a.Versions) {
			alias = append(alias, "Latest")
		}
		s.write(&stream.ArtifactVersion{ID: "v" + v.Version, Version: v.Version, State: &state, Alias: alias, Tags: slices.Concat([]string{}, v.Tags), Experiment: &v.Producer,
			Doc: s.doc(map[string]any{"metadata": v.Metadata, "note": v.Note})})
		for _, f := range v.Files {
			s.asset(f)
		}
	}
	s.write(&stream.ArtifactEnd{ID: "a-" + a.Name})
}

// newest returns which of the versions a server calls the latest: the last that is
// closed.
func newest(list []comettest.ArtifactVersionSpec) int {
	for i, v := range slices.Backward(list) {
		if v.State == "" || v.State == "CLOSED" {
			return i
		}
	}
	return -1
}

func (s *script) model(m comettest.RegistrySpec) {
	s.write(&stream.Model{ID: "m", Name: m.Name, Notes: &m.Notes, Workspace: "team", Doc: s.doc(map[string]any{"description": m.Description, "isPublic": m.Public})})
	for _, v := range m.Versions {
		rec := &stream.ModelVersion{ID: "mv" + v.Version, Version: v.Version, Experiment: &v.Experiment, Model: &v.Model, Stages: v.Stages,
			Doc: s.doc(map[string]any{"comment": v.Comment})}
		status := v.Status
		if status == "" {
			status = "None"
		}
		rec.Status = &status
		if v.Configuration != nil {
			rec.StatusConfiguration = s.doc(v.Configuration)
		}
		for k, x := range v.Metadata {
			rec.Metadata = append(rec.Metadata, s.doc(map[string]any{"key": k, "value": x}))
		}
		s.write(rec)
	}
	s.write(&stream.ModelEnd{ID: "m"})
}

// seed puts on a server what an import should bring about, but for panel and
// view, whose ids are the server's.
func (w *testWorkspace) seed(srv *comettest.Server) {
	seed(srv, "", w.projects...)
	for _, a := range w.artifacts {
		srv.SeedArtifact("team", a)
	}
	for _, m := range w.models {
		srv.SeedRegistryModel("team", m)
	}
	srv.SeedLink(testKey(1), "q")
}

// takePanels takes panels and views out of a state.
func takePanels(s *comettest.State) (panels []comettest.PanelState, views []comettest.ViewState) {
	for i := range s.Workspaces {
		w := &s.Workspaces[i]
		panels = append(panels, w.Panels...)
		w.Panels = nil
		for j := range w.Projects {
			views = append(views, w.Projects[j].Views...)
			w.Projects[j].Views = nil
		}
	}
	return panels, views
}

// check compares a server with what an import should have brought about.
func (w *testWorkspace) check(t *testing.T, what string, srv *comettest.Server) {
	t.Helper()
	want := newServer(t, comettest.Options{})
	w.seed(want)
	a, b := stateOf(want), stateOf(srv)
	takePanels(a)
	panels, views := takePanels(b)
	diffStates(t, what, a, b)
	if len(panels) != 1 || panels[0].Name != "Scatter" {
		t.Errorf("%s: panels: %+v", what, panels)
	}
	id := srv.State().Workspace("team").Panels[0].ID
	project := srv.State().Project("team", "p").ID
	if len(views) != 1 || !strings.Contains(string(views[0].Fields["v3"]), id) || !strings.Contains(string(views[0].Fields["v3"]), project) {
		t.Errorf("%s: views: %+v", what, views)
	}
}

func TestWorkspaceNew(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	for _, moods := range []comettest.Moods{
		{}, {Version: "3.0.0"}, {Version: "3.47.100", AllCalls: true}, {Lacks: []string{"logger/get/run"}}, {ResumeRuns: true}, {BareVersions: true}, {SnakeViews: true}, {AssignIDs: true},
	} {
		srv := newServer(t, comettest.Options{Moods: moods})
		c := newClient(t, srv)
		r := importTo(t, c, data, Options{Verify: true})
		old := moods.Version == "3.0.0"
		if r.err != nil || r.Missing != map[bool]int64{true: 3}[old] {
			t.Fatalf("%+v: %v, %v", moods, r.err, r.issues())
		}
		if !old && !moods.AssignIDs {
			w.check(t, fmt.Sprintf("%+v", moods), srv)
		}
		srv.ResetStats()
		r = importTo(t, c, data, Options{})
		if r.err != nil || r.Wrote() || r.Differing > 0 || len(writes(srv)) > 0 {
			t.Errorf("%+v, again: %v, %+v, %v, %v", moods, r.err, r.Summary, writes(srv), r.issues())
		}
		srv.ResetStats()
		if r = importTo(t, c, data, Options{Mode: VerifyOnly}); r.err != nil || !old && r.Unverified > 0 || len(writes(srv)) > 0 {
			t.Errorf("%+v, --verify-only: %v, %v, %v", moods, r.err, r.issues(), writes(srv))
		}
	}
}

// A file that was refused is brought by another import: until then its version
// stays open.
func TestWorkspaceFileRefused(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	refusals := 1
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("assetId") == testID(15) && refusals > 0 {
				refusals--
				http.Error(rw, `{"msg":"not today","code":403}`, http.StatusForbidden)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}})
	c := newClient(t, srv)
	if r := importTo(t, c, data, Options{}); r.err != nil || r.Missing != 1 {
		t.Fatalf("refused: %v, %v", r.err, r.issues())
	}
	if r := importTo(t, c, data, Options{Verify: true}); r.err != nil || r.Missing > 0 || r.Unverified > 0 {
		t.Fatalf("again: %v, %v", r.err, r.issues())
	}
	w.check(t, "again", srv)
}

// A version stays open where one of its files is refused while the stream tells
// that another one is missing. The two are found by different goroutines.
func TestWorkspaceFileRefusedAndSkipped(t *testing.T) {
	s := newScript(t, sourceURL)
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}}
	s.begin(p)
	s.project(p)
	s.write(
		&stream.Artifact{ID: "a", Name: "set", Type: "dataset", Project: "p", Workspace: "team", Doc: s.doc(map[string]any{})},
		&stream.ArtifactVersion{ID: "v", Version: "1.0.0", State: new("CLOSED"), Alias: []string{}, Tags: []string{}, Experiment: new(testKey(1)), Doc: s.doc(map[string]any{})},
	)
	for n := range 8 {
		s.asset(comettest.AssetSpec{ID: testID(n), Name: fmt.Sprint(n), Type: "unknown", Body: []byte("x")})
		s.write(&stream.Skipped{Of: stream.KindAsset, Workspace: "team", Name: new("lost"), ID: new(testID(100 + n)), Passing: true, Reason: "gone"})
	}
	s.write(&stream.ArtifactEnd{ID: "a"})
	srv := newServer(t, comettest.Options{Middleware: refusing("artifactVersionId=")})
	r := importTo(t, newClient(t, srv), s.close(), Options{})
	if r.err != nil || r.Missing != 8 || r.Skipped != 8 {
		t.Errorf("%v, %d missing, %d skipped: %q", r.err, r.Missing, r.Skipped, r.issues())
	}
	if v := srv.State().Workspace("team").Artifacts[0].Versions[0]; v.State != "OPEN" {
		t.Errorf("the version is %s", v.State)
	}
}

// A file for which there is no room on disk, and whose size was not known before, is
// named with what to do, and the others are written; metadata that cannot be carried
// are reported. The version stays open for another import.
func TestWorkspaceFileOverTempMax(t *testing.T) {
	s := newScript(t, sourceURL)
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}}
	s.begin(p)
	s.project(p)
	s.write(
		&stream.Artifact{ID: "a", Name: "set", Type: "dataset", Project: "p", Workspace: "team", Doc: s.doc(map[string]any{})},
		&stream.ArtifactVersion{ID: "v", Version: "1.0.0", State: new("CLOSED"), Alias: []string{}, Tags: []string{}, Experiment: new(testKey(1)), Doc: s.doc(map[string]any{})},
	)
	large := bytes.Repeat([]byte("large "), 1<<19)
	s.write(&stream.Asset{ID: testID(1), Name: new("large"), Type: new("unknown"), Doc: s.doc(map[string]any{})})
	s.chunks(large)
	s.endAsset(large)
	s.asset(comettest.AssetSpec{ID: testID(2), Name: "small", Type: "unknown", Body: []byte("x"), Metadata: new("no JSON")})
	s.write(&stream.ArtifactEnd{ID: "a"})
	srv := newServer(t, comettest.Options{})
	c, data := newClient(t, srv), s.close()
	version := func() comettest.ArtifactVersionState { return srv.State().Workspace("team").Artifacts[0].Versions[0] }
	r := importTo(t, c, data, Options{TempMax: 1 << 20})
	want := `asset "large": larger than the space for temporary files (raise --temp-max)`
	if r.err == nil || !strings.Contains(r.err.Error(), want) {
		t.Errorf("%v, want %q", r.err, want)
	}
	if d := gocmp.Diff([]string{`asset "small": missing: its metadata is not JSON`}, r.issues()); d != "" {
		t.Errorf("issues (-want +got): %s", d)
	}
	if v := version(); v.State != "OPEN" || len(v.Files) != 1 {
		t.Errorf("the version is %s with %d files", v.State, len(v.Files))
	}
	if r := importTo(t, c, data, Options{}); r.err != nil {
		t.Errorf("again: %v", r.err)
	}
	if v := version(); v.State != "CLOSED" || len(v.Files) != 2 {
		t.Errorf("again: the version is %s with %d files", v.State, len(v.Files))
	}
}

// refusing makes a server refuse the requests whose address has a text in it.
func refusing(text string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.String(), text) {
				http.Error(rw, `{"msg":"not today","code":403}`, http.StatusForbidden)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}
}

func TestWorkspaceDry(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{})
	before := srv.State()
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Mode: DryRun})
	if r.err != nil || r.Other["artifact-version"] != 5 || len(writes(srv)) > 0 {
		t.Errorf("%v, %+v, %v, %v", r.err, r.Summary, r.issues(), writes(srv))
	}
	diffStates(t, "destination", before, srv.State())
	r = importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Mode: VerifyOnly})
	if r.err != nil || r.Unverified == 0 || len(writes(srv)) > 0 {
		t.Errorf("--verify-only: %v, %+v, %v", r.err, r.Summary, writes(srv))
	}
}

func TestWorkspaceKilled(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	for _, moods := range []comettest.Moods{{}, {ResumeRuns: true}} {
		calm := newServer(t, comettest.Options{Moods: moods})
		importTo(t, newClient(t, calm), data, Options{})
		total := calm.Stats().Requests
		step := stride(9)
		for i, after := range []bool{false, true} {
			for k := 15 + i*step/2; k <= total; k += step {
				srv := newServer(t, comettest.Options{Moods: moods})
				killed(t, srv, data, Options{}, k, after)
				what := fmt.Sprintf("%+v, killed at request %d, after=%v", moods, k, after)
				if r := importTo(t, newClient(t, srv), data, Options{}); r.err != nil || r.Missing+r.Differing > 0 {
					t.Fatalf("%s: %v, %v", what, r.err, r.issues())
				}
				w.check(t, what, srv)
				srv.ResetStats()
				if importTo(t, newClient(t, srv), data, Options{}); len(writes(srv)) > 0 {
					t.Errorf("%s: the third import writes %v", what, writes(srv))
				}
			}
		}
	}
}

// An experiment on whose behalf a file was written is ended again also where the
// version of that file stays open.
func TestWorkspaceOpenVersionContinued(t *testing.T) {
	w, some := richWorkspace(), richWorkspace()
	versions := some.artifacts[0].Versions
	versions[3].Files = nil
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{ResumeRuns: true}})
	some.seed(srv)
	importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{}).succeed(t)
	w.check(t, "continued", srv)
}

func TestWorkspaceLostAnswers(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	for _, kind := range []inject.FaultKind{inject.FaultLost, inject.FaultReset} {
		for _, endpoint := range []string{
			"POST *artifacts/upsert", "POST *artifacts/state", "POST *assets/remote/batch", "POST *registry-model/item/create",
			"POST *template/upload", "POST *views/upsert", "GET *write/project/symlink*",
		} {
			faults := inject.NewFaults(1, inject.Fault{Kind: kind, Endpoint: endpoint, From: 1, To: 1})
			srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
			what := string(kind) + " " + endpoint
			if r := importTo(t, newClient(t, srv), data, Options{}); r.err != nil || r.Missing+r.Differing > 0 {
				t.Errorf("%s: %v, %v", what, r.err, r.issues())
			}
			if len(faults.Injected()) != 1 {
				t.Errorf("%s: no fault", what)
			}
			w.check(t, what, srv)
		}
	}
}

// TestWorkspaceSameInstance copies a workspace on its own instance.
func TestWorkspaceSameInstance(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{})
	w.seed(srv)
	data := w.stream(t, srv.URL())
	before := srv.State().Workspace("team")
	c, o := newClient(t, srv), Options{To: place.Project{Workspace: "other"}}
	if r := importTo(t, c, data, o); r.err != nil || r.Missing+r.Differing > 0 || r.Other["artifact-version"] == 0 {
		t.Fatalf("%v, %+v, %v", r.err, r.Summary, r.issues())
	}
	if d := gocmp.Diff(before, srv.State().Workspace("team")); d != "" {
		t.Errorf("the source has changed: %s", d)
	}
	got := srv.State().Workspace("other")
	if len(got.Artifacts) != 2 || len(got.Artifacts[1].Versions) != 4 || got.Artifacts[1].Versions[0].Producer != place.DeriveKey(testKey(1), place.Project{Workspace: "other", Name: "p"}) {
		t.Errorf("artifacts: %+v", got.Artifacts)
	}
	srv.ResetStats()
	if r := importTo(t, c, data, o); r.err != nil || r.Wrote() || len(writes(srv)) > 0 {
		t.Errorf("again: %v, %+v, %v", r.err, r.Summary, writes(srv))
	}
}

// TestWorkspaceDiffers imports into a workspace that has other things of the
// same names.
func TestWorkspaceDiffers(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	theirs := richWorkspace()
	v := theirs.artifacts[0].Versions
	v[0].Metadata, v[0].Files[0].Body, v[2].Aliases = new(`{"rows":11}`), []byte("other"), nil
	theirs.artifacts[0].Description = new("theirs")
	m := theirs.models[0].Versions
	m[0].Comment, m[1].Status, m[1].Stages = new("second"), "Staging", []string{"x"}
	theirs.models[0].Notes = "theirs"
	srv := newServer(t, comettest.Options{})
	theirs.seed(srv)
	srv.SeedPanel("team", "Scatter", "other code")
	srv.ResetStats()
	r := importTo(t, newClient(t, srv), data, Options{})
	var got []string
	for _, i := range r.issues() {
		if !strings.Contains(i, "noted") {
			got = append(got, strings.SplitN(i, ": differs", 2)[0])
		}
	}
	want := []string{
		`artifact-version "set:1.0.0"`, `artifact-version "set:1.0.0"`, `artifact-version "set:2.0.0"`, `asset "a/x.csv"`,
		`description "set"`, `model-version "cnn:1.0.0"`, `model-version "cnn:1.0.1"`, `model-version "cnn:1.0.1"`, `notes "cnn"`, `panel "Scatter"`,
	}
	if d := gocmp.Diff(want, got); d != "" || r.err != nil {
		t.Errorf("%v, issues: %s", r.err, d)
	}
	for e := range writes(srv) {
		if !strings.HasSuffix(e, "views/upsert") && !strings.HasSuffix(e, "logger/get/run") && !strings.Contains(e, "set-start-end-time") {
			t.Errorf("it writes: %s", e)
		}
	}
}

// TestWorkspaceProducerMissing names what a version needs and nobody has.
func TestWorkspaceProducerMissing(t *testing.T) {
	w := richWorkspace()
	w.projects[0].experiments = w.projects[0].experiments[1:]
	w.projects[0].experiments[0].Assets = nil
	srv := newServer(t, comettest.Options{})
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{})
	if r.err != nil || r.Missing < 3 {
		t.Fatalf("%v, %+v", r.err, r.Summary)
	}
	for _, i := range r.issues() {
		if strings.Contains(i, "missing") && !strings.Contains(i, testKey(1)) && !strings.Contains(i, "set:1.0.0") {
			t.Errorf("it does not name the experiment: %s", i)
		}
	}
}

// TestWorkspaceProducerElsewhere imports into a workspace what comes from
// experiments that the destination has in another one: it would end up there.
func TestWorkspaceProducerElsewhere(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	srv := newServer(t, comettest.Options{Workspaces: []string{"other"}})
	c := newClient(t, srv)
	importTo(t, c, data, Options{}).succeed(t)
	before := srv.State()
	r := importTo(t, c, data, Options{To: place.Project{Workspace: "other"}})
	if r.err != nil || r.Missing != 9 {
		t.Errorf("%v, %d missing: %q", r.err, r.Missing, r.issues())
	}
	for _, i := range r.issues() {
		lineage := strings.HasPrefix(i, "lineage ") && strings.Contains(i, "does not exist") // an input may be of any workspace
		if strings.Contains(i, "missing") && !strings.Contains(i, "is in another workspace") && !lineage {
			t.Errorf("it does not say why: %s", i)
		}
	}
	if d := gocmp.Diff(before.Workspace("team"), srv.State().Workspace("team")); d != "" {
		t.Errorf("the other workspace has changed: %s", d)
	}
}

// TestWorkspaceAlone imports artifacts and models without their experiments,
// which an earlier import has brought: on the source itself as copies.
func TestWorkspaceAlone(t *testing.T) {
	w := richWorkspace()
	for _, same := range []bool{false, true} {
		srv := newServer(t, comettest.Options{Workspaces: []string{"other"}})
		c, source := newClient(t, srv), sourceURL
		o := Options{To: place.Project{Workspace: "other"}}
		if same {
			w.seed(srv)
			source = srv.URL()
		}
		experiments := testWorkspace{projects: w.projects, panel: w.panel}
		importTo(t, c, experiments.stream(t, source), o)
		alone := w
		alone.projects = nil
		r := importTo(t, c, alone.stream(t, source), o)
		if r.err != nil || r.Missing+r.Differing > 0 || r.Other["artifact-version"] != 5 || r.Other["model-version"] != 2 {
			t.Errorf("on the source itself %v: %v, %+v, %q", same, r.err, r.Summary, r.issues())
		}
	}
}

// TestWorkspaceAliasesMoved imports a workspace again whose alias has moved on
// to a new version: that takes it from the one before.
func TestWorkspaceAliasesMoved(t *testing.T) {
	w := richWorkspace()
	srv := newServer(t, comettest.Options{})
	c := newClient(t, srv)
	importTo(t, c, w.stream(t, sourceURL), Options{}).succeed(t)
	versions := &w.artifacts[1].Versions
	(*versions)[0].Aliases = []string{"prod"}
	r := importTo(t, c, w.stream(t, sourceURL), Options{})
	if r.err != nil || r.Differing != 1 || len(writes(srv)) == 0 {
		t.Errorf("an alias that is there no more: %v, %q", r.err, r.issues())
	}
	theirs := srv.State().Workspace("team").Artifacts[0].Versions[0]
	if len(theirs.Aliases) != 1 { // Latest
		t.Errorf("the version that was there has changed: %+v", theirs)
	}
	first, second := (*versions)[0], (*versions)[0]
	first.Aliases, second.Version = nil, "2.0.0"
	second.Files = []comettest.AssetSpec{{ID: testID(18), Name: "z", Type: "unknown", Body: []byte("z")}}
	*versions = []comettest.ArtifactVersionSpec{first, second}
	importTo(t, c, w.stream(t, sourceURL), Options{}).succeed(t)
	*versions = append(*versions, second)
	(*versions)[1].Aliases, (*versions)[2].Version = nil, "3.0.0"
	(*versions)[2].Files = nil
	if r := importTo(t, c, w.stream(t, sourceURL), Options{}); r.err != nil || r.Missing+r.Differing > 0 || r.Other["artifact-version"] != 1 {
		t.Errorf("an alias that has moved on: %v, %+v, %q", r.err, r.Summary, r.issues())
	}
}

// TestWorkspaceTagsFilled gives an artifact the tags that an import was killed
// before it came to.
func TestWorkspaceTagsFilled(t *testing.T) {
	w, bare := richWorkspace(), richWorkspace()
	bare.artifacts[0].Tags = nil
	srv := newServer(t, comettest.Options{})
	bare.seed(srv)
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Mode: VerifyOnly})
	if r.Unverified == 0 {
		t.Errorf("--verify-only does not find that the tags are missing: %q", r.issues())
	}
	importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{}).succeed(t)
	w.check(t, "filled", srv)
}

// TestWorkspacePanelsOfOneName imports two panels that have the same name.
func TestWorkspacePanelsOfOneName(t *testing.T) {
	s := newScript(t, sourceURL)
	s.write(&stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{"team"}})
	for i, code := range []string{`{"pyCode":"1"}`, `{"pyCode":"2"}`, `{"pyCode":"2"}`} {
		s.write(&stream.Panel{Workspace: "team", ID: testID(20 + i), Name: "Scatter", Doc: s.doc(map[string]any{}), Data: panelZip(code)})
	}
	data := s.close()
	srv := newServer(t, comettest.Options{})
	for _, panels := range []int64{3, 0} {
		r := importTo(t, newClient(t, srv), data, Options{})
		if r.err != nil || r.Differing > 0 || r.Other["panel"] != panels || len(srv.State().Workspace("team").Panels) != 3 {
			t.Errorf("%v, %d written, want %d: %q", r.err, r.Other["panel"], panels, r.issues())
		}
	}
}

// TestWorkspaceVerify reads back what a destination has not kept, though it said
// so.
func TestWorkspaceVerify(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	for _, test := range []struct{ request, kind string }{
		{"project/symlink", "link"},
		{"views/upsert", "view"},
		{"registry-model/notes", "notes"},
		{"/metadata", "model-version"},
		{"registry-model/item/create", `model-version "cnn:1.0.0"`},
		{"consumerExperimentKey", "lineage"},
		{"artifactVersionId=", "asset"},
	} {
		srv := newServer(t, comettest.Options{Middleware: forgetful(t, test.request)})
		r := importTo(t, newClient(t, srv), data, Options{Verify: true})
		found := slices.ContainsFunc(r.issues(), func(i string) bool {
			return strings.HasPrefix(i, test.kind) && strings.Contains(i, "unverified")
		})
		if r.err != nil || !found {
			t.Errorf("%s: %v, %d unverified: %q", test.request, r.err, r.Unverified, r.issues())
		}
	}
}

// TestWorkspaceVerifyPanel reads back a panel of which the destination has kept
// something else.
func TestWorkspaceVerifyPanel(t *testing.T) {
	w := richWorkspace()
	data := w.stream(t, sourceURL)
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/download") && strings.Contains(r.URL.Path, "/template/") {
				if _, err := rw.Write(panelZip(`{"type":"py","pyCode":""}`)); err != nil {
					t.Error(err)
				}
				return
			}
			next.ServeHTTP(rw, r)
		})
	}})
	want := []string{`panel "Scatter": unverified: the destination has a different one with this name`}
	r := importTo(t, newClient(t, srv), data, Options{Verify: true})
	if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil || r.Unverified != 1 {
		t.Errorf("%v, %d unverified, issues (-want +got): %s", r.err, r.Unverified, d)
	}
	r = importTo(t, newClient(t, srv), data, Options{Mode: VerifyOnly})
	if d := gocmp.Diff(want, r.issues()); d != "" || r.err != nil || r.Unverified != 1 {
		t.Errorf("--verify-only: %v, %d unverified, issues (-want +got): %s", r.err, r.Unverified, d)
	}
}

// TestWorkspaceVerifyLag reads back what does not show at once, beside what was
// there before.
func TestWorkspaceVerifyLag(t *testing.T) {
	w := richWorkspace()
	some := richWorkspace()
	some.models[0].Versions = some.models[0].Versions[:1]
	some.artifacts[0].Versions = some.artifacts[0].Versions[:3]
	begun := &some.artifacts[0].Versions[2]
	begun.State, begun.Files = "OPEN", nil
	// Less than the pauses between the readings.
	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultLag, Endpoint: "GET *", For: 18 * time.Millisecond})
	srv := newServer(t, comettest.Options{Middleware: faults.Middleware})
	some.seed(srv)
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Verify: true, Settle: 10 * time.Millisecond})
	if r.err != nil || r.Unverified+r.Missing+r.Differing > 0 {
		t.Errorf("%v, %q", r.err, r.issues())
	}
	w.check(t, "lag", srv)
}

// What cannot be at the destination, for want of the experiment that it comes
// from, is what --verify-only looks for.
func TestWorkspaceVerifyOnlyProducerMissing(t *testing.T) {
	w := richWorkspace()
	w.projects[0].experiments, w.projects[0].spec = nil, comettest.ProjectSpec{}
	srv := newServer(t, comettest.Options{})
	srv.SeedProject("team", "p", comettest.ProjectSpec{})
	r := importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{Mode: VerifyOnly})
	if r.err != nil || r.Missing+r.Differing > 0 || r.Unverified == 0 {
		t.Errorf("%v, %d missing, %d unverified: %q", r.err, r.Missing, r.Unverified, r.issues())
	}
}

// An experiment that could not be finished gets no times from what is written in
// its name: the next import would take it for a finished one.
func TestWorkspaceProducerUnfinished(t *testing.T) {
	w := richWorkspace()
	for i := range w.projects[0].experiments {
		w.projects[0].experiments[i].Name = "n"
	}
	data := w.stream(t, sourceURL)
	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(500), Endpoint: "POST *log-other"})
	srv := newServer(t, comettest.Options{Moods: comettest.Moods{GeneratedNames: true}, Middleware: faults.Middleware})
	c := newClient(t, srv, func(o *comet.Options) { o.Retry.Tries = 3 })
	if r := importTo(t, c, data, Options{}); !errors.Is(r.err, comet.ErrServer) || r.Failed != 2 || r.Other["artifact-version"] == 0 {
		t.Fatalf("%v, %+v", r.err, r.Summary)
	}
	faults.Reset()
	if r := importTo(t, c, data, Options{}); r.err != nil || r.Missing+r.Differing > 0 {
		t.Errorf("again: %v, %q", r.err, r.issues())
	}
	if e := srv.State().Experiment(testKey(1)); document.Deref(e.Name) != "n" || e.Start != start || e.End != start+1 {
		t.Errorf("again: %q, from %d to %d", document.Deref(e.Name), e.Start, e.End)
	}
}

// Artifacts and models without versions cannot be made, and are not passed over
// in silence.
func TestWorkspaceNoVersions(t *testing.T) {
	w := testWorkspace{artifacts: []comettest.ArtifactSpec{{Name: "set", Type: "dataset"}}, models: []comettest.RegistrySpec{{Name: "cnn"}}}
	for _, o := range []Options{{}, {Mode: DryRun}, {Mode: VerifyOnly}} {
		r := importTo(t, newClient(t, newServer(t, comettest.Options{})), w.stream(t, sourceURL), o)
		found := r.Missing
		if o.Mode == VerifyOnly {
			found = r.Unverified
		}
		if r.err != nil || found != 2 {
			t.Errorf("mode %v: %v, %q", o.Mode, r.err, r.issues())
		}
	}
	full := richWorkspace()
	srv := newServer(t, comettest.Options{})
	full.seed(srv)
	importTo(t, newClient(t, srv), w.stream(t, sourceURL), Options{}).succeed(t)
}

// TestWorkspaceLatest imports versions of which the owner, and not the server, has
// called one the latest: the destination keeps that alias itself, which is told
// each time.
func TestWorkspaceLatest(t *testing.T) {
	const other = `artifact-version "set:1.0.0": %s: the destination has different aliases`
	w := versionedWorkspace()
	for _, alias := range []string{"latest", "Latest"} {
		w.artifacts[0].Versions[0].Aliases = []string{alias, "prod"}
		c := newClient(t, newServer(t, comettest.Options{Clock: ticking()}))
		for i, o := range []Options{{Verify: true}, {}, {Mode: VerifyOnly}} {
			class := "differs"
			if o.Mode == VerifyOnly {
				class = "unverified"
			}
			r := importTo(t, c, w.stream(t, sourceURL), o)
			if d := gocmp.Diff([]string{fmt.Sprintf(other, class)}, r.issues()); d != "" || r.err != nil {
				t.Errorf("%s, run %d: %v, issues (-want +got): %s", alias, i, r.err, d)
			}
		}
	}
	// A destination that has gone on has another latest version.
	w.artifacts[0].Versions[0].Aliases = nil
	grown := versionedWorkspace()
	grown.artifacts[0].Versions = append(grown.artifacts[0].Versions, comettest.ArtifactVersionSpec{Version: "3.0.0", Producer: testKey(1)})
	c := newClient(t, newServer(t, comettest.Options{Clock: ticking()}))
	importTo(t, c, grown.stream(t, sourceURL), Options{}).succeed(t)
	importTo(t, c, w.stream(t, sourceURL), Options{}).succeed(t)
}

// An experiment may have consumed the same version of the same name from several
// workspaces, whether it is in the stream or at the destination.
func TestLineageOfWorkspaces(t *testing.T) {
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}}
	for name, streamed := range map[string][]testProject{"in the stream": {p}, "at the destination": nil} {
		t.Run(name, func(t *testing.T) {
			s, srv := newScript(t, sourceURL), newServer(t, comettest.Options{})
			s.begin(streamed...)
			for _, p := range streamed {
				s.project(p)
			}
			if streamed == nil {
				seed(srv, "", p)
			}
			for _, workspace := range []string{"team", "other"} {
				s.write(&stream.Lineage{Artifact: "set", Version: "1.0.0", Workspace: workspace, Experiment: testKey(1)})
				maker := srv.SeedExperiment(workspace, "made", comettest.ExperimentSpec{Start: start, End: start + 1})
				srv.SeedArtifact(workspace, comettest.ArtifactSpec{Name: "set", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{{Version: "1.0.0", Producer: maker}}})
			}
			data, c := s.close(), newClient(t, srv)
			if r := importTo(t, c, data, Options{Verify: true}); r.err != nil || r.Missing > 0 || r.Unverified > 0 {
				t.Fatalf("%v, %v", r.err, r.issues())
			}
			for _, workspace := range []string{"team", "other"} {
				if got := srv.State().Workspace(workspace).Artifacts[0].Versions[0].Consumers; !slices.Equal(got, []string{testKey(1)}) {
					t.Errorf("of %s: consumers %q", workspace, got)
				}
			}
			srv.ResetStats()
			if r := importTo(t, c, data, Options{}); r.err != nil || r.Wrote() || len(writes(srv)) > 0 {
				t.Errorf("again: %v, %+v, %v", r.err, r.Summary, writes(srv))
			}
		})
	}
}

// An artifact stays in its project when the experiment that made it was moved to
// another one since, unless the destination takes no project.
func TestArtifactOfMovedExperiment(t *testing.T) {
	for _, tt := range []struct {
		name, project string
		moods         comettest.Moods
		middleware    func(http.Handler) http.Handler
		issues        []string
	}{
		{name: "taken", project: "p"},
		{name: "ignored", project: "q", moods: comettest.Moods{IgnoreArtifactExtras: true}, issues: []string{`project "set": noted: the destination has it in project "q"`}},
		{name: "refused", project: "q", issues: []string{`project "set": noted: the destination has it in project "q"`}, middleware: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"projectName"`)) && strings.HasSuffix(r.URL.Path, "artifacts/upsert") {
					http.Error(w, `{"msg":"unknown field","code":400}`, http.StatusBadRequest)
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(w, r)
			})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, sourceURL)
			projects := []testProject{
				{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{{Key: testKey(2), Start: start, End: start + 1}}},
				{workspace: "team", name: "q", experiments: []comettest.ExperimentSpec{{Key: testKey(1), Start: start, End: start + 1}}},
			}
			s.begin(projects...)
			for _, p := range projects {
				s.project(p)
			}
			s.artifact(comettest.ArtifactSpec{Name: "set", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
				{Version: "1.0.0", Producer: testKey(1)}, {Version: "1.0.1", Producer: testKey(1)}}})
			srv := newServer(t, comettest.Options{Moods: tt.moods, Middleware: tt.middleware})
			data, c := s.close(), newClient(t, srv)
			r := importTo(t, c, data, Options{Verify: true})
			if d := gocmp.Diff(tt.issues, r.issues()); d != "" || r.err != nil {
				t.Errorf("%v, issues (-want +got): %s", r.err, d)
			}
			if a := srv.State().Workspace("team").Artifacts[0]; a.Project != tt.project || len(a.Versions) != 2 {
				t.Errorf("%+v, want project %q and two versions", a, tt.project)
			}
			if r := importTo(t, c, data, Options{}); r.err != nil || r.Wrote() || len(r.issues()) != len(tt.issues) {
				t.Errorf("again: %v, %+v, %q", r.err, r.Summary, r.issues())
			}
		})
	}
}
