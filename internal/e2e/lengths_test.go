package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A body of another length than the list gives is never taken for the asset: the
// asset is skipped, which is told, and the others are carried.
func TestOtherLengths(t *testing.T) {
	key, id := strings.Repeat("7", 32), strings.Repeat("1", 32)
	body := []byte(strings.Repeat("0123456789", 1000))
	for name, answer := range map[string]struct {
		body      []byte
		announced bool
	}{
		"half a file":          {body[:5000], true},
		"a short error":        {[]byte("upstream gave up"), true},
		"half, no length":      {body[:5000], false},
		"much more, no length": {[]byte(strings.Repeat("x", 1<<20)), false},
	} {
		t.Run(name, func(t *testing.T) {
			src := start(t, comettest.Options{Middleware: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("assetId") != id || !strings.HasSuffix(r.URL.Path, "/get-asset") {
						next.ServeHTTP(w, r)
						return
					}
					w.Header().Set("Content-Type", "application/octet-stream")
					if answer.announced { // else it is too long to be held, and comes without
						w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
					}
					w.Write(answer.body)
				})
			}})
			src.SeedExperiment("team", "p", comettest.ExperimentSpec{Key: key, Name: "x", Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{
				{ID: id, Name: "weights.bin", Body: body}, {ID: strings.Repeat("2", 32), Name: "other.bin", Body: []byte("other")},
			}})
			r := runExport(src, "team/p").want(t, cli.ExitIncomplete).says(t, fmt.Sprintf("the list says %d", len(body)), "weights.bin")
			dst := start(t, comettest.Options{Workspaces: []string{"team"}})
			runImport(dst, r.stdout).want(t, cli.ExitIncomplete)
			if assets := dst.State().Experiment(key).Assets; len(assets) != 1 || assets[0].Name != "other.bin" {
				t.Errorf("the destination has %+v", assets)
			}
		})
	}
}
