package seed

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// seedDemoWorkspace adds what belongs to the workspace of the demo: artifacts
// with lineage, registry models, panels and views.
func (s *Seeds) seedDemoWorkspace(workspace string) {
	first, twin := DemoKey(workspace, DemoFirst), DemoKey(workspace, DemoTwin)
	file := func(name, version string, a Asset) Asset {
		a.ID, a.Name = derive.ID("demo file", workspace, version, name), name
		return a
	}
	s.SeedArtifact(workspace, Artifact{
		Name: "digits", Type: "dataset", Description: new("handwritten"), Tags: []string{"public"}, Emoji: new("🔢"),
		Versions: []ArtifactVersion{
			{Version: "1.0.0", Producer: first, Metadata: new(`{"rows":10}`), Tags: []string{"raw"}, Consumers: []string{twin},
				Files: []Asset{
					file("train/a.csv", "1", Asset{Body: []byte("1,2\n"), Metadata: new(`{"part":1}`)}),
					file("empty.txt", "1", Asset{}),
				}},
			{Version: "1.1.0", Producer: first, State: store.StateError},
			{Version: "2.0.0", Producer: twin, Aliases: []string{"prod"}, Note: new("cleaned"), Files: []Asset{
				file("train/a.csv", "2", Asset{Size: 100_000, Seed: 5}),
				file("remote", "2", Asset{Link: "s3://bucket/digits/remote", Metadata: new(`{"synced":true,"version_id":"3"}`)}),
			}},
			{Version: "3.0.0", Producer: twin, State: store.StateOpen},
		},
	})
	s.SeedRegistryModel(workspace, RegistryModel{
		Name: "cnn", Description: new("the good one"), Notes: "# Model notes\n",
		Versions: []RegistryVersion{
			{Version: "1.0.0", Experiment: first, Model: "cnn", Comment: new("first"), Stages: []string{"old"}},
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
