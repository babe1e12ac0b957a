package comettest_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// version opens an artifact version and returns the answer.
func (t *tester) upsert(name, version string, alias string) map[string]any {
	t.Helper()
	return t.post(restBase+"write/artifacts/upsert", fmt.Sprintf(
		`{"artifactName":%q,"artifactType":"dataset","experimentKey":%q,"versionMetadata":"{\"rows\":1}","version":%s,"alias":[%s],"versionTags":["t"]}`,
		name, freeKey, version, alias))
}

func (t *tester) close(id string) {
	t.Helper()
	t.post(restBase+"write/artifacts/state", `{"artifactVersionId":"`+id+`","experimentKey":"`+freeKey+`","state":"CLOSED"}`)
}

func TestArtifacts(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.handshake("a" + freeKey)
	first := server.upsert("set", "null", `"prod"`)
	if first["currentVersion"] != "1.0.0" || first["previousVersion"] != nil {
		t.Errorf("first version: %v", first)
	}
	v1 := first["artifactVersionId"].(string)
	server.upload(freeKey, "f1", "&fileName=a%2Fb.csv&overwrite=PRESERVE&artifactVersionId="+v1, []byte("1,2\n"))
	server.post(altBase+"write/artifact/assets/remote/batch?experimentKey="+freeKey, `{"remoteArtifactAssetRequests":[
		{"link":"s3://b/k","type":"asset","metadata":"{\"e\":0}","assetId":"f2","fileName":"k","isRemote":true,"overwrite":false,"step":null,"artifactVersionId":"`+v1+`"},
		{"link":"s3://b/l","assetId":"f3","fileName":"l","isRemote":true,"overwrite":"OVERWRITE","artifactVersionId":"`+v1+`"}]}`)
	byID := restBase + "artifacts/version?artifactId=" + first["artifactId"].(string) + "&versionId=" + v1
	if doc := server.get(byID); doc["state"] != "OPEN" || doc["artifactVersion"] != "1.0.0" || doc["metadata"] != `{"rows":1}` {
		t.Errorf("open version: %v", doc)
	}
	runErrors(t, server, []errorCase{
		{name: "consume open", method: "GET", path: byID + "&consumerExperimentKey=a" + freeKey, status: 400, code: 90402},
		{name: "version exists", method: "POST", path: restBase + "write/artifacts/upsert", status: 400, code: 90399,
			body: `{"artifactName":"set","artifactType":"dataset","experimentKey":"` + freeKey + `","version":"1.0.0"}`},
		{name: "other type", method: "POST", path: restBase + "write/artifacts/upsert", status: 400,
			body: `{"artifactName":"set","artifactType":"model","experimentKey":"` + freeKey + `"}`},
		{name: "version no version", method: "POST", path: restBase + "write/artifacts/upsert", status: 400,
			body: `{"artifactName":"set","artifactType":"dataset","experimentKey":"` + freeKey + `","version":"one"}`},
	})
	for _, name := range []string{"set", "%73et"} { // as older and newer clients quote it
		if doc := server.get(restBase + "artifacts/get?workspace=team&artifactName=" + url.QueryEscape(name)); doc["name"] != "set" {
			t.Errorf("artifact by the name %s: %v", name, doc)
		}
	}
	server.close(v1)
	runErrors(t, server, []errorCase{
		{name: "closed again", method: "POST", path: restBase + "write/artifacts/state", status: 400, code: 90401,
			body: `{"artifactVersionId":"` + v1 + `","experimentKey":"` + freeKey + `","state":"ERROR"}`},
	})
	if rec := server.form(lib+"asset/upload?experimentId="+freeKey+"&apiKey="+ownerKey+"&artifactVersionId="+v1, nil, []byte("x")); rec.Code != 400 || !strings.Contains(rec.Body.String(), "90401") {
		t.Errorf("upload to a closed version: %d %s", rec.Code, rec.Body)
	}
	second := server.upsert("set", `"1.5.0"`, `"prod","best"`)
	third := server.upsert("set", "null", "")
	if second["previousVersion"] != "1.0.0" || third["currentVersion"] != "2.0.0" {
		t.Errorf("second %v, third %v", second, third)
	}
	server.close(second["artifactVersionId"].(string))
	server.post(restBase+"write/artifacts/state", `{"artifactVersionId":"`+third["artifactVersionId"].(string)+`","experimentKey":"`+freeKey+`","state":"ERROR"}`)
	server.post(restBase+"write/artifacts/version/labels", `{"artifactVersionId":"`+v1+`","alias":null,"versionTags":["u"],"versionMetadata":null}`)
	server.post(restBase+"write/artifacts/details", `{"artifactId":"`+first["artifactId"].(string)+`","tags":["x"],"artifactType":null,"version":null,"versionMetadata":null}`)
	server.get(restBase + "artifacts/version?workspace=team&artifactName=set&versionOrAlias=best&consumerExperimentKey=a" + freeKey)
	doc := server.get(restBase + "artifacts/get?workspace=team&artifactName=set")
	var got []string
	for _, v := range doc["versions"].([]any) {
		v := v.(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v %v %v", v["version"], v["state"], v["alias"], v["tags"], v["sizeInBytes"]))
	}
	if diff := cmp.Diff([]string{"1.0.0 CLOSED [] [u] 4", "1.5.0 CLOSED [prod best Latest] [t] 0", "2.0.0 ERROR [] [t] 0"}, got); diff != "" || doc["latestVersion"] != "1.5.0" {
		t.Errorf("latest %v, versions (-want +got):\n%s", doc["latestVersion"], diff)
	}
	files := server.get(restBase + "artifacts/version/files?workspace=team&artifactName=set&version=1.0.0")["files"].([]any)
	f1, f2 := files[0].(map[string]any), files[1].(map[string]any)
	if f1["fileName"] != "a/b.csv" || f1["type"] != "unknown" || f1["remote"] != false || f1["link"] != nil || f2["link"] != "s3://b/k" || f2["remote"] != true {
		t.Errorf("files: %v", files)
	}
	rec := server.request("GET", restBase+"experiment/asset/get-asset?assetId=f1&artifactVersionId="+v1, "")
	if rec.Body.String() != "1,2\n" {
		t.Errorf("file: %d %q", rec.Code, rec.Body)
	}
	if n := len(server.listed("all")); n != 0 {
		t.Errorf("the files of an artifact are among %d assets of the experiment", n)
	}
	lineage := server.get(restBase + "get/artifacts?filter=input&experimentKey=a" + freeKey)["artifacts"].([]any)
	if len(lineage) != 1 || lineage[0].(map[string]any)["artifactVersion"] != "1.5.0" {
		t.Errorf("input: %v", lineage)
	}
	if e := server.experiment("a" + freeKey); len(e.InputArtifacts) != 1 || e.InputArtifacts[0] != "set:1.5.0" || len(server.experiment(freeKey).OutputArtifacts) != 3 {
		t.Errorf("lineage in the state: %v", e.InputArtifacts)
	}
}

func TestRegistry(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.upload(freeKey, "m1", "&type=model-element&groupingName=net&fileName=w.bin", []byte("w"))
	model := server.get(restBase + "experiment/model?experimentKey=" + freeKey)["models"].([]any)[0].(map[string]any)["experimentModelId"].(string)
	classic := func(version, more string) string {
		return `{"experimentModelId":"` + model + `","registryModelName":"net","version":"` + version + `"` + more + `}`
	}
	runErrors(t, server, []errorCase{
		{name: "add before there is one", method: "POST", path: restBase + "write/registry-model/item", body: classic("1.0.0", ""), status: 400, code: 42006},
		{name: "no semantic version", method: "POST", path: restBase + "write/registry-model", body: classic("1.0", ""), status: 400, code: 42001},
		{name: "unknown model", method: "POST", path: restBase + "write/registry-model", body: `{"experimentModelId":"x","registryModelName":"net","version":"1.0.0"}`, status: 404},
	})
	created := server.post(restBase+"write/registry-model", classic("1.0.0", `,"description":"d","comment":"c","stages":["a","b","a"],"isPublic":true`))
	item := created["registryModelItemId"].(string)
	server.post(restBase+"write/registry-model/item", classic("1.0.1", ""))
	server.post(restBase+"write/registry-model/item/create", `{"experimentKey":"`+freeKey+`","experimentModelName":"net","registryModelName":"net",
		"registryModelDescription":null,"version":"1.1.0","versionComment":"n","tags":["b"],"status":"QA","publicModel":false}`)
	runErrors(t, server, []errorCase{
		{name: "version exists", method: "POST", path: restBase + "write/registry-model/item", body: classic("1.0.1", ""), status: 400},
		{name: "model exists", method: "POST", path: restBase + "write/registry-model", body: classic("2.0.0", ""), status: 400},
		{name: "unknown status", method: "POST", path: restBase + "write/registry-model/item/status", body: `{"modelItemId":"` + item + `","status":"Great"}`, status: 400},
		{name: "unknown item", method: "POST", path: restBase + "write/registry-model/item/update", body: `{"registryModelItemId":"x"}`, status: 400, code: 42006},
		{name: "unknown stage", method: "GET", path: restBase + "write/registry-model/item/stage/delete?modelItemId=" + item + "&stage=z", status: 404},
		{name: "version and stage", method: "GET", path: restBase + "registry-model/item/download?workspaceName=team&modelName=net&version=1.0.0&stage=a", status: 400},
	})
	server.post(restBase+"write/registry-model/item/status", `{"modelItemId":"`+item+`","status":"Production"}`)
	server.post(restBase+"write/registry-model/item/"+item+"/metadata", `{"metadata":[{"key":"k","value":1}]}`)
	server.get(restBase + "write/registry-model/item/stage?modelItemId=" + item + "&stage=c")
	server.get(restBase + "write/registry-model/item/stage/delete?modelItemId=" + item + "&stage=a")
	server.post(restBase+"write/registry-model/notes", `{"workspaceName":"team","registryModelName":"net","notes":"n"}`)
	server.post(restBase+"write/registry-model/item/update", `{"registryModelItemId":"`+item+`","comment":"c2"}`)
	at := "?workspaceName=team&modelName=net"
	details := server.get(restBase + "registry-model/details" + at)
	var got []string
	for _, v := range details["versions"].([]any) {
		v := v.(map[string]any)
		got = append(got, fmt.Sprintf("%v %v %v %d", v["version"], v["comment"], v["stages"], len(v["assets"].([]any))))
	}
	if diff := cmp.Diff([]string{"1.0.0 c2 [b c] 1", "1.0.1 <nil> [] 1", "1.1.0 n [b] 1"}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	latest := server.get(restBase + "registry-model/latest_version" + at + "&stage=b&versionMajor=1&versionMinor=0")["versions"].([]any)
	if len(latest) != 1 || latest[0].(map[string]any)["version"] != "1.0.0" {
		t.Errorf("latest: %v", latest)
	}
	if d := server.get(restBase + "registry-model/item/details" + at + "&version=1.0.0"); d["status"] != "Production" || d["experimentKey"] != freeKey {
		t.Errorf("item: %v", d)
	}
	if m := server.get(restBase + "registry-model/item/" + item + "/metadata")["metadata"].([]any); len(m) != 1 {
		t.Errorf("metadata: %v", m)
	}
	items := server.get(restBase + "registry-model/items" + at + "&tag=b")["items"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["version"] != "1.1.0" {
		t.Errorf("items: %v", items)
	}
	rec := server.request("GET", restBase+"registry-model/item/download"+at+"&version=1.0.0", "")
	if zr, err := zip.NewReader(bytes.NewReader(rec.Body.Bytes()), int64(rec.Body.Len())); err != nil || len(zr.File) != 1 || zr.File[0].Name != "w.bin" {
		t.Errorf("zip: %v", err)
	}
	events := server.srv.State().Workspace("team").RegistryModels[0].Versions[0].Events
	if diff := cmp.Diff([]string{"MODEL_VERSION_CREATED", "MODEL_VERSION_STATUS_CHANGED", "MODEL_VERSION_DOWNLOADED"}, events); diff != "" {
		t.Errorf("history: %s", diff)
	}
	days := server.post(restBase+"registry-model/history/item", `{"registryModelItemId":"`+item+`","groupedBy":"DAY"}`)
	if len(days) != 1 {
		t.Errorf("history by day: %v", days)
	}
	server.get(restBase + "write/registry-model/item/delete?modelItemId=" + item)
	if n := server.get(restBase + "registry-model/compact-details" + at)["numberOfVersions"]; n != json.Number("2") {
		t.Errorf("%v versions after one is gone", n)
	}
	server.get(restBase + "write/registry-model/delete" + at)
	if n := server.get(restBase + "registry-model/count?workspaceName=team")["registryModelCount"]; n != json.Number("0") {
		t.Errorf("%v models after it is gone", n)
	}
}

// What a panel's zip holds is not documented: its code may stand in a file of
// its own.
func TestPanelFiles(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	for _, files := range []map[string]string{
		{"template.json": `{"templateName":"P","code":{"type":"py","pyCode":"print(2)"}}`},
		{"panel.json": `{"name":"P","scope":"x"}`, "code.py": "print(2)"},
	} {
		var b bytes.Buffer
		zw := zip.NewWriter(&b)
		for name, text := range files {
			f, err := zw.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write([]byte(text))
		}
		if err := zw.Close(); err != nil {
			t.Fatal(err)
		}
		id := server.ok(server.form(restBase+"write/template/upload?teamName=team", nil, b.Bytes()))["templateId"].(string)
		got := server.get(restBase + "code-panel/download?templateId=" + id)
		code := got["code"].(map[string]any)
		if got["templateName"] != "P" || code["type"] != "py" || code["pyCode"] != "print(2)" {
			t.Errorf("%v: %v", files, got)
		}
	}
}

func TestPanelsAndViews(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	seeded := server.srv.SeedPanel("team", "Scatter", "print(1)")
	data := server.request("GET", restBase+"template/"+seeded+"/download", "").Body.Bytes()
	uploaded := server.ok(server.form(restBase+"write/template/upload?teamName=team", nil, data))["templateId"].(string)
	server.ok(server.form(restBase+"write/template/upload?teamName=team&templateId="+uploaded, nil, data))
	rows := server.get(restBase + "code-panel/get-all?workspace=team")["codePanelTemplateRows"].([]any)
	if len(rows) != 2 || rows[1].(map[string]any)["templateId"] != uploaded || rows[1].(map[string]any)["templateName"] != "Scatter" {
		t.Errorf("panels: %v", rows)
	}
	code := server.get(restBase + "code-panel/download?templateId=" + uploaded)["code"].(map[string]any)
	if code["pyCode"] != "print(1)" || code["type"] != "py" {
		t.Errorf("code: %v", code)
	}
	if rec := server.form(restBase+"write/template/upload?teamName=team", nil, []byte("no zip")); rec.Code != 400 {
		t.Errorf("no zip: status %d", rec.Code)
	}
	id := server.get(restBase + "project?workspaceName=team&projectName=p")["projectId"].(string)
	view := server.post(restBase+"write/views/upsert", `{"projectId":"`+id+`","templateName":"V","v3":{"sections":[]},"dashboardChartState":"{}","other":1}`)
	server.post(restBase+"write/views/upsert", `{"projectId":"`+id+`","templateName":"E","experimentKey":"`+freeKey+`","v2":{"panels":[]}}`)
	server.post(restBase+"write/views/upsert", `{"projectId":"`+id+`","templateName":"V2","templateId":"`+view["templateId"].(string)+`"}`)
	server.post(restBase+"write/dashboard-template/create", `{"project_id":"`+id+`","template_name":"D","template_id":"`+view["templateId"].(string)+`","codePanelTemplateIds":["`+uploaded+`"]}`)
	runErrors(t, server, []errorCase{
		{name: "state no text", method: "POST", path: restBase + "write/views/upsert", body: `{"projectId":"` + id + `","templateName":"x","dashboardChartState":{}}`, status: 400},
		{name: "v3 no object", method: "POST", path: restBase + "write/views/upsert", body: `{"projectId":"` + id + `","templateName":"x","v3":"{}"}`, status: 400},
		{name: "unknown view", method: "POST", path: restBase + "write/views/upsert", body: `{"projectId":"` + id + `","templateId":"x"}`, status: 404},
		{name: "update without id", method: "POST", path: restBase + "dashboard-templates/project/upsert", body: `{"project_id":"` + id + `"}`, status: 400},
	})
	if list := server.get(restBase + "views/get-all?projectId=" + id + "&experimentKey=" + freeKey)["views"].([]any); len(list) != 1 || list[0].(map[string]any)["viewSource"] != "dashboard_template" {
		t.Errorf("views of the experiment: %v", list)
	}
	var got []string
	for _, v := range server.srv.State().Project("team", "p").Views {
		got = append(got, fmt.Sprintf("%s %s %s", v.Name, v.Fields["v3"], v.Fields["codePanelTemplateIds"]))
	}
	if diff := cmp.Diff([]string{`D {"sections":[]} ["` + uploaded + `"]`, "E  ", `V2 {"sections":[]} `}, got); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

func TestQuery(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.srv.SeedDemo("team")
	first, twin := comettest.DemoKey("team", comettest.DemoFirst), comettest.DemoKey("team", comettest.DemoTwin)
	server.post(restBase+"write/experiment/log-other", `{"experimentKey":"`+first+`","key":"flag","value":true}`)
	for rule, want := range map[string][]string{
		`{"source":"metrics","query":{"rules":[{"field":"acc","type":"double","operator":"greater","value":0.5}]}}`:                                                    {twin},
		`{"source":"metrics","query":{"rules":[{"field":"acc","operator":"between","value":["0.9","1"]}]}}`:                                                            {twin},
		`{"source":"params","query":{"rules":[{"field":"lr","operator":"less_or_equal","value":0.001}]}}`:                                                              {first},
		`{"source":"params","query":{"rules":[{"field":"optimizer","operator":"contains","value":"dam"}]}}`:                                                            {first},
		`{"source":"tag","query":{"rules":[{"field":"baseline","operator":"is_not_null","value":null}]}}`:                                                              {first},
		`{"source":"log_other","query":{"rules":[{"field":"Name","operator":"equal","value":"baseline"}]}}`:                                                            {first, twin},
		`{"source":"log_other","query":{"rules":[{"field":"flag","type":"string","operator":"equal","value":1}]}}`:                                                     {first},
		`{"source":"log_other","query":{"rules":[{"field":"flag","type":"string","operator":"equal","value":"true"}]}}`:                                                {first},
		`{"source":"log_other","query":{"rules":[{"field":"flag","type":"string","operator":"equal","value":0}]}}`:                                                     {},
		`{"source":"metadata","query":{"rules":[{"field":"runActive","operator":"equal","value":true}]}}`:                                                              {comettest.DemoKey("team", comettest.DemoRunning)},
		`{"source":"metadata","query":{"rules":[{"field":"hasImages","operator":"equal","value":1}]}}`:                                                                 {first},
		`{"source":"env_details","query":{"rules":[{"field":"hostname","operator":"not_ends_with","value":"y"},{"field":"user","operator":"equal","value":"alice"}]}}`: {first},
	} {
		doc := server.post(restBase+"project/query", `{"workspaceName":"team","projectName":"vision","archived":false,"predicates":[`+rule+`]}`)
		got := []string{}
		for _, k := range doc["experimentKeys"].([]any) {
			got = append(got, k.(string))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
	id := server.get(restBase + "project?workspaceName=team&projectName=vision")["projectId"].(string)
	search := server.post(restBase+"experiments/search", `{"projectId":"`+id+`","rulesTree":null,"limit":10,"page":1,"deleted":true}`)
	if got := search["experiments"].([]any); len(got) != 1 || got[0].(map[string]any)["experimentKey"] != comettest.DemoKey("team", comettest.DemoArchived) {
		t.Errorf("search: %v", got)
	}
	chart := server.post(restBase+"experiments/multi-metric-chart", `{"targetedExperiments":["`+twin+`"],"metrics":["acc","none"],"params":["lr"],"independentMetrics":true,"fetchFull":true}`)
	doc := chart["experiments"].(map[string]any)[twin].(map[string]any)
	if m := doc["metrics"].([]any); len(m) != 1 || len(m[0].(map[string]any)["values"].([]any)) != 100 || doc["params"].(map[string]any)["lr"] != "0.01" {
		t.Errorf("chart: %v", doc)
	}
	empty := server.post(restBase+"experiments/multi-metric-chart", `{"targetedExperiments":["`+twin+`"],"metrics":[],"params":[]}`)
	if empty["empty"] != true || len(empty["experiments"].(map[string]any)) != 0 {
		t.Errorf("empty chart: %v", empty)
	}
}
