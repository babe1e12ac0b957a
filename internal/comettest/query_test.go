package comettest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Rules may be grouped, by "or" too: for a query in predicates of one source or of
// several, for a search in one tree.
func TestQueryGroups(t *testing.T) {
	server := newTester(t, comettest.Options{})
	key := func(n int) string { return strings.Repeat(fmt.Sprint(n), 32) }
	for n := 1; n <= 3; n++ {
		server.srv.SeedExperiment("team", "q", comettest.ExperimentSpec{
			Key: key(n), Start: int64(n), Parameters: []comettest.Value{{Name: "model|lr", Value: fmt.Sprint(n)}},
			Points: []comettest.MetricPoint{{Metric: "acc", Value: fmt.Sprint(10 * n)}}, Tags: []string{fmt.Sprintf("t%d", n)},
		})
	}
	rule := func(source, field, operator, value string) string {
		return fmt.Sprintf(`{"field":%q,"type":"double","operator":%q,"value":%s,"source":%q}`, field, operator, value, source)
	}
	group := func(condition string, rules ...string) string {
		return fmt.Sprintf(`{"condition":%q,"rules":[%s],"valid":true}`, condition, strings.Join(rules, ","))
	}
	one, two := rule("params", "model|lr", "equal", "1"), rule("params", "model|lr", "equal", "2")
	last, tagged := rule("metrics", "acc", "greater", "20"), rule("tag", "t2", "is_not_null", "null")
	bare := strings.ReplaceAll(group("OR", one, two), `,"source":"params"`, "")
	id := server.get(restBase + "project?workspaceName=team&projectName=q")["projectId"].(string)
	for _, c := range []struct {
		source, tree string
		want         []string
	}{
		{"params", bare, []string{key(1), key(2)}},
		{"nested", group("OR", one, last), []string{key(1), key(3)}},
		{"nested", group("AND", group("OR", one, two), tagged), []string{key(2)}},
		{"nested", group("OR", group("AND", one, last), tagged), []string{key(2)}},
		{"nested", group("AND"), []string{key(1), key(2), key(3)}},
	} {
		doc := server.post(restBase+"project/query", `{"workspaceName":"team","projectName":"q","predicates":[{"source":"`+c.source+`","query":`+c.tree+`}]}`)
		got := []string{}
		for _, k := range doc["experimentKeys"].([]any) {
			got = append(got, k.(string))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("query %s (-want +got):\n%s", c.tree, diff)
		}
		if c.source != "nested" {
			continue // a search names the source of each rule
		}
		doc = server.post(restBase+"experiments/search", `{"projectId":"`+id+`","rulesTree":`+c.tree+`,"limit":2,"page":1}`)
		got = nil
		for _, e := range doc["experiments"].([]any) {
			got = append(got, e.(map[string]any)["experimentKey"].(string))
		}
		if diff := cmp.Diff(c.want[:min(2, len(c.want))], slices.Clip(got)); diff != "" {
			t.Errorf("search %s (-want +got):\n%s", c.tree, diff)
		}
	}
	runErrors(t, server, []errorCase{
		{name: "condition", method: "POST", path: restBase + "experiments/search", body: `{"projectId":"` + id + `","rulesTree":` + group("XOR", one) + `,"limit":1,"page":1}`, status: 400},
		{name: "source", method: "POST", path: restBase + "experiments/search", body: `{"projectId":"` + id + `","rulesTree":` + bare + `,"limit":1,"page":1}`, status: 400},
	})
}

// What no client of the API is known to ask is not taken without a word, and is
// counted.
func TestUnknownCalls(t *testing.T) {
	server := newTester(t, comettest.Options{})
	for _, call := range []string{"POST " + lib + "telemetry/new", "GET " + restBase + "experiment/new", "POST " + lib + "telemetry/new"} {
		method, path, _ := strings.Cut(call, " ")
		if rec := server.request(method, path, "{}"); rec.Code != 404 {
			t.Errorf("%s: status %d", call, rec.Code)
		}
	}
	for _, path := range []string{"notify/event", "log/add", "notification/experiment"} {
		server.post(lib+path, "{}")
	}
	want := map[string]int{"POST " + lib + "telemetry/new": 2, "GET " + restBase + "experiment/new": 1}
	if diff := cmp.Diff(want, server.srv.Stats().Unknown); diff != "" {
		t.Errorf("unknown calls (-want +got):\n%s", diff)
	}
	if routes := server.srv.Routes(); !slices.Contains(routes, comettest.Route{Method: "POST", Path: lib + "notify/event"}) {
		t.Errorf("routes: %v", routes)
	}
}
