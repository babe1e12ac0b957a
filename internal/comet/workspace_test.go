package comet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// workspaceWrites is every write of the workspace level, with the request that
// it must make.
var workspaceWrites = []write{
	{"open artifact version", func(ctx context.Context, c *Client) error {
		v, err := c.Artifacts.OpenVersion(ctx, NewArtifactVersion{Key: "K", Name: "n", Type: "dataset"})
		if err == nil && (v.ID != "V" || v.ArtifactID != "A" || v.Version != "1.0.0") {
			return errors.New("answer is not read")
		}
		return err
	}, "POST /api/rest/v2/write/artifacts/upsert",
		`{"artifactName":"n","artifactType":"dataset","experimentKey":"K","versionMetadata":null,"version":null,"alias":[],"versionTags":[]}`},
	{"open artifact version with all", func(ctx context.Context, c *Client) error {
		_, err := c.Artifacts.OpenVersion(ctx, NewArtifactVersion{Key: "K", Name: "n", Type: "dataset", Version: "1.0.0", Metadata: new(`{"r":1}`),
			Aliases: []string{"a"}, Tags: []string{"t"}, Description: new("d"), Public: new(true), Emoji: new("e"), Note: new("")})
		return err
	}, "POST /api/rest/v2/write/artifacts/upsert",
		`{"artifactName":"n","artifactType":"dataset","experimentKey":"K","versionMetadata":"{\"r\":1}","version":"1.0.0","alias":["a"],` +
			`"versionTags":["t"],"description":"d","isPublic":true,"emoji":"e","note":""}`},
	{"remote files", func(ctx context.Context, c *Client) error {
		return c.Artifacts.AddRemoteFiles(ctx, "K", "V", []RemoteFile{{ID: "1", Name: "k", Link: "s3://b/k", Metadata: new("{}")}, {ID: "2", Type: "t", Step: new(int64(3))}})
	}, "POST /clientlib/rest/v2/write/artifact/assets/remote/batch?experimentKey=K",
		`{"remoteArtifactAssetRequests":[{"link":"s3://b/k","type":"asset","metadata":"{}","assetId":"1","fileName":"k","isRemote":true,` +
			`"overwrite":false,"step":null,"artifactVersionId":"V"},{"link":"","type":"t","metadata":null,"assetId":"2","fileName":"",` +
			`"isRemote":true,"overwrite":false,"step":3,"artifactVersionId":"V"}]}`},
	{"artifact state", func(ctx context.Context, c *Client) error { return c.Artifacts.SetState(ctx, "V", "K", ArtifactClosed) },
		"POST /api/rest/v2/write/artifacts/state", `{"artifactVersionId":"V","experimentKey":"K","state":"CLOSED"}`},
	{"artifact update", func(ctx context.Context, c *Client) error {
		return c.Artifacts.Update(ctx, "A", ArtifactUpdate{Tags: []string{}, Description: new("d"), Public: new(false), Emoji: new("e")})
	}, "POST /api/rest/v2/write/artifacts/details",
		`{"artifactId":"A","artifactType":null,"versionMetadata":null,"version":null,"tags":[],"description":"d","isPublic":false,"emoji":"e"}`},
	{"consumer", func(ctx context.Context, c *Client) error {
		return c.Artifacts.AddConsumer(ctx, VersionQuery{Workspace: "w", Name: "n", Version: "1.0.0"}, "C")
	}, "GET /api/rest/v2/artifacts/version?artifactName=n&consumerExperimentKey=C&version=1.0.0&workspace=w", ""},
	{"registry item", func(ctx context.Context, c *Client) error {
		id, err := c.Registry.CreateItem(ctx, NewRegistryVersion{Name: "r", Version: "1.0.0", Stages: []string{"prod"}, Status: new("QA"), Key: "K", Model: "m"})
		if err == nil && id != "I" {
			return errors.New("answer is not read")
		}
		return err
	}, "POST /api/rest/v2/write/registry-model/item/create",
		`{"experimentKey":"K","experimentModelName":"m","registryModelName":"r","registryModelDescription":null,"version":"1.0.0",` +
			`"versionComment":null,"tags":["prod"],"status":"QA","publicModel":false}`},
	{"registry model", func(ctx context.Context, c *Client) error {
		_, err := c.Registry.CreateModel(ctx, NewRegistryVersion{Name: "r", Version: "1.0.0", ModelID: "M", Public: true, Description: new("d"), Comment: new("c")})
		return err
	}, "POST /api/rest/v2/write/registry-model",
		`{"experimentModelId":"M","registryModelName":"r","version":"1.0.0","comment":"c","isPublic":true,"description":"d"}`},
	{"registry version", func(ctx context.Context, c *Client) error {
		_, err := c.Registry.AddVersion(ctx, NewRegistryVersion{Name: "r", Version: "1.0.1", ModelID: "M", Stages: []string{}})
		return err
	}, "POST /api/rest/v2/write/registry-model/item", `{"experimentModelId":"M","registryModelName":"r","version":"1.0.1","stages":[]}`},
	{"registry model update", func(ctx context.Context, c *Client) error { return c.Registry.UpdateModel(ctx, "R", nil, new(true)) },
		"POST /api/rest/v2/write/registry-model/update", `{"registryModelId":"R","isPublic":true}`},
	{"registry notes", func(ctx context.Context, c *Client) error { return c.Registry.WriteNotes(ctx, "w", "r", "# n") },
		"POST /api/rest/v2/write/registry-model/notes", `{"workspaceName":"w","registryModelName":"r","notes":"# n"}`},
	{"registry status", func(ctx context.Context, c *Client) error { return c.Registry.SetStatus(ctx, "I", "QA") },
		"POST /api/rest/v2/write/registry-model/item/status", `{"modelItemId":"I","status":"QA"}`},
	{"registry metadata", func(ctx context.Context, c *Client) error {
		return c.Registry.WriteMetadata(ctx, "I", []MetadataEntry{{Key: "a", Value: json.RawMessage("1")}, {Key: "b"}})
	}, "POST /api/rest/v2/write/registry-model/item/I/metadata", `{"metadata":[{"key":"a","value":1},{"key":"b","value":null}]}`},
	{"view", func(ctx context.Context, c *Client) error {
		v, err := c.Views.Write(ctx, ViewWrite{ProjectID: "P", Name: "n", Doc: json.RawMessage(
			`{"templateId":"old","experimentKey":"old","v3":{"a":1},"v2":null,"experimentQueryState":"{}","createdBy":"x"}`)})
		if err == nil && v.ID != "T" {
			return errors.New("answer is not read")
		}
		return err
	}, "POST /api/rest/v2/write/views/upsert", `{"projectId":"P","templateName":"n","experimentQueryState":"{}","v3":{"a":1}}`},
	{"view of an experiment", func(ctx context.Context, c *Client) error {
		_, err := c.Views.Write(ctx, ViewWrite{ProjectID: "P", Name: "n", ID: "T", Key: "K"})
		return err
	}, "POST /api/rest/v2/write/views/upsert", `{"projectId":"P","templateName":"n","templateId":"T","experimentKey":"K"}`},
}

