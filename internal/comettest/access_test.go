package comettest_test

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A key is taken in every documented place, and nowhere else.
func TestKeyPlaces(t *testing.T) {
	server := newTester(t, comettest.Options{}).as("")
	server.as(ownerKey).handshake(freeKey)
	smart := ownerKey + "*eyJiYXNlVXJsIjoiaHR0cDovL3gifQ"
	status := `{"experimentKey":"` + freeKey + `","is_alive":true`
	for _, c := range []struct {
		name, method, path, header, value, body string
		want                                    int
	}{
		{"rest", "GET", restBase + "workspaces", "Authorization", ownerKey, "", 200},
		{"alternative rest", "GET", altBase + "workspaces", "Authorization", ownerKey, "", 200},
		{"java header", "GET", restBase + "workspaces", "Comet-Sdk-Api", ownerKey, "", 200},
		{"smart key", "GET", restBase + "workspaces", "Authorization", smart, "", 200},
		{"star alone", "GET", restBase + "workspaces", "Authorization", ownerKey + "*", "", 200},
		{"only a star", "GET", restBase + "workspaces", "Authorization", "*", "", 401},
		{"key in query of rest", "GET", restBase + "workspaces?apiKey=" + ownerKey, "", "", "", 401},
		{"body", "POST", lib + "status-report/update", "", "", status + `,"apiKey":"` + ownerKey + `"}`, 200},
		{"smart in body", "POST", lib + "status-report/update", "", "", status + `,"apiKey":"` + smart + `"}`, 200},
		{"snake case in body", "POST", lib + "status-report/update", "", "", status + `,"api_key":"` + ownerKey + `"}`, 200},
		{"header for body", "POST", lib + "status-report/update", "Authorization", ownerKey, status + `}`, 200},
		{"batch wants the header", "POST", lib + "batch/logger/experiment/metric", "", "", `{"apiKey":"` + ownerKey + `","experimentKey":"` + freeKey + `","values":[]}`, 401},
		{"batch", "POST", lib + "batch/logger/experiment/metric", "Authorization", ownerKey, `{"experimentKey":"` + freeKey + `","values":[]}`, 200},
		{"query", "GET", lib + "symlink/new?projectName=x&experimentKey=" + freeKey + "&apiKey=" + ownerKey, "", "", "", 200},
		{"health", "GET", lib + "health/ping", "", "", "", 200},
		{"version", "GET", lib + "isAlive/ver", "", "", "", 200},
		{"optimizer", "GET", "/optimizer/next?id=1", "X-API-KEY", ownerKey, "", 200},
		{"optimizer wrong", "GET", "/optimizer/next?id=1", "X-API-KEY", "x", "", 401},
		{"unknown call", "POST", lib + "telemetry/new", "", "", `{}`, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := newRequest(t, c.method, c.path, c.body)
			req.Header.Set("Content-Type", "application/json")
			if c.header != "" {
				req.Header.Set(c.header, c.value)
			}
			if rec := server.do(req); rec.Code != c.want {
				t.Errorf("status %d, want %d: %s", rec.Code, c.want, rec.Body)
			}
		})
	}
}

// What a user may not see is not listed.
func TestRoles(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	names := func(key string) []any { return server.as(key).get(restBase + "workspaces")["workspaceNames"].([]any) }
	if diff := cmp.Diff([]any{"alice", "vic", "nemo"}, names(noneKey)); diff != "" {
		t.Errorf("workspaces of the stranger: %s", diff)
	}
	if got := server.as(viewerKey).get(restBase + "experiment/metadata?experimentKey=" + freeKey); got["userName"] != "alice" {
		t.Errorf("viewer reads %v", got)
	}
	server.post(restBase+"write/project/update", `{"workspaceName":"team","projectName":"p","isPublic":true}`)
	projects := server.as(noneKey).get(restBase + "projects?workspaceName=team")["projects"].([]any)
	if len(projects) != 1 || projects[0].(map[string]any)["public"] != true {
		t.Errorf("stranger sees %v, want the public project alone", projects)
	}
	server.as(noneKey).get(restBase + "experiment/metadata?experimentKey=" + freeKey)
	server.post(restBase+"write/add-workspace-member", `{"userEmail":"vic@example.com","workspaceName":"team","admin":false}`)
	server.as(viewerKey).post(restBase+"write/experiment/tags", `{"experimentKey":"`+freeKey+`","addedTags":["x"]}`)
	rec := server.request("POST", restBase+"write/add-workspace-member", `{"userEmail":"vic@example.com","workspaceName":"team"}`)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), "already member of") {
		t.Errorf("second time: %d %s", rec.Code, rec.Body)
	}
}

