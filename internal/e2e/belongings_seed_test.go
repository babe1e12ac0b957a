package e2e

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The experiments of a team: the maker of the first versions, that of later
// ones, one that only used them, and one that did so and was archived.
var (
	makerKey  = strings.Repeat("a", 32)
	heirKey   = strings.Repeat("b", 32)
	userKey   = strings.Repeat("c", 32)
	formerKey = strings.Repeat("d", 32)
)

// largeFile is the size of the largest file of an artifact: more than any buffer
// on its way holds, and in the long form of the tests 100 MB.
func largeFile() int64 {
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		return 100_000_000
	}
	return 3_000_000
}

// seedTeam fills a workspace with what belongs to a workspace: three artifacts
// with four versions each, two registry models with three, lineage, panels, a
// dashboard, links; and with the few experiments that all of it refers to. size
// is that of the largest file.
func seedTeam(in *instance, size int64) {
	in.SeedProject("team", "train", comettest.ProjectSpec{Description: new("where it begins"), Notes: "# Train\n", ShareLinks: 2})
	in.SeedProject("team", "serve", comettest.ProjectSpec{})
	element := func(model, name string) comettest.AssetSpec {
		return comettest.AssetSpec{Name: name, Type: "model-element", Model: model, Body: []byte(model + "/" + name)}
	}
	in.SeedExperiment("team", "train", comettest.ExperimentSpec{
		Key: makerKey, Name: "maker", Start: epoch, End: epoch + 1000,
		Assets: []comettest.AssetSpec{element("cnn", "weights.bin"), element("cnn", "sub/config.json"), element("rnn", "weights.bin")},
	})
	in.SeedExperiment("team", "train", comettest.ExperimentSpec{
		Key: heirKey, Name: "heir", Start: epoch + 2000, End: epoch + 3000, Assets: []comettest.AssetSpec{element("cnn", "weights.bin")},
	})
	in.SeedExperiment("team", "serve", comettest.ExperimentSpec{Key: userKey, Name: "user", Start: epoch + 4000, End: epoch + 5000})
	in.SeedExperiment("team", "serve", comettest.ExperimentSpec{Key: formerKey, Name: "former", Start: epoch + 6000, End: epoch + 7000, Archived: true})
	in.SeedLink(makerKey, "serve")
	in.SeedLink(userKey, "train")
	for _, a := range teamArtifacts(size) {
		in.SeedArtifact("team", a)
	}
	for _, m := range teamModels() {
		in.SeedRegistryModel("team", m)
	}
	seedTeamPanels(in)
}

