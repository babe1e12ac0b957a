package comettest_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// Two servers with the same seeds have the same state, and it survives JSON.
func TestSeedsAreDeterministic(t *testing.T) {
	state := func() *comettest.State {
		srv := comettest.Start(t, comettest.Options{})
		srv.SeedDemo("demo")
		srv.SeedSynthetic(comettest.SyntheticSpec{
			Workspace: "demo", Project: "large", Experiments: 2, Metrics: 2, Points: 100, Assets: 2, AssetSize: 70_000, Parameters: 3,
		})
		return srv.State(comettest.StateOptions{Points: true, Texts: true, Portable: true})
	}
	first, second := state(), state()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("states differ (-first +second):\n%s", diff)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var back comettest.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if e := first.Experiment(comettest.DemoKey("demo", comettest.DemoFirst)); e == nil || len(e.Assets) < 35 || len(e.Metrics) != 5 {
		t.Errorf("the demo's first experiment is not whole: %+v", e)
	}
}
