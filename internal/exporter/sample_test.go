package exporter

import (
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Of many experiments a dry run looks into a sample, and the true numbers are in the
// ranges that it gives.
func TestDryRunSamples(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	const n = 1000
	var assets, size int64
	for i := range n {
		spec := comettest.ExperimentSpec{Start: 1_700_000_000_000 + int64(i), Running: i < 3}
		for j := range 1 + i%5 {
			spec.Assets = append(spec.Assets, comettest.AssetSpec{Name: "a", Size: int64(1000 * (1 + j + i%7)), Seed: 1})
			assets++
			size += int64(1000 * (1 + j + i%7))
		}
		srv.SeedExperiment("w", []string{"p", "q"}[i%2], spec)
	}
	srv.ResetStats()
	e, err := DryRun(t.Context(), Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(srv.Stats().Requests); got > 2*sampleSize+100 {
		t.Errorf("%d requests for a sample of %d", got, sampleSize)
	}
	if e.Experiments != n || e.Sampled != sampleSize || e.Running != 3 {
		t.Errorf("experiments %d, looked into %d, running %d", e.Experiments, e.Sampled, e.Running)
	}
	for name, test := range map[string]struct {
		r        Range
		is, said int64
	}{"assets": {e.AssetsRange, assets, e.Assets}, "bytes": {e.BytesRange, size, e.AssetBytes}} {
		if test.is < test.r.Low || test.is > test.r.High || test.said < test.r.Low || test.said > test.r.High || test.r.High > 2*test.is {
			t.Errorf("%s: %d, estimated as %d, likely %+v", name, test.is, test.said, test.r)
		}
	}
	if e.UpperBound < size || e.RequestsRange.Low < e.Assets || e.RequestsRange.High < e.Requests {
		t.Errorf("upper bound %d, requests %d, likely %+v", e.UpperBound, e.Requests, e.RequestsRange)
	}
}
