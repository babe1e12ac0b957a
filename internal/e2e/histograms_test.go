package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// A histogram of all steps is uploaded where it is all that there is: copies made
// by other tools have no more. Where the ones of single steps are there, the
// destination makes it of them.
func TestCombinedHistograms(t *testing.T) {
	src := start(t, comettest.Options{})
	key := strings.Repeat("8", 32)
	combined := []byte(`{"histograms":[{"step":1,"histogram":{"version":2}}]}`)
	src.SeedExperiment("team", "p", comettest.ExperimentSpec{Key: key, Name: "copied", Start: epoch, End: epoch + 1, Assets: []comettest.AssetSpec{
		{ID: strings.Repeat("1", 32), Name: "weights.json", Type: "histogram_combined_3d", Body: combined},
		{ID: strings.Repeat("2", 32), Name: "bias", Type: "histogram3d", Step: new(int64(1)), Body: []byte(`{"version":2}`)},
		{ID: strings.Repeat("3", 32), Name: "bias", Type: "histogram3d", Step: new(int64(2)), Body: []byte(`{"version":3}`)},
	}})
	stream := runExport(src, "team/p").want(t, cli.ExitOK).stdout
	if list := runFilter(stream, "--json", "assets").want(t, cli.ExitOK).stdout; strings.Count(string(list), `"type":"histogram_combined_3d"`) < 2 {
		t.Fatalf("the stream has not both of them: %s", list)
	}
	dst := start(t, comettest.Options{Workspaces: []string{"team"}})
	runImport(dst, stream, "--verify").want(t, cli.ExitOK)
	assets := func(in *instance) []comettest.AssetState {
		list := in.State().Experiment(key).Assets
		for i := range list {
			list[i].Created = 0
		}
		return list
	}
	if diff := cmp.Diff(assets(src), assets(dst)); diff != "" {
		t.Errorf("assets (-source +destination):\n%s", diff)
	}
	importAgain(t, dst, stream)
	runImport(dst, stream, "--verify-only").want(t, cli.ExitOK)
	sameSums(t, stream, runExport(dst, "team/p").want(t, cli.ExitOK).stdout)

	// A stream without it differs.
	without := runFilter(stream, "-x", "--asset-name", "weights*").want(t, cli.ExitOK).stdout
	if cmp.Equal(sums(t, stream), sums(t, without)) {
		t.Error("the sums do not tell that it is gone")
	}
}
