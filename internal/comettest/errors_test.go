package comettest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// errorCase is a wrong request and the documented answer.
type errorCase struct {
	name   string
	key    string // API key, the owner's if empty, none if "-"
	method string
	path   string
	body   string
	status int
	code   int // sdk_error_code
}

func runErrors(t *testing.T, server *tester, cases []errorCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			key := c.key
			switch key {
			case "":
				key = ownerKey
			case "-":
				key = ""
			}
			rec := server.as(key).request(c.method, c.path, c.body)
			var doc struct {
				Msg  *string         `json:"msg"`
				Code int             `json:"code"`
				Data json.RawMessage `json:"data"`
				SDK  int             `json:"sdk_error_code"`
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
				t.Fatalf("answer is no JSON: %s", rec.Body)
			}
			if rec.Code != c.status || doc.Code != c.status || doc.SDK != c.code {
				t.Errorf("status %d, code %d, sdk_error_code %d; want %d, %d, %d: %s",
					rec.Code, doc.Code, doc.SDK, c.status, c.status, c.code, rec.Body)
			}
			if doc.Msg == nil || *doc.Msg == "" || string(doc.Data) != "null" {
				t.Errorf("no message, or data: %s", rec.Body)
			}
			if got := rec.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestHandshakeErrors(t *testing.T) {
	server := newTester(t, comettest.Options{Limits: comettest.Limits{ExperimentsPerProject: 3}})
	server.handshake(freeKey)
	server.get(restBase + "write/experiment/archive?experimentKey=" + freeKey)
	for _, key := range []string{"b" + freeKey, "c" + freeKey} {
		server.handshake(key)
	}
	run := func(fields string) string {
		return `{"apiKey":"` + ownerKey + `","libVersion":"3.32.5",` + fields + `}`
	}
	cases := []errorCase{
		{name: "existing key, archived", body: run(`"experimentKey":"` + freeKey + `","teamName":"alice","projectName":"other"`), code: 90999},
		{name: "short key", body: run(`"experimentKey":"abc","teamName":"team"`)},
		{name: "long key", body: run(`"experimentKey":"` + strings.Repeat("a", 51) + `","teamName":"team"`)},
		{name: "key with sign", body: run(`"experimentKey":"` + freeKey[1:] + `-"`)},
		{name: "no key", body: run(`"teamName":"team"`), code: 90998},
		{name: "unknown workspace", body: run(`"experimentKey":"a` + freeKey + `","teamName":"nobody"`), code: 90219},
		{name: "empty project", body: run(`"experimentKey":"a` + freeKey + `","teamName":"team","projectName":""`), code: 98219},
		{name: "long project", body: run(`"experimentKey":"a` + freeKey + `","teamName":"team","projectName":"` + strings.Repeat("p", 101) + `"`), code: 1341241},
		{name: "full project", body: run(`"experimentKey":"a` + freeKey + `","teamName":"team","projectName":"p"`), code: 7000020},
		{name: "view only", key: "-", body: strings.Replace(run(`"experimentKey":"a`+freeKey+`","teamName":"team","projectName":"p"`), ownerKey, viewerKey, 1), code: 7000011},
		{name: "wrong API key", key: "-", body: strings.Replace(run(`"experimentKey":"a`+freeKey+`"`), ownerKey, "wrong", 1), code: 90212},
		{name: "no JSON", body: `{"experimentKey":`},
		{name: "NaN", body: `{"x":NaN}`},
	}
	for i := range cases {
		cases[i].method, cases[i].path, cases[i].status = "POST", lib+"logger/add/run", 400
	}
	runErrors(t, server, append(cases,
		errorCase{name: "resume unknown", method: "POST", path: lib + "logger/get/run", body: run(`"previousExperiment":"nothing"`), status: 400, code: 90210},
		errorCase{name: "resume as viewer", key: "-", method: "POST", path: lib + "logger/get/run",
			body: `{"apiKey":"` + viewerKey + `","previousExperiment":"` + freeKey + `"}`, status: 400, code: 90210},
		errorCase{name: "resume with wrong API key", key: "-", method: "POST", path: lib + "logger/get/run",
			body: `{"apiKey":"wrong","previousExperiment":"` + freeKey + `"}`, status: 400, code: 90212},
	))
	if e := server.srv.State().Project("team", "p"); len(e.Experiments) != 3 {
		t.Errorf("project holds %d experiments, want 3", len(e.Experiments))
	}
}

func TestReadErrors(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	cases := []errorCase{
		{name: "no API key", key: "-", path: "workspaces", status: 401, code: 90212},
		{name: "wrong API key", key: "wrong", path: "workspaces", status: 401, code: 90212},
		{name: "bearer", key: "Bearer " + ownerKey, path: "workspaces", status: 401, code: 90212},
		{name: "unknown workspace", path: "projects?workspaceName=nobody", status: 404, code: 90219},
		{name: "workspace missing", path: "projects", status: 400},
		{name: "forbidden workspace", key: noneKey, path: "projects?workspaceName=team", status: 403},
		{name: "unknown project", path: "project?workspaceName=team&projectName=x", status: 404},
		{name: "unknown project id", path: "project/notes?projectId=x", status: 404},
		{name: "half a project", path: "experiments?workspaceName=team", status: 400},
		{name: "page zero", path: "experiments?workspaceName=team&projectName=p&page=0&size=1", status: 400},
		{name: "page without size", path: "experiments?workspaceName=team&projectName=p&page=1", status: 400},
		{name: "sort without order", path: "experiments?workspaceName=team&projectName=p&page=1&size=1&sortBy=startTime", status: 400},
		{name: "unknown sort", path: "experiments?workspaceName=team&projectName=p&sortBy=name", status: 400},
		{name: "bad boolean", path: "experiments?workspaceName=team&projectName=p&archived=maybe", status: 400},
		{name: "unknown experiment", path: "experiment/metadata?experimentKey=x", status: 404, code: 90211},
		{name: "no experiment", path: "experiment/tags", status: 400, code: 90998},
		{name: "experiment None", path: "experiment/tags?experimentKey=None", status: 400, code: 90998},
		{name: "forbidden experiment", key: noneKey, path: "experiment/output?experimentKey=" + freeKey, status: 403},
		{name: "metric without name", path: "experiment/metrics/get-metric?experimentKey=" + freeKey, status: 400},
		{name: "unknown asset", path: "experiment/asset/get-asset?assetId=x&experimentKey=" + freeKey, status: 404},
		{name: "asset without id", path: "experiment/asset/get-asset?experimentKey=" + freeKey, status: 400},
		{name: "unknown model", path: "experiment/model/asset/list?modelName=m&experimentKey=" + freeKey, status: 404},
		{name: "unknown call", path: "experiment/everything", status: 404},
		{name: "unknown artifact", path: "artifacts/get?workspace=team&artifactName=a", status: 400, code: 624522},
		{name: "unknown artifact version", path: "artifacts/version?versionId=a", status: 400, code: 624523},
		{name: "unknown registry model", path: "registry-model/details?workspaceName=team&modelName=m", status: 400, code: 42008},
	}
	for i := range cases {
		cases[i].method, cases[i].path = "GET", restBase+cases[i].path
	}
	runErrors(t, server, append(cases,
		errorCase{name: "wrong method", method: "POST", path: restBase + "workspaces", body: "{}", status: 405},
		errorCase{name: "unknown upload call", method: "POST", path: lib + "asset/uplod", body: "{}", status: 404},
		errorCase{name: "query source", method: "POST", path: restBase + "project/query", status: 400,
			body: `{"workspaceName":"team","projectName":"p","predicates":[{"source":"moon","query":{"rules":[{"field":"x","operator":"equal","value":1}]}}]}`},
		errorCase{name: "query operator", method: "POST", path: restBase + "project/query", status: 400,
			body: `{"workspaceName":"team","projectName":"p","predicates":[{"source":"params","query":{"rules":[{"field":"x","operator":"like","value":1}]}}]}`},
	))
}

func TestWriteErrors(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	k := `"experimentKey":"` + freeKey + `"`
	batch := lib + "batch/logger/experiment/metric"
	value := func(fields string) string { return `{` + k + `,"values":[{` + fields + `}]}` }
	cases := []errorCase{
		{name: "viewer", key: viewerKey, path: restBase + "write/experiment/tags", body: `{` + k + `,"addedTags":["x"]}`, status: 403, code: 7000011},
		{name: "stranger", key: noneKey, path: restBase + "write/experiment/tags", body: `{` + k + `,"addedTags":["x"]}`, status: 403, code: 90210},
		{name: "unknown experiment", path: batch, body: `{"experimentKey":"x","values":[]}`, status: 404, code: 90211},
		{name: "no experiment", path: batch, body: `{"values":[]}`, status: 400, code: 90998},
		{name: "no values", path: batch, body: `{` + k + `}`, status: 400},
		{name: "values no list", path: batch, body: `{` + k + `,"values":{}}`, status: 400},
		{name: "bare NaN", path: batch, body: value(`"metricName":"m","metricValue":NaN`), status: 400},
		{name: "metric without name", path: batch, body: value(`"metricValue":1`), status: 400},
		{name: "metric without value", path: batch, body: value(`"metricName":"m"`), status: 400},
		{name: "metric null", path: batch, body: value(`"metricName":"m","metricValue":null`), status: 400},
		{name: "metric list", path: batch, body: value(`"metricName":"m","metricValue":[1]`), status: 400},
		{name: "step text", path: batch, body: value(`"metricName":"m","metricValue":1,"step":"1"`), status: 400},
		{name: "step too large", path: batch, body: value(`"metricName":"m","metricValue":1,"step":9223372036854775808`), status: 400},
		{name: "context number", path: batch, body: value(`"metricName":"m","metricValue":1,"context":1`), status: 400},
		{name: "batch in REST", path: restBase + "write/experiment/metric", body: value(`"metricName":"m","metricValue":1`), status: 400},
		{name: "too large a batch", path: batch, body: `{` + k + `,"values":[` + strings.Repeat(`{"metricName":"m","metricValue":1},`, 1000) + `{"metricName":"m","metricValue":1}]}`, status: 400},
		{name: "parameter object", path: lib + "batch/logger/experiment/parameter", body: value(`"parameterName":"p","parameterValue":{}`), status: 400},
		{name: "parameter source", path: lib + "batch/logger/experiment/parameter", body: value(`"parameterName":"p","parameterValue":1,"source":"guess"`), status: 400},
		{name: "parameter without value", path: restBase + "write/experiment/parameter", body: `{` + k + `,"parameterName":"p"}`, status: 400},
		{name: "other without key", path: restBase + "write/experiment/log-other", body: `{` + k + `,"value":1}`, status: 400},
		{name: "tags no list", path: restBase + "write/experiment/tags", body: `{` + k + `,"addedTags":"x"}`, status: 400},
		{name: "output without offset", path: altBase + "write/experiment/output", body: `{` + k + `,"outputLines":[{"output":"x"}]}`, status: 400},
		{name: "html missing", path: restBase + "write/experiment/html", body: `{` + k + `}`, status: 400},
		{name: "name in another case", path: restBase + "write/experiment/html", body: `{` + k + `,"HTML":"x"}`, status: 400},
		{name: "system list", path: restBase + "write/experiment/system-details", body: `{` + k + `,"osPackages":"x"}`, status: 400},
		{name: "status without alive", path: lib + "status-report/update", body: `{"apiKey":"x",` + k + `}`, status: 400},
		{name: "clientlib wrong key", key: "-", path: lib + "status-report/update", body: `{"apiKey":"x",` + k + `,"is_alive":true}`, status: 401, code: 90212},
		{name: "offline without end", path: lib + "status-report/offline-metadata", body: `{` + k + `,"startTimestamp":1}`, status: 400},
		{name: "times text", path: restBase + "write/experiment/set-start-end-time", body: `{` + k + `,"startTimeMillis":"1"}`, status: 400},
		{name: "project exists", path: restBase + "write/project/create", body: `{"workspaceName":"team","projectName":"p"}`, status: 400},
		{name: "project unnamed", path: restBase + "write/project/create", body: `{"workspaceName":"team"}`, status: 400, code: 98219},
		{name: "delete general", path: restBase + "write/project/delete", body: `{"workspaceName":"team","projectName":"general"}`, status: 400},
		{name: "workspace taken", path: restBase + "write/workspace/new", body: `{"name":"team"}`, status: 400},
		{name: "workspace by no admin", key: viewerKey, path: restBase + "write/workspace/new", body: `{"name":"new"}`, status: 403},
		{name: "move across workspaces", path: restBase + "write/experiment/move", body: `{"targetWorkspaceName":"alice","targetProjectName":"p","experimentKeys":["` + freeKey + `"]}`, status: 400},
		{name: "move to own project as link", path: restBase + "write/experiment/move", body: `{"targetWorkspaceName":"team","targetProjectName":"p","experimentKeys":["` + freeKey + `"],"symlink":true}`, status: 400},
		{name: "artifact of unknown experiment", path: restBase + "write/artifacts/upsert", body: `{"artifactName":"a","artifactType":"t","experimentKey":"x"}`, status: 404, code: 90211},
		{name: "artifact state", path: restBase + "write/artifacts/state", body: `{"artifactVersionId":"x",` + k + `,"state":"DONE"}`, status: 400, code: 90410},
		{name: "registry of unknown model", path: restBase + "write/registry-model/item/create", body: `{` + k + `,"experimentModelName":"m","registryModelName":"r","version":"1.0.0"}`, status: 404},
	}
	for i := range cases {
		cases[i].method = "POST"
	}
	runErrors(t, server, cases)
	if e := server.experiment(freeKey); len(e.Metrics)+len(e.Parameters)+len(e.Others)+len(e.Tags) != 0 || e.HTML != nil {
		t.Errorf("a refused write left something: %+v", e)
	}
}

// A content type that is not JSON is refused, whatever the body.
func TestContentType(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for contentType, want := range map[string]int{
		"application/json": 200, "application/json;charset=utf-8": 200, "application/json; charset=UTF-8": 200,
		"text/plain": 400, "": 400,
	} {
		req := newRequest(t, "POST", restBase+"write/experiment/code", `{"experimentKey":"`+freeKey+`","code":"x"}`)
		req.Header.Set("Content-Type", contentType)
		if rec := server.do(req); rec.Code != want {
			t.Errorf("content type %q: status %d, want %d", contentType, rec.Code, want)
		}
	}
}

// With the mood of older servers, what is missing is a bad request.
func TestBadRequestForMissing(t *testing.T) {
	server := newTester(t, comettest.Options{Moods: comettest.Moods{BadRequestForMissing: true}})
	runErrors(t, server, []errorCase{
		{name: "experiment", method: "GET", path: restBase + "experiment/metadata?experimentKey=x", status: 400, code: 90211},
		{name: "project", method: "GET", path: restBase + "project?projectId=x", status: 400},
	})
}
