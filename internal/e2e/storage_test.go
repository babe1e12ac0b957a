package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Assets that go to storage in parts are what they would be had they gone
// through the server, and the key stays with that.
func TestUploadsToStorage(t *testing.T) {
	src := start(t, comettest.Options{})
	spec := fidelitySpec()
	spec.Assets = append(spec.Assets, comettest.AssetSpec{ID: strings.Repeat("5", 32), Name: "large.bin", Size: 3 << 20, Seed: 9, Step: new(int64(7))})
	src.SeedExperiment("team", "vision", spec)
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout

	var mu sync.Mutex
	parts := 0
	watch := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/bucket/") {
				mu.Lock()
				parts++
				mu.Unlock()
				for name := range r.Header {
					switch name {
					case "User-Agent", "Accept-Encoding", "Content-Length":
					default:
						t.Errorf("storage got the header %s", name)
					}
				}
			}
			next.ServeHTTP(w, r)
		})
	}
	plain := start(t, comettest.Options{Workspaces: []string{"team"}})
	direct := start(t, comettest.Options{Workspaces: []string{"team"}, Moods: comettest.Moods{S3Upload: true}, Middleware: watch})
	runImport(plain, stream).want(t, cli.ExitOK)
	r := runImport(direct, stream, "--verify", "-v").want(t, cli.ExitOK)
	if strings.Contains(r.stderr, "X-Amz-Signature") || strings.Contains(r.stderr, comettest.DefaultAPIKey) {
		t.Errorf("a credential is told:\n%s", head(r.stderr))
	}
	unchanged(t, "what was written", plain.State(portable), direct.State(portable))
	if parts < 100 {
		t.Errorf("%d parts went to storage", parts)
	}
	importAgain(t, direct, stream)
}

// Where the server turns out not to take them, the assets go through it, which is
// said once.
func TestUploadsToStorageFallBack(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedExperiment("team", "vision", fidelitySpec())
	stream := runExport(src, "team").want(t, cli.ExitOK).stdout
	dst := start(t, comettest.Options{Workspaces: []string{"team"}, Moods: comettest.Moods{S3Upload: true, Lacks: []string{"asset/upload-start"}}})
	want := start(t, comettest.Options{Workspaces: []string{"team"}})
	runImport(want, stream).want(t, cli.ExitOK)
	r := runImport(dst, stream, "-v").want(t, cli.ExitOK)
	if n := strings.Count(r.stderr, "direct uploads do not work here"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, head(r.stderr))
	}
	unchanged(t, "what was written", want.State(portable), dst.State(portable))
}
