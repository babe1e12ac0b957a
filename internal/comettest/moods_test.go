package comettest_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// keys are the experiment keys in an answer of the listing.
func keys(doc map[string]any) []string {
	list := []string{}
	for _, e := range doc["experiments"].([]any) {
		list = append(list, e.(map[string]any)["experimentKey"].(string))
	}
	return list
}

// newListing is a server with experiments k0 to k6, of which k5 and k6 are
// archived.
func newListing(t *testing.T) (*tester, string) {
	server := newTester(t, comettest.Options{})
	for i := range 7 {
		server.srv.SeedExperiment("team", "p", comettest.ExperimentSpec{
			Key: fmt.Sprintf("k%d", i), Start: int64(100 - i), End: int64(1000 + i), Archived: i >= 5,
		})
	}
	return server, restBase + "experiments?workspaceName=team&projectName=p"
}

func TestListing(t *testing.T) {
	server, path := newListing(t)
	for query, want := range map[string]string{
		"":                  "k0 k1 k2 k3 k4 k5 k6",
		"&archived=False":   "k0 k1 k2 k3 k4",
		"&archived=TRUE":    "k5 k6",
		"&archived=None":    "k0 k1 k2 k3 k4 k5 k6",
		"&page=2&size=3":    "k3 k4 k5",
		"&page=3&size=3":    "k6",
		"&page=4&size=3":    "",
		"&size=3":           "k0 k1 k2 k3 k4 k5 k6",
		"&sortBy=startTime": "k6 k5 k4 k3 k2 k1 k0",
		"&page=1&size=2&sortBy=endTime&sortOrder=desc": "k6 k5",
	} {
		if got := strings.Join(keys(server.get(path+query)), " "); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
}

func TestListingMoods(t *testing.T) {
	server, path := newListing(t)
	pages := func(size, n int) []string {
		var list []string
		for i := range n {
			list = append(list, keys(server.get(fmt.Sprintf("%s&archived=false&page=%d&size=%d", path, i+1, size)))...)
		}
		return list
	}
	for _, c := range []struct {
		name  string
		moods comettest.Moods
		want  string
	}{
		{"pages of two", comettest.Moods{}, "k0 k1 k2 k3 k4"},
		{"no paging", comettest.Moods{IgnorePages: true}, strings.TrimSpace(strings.Repeat("k0 k1 k2 k3 k4 ", 3))},
		{"repeats", comettest.Moods{RepeatListing: true}, "k0 k1 k1 k2 k3 k3 k4"},
		{"shifts down", comettest.Moods{ShiftListing: 1}, "k0 k1 k1 k2 k2"},
		{"shifts up", comettest.Moods{ShiftListing: -1}, "k0 k1 k3 k4 k1"},
		{"archived ignored", comettest.Moods{IgnoreArchived: true}, "k0 k1 k2 k3 k4 k5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, path = newListing(t)
			server.srv.SetMoods(c.moods)
			if got := strings.Join(pages(2, 3), " "); got != c.want {
				t.Errorf("three pages: %q, want %q", got, c.want)
			}
		})
	}
	server, path = newListing(t)
	server.srv.SetMoods(comettest.Moods{ForcePages: 4, Vanish: []string{"k1"}})
	first := server.get(path)
	if got := keys(first); len(got) != 4 || first["hasMore"] != true || first["totalPages"] != json.Number("2") || first["nextPage"] != json.Number("2") {
		t.Errorf("forced page: %v", first)
	}
	if rec := server.request("GET", restBase+"experiment/metadata?experimentKey=k1", ""); rec.Code != 404 {
		t.Errorf("a vanished experiment: status %d", rec.Code)
	}
}

// The moods about fields change how a document is written, and none of what it
// says.
func TestDocumentMoods(t *testing.T) {
	server := newTester(t, comettest.Options{})
	server.handshake(freeKey)
	server.post(lib+"batch/logger/experiment/metric", `{"experimentKey":"`+freeKey+`","values":[
		{"metricName":"m","metricValue":1.50,"step":7,"timestamp":5},{"metricName":"m","metricValue":"NaN","step":null,"timestamp":6}]}`)
	point := func(i int) map[string]any {
		return server.get(restBase + "experiment/metrics/get-all?experimentKey=" + freeKey)["metrics"].([]any)[i].(map[string]any)
	}
	server.srv.SetMoods(comettest.Moods{NumbersForText: true, TextForNumbers: true, ExtraFields: true})
	if p := point(0); p["metricValue"] != json.Number("1.50") || p["step"] != "7" || p["timestamp"] != "5" || p["unknownToYou"] == nil {
		t.Errorf("numbers and text swapped: %v", p)
	}
	if p := point(1); p["metricValue"] != "NaN" || p["step"] != nil {
		t.Errorf("what is no number: %v", p)
	}
	server.srv.SetMoods(comettest.Moods{OptionalFields: "absent"})
	meta := server.get(restBase + "experiment/metadata?experimentKey=" + freeKey)
	if _, ok := meta["userName"]; ok || meta["experimentKey"] != freeKey || meta["startTimeMillis"] == nil {
		t.Errorf("absent: %v", meta)
	}
	server.srv.SetMoods(comettest.Moods{OptionalFields: "null"})
	meta = server.get(restBase + "experiment/metadata?experimentKey=" + freeKey)
	if v, ok := meta["userName"]; !ok || v != nil {
		t.Errorf("null: %v", meta)
	}
	server.srv.SetMoods(comettest.Moods{ObjectWorkspaces: true})
	if w := server.get(restBase + "workspaces")["workspaceNames"].([]any)[0].(map[string]any); w["name"] != "alice" {
		t.Errorf("workspaces as objects: %v", w)
	}
}

