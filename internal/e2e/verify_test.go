package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// verifyKey is the key of the experiment that verifications are about.
var verifyKey = strings.Repeat("ab", 16)

// steps returns n points of a metric, one a step, in the order of time.
func steps(metric string, from, n int) []comettest.MetricPoint {
	points := make([]comettest.MetricPoint, 0, n)
	for i := from; i < from+n; i++ {
		points = append(points, comettest.MetricPoint{Metric: metric, Value: fmt.Sprint(i), Time: epoch + int64(i), Step: new(int64(i))})
	}
	return points
}

// verified is an experiment with assets, additional system information and metrics,
// one of which is longer than what servers show.
func verified() comettest.ExperimentSpec {
	pair := func(key, value string) map[string]any { return map[string]any{"key": key, "value": value} }
	return comettest.ExperimentSpec{
		Key: verifyKey, Name: "n", Start: epoch, End: epoch + 100_000,
		System: map[string]any{"user": "ann", "logAdditionalSystemInfoList": []any{pair("gpu0", "a"), pair("gpu1", "b"), pair("rack", "7")}},
		Points: slices.Concat(steps("loss", 0, 50), steps("long", 0, 40_000)),
		Assets: []comettest.AssetSpec{
			{ID: fmt.Sprintf("%032x", 1), Name: "model.bin", Body: []byte("weights")}, {ID: fmt.Sprintf("%032x", 2), Name: "log.txt", Body: []byte("log")},
			{ID: fmt.Sprintf("%032x", 3), Name: "far", Link: "s3://b/far"},
		},
	}
}

// TestVerifyNamesDoubledSystem has a verification name, with exit code 7, what a
// server has appended to additional system information again.
func TestVerifyNamesDoubledSystem(t *testing.T) {
	appends := comettest.Options{Workspaces: []string{"lab"}, Moods: comettest.Moods{AppendSystem: true}}
	src, dst := start(t, comettest.Options{}), start(t, appends)
	spec := verified()
	src.SeedExperiment("lab", "p", spec)
	stream := runExport(src, "lab/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "--verify").want(t, cli.ExitOK)
	again := map[string]any{"experimentKey": verifyKey, "logAdditionalSystemInfoList": spec.System["logAdditionalSystemInfoList"]}
	write(t, dst, http.MethodPost, "clientlib/rest/v2/write/experiment/system-details", again)
	for _, mode := range []string{"--verify-only", "--verify"} {
		runImport(dst, stream, mode).want(t, cli.ExitDiffers).says(t, `system "logAdditionalSystemInfoList": unverified: the destination has 3 duplicate entries`)
	}
}

// TestVerifyNamesExtras has a verification name, with exit code 7, what the
// destination has beside what the stream has.
func TestVerifyNamesExtras(t *testing.T) {
	src := start(t, comettest.Options{})
	src.SeedExperiment("lab", "p", verified())
	stream := runExport(src, "lab/p").want(t, cli.ExitOK).stdout
	capped := comettest.Moods{MetricCap: 15_000}
	for _, tt := range []struct {
		name  string
		moods comettest.Moods
		more  func(*comettest.ExperimentSpec)
		says  string // nothing if all is well
	}{
		{"nothing", comettest.Moods{}, func(*comettest.ExperimentSpec) {}, ""},
		{"nothing, of what is shown", capped, func(*comettest.ExperimentSpec) {}, ""},
		{"asset twice", comettest.Moods{}, func(e *comettest.ExperimentSpec) {
			e.Assets = append(e.Assets, comettest.AssetSpec{ID: fmt.Sprintf("%032x", 9), Name: "model.bin", Body: []byte("weights")})
		}, `asset "model.bin": unverified: the destination has an identical asset`},
		{"remote asset twice", comettest.Moods{}, func(e *comettest.ExperimentSpec) {
			e.Assets = append(e.Assets, comettest.AssetSpec{ID: fmt.Sprintf("%032x", 9), Name: "far", Link: "s3://b/far"})
		}, `asset "far": unverified: the destination has an identical asset`},
		{"asset of others", comettest.Moods{}, func(e *comettest.ExperimentSpec) {
			e.Assets = append(e.Assets, comettest.AssetSpec{ID: fmt.Sprintf("%032x", 9), Name: "theirs", Body: []byte("theirs")})
		}, `asset "theirs": unverified: not in the stream`},
		{"point of others", comettest.Moods{}, func(e *comettest.ExperimentSpec) { e.Points = append(e.Points, steps("loss", 50, 1)...) }, `metrics "loss": unverified: `},
		{"points twice", comettest.Moods{}, func(e *comettest.ExperimentSpec) { e.Points = append(e.Points, steps("loss", 0, 50)...) }, `metrics "loss": unverified: `},
		{"points beyond a cap", comettest.Moods{}, func(e *comettest.ExperimentSpec) { e.Points = append(e.Points, steps("long", 40_000, 20_000)...) }, `metrics "long": unverified: `},
		{"points beyond a cap, thinned", capped, func(e *comettest.ExperimentSpec) { e.Points = append(e.Points, steps("long", 40_000, 20_000)...) }, `metrics "long": unverified: `},
		{"points of others in what is shown", capped, func(e *comettest.ExperimentSpec) {
			for i := range e.Points {
				if e.Points[i].Metric == "long" && i%2 == 0 {
					e.Points[i].Value += "1"
				}
			}
		}, `metrics "long": unverified: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			theirs := verified()
			tt.more(&theirs)
			dst := start(t, comettest.Options{Moods: tt.moods})
			dst.SeedExperiment("lab", "p", theirs)
			for _, mode := range []string{"--verify-only", "--verify", "--verify-only"} {
				code := cli.ExitDiffers
				if tt.says == "" {
					code = cli.ExitOK
				}
				r := runImport(dst, bytes.Clone(stream), mode)
				if r.code != code {
					t.Errorf("%s: exit code %d, want %d", mode, r.code, code)
				}
				r.says(t, tt.says)
			}
		})
	}
}