// Bodies may come as gzip, and large answers go as gzip to those who take it.
func TestGzip(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	var body bytes.Buffer
	zw := gzip.NewWriter(&body)
	io.WriteString(zw, `{"experimentKey":"`+freeKey+`","code":"`+strings.Repeat("x = 1\\n", 1000)+`"}`)
	zw.Close()
	req := newRequest(t, "POST", restBase+"write/experiment/code", body.String())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Content-Encoding", "gzip")
	server.ok(server.do(req))
	read := func() *httptest.ResponseRecorder {
		req := newRequest(t, "GET", restBase+"experiment/code?experimentKey="+freeKey, "")
		req.Header.Set("Accept-Encoding", "deflate, gzip")
		return server.do(req)
	}
	rec := read()
	zr, err := gzip.NewReader(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zr)
	if err != nil || len(plain) < 6000 || rec.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("answer of %d bytes, %v: %v", len(plain), rec.Header(), err)
	}
	server.srv.SetMoods(comettest.Moods{NoGzip: true})
	if rec := read(); rec.Header().Get("Content-Encoding") != "" || rec.Body.Len() != len(plain) {
		t.Errorf("gzip although the server does none")
	}
}

// Below a prefix the whole instance is there, and nothing outside.
func TestPrefix(t *testing.T) {
	server := newTester(t, comettest.Options{Prefix: "/comet/"})
	server.get("/comet" + restBase + "workspaces")
	if rec := server.request("GET", restBase+"workspaces", ""); rec.Code != 404 {
		t.Errorf("outside the prefix: status %d", rec.Code)
	}
	answer := server.post("/comet"+lib+"logger/add/run", `{"apiKey":"`+ownerKey+`","experimentKey":"`+freeKey+`"}`)
	if got := answer["focusUrl"]; got != "http://example.com/comet/alice/general/" {
		t.Errorf("focusUrl %v", got)
	}
	if server.srv.Counts()["GET /api/rest/v2/workspaces"] != 1 {
		t.Errorf("counts: %v", server.srv.Counts())
	}
}

func TestVersions(t *testing.T) {
	server := newTester(t, comettest.Options{Version: "3.20.59"})
	server.handshake(freeKey)
	getAll := restBase + "experiment/metrics/get-all?experimentKey=" + freeKey
	if rec := server.request("GET", getAll, ""); rec.Code != 404 {
		t.Errorf("get-all on an old server: status %d", rec.Code)
	}
	if got := server.get(lib + "isAlive/ver")["version"]; got != "3.20.59" {
		t.Errorf("version %v", got)
	}
	server.srv.AdjustMoods(func(m *comettest.Moods) { m.Version = "3.7.90" })
	if _, ok := server.get(restBase + "experiment/metadata?experimentKey=" + freeKey)["hasCrashed"]; ok {
		t.Errorf("hasCrashed on a server that has no such state")
	}
	server.srv.SetMoods(comettest.Moods{Version: "3.20.60"})
	server.get(getAll)
	server.srv.SetMoods(comettest.Moods{Version: "5.0.0", NoGetAll: true, NoVersion: true})
	for _, path := range []string{getAll, lib + "isAlive/ver"} {
		if rec := server.request("GET", path, ""); rec.Code != 404 {
			t.Errorf("%s: status %d", path, rec.Code)
		}
	}
	if _, err := comettest.New(comettest.Options{Version: "new"}); err == nil {
		t.Errorf("a version of one word is taken")
	}
}
