package comet

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

func TestNewBadKey(t *testing.T) {
	for _, key := range []string{"", "with space", "line\nend", "ключ"} {
		if _, err := New(api.Options{APIKey: key}); err == nil || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// Below a path prefix, the place of the REST API is found out once.
func TestRESTPrefix(t *testing.T) {
	const restDoc = `{"userName":"u","workspaceNames":["w"]}`
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html>some other application</html>"))
	}
	for _, tc := range []struct {
		name   string
		routes map[string]http.HandlerFunc
		want   string
	}{
		{"plain", map[string]http.HandlerFunc{"/api/rest/v2/": answer(restDoc), "/comet/api/rest/v2/": answer(`{}`)}, "/api/"},
		{"plain refuses", map[string]http.HandlerFunc{"/api/rest/v2/": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
		}}, "/api/"},
		{"prefixed", map[string]http.HandlerFunc{"/comet/api/rest/v2/": answer(restDoc)}, "/comet/api/"},
		{"prefixed beside a page", map[string]http.HandlerFunc{"/": page, "/comet/api/rest/v2/": answer(restDoc)}, "/comet/api/"},
		{"none", map[string]http.HandlerFunc{}, "/api/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked []string
			counted := make(map[string]http.HandlerFunc)
			for p, h := range tc.routes {
				counted[p] = func(w http.ResponseWriter, r *http.Request) {
					asked = append(asked, r.URL.Path)
					h(w, r)
				}
			}
			c := newTestClient(t, counted, func(o *api.Options) { o.URL = strings.Replace(o.URL, "/clientlib/", "/comet/clientlib/", 1) })
			for range 3 {
				asked = nil
				c.Workspaces.List(t.Context())
			}
			if tc.name == "none" {
				if _, err := c.Workspaces.List(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /api/rest/v2/workspaces: 404") {
					t.Errorf("got %v", err)
				}
				return
			}
			if want := []string{tc.want + "rest/v2/workspaces"}; !cmp.Equal(want, asked) {
				t.Errorf("asked %q, want %q", asked, want)
			}
		})
	}
}

func TestExperimentURL(t *testing.T) {
	c := offline(t, nil)
	for _, tc := range []struct {
		project, want string
		archived      bool
	}{
		{"p", "https://comet.test/w/p/k", false},
		{"a b/c", "https://comet.test/w/a%20b%2Fc/archive/k", true},
	} {
		if got := c.ExperimentURL("w", tc.project, "k", tc.archived); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}
