package comet

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

func TestNotifyThenSucceeded(t *testing.T) {
	var asked atomic.Int32
	var told string
	c := newTestClient(t, map[string]http.HandlerFunc{
		"GET /api/rest/v2/workspaces": func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			answer(`{"workspaceNames":["alice"]}`)(w, r)
		},
	}, func(o *api.Options) {
		o.Notify = func(api.Trouble) { told += "trouble " }
		o.Succeeded = func() { told += "success " }
	})
	if _, err := c.Workspaces.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "trouble trouble success "; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
}
