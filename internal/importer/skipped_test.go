package importer

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// A large record that closes an asset comes through where others have all the
// room, and wait for what the asset has: the one before it in the stream has
// taken all room for records, and wants that for files.
func TestGroupSkippedLarge(t *testing.T) {
	small, first, second := testKey(1), testKey(2), testKey(3)
	p := testProject{workspace: "team", name: "p"}
	big := func(n int, size int) comettest.AssetSpec {
		return comettest.AssetSpec{ID: testID(n), Name: "big", Body: bytes.Repeat([]byte{'x'}, size)}
	}
	s := newScript(t, sourceURL)
	s.begin(p)
	s.write(&stream.Project{Workspace: p.workspace, Name: p.name})
	s.experiment(p, comettest.ExperimentSpec{Key: small, Start: start, End: start})
	s.experiment(p, comettest.ExperimentSpec{Key: first, Start: start, End: start, Assets: []comettest.AssetSpec{big(1, 7<<20)}})
	s.open(p, comettest.ExperimentSpec{Key: second, Start: start, End: start})
	s.openAsset(big(2, 0), 12<<20)
	s.chunks(bytes.Repeat([]byte{'x'}, stream.MaxData))
	s.write(
		&stream.Skipped{Of: stream.KindAsset, Experiment: &second, Workspace: "team", Name: new("big"), ID: new(testID(2)), Reason: strings.Repeat("gone, ", 400_000)},
		&stream.ExperimentEnd{Key: second},
	)
	data := s.close()

	up := &uploads{begun: make(chan struct{})}
	srv := newServer(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
		next = up.middleware(next)
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/status-report/update") {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if bytes.Contains(body, []byte(first)) {
					<-up.begun
				}
			}
			next.ServeHTTP(rw, r)
		})
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := importIn(ctx, t, newClient(t, srv), data, Options{Experiments: 1, TempMax: 16 << 20})
	if r.err != nil || r.Created != 3 || r.Skipped != 1 {
		t.Fatalf("%v, %+v", r.err, r.Summary)
	}
	if i := r.of(t, second).Issues[0]; len(i.Reason) > 10_000 || !strings.HasPrefix(i.Reason, "gone, gone") {
		t.Errorf("the reason has %d bytes", len(i.Reason))
	}
}
