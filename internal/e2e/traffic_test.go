package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// What the official client logs, live and from an offline archive, is all in an
// export, and goes through an import unchanged.
func TestRecordedTraffic(t *testing.T) {
	for _, name := range []string{"sdk-live", "sdk-offline-upload"} {
		t.Run(name, func(t *testing.T) {
			traffic := readTraffic(t, name)
			src := start(t, comettest.Options{Keys: []comettest.Key{{Key: "KEY", User: "alice"}}, Workspaces: []string{"team"}})
			dst := start(t, comettest.Options{Workspaces: []string{"lab"}})
			newReplayer(t, src).replay(name)
			stream := runExport(src, "team/vision").want(t, cli.ExitOK).stdout
			if diff := cmp.Diff(loggedBy(t, traffic), heldBy(t, stream)); diff != "" {
				t.Errorf("the export differs from what was logged (-logged +exported):\n%s", head(diff))
			}
			runImport(dst, stream, "lab/vision").want(t, cli.ExitOK)
			sameProject(t, src, "team/vision", dst, "lab/vision")
			importAgain(t, dst, stream, "lab/vision")
		})
	}
}
