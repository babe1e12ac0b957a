package comettest

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// seedDemoWorkspace adds what belongs to the workspace of the demo: artifacts
// with lineage, registry models, panels and views.
func (s *Seeds) seedDemoWorkspace(workspace string) {
	first, twin := DemoKey(workspace, DemoFirst), DemoKey(workspace, DemoTwin)
	file := func(name, version string, a AssetSpec) AssetSpec {
		a.ID, a.Name = derive.ID("demo file", workspace, version, name), name
		return a
	}
	s.SeedArtifact(workspace, ArtifactSpec{
		Name: "digits", Type: "dataset", Description: ptr("handwritten"), Tags: []string{"public"}, Emoji: ptr("🔢"),
		Versions: []ArtifactVersionSpec{
			{Version: "1.0.0", Producer: first, Metadata: ptr(`{"rows":10}`), Tags: []string{"raw"}, Consumers: []string{twin},
				Files: []AssetSpec{
					file("train/a.csv", "1", AssetSpec{Body: []byte("1,2\n"), Metadata: ptr(`{"part":1}`)}),
					file("empty.txt", "1", AssetSpec{}),
				}},
			{Version: "1.1.0", Producer: first, State: store.StateError},
			{Version: "2.0.0", Producer: twin, Aliases: []string{"prod"}, Note: ptr("cleaned"), Files: []AssetSpec{
				file("train/a.csv", "2", AssetSpec{Size: 100_000, Seed: 5}),
				file("remote", "2", AssetSpec{Link: "s3://bucket/digits/remote", Metadata: ptr(`{"synced":true,"version_id":"3"}`)}),
			}},
			{Version: "3.0.0", Producer: twin, State: store.StateOpen},
		},
	})
	s.SeedRegistryModel(workspace, RegistrySpec{
		Name: "cnn", Description: ptr("the good one"), Notes: "# Model notes\n",
		Versions: []RegistryVersionSpec{
			{Version: "1.0.0", Experiment: first, Model: "cnn", Comment: ptr("first"), Stages: []string{"old"}},
			{Version: "1.0.1", Experiment: first, Model: "cnn", Stages: []string{"prod"}, Status: "Production",
				Metadata: map[string]any{"accuracy": 0.9}},
		},
	})
	id := s.SeedPanel(workspace, "Scatter", "from comet_ml import ui\nui.display('hi')\n")
	v3, err := json.Marshal(map[string]any{
		"layout": []any{}, "sections": []any{map[string]any{"id": "s", "title": "main", "panels": []any{map[string]any{"templateId": id, "experimentKey": first}}}},
	})
	if err != nil {
		panic("comettest: view: " + err.Error())
	}
	s.SeedView(workspace, "vision", "", "Overview", map[string]json.RawMessage{
		"v3": v3, "dashboardChartState": json.RawMessage(`"{\"panels\":[]}"`),
	})
}
