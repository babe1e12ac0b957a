package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// An endpoint that has failed for all calls, and for longer than some of them may
// take, is asked no more, but now and then.
func TestHopeless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := failing()
		cl, other := &Call{Method: http.MethodGet, Path: "experiment/asset/list"}, &Call{Method: http.MethodGet, Path: "experiment/tags"}
		hopeless := func(cl *Call) bool {
			err := r.health.hopeless(cl, r.MaxElapsed)
			if err != nil && (err.Status != 503 || !errors.Is(err, ErrServer) || errors.Is(err, ErrOutage) || errors.Is(err, ErrUncertain)) {
				t.Errorf("the error is not that of a call that was given up: %#v", err)
			}
			return err != nil
		}
		for begin := time.Now(); time.Since(begin) < hopelessAfter*r.MaxElapsed; {
			if hopeless(cl) {
				t.Fatalf("given up after %v", time.Since(begin))
			}
			e := r.begin(t.Context(), cl)
			for err := error(nil); err == nil; {
				e.start(t.Context(), nil)
				time.Sleep(time.Second)
				err = e.failed(t.Context(), &Error{Method: cl.Method, Path: cl.Path, Status: 503})
			}
		}
		if time.Sleep(probeEvery); hopeless(cl) || !hopeless(cl) || !hopeless(cl) {
			t.Error("want one call to see how it is now, and none beside it")
		}
		if time.Sleep(probeEvery); hopeless(cl) || !hopeless(cl) || hopeless(other) {
			t.Error("want one more call after a while, and those of others")
		}
		r.health.succeeded(cl, time.Now(), false)
		for range 2 {
			if hopeless(cl) {
				t.Error("one that has come out well is not enough")
			}
		}
		if (&retrier{}).health.hopeless(cl, 0) != nil {
			t.Error("what is never tried again is not hopeless")
		}
	})
}

// A read is answered well when its body comes, and not when it is announced.
func TestAnswersWell(t *testing.T) {
	for body, want := range map[string]bool{"": true, "whole body": true, "cut": false} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if body != "" {
				w.Header().Set("Content-Length", "10")
			}
			_, _ = w.Write([]byte(body))
		}))
		defer srv.Close()
		c, err := New(Options{URL: srv.URL, APIKey: "k"})
		if err != nil {
			t.Fatal(err)
		}
		cl := Read{Path: "experiment/asset/get-asset"}.Call(nil)
		cl.Want = WantBytes
		if c.Server.answersWell(t.Context(), cl) != want {
			t.Errorf("%q of ten bytes: want %v", body, want)
		}
	}
}
