package comet

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	for _, tc := range []struct {
		name, url, rest string
		want            address
	}{
		{"default", "", "", address{root: "https://www.comet.com/", clientlib: "https://www.comet.com/clientlib/",
			alt: "https://www.comet.com/clientlib/rest/v2/", rest: "https://www.comet.com/api/rest/v2/"}},
		{"no final slash", "http://h:81/clientlib", "", address{root: "http://h:81/", clientlib: "http://h:81/clientlib/",
			alt: "http://h:81/clientlib/rest/v2/", rest: "http://h:81/api/rest/v2/"}},
		{"no path", " https://h ", "", address{root: "https://h/", clientlib: "https://h/clientlib/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
		{"prefix", "https://h/a%2Fb/comet/clientlib/", "", address{root: "https://h/", clientlib: "https://h/a%2Fb/comet/clientlib/",
			alt: "https://h/a%2Fb/comet/clientlib/rest/v2/", rest: "https://h/api/rest/v2/", restPrefixed: "https://h/a%2Fb/comet/api/rest/v2/"}},
		{"prefix and REST address", "https://h/comet/clientlib/", "https://h/comet/api/rest/v2", address{root: "https://h/",
			clientlib: "https://h/comet/clientlib/", alt: "https://h/comet/clientlib/rest/v2/", rest: "https://h/comet/api/rest/v2/"}},
		{"other path", "https://h/x/", "", address{root: "https://h/", clientlib: "https://h/x/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
		{"credentials and query", "https://u:p@h/clientlib/?q=1#f", "", address{root: "https://h/", clientlib: "https://h/clientlib/",
			alt: "https://h/clientlib/rest/v2/", rest: "https://h/api/rest/v2/"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseAddress(tc.url, tc.rest)
			if err != nil {
				t.Fatal(err)
			}
			got.host, got.scheme = "", ""
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(address{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAddressBad(t *testing.T) {
	for _, s := range []string{"comet.example.com", "ftp://h/", "https://", "/clientlib/", "http://u:hunter2@h:x/", "https://u:hunter2@/"} {
		_, err := parseAddress(s, "")
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", s, err)
		}
	}
	// A key must not go to a host that was not named with it.
	if _, err := parseAddress("https://h/", "https://other/api/rest/v2/"); err == nil {
		t.Error("a REST address on another host is taken")
	}
}

func TestNewBadKey(t *testing.T) {
	for _, key := range []string{"", "with space", "line\nend", "ключ"} {
		if _, err := New(Options{APIKey: key}); err == nil || key != "" && strings.Contains(err.Error(), key) {
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
			c := newTestClient(t, counted, func(o *Options) { o.URL = strings.Replace(o.URL, "/clientlib/", "/comet/clientlib/", 1) })
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
