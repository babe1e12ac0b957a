package exporter

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// halves puts half surrogate pairs and a byte that is no UTF-8 into the answers of
// a server, in place of XX, YY and ZZ.
func halves(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		next.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		if strings.Contains(rec.Header().Get("Content-Type"), "json") {
			for from, to := range map[string]string{"XX": `\ud800`, "YY": `\ud801`, "ZZ": "\xe9"} {
				body = bytes.ReplaceAll(body, []byte(from), []byte(to))
			}
			rec.Header().Del("Content-Length")
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		w.Write(body)
	})
}

// Names that are not Unicode stay apart, and what has some is named, once for each
// kind.
func TestNotUnicode(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Middleware: halves})
	text := "print('XX')"
	srv.SeedExperiment("w", "p", comettest.ExperimentSpec{
		Key: strings.Repeat("k", 32), Start: 1, Tags: []string{"tXX", "tYY"}, Code: &text,
		Parameters: []comettest.Value{{Name: "aXX", Value: "1"}, {Name: "aYY", Value: "2"}, {Name: "aZZ", Value: "3"}},
		Points:     []comettest.MetricPoint{{Metric: "mXX", Value: "1", Time: 1}, {Metric: "mYY", Value: "2", Time: 1}},
		Assets:     []comettest.AssetSpec{{Name: "nXX", Body: []byte("XX")}},
	})
	srv.SeedArtifact("w", comettest.ArtifactSpec{Name: "set", Type: "dataset", Tags: []string{"XX"}, Versions: []comettest.ArtifactVersionSpec{
		{Version: "1.0.0", Producer: strings.Repeat("k", 32)},
	}})
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, data)
	var got []string
	for _, m := range of[*stream.Metrics](all) {
		got = append(got, "metric "+m.Name)
	}
	for _, v := range of[*stream.Values](all) {
		for _, doc := range v.Values {
			name, _ := doc.Member("name").Text()
			got = append(got, string(v.Of)+" "+name)
		}
	}
	for _, e := range of[*stream.Experiment](all) {
		got = append(got, e.Tags...)
	}
	for _, a := range of[*stream.Asset](all) {
		got = append(got, "asset "+*a.Name)
	}
	for _, c := range of[*stream.Chunk](all) {
		got = append(got, string(c.Data))
	}
	for _, x := range of[*stream.Text](all) {
		got = append(got, string(x.Data))
	}
	got = slices.DeleteFunc(got, func(s string) bool { return s == "" })
	slices.Sort(got)
	want := []string{
		"XX", "asset n\ufffdD800", "metric m\ufffdD800", "metric m\ufffdD801", "parameters a\ufffdD800", "parameters a\ufffdD801", "parameters a\ufffdE9",
		"print('\ufffdD800')", "t\ufffdD800", "t\ufffdD801",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the stream (-want +got):\n%s", diff)
	}
	told := []string{"asset 0", "code 0", "experiment 0 tags", "metrics 0", "parameters 0", "artifact 0"}
	if diff := cmp.Diff(told, skips(all)); diff != "" || sum.Items != int64(len(told)) {
		t.Errorf("%d told (-want +got):\n%s", sum.Items, diff)
	}
}
