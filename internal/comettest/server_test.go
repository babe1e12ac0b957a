package comettest_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// Two servers with the same seeds have the same state, and it survives JSON.
func TestSeedsAreDeterministic(t *testing.T) {
	state := func() *comettest.State {
		srv := comettest.Start(t, comettest.Options{})
		srv.SeedDemo("demo")
		srv.SeedSynthetic(comettest.SyntheticSpec{
			Workspace: "demo", Project: "large", Experiments: 2, Metrics: 2, Points: 100, Assets: 2, AssetSize: 70_000, Parameters: 3,
		})
		return srv.State(comettest.StateOptions{Points: true, Texts: true, Portable: true})
	}
	first, second := state(), state()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("states differ (-first +second):\n%s", diff)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back comettest.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if e := first.Experiment(comettest.DemoKey("demo", comettest.DemoFirst)); e == nil || len(e.Assets) < 35 || len(e.Metrics) != 5 {
		t.Errorf("the demo's first experiment is not whole: %+v", e)
	}
}

// Clients, readers of the state and changes of mood do not disturb each other.
func TestConcurrentUse(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	const clients, points = 8, 40
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			server := &tester{t, srv, comettest.DefaultAPIKey}
			key := fmt.Sprintf("%s%02d", freeKey, i)
			server.post(lib+"logger/add/run", `{"apiKey":"`+server.key+`","experimentKey":"`+key+`","teamName":"alice","projectName":"p"}`)
			for n := range points {
				server.post(lib+"batch/logger/experiment/metric", fmt.Sprintf(
					`{"experimentKey":%q,"values":[{"metricName":"m","metricValue":%d,"step":%d,"context":"c%d"}]}`, key, n, n, n%3))
				server.ok(server.form(lib+"asset/upload?fileName=x&experimentId="+key+"&apiKey="+server.key, nil, make([]byte, 200*n)))
				server.request("GET", restBase+"experiment/metrics/get-all?experimentKey="+key, "")
				server.get(restBase + "experiments?workspaceName=alice&projectName=p")
			}
			server.get(restBase + "write/experiment/archive?experimentKey=" + key)
		})
	}
	group.Go(func() {
		for n := range 20 {
			srv.State(comettest.StateOptions{Points: true})
			srv.AdjustMoods(func(m *comettest.Moods) { m.MetricCap = 10 * (n % 2) })
			srv.Stats()
		}
	})
	group.Wait()
	for _, e := range srv.State().Project("alice", "p").Experiments {
		if len(e.Assets) != points || e.Metrics[0].Received != points || !e.Archived {
			t.Errorf("%s: %d assets, %d points, archived %v", e.Key, len(e.Assets), e.Metrics[0].Received, e.Archived)
		}
	}
	if got := srv.Counts()["POST /clientlib/asset/upload"]; got != clients*points {
		t.Errorf("%d uploads counted, want %d", got, clients*points)
	}
}

// The counts are those of the API alone, and can be set back.
func TestStats(t *testing.T) {
	server := newTester(t, comettest.Options{RequestLog: 2})
	server.get(restBase + "workspaces")
	server.request("GET", altBase+"workspaces?apiKey=secret", "")
	server.request("GET", restBase+"nothing", "")
	server.request("GET", "/_comettest/state", "")
	stats := server.srv.Stats()
	want := map[string]int{"GET /api/rest/v2/workspaces": 1, "GET /clientlib/rest/v2/workspaces": 1, "unknown": 1}
	if diff := cmp.Diff(want, stats.Endpoints); diff != "" || stats.Requests != 3 || stats.MaxInFlight != 1 {
		t.Errorf("%d requests, %d in flight: %s", stats.Requests, stats.MaxInFlight, diff)
	}
	if diff := cmp.Diff(map[int]int{200: 2, 404: 1}, stats.Statuses); diff != "" {
		t.Errorf("statuses: %s", diff)
	}
	log := []comettest.Request{
		{Method: "GET", Path: altBase + "workspaces", Query: "apiKey=", Status: 200},
		{Method: "GET", Path: restBase + "nothing", Status: 404},
	}
	if diff := cmp.Diff(log, server.srv.Requests()); diff != "" {
		t.Errorf("requests: %s", diff)
	}
	server.request("POST", "/_comettest/stats/reset", "")
	if got := server.srv.Stats(); got.Requests != 0 || len(got.Endpoints) != 0 {
		t.Errorf("after a reset: %+v", got)
	}
}

