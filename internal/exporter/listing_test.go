package exporter

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// emptied answers the first n requests for a listing as if it were empty.
func emptied(path, answer string, n int64) func(http.Handler) http.Handler {
	var asked atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, path) || asked.Add(1) > n {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, answer)
		})
	}
}

// A listing that is empty is not believed where something says that it is not.
func TestEmptyListings(t *testing.T) {
	const never, always = 0, 1 << 20
	for _, test := range []struct {
		name, path, answer string
		times              int64
		lost               bool
	}{
		{"whole", "/v2/experiments", `{"experiments":[]}`, never, false},
		{"experiments once", "/v2/experiments", `{"experiments":[]}`, 2, false},
		{"experiments always", "/v2/experiments", `{"experiments":[]}`, always, true},
		{"projects once", "/v2/projects", `{"projects":[]}`, 1, false},
		{"projects always", "/v2/projects", `{"projects":[]}`, always, false}, // the newer call has them
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := comettest.Start(t, comettest.Options{Middleware: emptied(test.path, test.answer, test.times)})
			srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 3})
			obs := new(recorder)
			all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w"), Observer: obs}))
			n, skipped := len(of[*stream.Experiment](all)), of[*stream.Skipped](all)
			switch {
			case !test.lost && (n != 3 || len(skipped) != 0):
				t.Errorf("%d experiments, skipped %+v", n, skipped)
			case test.lost && (len(skipped) != 1 || skipped[0].Of != stream.KindProject || !strings.Contains(skipped[0].Reason, "has 3 experiments, and 0 are listed")):
				t.Errorf("%d experiments, skipped %+v", n, skipped)
			}
		})
	}
}
