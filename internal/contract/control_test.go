package contract

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Each of these changes one answer of the server, and must be seen.
var breakages = []struct {
	name     string
	endpoint string // method and path
	status   int
	replace  string // in the body, by with
	with     string
}{
	{"nothing broken", "", 0, "", ""},
	{"handshake without run id", "POST /clientlib/logger/add/run", 200, `"runId"`, `"runID"`},
	{"refused points", "POST /clientlib/batch/logger/experiment/metric", 400, "", ""},
	{"unknown call", "POST /api/rest/v2/write/experiment/log-other", 404, "", ""},
	{"another member", "GET /api/rest/v2/experiment/metrics/get-metric", 200, `"metrics"`, `"points"`},
	{"another value", "GET /api/rest/v2/experiment/log-other", 200, `"valueCurrent":"v"`, `"valueCurrent":"w"`},
	{"no tags", "GET /api/rest/v2/experiment/tags", 200, `"tag"`, ``},
	{"other bytes", "GET /api/rest/v2/experiment/asset/get-asset", 200, "content", "CONTENT"},
}

// The contract test sees each answer that is not as it should be.
func TestControl(t *testing.T) {
	c := clients(t)[0]
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			srv := start(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method+" "+r.URL.Path != b.endpoint {
						next.ServeHTTP(w, r)
						return
					}
					r.Header.Del("Accept-Encoding")
					answer := httptest.NewRecorder()
					next.ServeHTTP(answer, r)
					w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
					w.WriteHeader(b.status)
					w.Write([]byte(strings.ReplaceAll(answer.Body.String(), b.replace, b.with)))
				})
			}})
			faults := c.run(t, srv, "short.py").faults()
			if b.endpoint == "" && len(faults) > 0 {
				t.Errorf("faults without a broken answer: %q", faults)
			}
			if b.endpoint != "" && len(faults) == 0 {
				t.Errorf("nobody has noticed %s", b.name)
			}
			for _, f := range faults {
				t.Logf("%.200s", f)
			}
		})
	}
}

// A place that only one side has, or that differs, is told unless it is listed.
func TestDiffering(t *testing.T) {
	src := map[string]string{"a tags [0]": "x", "a projectId": "1", "a m": "1", "a get_metadata() running": "false", "a get_metadata() endTimeMillis": "1"}
	dst := map[string]string{"a tags [0]": "y", "a projectId": "2", "a n": "1", "a get_metadata() running": "false", "a get_metadata() endTimeMillis": "2"}
	if got := differing(src, dst); len(got) != 4 {
		t.Errorf("%d differences, want 4: %q", len(got), got)
	}
}
