package importer

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
)

// full refuses what f picks as a server does whose quota is used up, and counts
// that.
func full(n *atomic.Int64, status int, body string, picks func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !picks(r) {
				next.ServeHTTP(w, r)
				return
			}
			n.Add(1)
			_, _ = io.Copy(io.Discard, r.Body) // the client may break it off
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
}

var usedUp = map[string]struct {
	status int
	body   string
}{
	"storage full":     {400, `{"msg":"Workspace storage is full","code":400,"sdk_error_code":90501}`},
	"payment required": {402, `{"msg":"Payment required","code":402}`},
	"in words alone":   {403, `{"msg":"You are over the storage quota of this plan","code":403}`},
}

// A destination whose storage is full is not asked for each of many assets. What
// is much smaller than those that were refused is still tried.
func TestQuotaOfAssets(t *testing.T) {
	p := testProject{workspace: "team", name: "p"}
	for n := range 4 {
		e := comettest.ExperimentSpec{Key: testKey(n), Start: start, End: start + 1}
		for i := range 100 {
			a := comettest.AssetSpec{ID: testID(1000*n + i), Name: fmt.Sprint("large", i), Body: make([]byte, 1000+i)}
			if i%50 == 0 {
				a.Name, a.Body = fmt.Sprint("small", i), []byte("tiny")
			}
			e.Assets = append(e.Assets, a)
		}
		p.experiments = append(p.experiments, e)
	}
	data := streamOf(t, p)
	for name, answer := range usedUp {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			srv := newServer(t, comettest.Options{Middleware: full(&refused, answer.status, answer.body, func(r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "asset/upload") && r.ContentLength > 900
			})})
			for range 2 {
				refused.Store(0)
				r := importTo(t, newClient(t, srv), data, Options{})
				// Those that are under way together are not counted yet.
				if n := refused.Load(); r.err != nil || r.Missing != 4*98 || n < quota.Enough || n > 4*quota.Enough*16 {
					t.Errorf("%v, %d missing after %d refusals", r.err, r.Missing, n)
				}
			}
			for n := range 4 {
				if got := len(srv.State().Experiment(testKey(n)).Assets); got != 2 {
					t.Errorf("experiment %d has %d assets, want the small ones", n, got)
				}
			}
		})
	}
}

// A destination that takes no point of one metric, whatever is sent, is asked a
// few times for it, and gets all other points.
func TestQuotaOfPoints(t *testing.T) {
	p := manyPoints(8000, "a", "forbidden", "z")
	data := streamOf(t, p)
	for name, answer := range usedUp {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
				faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(answer.status), Endpoint: "POST *experiment/metric", Item: `"forbidden"`})
				inner := faults.Middleware(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					inner.ServeHTTP(w, r)
					refused.Store(int64(len(faults.Injected())))
				})
			}})
			r := importTo(t, newClient(t, srv), data, Options{})
			issues := r.issues()
			if r.err != nil || r.Missing != 1 || !strings.HasPrefix(issues[0], `metrics "forbidden": missing: 8000 points: `) {
				t.Errorf("%v, %q", r.err, issues)
			}
			if n := pointsSent(srv); n["a"] != 8000 || n["z"] != 8000 || n["forbidden"] != 0 || refused.Load() > 9*16 { // all batches may be under way together
				t.Errorf("%v, after %d refusals", n, refused.Load())
			}
		})
	}
}

// A destination that takes no parameters and no others of one experiment is
// asked a few times for them.
func TestQuotaOfValues(t *testing.T) {
	e := comettest.ExperimentSpec{Key: testKey(1), Start: start, End: start + 1}
	for i := range 500 {
		v := comettest.Value{Name: fmt.Sprintf("v%03d", i), Value: fmt.Sprint(i), Time: start}
		e.Parameters, e.Others = append(e.Parameters, v), append(e.Others, v)
	}
	e.Points = manyPoints(10, "a").experiments[0].Points
	data := streamOf(t, testProject{workspace: "team", name: "p", experiments: []comettest.ExperimentSpec{e}})
	for name, answer := range usedUp {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			srv := newServer(t, comettest.Options{Middleware: full(&refused, answer.status, answer.body, func(r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, "experiment/parameter") || strings.HasSuffix(r.URL.Path, "log-other")
			})})
			r := importTo(t, newClient(t, srv), data, Options{})
			if n := refused.Load(); r.err != nil || r.Missing != 501 || n > 60 || pointsSent(srv)["a"] != 10 {
				t.Errorf("%v, %d missing after %d refusals, %v", r.err, r.Missing, n, pointsSent(srv))
			}
		})
	}
}
