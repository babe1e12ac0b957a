package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The keys of the experiments of the fidelity test.
var (
	fidelityKey  = strings.Repeat("e", 32) // has everything
	runningKey   = strings.Repeat("f", 32)
	archivedKey  = strings.Repeat("a", 32)
	namelessKey  = strings.Repeat("b", 32) // logged by a client, which gave no name
	unnamedKey   = strings.Repeat("9", 32) // has no name at all
	longKey      = strings.Repeat("c", 32)
	otherProject = "elsewhere"
)

// seedFidelity fills the workspace team with every kind of data, through the
// store, and through the API what only a client can write.
func seedFidelity(t *testing.T, src *instance) {
	t.Helper()
	src.SeedProject("team", "vision", comettest.ProjectSpec{
		Description: new("about ü"), Public: true, Notes: "# Notes\n\nwith ümläuts\n", ShareLinks: 1,
	})
	src.SeedProject("team", otherProject, comettest.ProjectSpec{})
	src.SeedExperiment("team", "vision", fidelitySpec())
	src.SeedExperiment("team", "vision", comettest.ExperimentSpec{
		Key: runningKey, Name: "going on", Start: epoch + 5000, Running: true,
		Points: []comettest.MetricPoint{{Metric: "loss", Value: "1", Time: epoch + 6000}},
	})
	src.SeedExperiment("team", "vision", comettest.ExperimentSpec{Key: archivedKey, Name: "old", Start: epoch + 7000, End: epoch + 8000, Archived: true})
	src.SeedExperiment("team", "vision", comettest.ExperimentSpec{
		Key: longKey, Name: "long", Start: epoch + 9000, End: epoch + 10000,
		Synthetic: []comettest.SyntheticMetric{{Name: "long", Seed: 1, N: comettest.DefaultMetricCap + 500, Start: epoch}},
	})
	src.SeedExperiment("team", "vision", comettest.ExperimentSpec{Key: unnamedKey, Start: epoch + 11000, End: epoch + 12000})
	src.SeedLink(fidelityKey, otherProject)
	seedByClient(t, src)
	seedWorkspaceLevel(src)
}

// seedByClient writes what no Seed function can.
func seedByClient(t *testing.T, src *instance) {
	const rest, clientlib = "api/rest/v2/", "clientlib/"
	write(t, src, "POST", clientlib+"logger/add/run", map[string]any{
		"apiKey": comettest.DefaultAPIKey, "experimentKey": namelessKey, "projectName": "vision", "teamName": "team", "offline": false,
	})
	write(t, src, "POST", clientlib+"status-report/update", map[string]any{"apiKey": comettest.DefaultAPIKey, "experimentKey": namelessKey, "is_alive": false})
	write(t, src, "POST", rest+"write/experiment/cloud-details", map[string]any{"experimentKey": fidelityKey, "provider": "AWS", "metadata": map[string]string{"zone": "a"}})
	write(t, src, "PUT", rest+"write/experiment/dependencies", map[string]any{
		"experimentKey": fidelityKey, "timestamp": epoch, "logDependencies": []map[string]string{{"name": "numpy", "version": "1.21"}},
	})
	write(t, src, "POST", clientlib+"batch/logger/experiment/parameter", map[string]any{"experimentKey": fidelityKey, "values": []map[string]any{
		{"parameterName": "momentum", "parameterValue": 0.9, "step": 3, "context": "train", "source": "cli", "timestamp": epoch + 40}}})
	projectID := src.State().Project("team", "vision").ID
	write(t, src, "GET", rest+"write/project/add-share-link?projectId="+projectID, nil)
	write(t, src, "POST", rest+"write/experiment/update-status", map[string]any{"experimentKey": fidelityKey, "isAlive": false, "hasCrashed": true, "error": "out of memory"})
	write(t, src, "POST", rest+"write/experiment/set-start-end-time", map[string]any{"experimentKey": fidelityKey, "startTimeMillis": epoch, "endTimeMillis": epoch + 3600_000})
}

