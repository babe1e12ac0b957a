package comet

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// docServer returns a client of a server that answers one path with a document.
func docServer(t *testing.T, path, doc string) *Client {
	t.Helper()
	return newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/" + path: answer(doc)})
}

func TestValues(t *testing.T) {
	const full = `{"name":"batch_size","valueMax":"120","valueMin":"60","valueCurrent":"90","timestampMax":3,"timestampMin":1,"timestampCurrent":2,` +
		`"runContextMax":null,"runContextMin":"train","runContextCurrent":"","stepMax":null,"stepMin":"1","stepCurrent":2.0,"editable":false}`
	const odd = `{"name":"Name|Max","valueCurrent":12.50,"valueMin":null,"Max":1,"timestampCurrent":"7"}`
	want := []Value{
		{Raw: []byte(full), Name: "batch_size",
			Max:     Reading{Value: new("120"), Time: new(int64(3))},
			Min:     Reading{Value: new("60"), Time: new(int64(1)), Context: new("train"), Step: new(int64(1))},
			Current: Reading{Value: new("90"), Time: new(int64(2)), Context: new(""), Step: new(int64(2))}},
		{Raw: []byte(odd), Name: "Name|Max", Current: Reading{Value: new("12.50"), Time: new(int64(7))}},
	}
	for path, read := range map[string]func(*Client) ([]Value, error){
		"experiment/parameters":      func(c *Client) ([]Value, error) { return ValuesOf(c.Parameters.Each)(t.Context(), "k") },
		"experiment/log-other":       func(c *Client) ([]Value, error) { return ValuesOf(c.Others.Each)(t.Context(), "k") },
		"experiment/metrics/summary": func(c *Client) ([]Value, error) { return ValuesOf(c.Metrics.Each)(t.Context(), "k") },
	} {
		got, err := read(docServer(t, path, `{"values":[`+full+`,`+odd+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if got, err := read(docServer(t, path, `{"values":null}`)); err != nil || got != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}

func TestTags(t *testing.T) {
	got, err := docServer(t, "experiment/tags", `{"tags":["a",1,"été",null]}`).Experiments.Tags(t.Context(), "k")
	if diff := cmp.Diff([]string{"a", "1", "été"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestGitMetadata(t *testing.T) {
	const none = `{"branch":null,"origin":null,"parent":null,"root":null,"user":null}`
	g, err := docServer(t, "experiment/git/metadata", none).Origins.Git(t.Context(), "k")
	if err != nil || !g.Empty() || string(g.Raw) != none {
		t.Errorf("%+v, %v", g, err)
	}
	const full = `{"user":"a@b","root":"12","branch":"refs/heads/main","parent":"34","origin":"git@h","more":1}`
	g, err = docServer(t, "experiment/git/metadata", full).Origins.Git(t.Context(), "k")
	want := &Git{Raw: []byte(full), User: new("a@b"), Root: new("12"), Branch: new("refs/heads/main"), Parent: new("34"), Origin: new("git@h")}
	if diff := cmp.Diff(want, g); err != nil || diff != "" || g.Empty() {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestSystemDetails(t *testing.T) {
	const doc = `{"user":null,"systemMetricNames":["sys.load.avg"],"installedPackages":["numpy==1"],"osPackages":null,"command":"python x"}`
	s, err := docServer(t, "experiment/system-details", doc).Origins.System(t.Context(), "k")
	want := &System{Raw: []byte(doc), Metrics: []string{"sys.load.avg"}, InstalledPackages: []string{"numpy==1"}}
	if diff := cmp.Diff(want, s); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestAccount(t *testing.T) {
	const doc = `{"userName":"alice","defaultWorkspaceName":"team","x":1}`
	a, err := docServer(t, "account-details", doc).Account(t.Context())
	if diff := cmp.Diff(&Account{Raw: []byte(doc), UserName: "alice", DefaultWorkspace: "team"}, a); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestModels(t *testing.T) {
	const a = `{"experimentModelId":"M1","experimentKey":"K","modelName":"cnn","registryRecords":[]}`
	const b = `{"experimentModelId":"M2","experimentModelName":"rnn"}`
	got, err := docServer(t, "experiment/model", `{"models":[`+a+`,`+b+`]}`).Assets.Models(t.Context(), "K")
	want := []Model{{Raw: []byte(a), ID: "M1", Key: "K", Name: "cnn"}, {Raw: []byte(b), ID: "M2", Key: "K", Name: "rnn"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestProjects(t *testing.T) {
	const a = `{"projectId":"P1","projectName":"cnn","ownerUserName":"alice","projectDescription":"","workspaceName":"team-a",` +
		`"numberOfExperiments":12,"lastUpdated":1592593124000,"public":true}`
	const b = `{"projectId":"P2","projectName":"x","isPublic":false}`
	got, err := docServer(t, "projects", `{"projects":[`+a+`,`+b+`]}`).Projects.List(t.Context(), "team-a")
	want := []Project{
		{Raw: []byte(a), ID: "P1", Workspace: "team-a", Name: "cnn", Owner: "alice", Description: new(""), Experiments: new(int64(12)),
			Updated: new(int64(1592593124000)), Public: new(true)},
		{Raw: []byte(b), ID: "P2", Workspace: "team-a", Name: "x", Public: new(false)},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	p, err := docServer(t, "project", a).Projects.Get(t.Context(), "team-a", "cnn")
	if diff := cmp.Diff(&want[0], p); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := docServer(t, "project", `{}`).Projects.ByID(t.Context(), "P"); !errors.Is(err, api.ErrUnclear) || errors.Is(err, api.ErrNotFound) {
		t.Errorf("an empty answer: %v", err)
	}
}

func TestProjectsPage(t *testing.T) {
	const row = `{"projectId":"P1","userName":"alice","projectName":"cnn","projectDesc":"d","generalProject":true,"experimentCount":12,` +
		`"isPublic":false,"teamName":"team-a","created_at":5,"lastUpdated":6,"lastUpdatedByUser":7,"totalRowCount":"3"}`
	pages := map[string]string{
		"0": `{"rows":[` + row + `,{"projectId":"P2"}],"totalRowCount":3}`,
		"2": `{"rows":[{"projectId":"P2"},{"projectId":"P3"}],"totalRowCount":3}`,
	}
	var offsets []string
	c := newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/projects/page": func(w http.ResponseWriter, r *http.Request) {
		o := r.URL.Query().Get("offset")
		offsets = append(offsets, o)
		answer(pages[o])(w, r)
	}})
	got, err := c.Projects.Pages(t.Context(), "team-a")
	want := []Project{
		{Raw: []byte(row), ID: "P1", Workspace: "team-a", Name: "cnn", Description: new("d"), Owner: "alice", Public: new(false),
			General: new(true), Experiments: new(int64(12)), Created: new(int64(5)), Updated: new(int64(6))},
		{Raw: []byte(`{"projectId":"P2"}`), ID: "P2", Workspace: "team-a"},
		{Raw: []byte(`{"projectId":"P3"}`), ID: "P3", Workspace: "team-a"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"0", "2"}, offsets); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
	// An old server has the plain listing alone.
	if _, err := docServer(t, "projects", `{"projects":[]}`).Projects.Pages(t.Context(), "w"); !errors.Is(err, api.ErrUnsupported) {
		t.Errorf("old server: %v", err)
	}
	// No such workspace is another matter.
	c = newTestClient(t, map[string]http.HandlerFunc{"/": status(404, `{"msg":"no such workspace"}`)})
	if _, err := c.Projects.Pages(t.Context(), "w"); !errors.Is(err, api.ErrNotFound) || errors.Is(err, api.ErrUnsupported) {
		t.Errorf("no workspace: %v", err)
	}
}

func TestProcessing(t *testing.T) {
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/experiment/processing/status": answer(`{"processing":true}`),
	})
	if busy, err := c.Experiments.Processing(t.Context(), "K"); err != nil || !busy {
		t.Errorf("%v, %v", busy, err)
	}
	old := docServer(t, "experiment/metadata", `{"experimentKey":"K"}`)
	if _, err := old.Experiments.Processing(t.Context(), "K"); !errors.Is(err, api.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
