package comet

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// Calls to an endpoint that never answers well end by themselves, however many are
// still to come: when none of it has come out well for long enough, no more are made.
func TestHopelessEndpoint(t *testing.T) {
	var asked atomic.Int64
	c := newTestClient(t, map[string]http.HandlerFunc{"GET /api/rest/v2/experiment/asset/get-asset": func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}}, func(o *api.Options) {
		o.Retry = api.Retry{MaxElapsed: 20 * time.Millisecond, Tries: 5, Base: time.Millisecond, Cap: time.Millisecond}
	})
	for n := range 5000 {
		before := asked.Load()
		if _, err := c.Assets.Content(t.Context(), api.AssetRequest{Key: "k", ID: fmt.Sprint(n)}); err == nil {
			t.Fatal("an asset has come")
		}
		if asked.Load() == before {
			return
		}
	}
	t.Errorf("%d requests, and no end", asked.Load())
}