// values are those of metric m, in the order of the answer.
func (t *tester) values() []int {
	t.Helper()
	var list []int
	for _, p := range t.get(restBase + "experiment/metrics/get-metric?metricName=m&experimentKey=" + freeKey)["metrics"].([]any) {
		v, err := strconv.Atoi(p.(map[string]any)["metricValue"].(string))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// A down-sampling server keeps the ends, the extremes and an even choice of
// the rest, the same every time, and shows all in files if it has them.
func TestMetricCap(t *testing.T) {
	server := newTester(t, comettest.Options{Moods: comettest.Moods{MetricCap: 50}})
	var points []comettest.MetricPoint
	for i := range 1000 {
		points = append(points, comettest.MetricPoint{Metric: "m", Value: strconv.Itoa((i * 7919) % 1000), Time: 1_700_000_000_000 + int64(i)*1000, Step: new(int64(1000 - i))})
	}
	server.srv.SeedExperiment("team", "p", comettest.ExperimentSpec{Key: freeKey, Points: points})
	got := server.values()
	if len(got) != 50 || !slices.Contains(got, 0) || !slices.Contains(got, 999) || got[0] != 0 || got[49] != (999*7919)%1000 {
		t.Errorf("kept %d: %v", len(got), got)
	}
	if diff := cmp.Diff(got, server.values()); diff != "" {
		t.Errorf("the second time: %s", diff)
	}
	if m := server.experiment(freeKey).Metrics[0]; m.Points != 50 || m.Received != 1000 {
		t.Errorf("state: %d of %d points", m.Points, m.Received)
	}
	if n := len(server.listed("ASSET_TYPE_FULL_METRIC")); n != 0 {
		t.Errorf("%d files on a server that has none", n)
	}
	server.srv.AdjustMoods(func(m *comettest.Moods) { m.FullMetricFiles = "typed" })
	if n := len(server.listed("all")); n != 0 {
		t.Errorf("%d files among all assets", n)
	}
	rows := 0
	for id, a := range server.listed("ASSET_TYPE_FULL_METRIC") {
		if a["fileName"] != "m_0.csv.zip" {
			t.Errorf("file name %v", a["fileName"])
		}
		rows += len(server.csv(id))
	}
	if rows != 1001 {
		t.Errorf("%d lines, want a header and 1000", rows)
	}
}

func (t *tester) csv(id string) [][]string {
	t.Helper()
	data := t.body(id)
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(zr.File) != 1 {
		t.Fatalf("zip: %v", err)
	}
	r, err := zr.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"value", "timestamp", "step", "epoch"}, rows[0]); diff != "" {
		t.Errorf("header: %s", diff)
	}
	if diff := cmp.Diff([]string{"919", "1700000001", "999", ""}, rows[2]); diff != "" {
		t.Errorf("row 2: %s", diff)
	}
	return rows
}

// Synthetic and stored points of one metric are read as one series, whether
// metrics are mixed or not.
func TestSyntheticPoints(t *testing.T) {
	server := newTester(t, comettest.Options{})
	key := server.srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "team", Project: "p", Experiments: 1, Metrics: 2, Points: 300})[0]
	server.srv.SeedPoints(key, comettest.MetricPoint{Metric: "metric_001", Value: "-1", Time: 1})
	count := func() (map[string]int, string) {
		counts := make(map[string]int)
		last := ""
		for _, p := range server.get(restBase + "experiment/metrics/get-all?experimentKey=" + key)["metrics"].([]any) {
			p := p.(map[string]any)
			counts[p["metricName"].(string)]++
			last = p["metricName"].(string) + "=" + p["metricValue"].(string)
		}
		return counts, last
	}
	for _, mixed := range []bool{false, true} {
		server.srv.SetMoods(comettest.Moods{InterleaveMetrics: mixed})
		counts, last := count()
		if diff := cmp.Diff(map[string]int{"metric_000": 300, "metric_001": 301}, counts); diff != "" || last != "metric_001=-1" {
			t.Errorf("mixed %v: last %s: %s", mixed, last, diff)
		}
	}
	for _, m := range server.experiment(key).Metrics {
		if m.Name == "metric_001" && (m.Points != 301 || m.Min.Value != "-1" || m.Current.Value == "-1") {
			t.Errorf("summary: %+v", m.Min)
		}
	}
}