// fidelitySpec is the experiment that has everything.
func fidelitySpec() comettest.ExperimentSpec {
	text := func(name string) *string { return new("<" + name + "> ü 🚀\nwith lines\n") }
	return comettest.ExperimentSpec{
		Key: fidelityKey, Name: "baseline ü", User: "carol", Start: epoch, End: epoch + 3600_000, Crashed: true,
		FilePath: "/home/carol/train.py", OptimizationID: "opt-1", Tags: []string{"baseline", "été"},
		Parameters: []comettest.Value{
			{Name: "lr", Value: "0.5", Time: epoch + 10, Step: new(int64(1)), Context: new("train")}, {Name: "lr", Value: "0.001", Time: epoch + 20},
			{Name: "lr", Value: "10", Time: epoch + 30, Step: new(int64(3))}, {Name: "lr", Value: "0.1", Time: epoch + 35, Step: new(int64(4)), Context: new("test")},
			{Name: "layers", Value: "[64, 32]", Time: epoch + 12},
		},
		Others: []comettest.Value{
			{Name: "dataset", Value: "mnist", Time: epoch + 1}, {Name: "count", Value: "3", Time: epoch + 2},
			{Name: "count", Value: "1", Time: epoch + 3}, {Name: "count", Value: "2", Time: epoch + 4},
		},
		Points: fidelityPoints(), HTML: text("html"), Code: text("code"), Graph: text("graph"), Output: []string{"line 1\nwor", "ld\n", "no end"},
		Git:      &comettest.GitSpec{User: new("c@example.com"), Root: new("0123"), Branch: new("refs/heads/main"), Parent: new("4567"), Origin: new("git@example.com:c/v.git")},
		GitPatch: patchZip("diff --git a/x b/x\n"), System: fidelitySystem(), Assets: fidelityAssets(),
	}
}

func fidelityPoints() []comettest.MetricPoint {
	points := series(50, func(i int, p *comettest.MetricPoint) {
		p.Value, p.Time, p.Step = fmt.Sprint(1/float64(i+1)), epoch+int64(i)*1000, some(i%5 != 0, int64(i))
		p.Epoch, p.Context = some(i%3 != 0, int64(i/10)), someText(i%2 == 0, "train")
	})
	for i, text := range []string{"NaN", "Infinity", "-Infinity", "-0.0", "5e-324", "9007199254740993", "1.0E-5", "1.0", "True"} {
		points = append(points, comettest.MetricPoint{Metric: "texts", Value: text, Time: epoch + int64(i)})
	}
	return append(points, comettest.MetricPoint{Metric: "sys.cpu.percent.avg", Value: "12.5", Time: epoch + 1})
}

func fidelitySystem() map[string]any {
	return map[string]any{
		"user": "carol", "pythonVersion": "3.11.2", "pythonVersionVerbose": "3.11.2 (main)", "pid": 4242, "osType": "Linux", "os": "Linux-6.1", "osRelease": "6.1.0",
		"machine": "x86_64", "processor": "x86_64", "ip": "10.0.0.3", "hostname": "box", "env": map[string]string{"CUDA_VISIBLE_DEVICES": "0"},
		"networkInterfaceIps": []string{"10.0.0.3"}, "command": []string{"python", "train.py"}, "executable": "/usr/bin/python3",
		"gpuStaticInfoList":           []map[string]any{{"gpuIndex": 0, "name": "A100", "uuid": "GPU-1", "totalMemory": int64(42505273344), "powerLimit": 400000}},
		"logAdditionalSystemInfoList": []map[string]any{{"key": "cluster", "value": "a1"}, {"key": "nodes", "value": 3}},
		"osPackages":                  []string{"bash=5.2.15"}, "installedPackages": []string{"numpy==1.26.0", "torch==2.1.0"},
	}
}

// fidelityAssets has an asset of every type, with everything that an asset can
// have.
func fidelityAssets() []comettest.AssetSpec {
	var list []comettest.AssetSpec
	for i, typ := range assetTypes {
		list = append(list, comettest.AssetSpec{
			ID: fmt.Sprintf("%032x", i+1), Name: "dir/" + typ + ".bin", Type: typ, Image: isImage(typ), Body: fmt.Appendf(nil, "bytes of %s", typ),
			Step: new(int64(i)), Epoch: new(int64(2)), Context: new("train"), Metadata: new(`{"a":{"b":[1,null]},"ü":"東京"}`),
		})
	}
	i := slices.IndexFunc(list, func(a comettest.AssetSpec) bool { return a.Type == "image" })
	list[i].Metadata = new(`{"annotations":[{"data":[{"boxes":[[1,2,3,4]],"label":"cat","points":[],"score":0.9}],"name":"boxes"}]}`)
	return append(list,
		comettest.AssetSpec{ID: strings.Repeat("d", 32), Name: "weights.json", Type: "histogram_combined_3d", Body: []byte(`{"histograms":[]}`)},
		comettest.AssetSpec{ID: strings.Repeat("1", 32), Name: "empty.bin"},
		comettest.AssetSpec{ID: strings.Repeat("2", 32), Name: "set.tar", Link: "s3://bucket/set.tar", Metadata: new(`{"synced":true}`)},
		comettest.AssetSpec{ID: strings.Repeat("3", 32), Name: "model.onnx", Type: "model-element", Model: "cnn", Body: []byte("weights"), Metadata: new(`{"q":1}`)},
		comettest.AssetSpec{ID: strings.Repeat("4", 32), Name: "nested/config.json", Type: "model-element", Model: "cnn", Body: []byte("{}")})
}
