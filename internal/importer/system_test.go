package importer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

func TestSameJSON(t *testing.T) {
	for _, tt := range []struct {
		want, have string
		same       bool
	}{
		{`1`, `"1"`, true},
		{`1.50`, `1.5`, true},
		{`"3.10"`, `3.10`, true},
		{`"3.10"`, `"3.1"`, false},
		{`"1e3"`, `"1000"`, false},
		{`1`, `2`, false},
		{`null`, ``, true},
		{`{"a":1}`, `{"a":1,"b":null}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":1,"b":2}`, `{"a":1}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,2]`, false},
		{`[{"key":"a","value":1},{"key":"b","value":2}]`, `[{"key":"b","value":2},{"key":"a","value":"1"}]`, true},
		{`[{"key":"a","value":1},{"key":"b","value":2}]`, `[{"key":"a","value":1},{"key":"b","value":2},{"key":"a","value":1},{"key":"b","value":2}]`, true},
		{`[{"key":"a","value":1}]`, `[{"key":"a","value":1},{"key":"a","value":2}]`, false},
		{`[{"name":"A100"}]`, `[{"name":"A100"},{"name":"A100"}]`, false},
		{`[{"name":"A100"}]`, `[{"name":"A100","since":{"x":1}}]`, true},
		{`[{"name":"A100","since":1}]`, `[{"name":"A100"}]`, true},
		{`[{"name":"A100"}]`, `[{"name":"H100","since":1}]`, false},
		{`[{"name":"A100"}]`, `["A100"]`, false},
		{`[{"a":{"b":1}}]`, `[{"a":{"b":1,"c":2}}]`, false},
	} {
		if got := sameJSON(json.RawMessage(tt.want), json.RawMessage(tt.have)); got != tt.same {
			t.Errorf("sameJSON(%s, %s) = %v", tt.want, tt.have, got)
		}
	}
}

// TestGitNull imports a repository again of which the destination has made null
// of what is empty.
func TestGitNull(t *testing.T) {
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/experiment/git/metadata") {
				next.ServeHTTP(rw, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			rw.Header().Set("Content-Type", "application/json")
			if _, err := io.WriteString(rw, strings.ReplaceAll(rec.Body.String(), `""`, "null")); err != nil {
				t.Error(err)
			}
		})
	}})
	p := testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{
		{Key: testKey(1), Start: start, End: start + 1, Git: &comettest.GitState{Branch: ptr("main"), Root: ptr("")}},
	}}
	c, data := newClient(t, srv), streamOf(t, p)
	importTo(t, c, data, Options{Verify: true}).succeed(t)
	importTo(t, c, data, Options{}).succeed(t)
	importTo(t, c, data, Options{Mode: VerifyOnly}).succeed(t)
}

func TestForgotten(t *testing.T) {
	have := map[string]json.RawMessage{"later": json.RawMessage("null")}
	for name, want := range map[string]bool{"user": false, "later": false, "muchLater": true} {
		if got := forgotten(name, have); got != want {
			t.Errorf("forgotten(%q) = %v", name, got)
		}
	}
}