// teamArtifacts has versions in every state, files of every kind, and aliases
// that have moved on from older versions.
func teamArtifacts(size int64) []comettest.ArtifactSpec {
	type version = comettest.ArtifactVersionSpec
	type files = []comettest.AssetSpec
	small := func(name, body string) comettest.AssetSpec {
		return comettest.AssetSpec{Name: name, Body: []byte(body), Metadata: new(`{"of":"` + name + `"}`)}
	}
	remote := func(name string) comettest.AssetSpec {
		return comettest.AssetSpec{Name: name, Link: "s3://bucket/" + name, Metadata: new(`{"synced":true}`)}
	}
	return []comettest.ArtifactSpec{
		{Name: "digits", Type: "dataset", Description: new("handwritten ü"), Tags: []string{"public", "small"}, Public: true, Emoji: new("🔢"), Versions: []version{
			{Version: "1.0.0", Producer: makerKey, Metadata: new(`{"rows":10}`), Tags: []string{"raw"}, Aliases: []string{"prod", "first"},
				Consumers: []string{userKey, formerKey}, Files: files{small("train/a.csv", "1,2\n"), {Name: "empty.txt"}}},
			{Version: "1.1.0", Producer: makerKey, State: "ERROR", Metadata: new(`{"rows":0}`), Files: files{small("train/a.csv", "1")}},
			{Version: "2.0.0", Producer: heirKey, Note: new("cleaned"), Aliases: []string{"prod"}, Consumers: []string{userKey},
				Files: files{{Name: "train/a.csv", Size: size, Seed: 5}, remote("more.csv")}},
			{Version: "10.0.0", Producer: heirKey, State: "OPEN", Tags: []string{"next"}, Files: files{small("train/a.csv", "1,2,3\n")}},
		}},
		{Name: "elsewhere", Type: "dataset", Versions: []version{
			{Version: "1.0.0", Producer: makerKey, Files: files{remote("a"), remote("b"), remote("c")}},
			{Version: "1.0.1", Producer: makerKey, Consumers: []string{heirKey}, Files: files{remote("a")}},
			{Version: "1.1.0", Producer: userKey, Files: files{remote("b"), small("list.txt", "b\n")}},
			{Version: "1.2.0", Producer: userKey, Aliases: []string{"all"}},
		}},
		{Name: "weights", Type: "model", Tags: []string{"shared"}, Versions: []version{
			{Version: "1.0.0", Producer: makerKey, Aliases: []string{"blue", "green"}, Files: files{small("w", "0")}},
			{Version: "2.0.0", Producer: makerKey, Aliases: []string{"green"}, Files: files{small("w", "00")}},
			{Version: "3.0.0", Producer: heirKey, Tags: []string{"blue"}, Files: files{small("w", "0")}},
			{Version: "4.0.0", Producer: heirKey, Aliases: []string{"blue"}, Consumers: []string{userKey, formerKey}, Files: files{small("w", "0000")}},
		}},
	}
}

func teamModels() []comettest.RegistrySpec {
	type version = comettest.RegistryVersionSpec
	return []comettest.RegistrySpec{
		{Name: "cnn", Description: new("the good one"), Public: true, Notes: "# Notes\n\non *cnn*\n", Versions: []version{
			{Version: "1.0.0", Experiment: makerKey, Model: "cnn", Comment: new("first"), Stages: []string{"old", "x"}, Status: "Development"},
			{Version: "1.0.1", Experiment: heirKey, Model: "cnn", Stages: []string{"prod"}, Status: "Production", Metadata: map[string]any{"accuracy": 0.9, "by": "ü"}},
			{Version: "1.0.10", Experiment: heirKey, Model: "cnn", Comment: new("retrained")},
		}},
		{Name: "rnn", Notes: "short", Versions: []version{
			{Version: "0.1.0", Experiment: makerKey, Model: "rnn"},
			{Version: "0.2.0", Experiment: makerKey, Model: "rnn", Stages: []string{"staging", "eu"}, Status: "Staging"},
			{Version: "1.0.0", Experiment: makerKey, Model: "rnn", Metadata: map[string]any{"n": 1}},
		}},
	}
}

// seedTeamPanels adds two panels, a dashboard that shows both, and a view of one
// experiment.
func seedTeamPanels(in *instance) {
	scatter := in.SeedPanel("team", "Scatter", "from comet_ml import ui\nui.display('hi')\n")
	table := in.SeedPanel("team", "Table", "print('ü')\n")
	panel := func(id string) string {
		return `{"templateId":"` + id + `","experimentKeys":["` + makerKey + `","` + heirKey + `"]}`
	}
	in.SeedView("team", "train", "", "Dashboard", map[string]json.RawMessage{
		"v3":                   json.RawMessage(`{"sections":[{"title":"all","panels":[` + panel(scatter) + `,` + panel(table) + `]}]}`),
		"dashboardChartState":  json.RawMessage(`"{\"panels\":[\"` + table + `\"]}"`),
		"experimentQueryState": json.RawMessage(`"{\"pinned\":[\"` + userKey + `\"]}"`),
	})
	in.SeedView("team", "train", heirKey, "One alone", map[string]json.RawMessage{
		"v2": json.RawMessage(`{"panels":[` + panel(scatter) + `]}`),
	})
}
