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
