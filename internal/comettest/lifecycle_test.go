package comettest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// clock is a time that tests move by hand.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }
func (c *clock) add(d time.Duration) int64 {
	c.now = c.now.Add(d)
	return c.now.UnixMilli()
}

func (t *tester) status(key string, alive bool) {
	t.Helper()
	doc := t.post(lib+"status-report/update", fmt.Sprintf(`{"apiKey":%q,"experimentKey":%q,"is_alive":%v,"runId":"r"}`, ownerKey, key, alive))
	for _, name := range []string{"is_alive_beat_duration_millis", "gpu_monitor_interval_millis", "cpu_monitor_interval_millis", "parameter_update_interval_millis"} {
		if _, ok := doc[name].(json.Number); !ok {
			t.Errorf("%s is %v", name, doc[name])
		}
	}
}

// times is start, end and state of an experiment as the API tells them.
func (t *tester) times(key string) []any {
	t.Helper()
	m := t.get(restBase + "experiment/metadata?experimentKey=" + key)
	return []any{m["startTimeMillis"], m["endTimeMillis"], m["running"], m["hasCrashed"]}
}

func num(v int64) json.Number { return json.Number(fmt.Sprint(v)) }

func TestLifecycle(t *testing.T) {
	c := &clock{time.UnixMilli(1_700_000_000_000)}
	server := newTester(t, comettest.Options{Clock: c.Now, HeartbeatTimeout: time.Minute})
	check := func(what string, want ...any) {
		t.Helper()
		if diff := cmp.Diff(want, server.times(freeKey)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	start := c.now.UnixMilli()
	server.post(lib+"logger/add/run", `{"apiKey":"`+ownerKey+`","experimentKey":"`+freeKey+`","teamName":"team","projectName":"p","offline":false}`)
	check("online run", num(start), nil, true, false)
	beat := c.add(50 * time.Second)
	server.status(freeKey, true)
	c.add(50 * time.Second)
	check("after a beat", num(start), nil, true, false)
	c.add(50 * time.Second)
	check("without beats", num(start), num(beat), false, false)
	server.status(freeKey, true)
	server.post(restBase+"write/experiment/update-status", `{"experimentKey":"`+freeKey+`","isAlive":true,"error":"boom","hasCrashed":true}`)
	end := c.add(time.Second)
	server.status(freeKey, false)
	check("crashed", num(start), num(end), false, true)
	server.post(lib+"status-report/offline-metadata", `{"apiKey":"`+ownerKey+`","experimentKey":"`+freeKey+`","startTimestamp":5,"endTimestamp":9}`)
	check("times set", num(5), num(9), false, true)
	server.get(restBase + "write/experiment/archive?experimentKey=" + freeKey)
	server.status(freeKey, false)
	check("archived", num(5), num(9), false, true)
	later := c.add(time.Second)
	tag := `{"experimentKey":"` + freeKey + `","addedTags":["x"]}`
	server.post(restBase+"write/experiment/tags", tag)
	check("a later write moves the end", num(5), num(later), false, true)
	server.post(restBase+"write/experiment/set-start-end-time", `{"experimentKey":"`+freeKey+`","startTimeMillis":null,"endTimeMillis":11}`)
	server.srv.SetMoods(comettest.Moods{KeepEndTime: true})
	server.post(restBase+"write/experiment/tags", tag)
	check("unless the server keeps it", num(5), num(11), false, true)
}

// An end that a call sets stays, although no heartbeat has ended the run: what
// the client's REST writers make never beats.
func TestEndOfRunningExperiment(t *testing.T) {
	c := &clock{time.UnixMilli(1_700_000_000_000)}
	server := newTester(t, comettest.Options{Clock: c.Now, HeartbeatTimeout: time.Minute})
	doc := server.post(restBase+"write/experiment/create", `{"workspaceName":"team","projectName":"p"}`)
	key := doc["experimentKey"].(string)
	check := func(what string, want ...any) {
		t.Helper()
		if diff := cmp.Diff(want, server.times(key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	server.post(restBase+"write/experiment/set-start-end-time", `{"experimentKey":"`+key+`","startTimeMillis":5,"endTimeMillis":9}`)
	check("times set", num(5), num(9), true, false)
	c.add(2 * time.Minute)
	check("timed out", num(5), num(9), false, false)
	server.status(key, true)
	check("alive again", num(5), nil, true, false)
	end := c.add(time.Second)
	server.status(key, false)
	check("finished", num(5), num(end), false, false)

	if name, _ := doc["name"].(string); name == "" || server.get(restBase + "experiment/metadata?experimentKey=" + key)["experimentName"] != name {
		t.Errorf("no name was made up: %v", doc)
	}
}

func TestOfflineHandshake(t *testing.T) {
	server := newTester(t, comettest.Options{})
	doc := server.handshake(freeKey)
	if got := server.times(freeKey); got[2] != false {
		t.Errorf("an offline upload is running")
	}
	if doc["experimentKey"] != freeKey || doc["focusUrl"] != "http://example.com/team/p/" || doc["ws_url"] == nil || doc["project_id"] == nil {
		t.Errorf("handshake: %v", doc)
	}
	toggles, err := json.Marshal(doc["featureToggles"].([]any)[0])
	if err != nil || string(toggles) != `{"enabled":true,"name":"sdk_use_http_messages"}` {
		t.Errorf("toggles %s (%v)", toggles, err)
	}
	body := `{"apiKey":"` + ownerKey + `","experimentKey":"` + freeKey + `","teamName":"team","projectName":"q","getOrCreateEnabled":true}`
	again := server.post(lib+"logger/add/run", body)
	if again["project_id"] != doc["project_id"] || again["runId"] == doc["runId"] {
		t.Errorf("get or create: %v", again)
	}
	resumed := server.post(lib+"logger/get/run", `{"apiKey":"`+ownerKey+`","previousExperiment":"`+freeKey+`"}`)
	if resumed["experimentKey"] != freeKey || resumed["project_id"] != doc["project_id"] {
		t.Errorf("resumed: %v", resumed)
	}
}

func TestCreateAndCopy(t *testing.T) {
	server := newTester(t, comettest.Options{})
	doc := server.post(restBase+"write/experiment/create", `{"workspaceName":"team","projectName":"new","experimentName":"n","disableHeartBeat":true}`)
	key := doc["experimentKey"].(string)
	if got := server.times(key); got[2] != false || doc["name"] != "n" {
		t.Errorf("created: %v, %v", doc, got)
	}
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+key+`","values":[
		{"metricName":"m","metricValue":1,"step":1,"context":"c"},{"metricName":"m","metricValue":2,"step":2},{"metricName":"m","metricValue":3}]}`)
	server.post(lib+"logger/copy-steps-from-experiment", `{"apiKey":"`+ownerKey+`","copiedExperimentKey":"`+key+`","newExperimentKey":"`+freeKey+`","stepToCopyTo":1}`)
	var got []string
	for _, p := range server.experiment(freeKey).Metrics[0].Values {
		got = append(got, fmt.Sprint(p.Value, " ", p.Step != nil, " ", p.Context != nil && *p.Context == "c"))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"1 true true", "3 false false"}, got); diff != "" {
		t.Errorf("copied: %s", diff)
	}
}

// Projects: what a server keeps of them, links between them, and their end.
func TestProjects(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	created := server.post(restBase+"write/project/create", `{"workspaceName":"team","projectName":"q","projectDescription":null,"isPublic":false}`)
	id := created["projectId"].(string)
	server.post(restBase+"write/project/notes", `{"projectId":"`+id+`","notes":"# é"}`)
	server.post(restBase+"write/project/update", `{"projectId":"`+id+`","newProjectName":"q2","newProjectDescription":"d"}`)
	if got := server.get(restBase + "project/notes?projectId=" + id)["notes"]; got != "# é" {
		t.Errorf("notes %q", got)
	}
	link := server.get(restBase + "write/project/symlink?experimentKey=" + freeKey + "&projectName=q2")["link"]
	if link != "http://example.com/team/q2/"+freeKey {
		t.Errorf("link %v", link)
	}
	server.post(restBase+"write/experiment/move", `{"targetWorkspaceName":"team","targetProjectName":"q3","experimentKeys":["`+freeKey+`"],"symlink":true}`)
	for _, name := range []string{"q2", "q3"} {
		list := server.get(restBase + "experiments?workspaceName=team&projectName=" + name)["experiments"].([]any)
		item := list[0].(map[string]any)
		own := server.get(restBase + "experiment/metadata?experimentKey=" + freeKey)
		if len(list) != 1 || item["experimentKey"] != freeKey || item["projectName"] != name || own["projectName"] != "p" {
			t.Errorf("%s lists %v; its own project is %v", name, list, own["projectName"])
		}
	}
	code := server.get(restBase + "write/project/add-share-link?projectId=" + id)["shareCode"].(string)
	if got := server.get(restBase + "project/get-project-share-links?projectId=" + id)["shareCodes"].([]any); len(got) != 1 || got[0] != code {
		t.Errorf("share codes %v", got)
	}
	server.get(restBase + "write/project/delete-project-share-link?projectId=" + id + "&shareCode=" + code)
	page := server.get(restBase + "projects/page?workspaceName=team&offset=1&count=2&sort=projectName&order=asc")
	rows := page["rows"].([]any)
	if len(rows) != 2 || rows[0].(map[string]any)["projectName"] != "p" || page["totalRowCount"] != json.Number("4") || rows[0].(map[string]any)["totalRowCount"] != "4" {
		t.Errorf("page: %v", page)
	}
	server.post(restBase+"write/experiment/move", `{"targetWorkspaceName":"team","targetProjectName":"q2","experimentKeys":["`+freeKey+`"],"symlink":false}`)
	if p := server.srv.State().Project("team", "q2"); len(p.Experiments) != 1 || len(p.Links) != 0 || *p.Description != "d" {
		t.Errorf("moved: %+v", p)
	}
	server.post(restBase+"write/project/delete", `{"projectId":"`+id+`","deleteAllExperiments":false}`)
	if p := server.srv.State().Project("team", "general"); len(p.Experiments) != 1 {
		t.Errorf("deleting the project lost its experiment")
	}
	server.get(restBase + "write/experiment/delete?experimentKey=" + freeKey)
	server.handshake(freeKey)
	if p := server.srv.State().Project("team", "q3"); len(p.Links) != 0 {
		t.Errorf("links of a deleted experiment: %v", p.Links)
	}
}
