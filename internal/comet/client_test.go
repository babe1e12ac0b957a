package comet

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

const testKey = "SeCrEtKeY0123456789abcdef*eyJiYXNlVXJsIjoiIn0"

// newTestClient returns a client of a server with the given routes. Patterns
// are those of http.ServeMux. What no route answers is an unknown endpoint.
func newTestClient(t *testing.T, routes map[string]http.HandlerFunc, change ...func(*api.Options)) *Client {
	t.Helper()
	mux := http.NewServeMux()
	for p, h := range routes {
		mux.HandleFunc(p, h)
	}
	if routes[accountRoute] == nil && !slices.ContainsFunc(slices.Collect(maps.Keys(routes)), func(p string) bool { return p[0] == '/' }) {
		mux.HandleFunc(accountRoute, answer(`{"userName":"u"}`))
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	o := api.Options{URL: srv.URL + "/clientlib/", APIKey: testKey, Retry: quickRetry}
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// accountRoute is what the client asks for to see whether the server is well.
const accountRoute = "GET /api/rest/v2/account-details"

var quickRetry = api.Retry{MaxElapsed: 5 * time.Second, Tries: 4, Base: time.Millisecond, Cap: 2 * time.Millisecond}

// answer serves a fixed JSON document.
func answer(doc string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, doc)
	}
}

func TestWorkspaces(t *testing.T) {
	for name, doc := range map[string]string{
		"texts":   `{"workspaceNames":["alice","team-a"]}`,
		"objects": `{"workspaceNames":[{"name":"alice"},{"name":"team-a","id":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/workspaces": answer(doc)})
			got, err := c.Workspaces.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, " "); s != "alice team-a" {
				t.Errorf("got %q", s)
			}
		})
	}
}

func TestCloseIdle(t *testing.T) {
	open := make(chan struct{})
	closed := make(chan struct{})
	srv := httptest.NewUnstartedServer(answer(`{"workspaceNames":[]}`))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateIdle:
			close(open)
		case http.StateClosed:
			close(closed)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	c, err := New(api.Options{URL: srv.URL, APIKey: testKey, Retry: quickRetry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Workspaces.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-open
	c.CloseIdle()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Error("the connection is still open")
	}
}