func TestWorkspaceWrites(t *testing.T) {
	for _, tc := range workspaceWrites {
		t.Run(tc.name, func(t *testing.T) {
			r, c := newRecorder(t, savedDoc)
			if err := tc.do(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			got := r.got[len(r.got)-1]
			if got.line != tc.line {
				t.Errorf("got  %s\nwant %s", got.line, tc.line)
			}
			if diff := cmp.Diff(tc.body, got.body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// A write of the workspace level that would be doubled is not repeated.
func TestWorkspaceUnsafeWrites(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(*Client) error
		safe bool
	}{
		"artifact version": {do: func(c *Client) error {
			_, err := c.Artifacts.OpenVersion(t.Context(), NewArtifactVersion{})
			return err
		}},
		"numbered artifact version": {safe: true, do: func(c *Client) error {
			_, err := c.Artifacts.OpenVersion(t.Context(), NewArtifactVersion{Version: "1.0.0"})
			return err
		}},
		"registry item": {do: func(c *Client) error { _, err := c.Registry.CreateItem(t.Context(), NewRegistryVersion{}); return err }},
		"registry model": {do: func(c *Client) error {
			_, err := c.Registry.CreateModel(t.Context(), NewRegistryVersion{})
			return err
		}},
		"panel": {do: func(c *Client) error {
			_, err := c.Panels.Upload(t.Context(), "w", "", api.TextContent(""))
			return err
		}},
		"old panel": {safe: true, do: func(c *Client) error {
			_, err := c.Panels.Upload(t.Context(), "w", "T", api.TextContent(""))
			return err
		}},
		"view":     {do: func(c *Client) error { _, err := c.Views.Write(t.Context(), ViewWrite{}); return err }},
		"old view": {safe: true, do: func(c *Client) error { _, err := c.Views.Write(t.Context(), ViewWrite{ID: "T"}); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			c := offline(t, func(req *http.Request) (*http.Response, error) {
				if strings.HasSuffix(req.URL.Path, "isAlive/ver") {
					return reply(req, 200, `{"version":"9.9.9"}`), nil
				}
				if tries++; tries == 1 {
					return nil, errReset
				}
				return reply(req, 200, savedDoc), nil
			}, func(o *api.Options) { o.Retry = quickRetry })
			err := tc.do(c)
			if tc.safe && (err != nil || tries != 2) || !tc.safe && (!errors.Is(err, api.ErrUncertain) || tries != 1) {
				t.Errorf("%d tries, %v", tries, err)
			}
		})
	}
}

func TestArtifactDocuments(t *testing.T) {
	const version = `{"artifactVersionId":"V","version":"1.0.0","owner":"alice","metadata":null,"sizeInBytes":5,"state":null,"added":7,"alias":["a"],"tags":[]}`
	const artifact = `{"artifactId":"A","project":"p","type":"dataset","name":"n","description":null,"tags":["t"],"isPublic":"true","emoji":"e","versions":[` + version + `]}`
	c := docServer(t, "artifacts/get", artifact)
	want := &Artifact{Raw: []byte(strings.Replace(artifact, `,"versions":[`+version+`]`, "", 1)), ID: "A", Project: "p", Type: "dataset", Name: "n", Public: new(true), Emoji: new("e"), Tags: []string{"t"},
		Versions: []ArtifactVersion{{Raw: []byte(version), ID: "V", Version: "1.0.0", Owner: new("alice"), Size: new(int64(5)), Added: new(int64(7)), Aliases: []string{"a"}}}}
	got, err := c.Artifacts.Get(t.Context(), "w", "n")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	const details = `{"artifactVersionId":"V","artifactVersion":"2.0.0","metadata":{"rows":1},"note":"n","state":"CLOSED","experimentKey":"K",` +
		`"artifact":{"artifactId":"A","artifactName":"n","artifactType":"dataset"}}`
	v, err := docServer(t, "artifacts/version", details).Artifacts.Version(t.Context(), VersionQuery{ArtifactID: "A", VersionOrAlias: "prod"})
	if err != nil || v.Version != "2.0.0" || *v.Metadata != `{"rows":1}` || *v.Note != "n" || *v.State != ArtifactClosed || *v.Key != "K" || v.Artifact.Name != "n" {
		t.Errorf("%+v, %v", v, err)
	}
	files, err := docServer(t, "artifacts/version/files", `{"files":[{"assetId":"1","link":null},{"assetId":"2","link":"s3://b"},{"assetId":"3","link":"https://h","remote":false}]}`).
		Artifacts.Files(t.Context(), "w", "n", "1.0.0")
	if err != nil || len(files) != 3 || files[0].Remote || !files[1].Remote || files[2].Remote {
		t.Errorf("%+v, %v", files, err)
	}
}

// The file of a version is found without its producer, if that is gone.
func TestOpenArtifactFile(t *testing.T) {
	var queries []string
	c := newTestClient(t, map[string]http.HandlerFunc{getAsset: func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		if r.URL.Query().Has("experimentKey") {
			status(400, `{"msg":"experiment does not exist"}`)(w, r)
			return
		}
		w.Write([]byte("x"))
	}})
	b, err := c.Artifacts.FileContent(t.Context(), api.AssetRequest{Key: "K", ID: "A", ArtifactVersion: "V"})
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	want := []string{"artifactVersionId=V&assetId=A&experimentKey=K", "artifactVersionId=V&assetId=A"}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The answer of the lineage call is not documented: likely forms are read.
func TestLineage(t *testing.T) {
	want := Lineage{ArtifactID: "A", VersionID: "V", Workspace: "w", Name: "n", Version: "1.0.0"}
	for _, item := range []string{
		`{"artifactId":"A","artifactVersionId":"V","workspaceName":"w","name":"n","version":"1.0.0"}`,
		`{"artifactVersionId":"V","artifactVersion":"1.0.0","artifact":{"artifactId":"A","artifactName":"n","workspace":"w"}}`,
		`{"artifactName":"n","artifactId":"A","workspace":"w","version":{"versionId":"V","version":"1.0.0"}}`,
	} {
		for _, doc := range []string{`{"artifacts":[` + item + `]}`, `[` + item + `]`, `{"versions":[` + item + `]}`} {
			got, err := docServer(t, "get/artifacts", doc).Artifacts.Lineage(t.Context(), "K")
			if err != nil || len(got) != 1 {
				t.Fatalf("%s: %v, %v", doc, got, err)
			}
			want.Raw = []byte(item)
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", doc, diff)
			}
		}
	}
}

func TestRegistryDocuments(t *testing.T) {
	const version = `{"registryModelItemId":"I1","experimentModel":{"experimentModelId":"M","modelName":"cnn","experimentKey":"K"},"version":"1.0.0",` +
		`"comment":"first","stages":["prod"],"assets":[{"assetId":"A"}]}`
	const model = `{"registryModelId":"R1","modelName":"cnn","description":"","isPublic":false,"versions":[` + version + `]}`
	m, err := docServer(t, "registry-model/details", model).Registry.Model(t.Context(), "w", "cnn")
	want := &RegistryModel{Raw: []byte(strings.Replace(model, `,"versions":[`+version+`]`, "", 1)), ID: "R1", Name: "cnn", Description: new(""), Public: new(false), Versions: []RegistryVersion{{
		Raw: []byte(version), ID: "I1", Version: "1.0.0", Comment: new("first"), Stages: []string{"prod"}, Key: "K", Model: "cnn", ModelID: "M",
		Assets: []Asset{{Raw: []byte(`{"assetId":"A"}`), ID: "A"}}}}}
	if diff := cmp.Diff(want, m); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	list, err := docServer(t, "registry-model", `{"registryModels":[{"registryModelId":"R1","latestVersion":{"version":"2.0.0"}},{"latestVersion":null}]}`).
		Registry.Models(t.Context(), "w")
	if err != nil || len(list) != 2 || list[0].Versions[0].Version != "2.0.0" || list[1].Versions != nil {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestViewDocuments(t *testing.T) {
	const item = `{"template_id":"T","template_name":"n","project_id":"P","experimentKey":null,"unsavedView":true}`
	for _, doc := range []string{`[` + item + `]`, `{"views":[` + item + `]}`, `{"templates":[` + item + `]}`} {
		for table, path := range map[ViewTable]string{Dashboards: "views/get-all", ChartTemplates: "views/chart-templates"} {
			got, err := docServer(t, path, doc).Views.List(t.Context(), table, "P", "")
			want := []View{{Raw: []byte(item), Table: table, ID: "T", Name: "n", ProjectID: "P", Unsaved: true}}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", doc, err, diff)
			}
			for body, want := range map[string]error{`{"msg":"HTTP 404 Not Found","code":404}`: api.ErrUnsupported, `<html>`: api.ErrUnclear} {
				c := newTestClient(t, map[string]http.HandlerFunc{
					"GET /api/rest/v2/project": answer(`{"projectId":"P"}`), "GET /api/rest/v2/" + path: status(404, body),
				})
				if _, err := c.Views.List(t.Context(), table, "P", ""); !errors.Is(err, want) || errors.Is(err, api.ErrUnsupported) == errors.Is(err, api.ErrUnclear) {
					t.Errorf("server without %s, which says %s: %v", path, body, err)
				}
			}
		}
	}
}

func TestPanels(t *testing.T) {
	zip := zipOf(t, "x.py")
	tries := 0
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/code-panel/get-all":  answer(`{"codePanelTemplateRows":[{"templateId":"T","templateName":"n","scopeType":"PRIVATE"}]}`),
		"GET /api/rest/v2/code-panel/download": answer(`{"code":{"type":"py","pyCode":"x"}}`),
		"GET /api/rest/v2/template/T/download": func(w http.ResponseWriter, r *http.Request) {
			if tries++; tries == 1 {
				w.Write([]byte("<html>"))
				return
			}
			w.Write([]byte(zip))
		},
		"POST /api/rest/v2/write/template/upload": func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.RawQuery; q != "teamName=w" {
				t.Errorf("query %s", q)
			}
			answer(`{"templateId":"T2"}`)(w, r)
		},
	})
	list, err := c.Panels.List(t.Context(), "w")
	if err != nil || len(list) != 1 || list[0].ID != "T" || list[0].Name != "n" || list[0].Scope != "PRIVATE" {
		t.Errorf("%+v, %v", list, err)
	}
	file, err := c.Panels.File(t.Context(), "T")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, err := io.ReadAll(file); err != nil || string(data) != zip || tries != 2 {
		t.Errorf("%d bytes after %d tries, %v", len(data), tries, err)
	}
	if id, err := c.Panels.Upload(t.Context(), "w", "", api.TextContent(zip)); err != nil || id != "T2" {
		t.Errorf("%q, %v", id, err)
	}
}

// The states of a view are found under the names of either case, and are
// written under those that clients write.
func TestViewStates(t *testing.T) {
	r, c := newRecorder(t, `{"template_id":"V"}`)
	doc := json.RawMessage(`{"template_name":"N","experiment_query_state":"q","dashboard_chart_state":null,"dashboardChartState":"c",
		"react_grid_table_state":"old","reactGridTableState":"t","v2":{},"v3":null}`)
	want := `{"projectId":"P","templateName":"N","dashboardChartState":"c","experimentQueryState":"q","reactGridTableState":"t","v2":{}}`
	for table, line := range map[ViewTable]string{
		Dashboards: "POST /api/rest/v2/write/views/upsert", ChartTemplates: "POST /api/rest/v2/write/chart-templates/upsert",
	} {
		v, err := c.Views.Write(t.Context(), ViewWrite{Table: table, ProjectID: "P", Name: "N", Doc: doc})
		if err != nil || v.ID != "V" || v.Table != table {
			t.Fatalf("%+v, %v", v, err)
		}
		if got := r.got[len(r.got)-1]; got.body != want || got.line != line {
			t.Errorf("got  %s %s\nwant %s %s", got.line, got.body, line, want)
		}
	}
}
