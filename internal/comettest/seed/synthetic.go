package seed

import (
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

// Synthetic describes experiments that depend on Seed alone, whose metric
// points and asset contents are made when they are read.
type Synthetic struct {
	Workspace   string
	Project     string
	Experiments int
	// Metrics is the number of metrics of an experiment, Points that of the
	// points of each.
	Metrics, Points int
	// Assets is the number of assets of an experiment, AssetSize the bytes of
	// each.
	Assets    int
	AssetSize int64
	// Parameters is the number of parameters of an experiment.
	Parameters int
	Seed       uint64
}

// SeedSynthetic adds experiments as spec says and returns their keys in the
// order of their start.
func (s *Seeds) SeedSynthetic(spec Synthetic) []string {
	keys := make([]string, spec.Experiments)
	for i := range keys {
		keys[i] = s.SeedExperiment(spec.Workspace, spec.Project, spec.experiment(i))
	}
	return keys
}

func (spec *Synthetic) experiment(i int) Experiment {
	seed := derive.Mix(spec.Seed + uint64(i)*0x9E3779B97F4A7C15)
	start := demoStart + int64(i)*60_000
	key := derive.ID("synthetic", spec.Workspace, spec.Project, fmt.Sprint(spec.Seed), fmt.Sprint(i))
	e := Experiment{
		Key: key, Name: fmt.Sprintf("run %d", i), Start: start, End: start + int64(spec.Points)*metric.SyntheticInterval + 1,
		Tags: []string{"synthetic"},
	}
	for j := range spec.Parameters {
		e.Parameters = append(e.Parameters, Value{Name: fmt.Sprintf("p%05d", j), Value: fmt.Sprint(derive.Mix(seed + uint64(j)))})
	}
	for j := range spec.Metrics {
		e.Synthetic = append(e.Synthetic, SyntheticMetric{
			Name: fmt.Sprintf("metric_%03d", j), Seed: derive.Mix(seed ^ uint64(j+1)), N: spec.Points, Start: start,
		})
	}
	for j := range spec.Assets {
		e.Assets = append(e.Assets, Asset{
			ID: derive.ID("synthetic asset", key, fmt.Sprint(j)), Name: fmt.Sprintf("data/%03d.bin", j),
			Size: spec.AssetSize, Seed: derive.Mix(seed + uint64(j)<<32),
		})
	}
	return e
}