// Scripts look at a server and change it without a key.
func TestControl(t *testing.T) {
	server := newTester(t, comettest.Options{Control: map[string]http.Handler{
		"hello": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }),
	}}).as("")
	server.srv.SeedDemo("demo")
	state := server.get("/_comettest/state?workspace=demo&portable&readable&points")
	if got := state["workspaces"].([]any); len(got) != 1 || got[0].(map[string]any)["name"] != "demo" {
		t.Errorf("state of %d workspaces", len(got))
	}
	server.post("/_comettest/moods", `{"noVersion":true,"metricCap":10}`)
	if m := server.srv.Moods(); !m.NoVersion || m.MetricCap != 10 {
		t.Errorf("moods: %+v", m)
	}
	if rec := server.request("POST", "/_comettest/moods", `{"noSuchMood":true}`); rec.Code != 400 {
		t.Errorf("an unknown mood: status %d", rec.Code)
	}
	if got := server.get("/_comettest/moods")["noVersion"]; got != true {
		t.Errorf("moods by HTTP: %v", got)
	}
	if rec := server.request("GET", "/_comettest/hello", ""); rec.Body.String() != "hello" {
		t.Errorf("added handler: %q", rec.Body)
	}
	if rec := server.request("GET", "/_comettest/nothing", ""); rec.Code != 404 {
		t.Errorf("unknown control: status %d", rec.Code)
	}
}

// Data beyond the limits of names is dropped in silence, and the experiment
// says so; models beyond theirs are refused.
func TestNameLimits(t *testing.T) {
	server := newTester(t, comettest.Options{Limits: comettest.Limits{MetricNames: 1, ParameterNames: 1, Models: 1}})
	server.handshake(freeKey)
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[
		{"metricName":"a","metricValue":1},{"metricName":"b","metricValue":1},{"metricName":"a","metricValue":2}]}`)
	if meta := server.get(restBase + "experiment/metadata?experimentKey=" + freeKey); meta["throttle"] != true || meta["throttleMessage"] == nil {
		t.Errorf("metadata: %v", meta)
	}
	server.post(restBase+"write/experiment/"+freeKey+"/mark-not-throttled", `{}`)
	server.post(lib+"batch/logger/experiment/parameter", `{"experimentKey":"`+freeKey+`","values":[
		{"parameterName":"a","parameterValue":1},{"parameterName":"b","parameterValue":1}]}`)
	e := server.experiment(freeKey)
	if len(e.Metrics) != 1 || e.Metrics[0].Points != 2 || len(e.Parameters) != 1 {
		t.Errorf("kept: %+v, %+v", e.Metrics, e.Parameters)
	}
	at := lib + "asset/upload?type=model-element&apiKey=" + ownerKey + "&experimentId=" + freeKey + "&groupingName="
	server.ok(server.form(at+"one", nil, []byte("1")))
	server.ok(server.form(at+"one", nil, []byte("2")))
	if rec := server.form(at+"two", nil, []byte("1")); rec.Code != 400 || !strings.Contains(rec.Body.String(), "7000014") {
		t.Errorf("second model: %d %s", rec.Code, rec.Body)
	}
}

// HTTPS is served where it is asked for, links included.
func TestTLS(t *testing.T) {
	ca, err := inject.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Certificate(time.Now().Add(time.Hour), "127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	srv := comettest.Start(t, comettest.Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.ClientlibURL()+"health/ping", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 2 || !strings.HasPrefix(srv.URL(), "https://") {
		t.Errorf("status %d over %s at %s", resp.StatusCode, resp.Proto, srv.URL())
	}
}

// Dependencies count as installed packages, once.
func TestDependencies(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	k := `{"experimentKey":"` + freeKey + `",`
	server.post(altBase+"write/experiment/system-details", k+`"installedPackages":["numpy==1.0"]}`)
	for range 2 {
		server.ok(server.request("PUT", restBase+"write/experiment/dependencies", k+`"timestamp":1,"logDependencies":[{"name":"numpy","version":"1.0"},{"name":"x","version":null}]}`))
	}
	got := server.get(restBase + "experiment/system-details?experimentKey=" + freeKey)["installedPackages"]
	if diff := cmp.Diff([]any{"numpy==1.0", "x"}, got); diff != "" {
		t.Errorf("packages: %s", diff)
	}
	readable := server.srv.State(comettest.StateOptions{Readable: true}).Experiment(freeKey)
	if all := server.experiment(freeKey); len(all.Dependencies) != 4 || readable.Dependencies != nil {
		t.Errorf("dependencies: %v; readable: %v", all.Dependencies, readable.Dependencies)
	}
}
