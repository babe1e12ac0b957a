package exporter

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/stream"
)

// scene gives the first asset of a list the parts of a 3D scene.
func scene(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/experiment/asset/list") {
			next.ServeHTTP(w, r)
			return
		}
		r.Header.Set("Accept-Encoding", "identity")
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		w.Header().Set("Content-Type", "application/json")
		w.Write(bytes.Replace(answer.Body.Bytes(), []byte(`"items":[]`), []byte(`"items":[{"fileName":"points"},{"type":"boxes"}]`), 1))
	})
}

// The parts of a 3D scene are named, each of them, and the scene is carried.
func TestSceneParts(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{Middleware: scene})
	key := srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Name: "run"})
	srv.SeedAsset(key, comettest.AssetSpec{Name: "scene.json", Type: "3d-image", Body: []byte{}})
	all := records(t, mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w/p")}))
	if n := len(of[*stream.Asset](all)); n != 1 {
		t.Errorf("%d assets, want the scene", n)
	}
	var names []string
	for _, s := range of[*stream.Skipped](all) {
		names = append(names, *s.Name)
	}
	if got := strings.Join(names, " "); got != "scene.json/points scene.json/boxes" {
		t.Errorf("skipped %q", got)
	}
}
