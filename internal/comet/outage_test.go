package comet

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// Answers to requests that were under way when a server broke down come in
// after the first failures. They do not show that it works.
func TestOutageWithLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		c := offline(t, func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/tags") {
				time.Sleep(time.Second)
				return reply(req, http.StatusOK, `{"tags":[]}`), nil
			}
			if down.Load() {
				return reply(req, http.StatusServiceUnavailable, ""), nil
			}
			return reply(req, http.StatusOK, `{}`), nil
		}, func(o *api.Options) { o.Retry = api.Retry{MaxElapsed: time.Hour, Tries: 5} })
		late := make(chan error)
		go func() {
			_, err := c.Experiments.Tags(t.Context(), "k")
			late <- err
		}()
		synctest.Wait() // the request is under way
		down.Store(true)
		began := time.Now()
		_, err := ValuesOf(c.Parameters.Each)(t.Context(), "k")
		if !errors.Is(err, api.ErrOutage) || time.Since(began) < time.Hour {
			t.Errorf("error %v after %v, want an outage after an hour", err, time.Since(began))
		}
		if err := <-late; err != nil {
			t.Error(err)
		}
	})
}
