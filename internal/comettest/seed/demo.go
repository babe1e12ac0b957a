package seed

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// The experiment keys that SeedDemo gives, derived from the workspace name:
// two workspaces of one instance can hold the demo.
const (
	DemoFirst    = "first"    // everything an experiment can have
	DemoTwin     = "twin"     // of the same name as DemoFirst
	DemoArchived = "archived" // archived and crashed
	DemoRunning  = "running"
	DemoEmpty    = "empty" // nothing but a start
)

// DemoKey is the key of one of the demo's experiments in a workspace.
func DemoKey(workspace, which string) string { return derive.ID("demo", workspace, which) }

// demoStart is the time of the demo, so that it is the same every time.
const demoStart int64 = 1700000000000

// SeedDemo fills a workspace with the projects vision, with experiments of
// every kind; shelf, where all are archived but a linked one; and blank,
// without any. Artifacts, a registry model, a panel and a view belong to it.
func (s *Seeds) SeedDemo(workspace string) {
	about := "digits, three ways"
	s.SeedProject(workspace, "vision", Project{
		Description: &about, Public: true, Notes: "# Vision\n\nNotes of the *project*, with ümläuts and 東京.\n", ShareLinks: 2,
	})
	s.SeedProject(workspace, "blank", Project{})
	s.seedFirst(workspace)
	s.seedTwin(workspace)
	s.SeedExperiment(workspace, "vision", Experiment{
		Key: DemoKey(workspace, DemoArchived), Name: "gave up", Start: demoStart + 7200_000, End: demoStart + 7260_000,
		Archived: true, Crashed: true, Tags: []string{"failed"},
		Parameters: []Value{{Name: "lr", Value: "10"}},
		Points:     []Point{{Metric: "loss", Value: "Infinity", Time: demoStart + 7210_000, Step: new(int64(1))}},
		Output:     []string{"Traceback (most recent call last):\n", "ZeroDivisionError\n"},
	})
	s.SeedExperiment(workspace, "vision", Experiment{
		Key: DemoKey(workspace, DemoRunning), Name: "still going", Start: demoStart + 10800_000, Running: true,
		Points: []Point{{Metric: "loss", Value: "0.9", Time: demoStart + 10801_000, Step: new(int64(0))}},
	})
	s.SeedExperiment(workspace, "vision", Experiment{
		Key: DemoKey(workspace, DemoEmpty), Start: demoStart + 14400_000, End: demoStart + 14400_000,
	})
	for i := range 2 {
		s.SeedExperiment(workspace, "shelf", Experiment{
			Key: DemoKey(workspace, "shelf"+strconv.Itoa(i)), Name: fmt.Sprintf("old %d", i), Archived: true,
			Start: demoStart - int64(i+1)*86400_000, End: demoStart - int64(i+1)*86400_000 + 1000,
			Parameters: []Value{{Name: "lr", Value: "0.5"}},
		})
	}
	s.SeedLink(DemoKey(workspace, DemoTwin), "shelf")
	s.seedDemoWorkspace(workspace)
}

func (s *Seeds) seedFirst(workspace string) {
	html, code := "<h1>Results</h1><p>see &amp; enjoy</p>", "import comet_ml\n\nprint('träin')\n"
	graph := `{"layers":[{"name":"conv1"},{"name":"fc"}]}`
	s.SeedExperiment(workspace, "vision", Experiment{
		Key: DemoKey(workspace, DemoFirst), Name: "baseline", Start: demoStart, End: demoStart + 3600_000,
		FilePath: "/home/alice/train.py", Tags: []string{"baseline", "été", "a b"},
		Parameters: []Value{
			{Name: "lr", Value: "0.001", Time: demoStart + 10, Step: new(int64(0))},
			{Name: "optimizer", Value: "adam", Time: demoStart + 11},
			{Name: "layers", Value: "[64, 32]", Time: demoStart + 12, Context: new("train")},
			{Name: "model|depth", Value: "18", Time: demoStart + 13},
			{Name: "curr_step", Value: "0", Time: demoStart + 14, Step: new(int64(0))},
			{Name: "curr_step", Value: "59", Time: demoStart + 3500_000, Step: new(int64(59))},
			{Name: "empty", Value: "", Time: demoStart + 15},
			{Name: "none", Value: "null", Time: demoStart + 16},
		},
		Others: []Value{
			{Name: "Created from", Value: "sandbox", Time: demoStart + 1},
			{Name: "dataset", Value: `{"name": "mnist", "size": 60000}`, Time: demoStart + 2},
		},
		Points: demoPoints(), HTML: &html, Code: &code, Graph: &graph,
		Output: []string{"epoch 1\n", "epoch 2 \x1b[32mok\x1b[0m\n", "without line end"},
		Git: &store.GitMetadata{User: new("alice@example.com"), Root: new("0123456789abcdef0123456789abcdef01234567"),
			Branch: new("refs/heads/main"), Parent: new("89abcdef0123456789abcdef0123456789abcdef"),
			Origin: new("git@example.com:alice/vision.git")},
		GitPatch: blob.Zip("git_diff.patch", []byte("diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-print('a')\n+print('b')\n")),
		System:   demoSystem(), Assets: demoAssets(workspace),
	})
}

func demoPoints() []Point {
	var points []Point
	for i := range 60 {
		at, step, epoch := demoStart+int64(i)*1000, int64(i), int64(i/10)
		points = append(points,
			Point{Metric: "loss", Value: floatText(1 / float64(i+1)), Time: at, Step: &step, Epoch: &epoch, Context: new("train")},
			Point{Metric: "sys.cpu.percent.avg", Value: floatText(float64(i) / 2), Time: at})
		if i%10 == 9 {
			points = append(points, Point{Metric: "loss", Value: floatText(1.1 / float64(i+1)), Time: at + 5, Step: &step, Epoch: &epoch, Context: new("validate")})
		}
	}
	for i, v := range []string{"NaN", "Infinity", "-Infinity", "-0.0", "5e-324", "9007199254740993", "1.0E-5", "1.0", "1",
		"9223372036854775808", "3.141592653589793238462643383279502884197", "True"} {
		points = append(points, Point{Metric: "awkward", Value: v, Time: demoStart + int64(i), Step: new(int64(i))})
	}
	return append(points,
		Point{Metric: "no steps", Value: "1", Time: demoStart},
		Point{Metric: "no steps", Value: "1", Time: demoStart},
		Point{Metric: "no steps", Value: "2", Time: demoStart, Context: new("")},
		Point{Metric: "weird/näme %s \"q\"", Value: "0.5", Time: 0, Step: new(int64(-7)), Epoch: new(int64(1) << 40)})
}

func floatText(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func demoSystem() map[string]any {
	return map[string]any{
		"user": "alice", "pythonVersion": "3.11.2", "pythonVersionVerbose": "3.11.2 (main)", "pid": 4242,
		"osType": "Linux", "os": "Linux-6.1.0-x86_64", "osRelease": "6.1.0", "machine": "x86_64", "processor": "x86_64",
		"ip": "10.0.0.3", "hostname": "box", "env": map[string]string{"CUDA_VISIBLE_DEVICES": "0"},
		"networkInterfaceIps": []string{"10.0.0.3"}, "command": []string{"python", "train.py", "--lr", "0.001"},
		"executable":                  "/usr/bin/python3",
		"gpuStaticInfoList":           []map[string]any{{"gpuIndex": 0, "name": "A100", "uuid": "GPU-1", "totalMemory": int64(42505273344), "powerLimit": 400000}},
		"logAdditionalSystemInfoList": []map[string]any{{"key": "cluster", "value": "a1"}, {"key": "nodes", "value": 3}},
		"osPackages":                  []string{"bash=5.2.15", "zstd=1.5.4"}, "installedPackages": []string{"numpy==1.26.0", "torch==2.1.0"},
	}
}

// demoAssets has one asset of every type, and the awkward ones.
func demoAssets(workspace string) []Asset {
	key := DemoKey(workspace, DemoFirst)
	id := func(name string) string { return derive.ID("demo asset", workspace, name) }
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06")
	image := id("image")
	list := []Asset{
		{ID: image, Name: "samples/cat.png", Type: "image", Image: true, Step: new(int64(2)), Context: new("train"), Body: png,
			Metadata: new(`{"annotations":[{"data":[{"boxes":[[1,2,3,4]],"label":"cat","points":[],"score":0.9}],"name":"boxes"}]}`)},
		{ID: id("figure"), Name: "figure_0", Type: "image", Image: true, Body: append(png, 1)},
		{ID: id("empty"), Name: "empty.bin"},
		{ID: id("twice1"), Name: "data.csv", Step: new(int64(1)), Epoch: new(int64(0)), Metadata: new(`{"rows":2}`), Body: []byte("a,b\n1,2\n")},
		{ID: id("twice2"), Name: "data.csv", Step: new(int64(2)), Metadata: new(`{}`), Body: []byte("a,b\n3,4\n")},
		{ID: id("dots"), Name: "../../etc/passwd", Body: []byte("no\n")},
		{ID: id("big"), Name: "weights/big.bin", Size: 3<<20 + 17, Seed: 7},
		{ID: id("s3"), Name: "remote/set.tar", Link: "s3://bucket/set.tar", Metadata: new(`{"file_size":12,"s3_path":"s3://bucket/set.tar","synced":true,"version_id":"v1"}`)},
		{ID: id("gs"), Name: "set", Link: "gs://bucket/dir/set"},
		{ID: id("https"), Name: "page.html", Link: "https://example.com/page.html?x=1"},
		{ID: id("model1"), Name: "model.onnx", Type: store.TypeModel, Model: "cnn", Size: 70_000, Seed: 11},
		{ID: id("model2"), Name: "nested/deep/config.json", Type: store.TypeModel, Model: "cnn", Body: []byte(`{"depth":18}`)},
		{ID: id("hist1"), Name: "conv1/weight", Type: "histogram3d", Step: new(int64(1)),
			Body: []byte(`{"version":2,"index_values":[[1065,1],[1073,2]],"values":null,"offset":0,"start":1e-12,"stop":1e+20,"step":1.1}`)},
		{ID: id("hist2"), Name: "conv1/weight", Type: "histogram3d", Step: new(int64(2)),
			Body: []byte(`{"version":2,"index_values":[[1065,3]],"values":null,"offset":0,"start":1e-12,"stop":1e+20,"step":1.1}`)},
		{ID: id("confusion"), Name: "confusion-matrix.json", Type: "confusion-matrix", Step: new(int64(9)), Body: []byte(
			`{"version":1,"title":"Confusion","labels":["no","yes"],"matrix":[[1,0],[0,1]],"rowLabel":"Actual","columnLabel":"Predicted","maxSamplesPerCell":25,` +
				`"sampleMatrix":[[[{"index":0,"sample":"cat","assetId":"` + image + `"}],null],[null,[{"index":1,"sample":"cat","assetId":"` + image + `"}]]],"type":"image"}`)},
		{ID: id("embeddings"), Name: "template_projector_config-1.json", Type: "embeddings", Body: []byte(
			`{"embeddings":[{"tensorName":"t","tensorShape":[2,2],"tensorPath":"/api/asset/download?assetId=` + id("tensor") + `&experimentKey=` + key +
				`","metadataPath":"/api/asset/download?assetId=` + id("labels") + `&experimentKey=` + key +
				`","sprite":{"imagePath":"/api/image/download?imageId=` + image + `&experimentKey=` + key + `","singleImageDim":[8,8]}}]}`)},
		{ID: id("tensor"), Name: "tensor.tsv", Body: []byte("0\t1\n1\t0\n")},
		{ID: id("labels"), Name: "labels.tsv", Body: []byte("a\nb\n")},
		{ID: id("datagrid"), Name: "grid.datagrid", Type: "datagrid", Body: blob.Zip("grid.json",
			[]byte(`[{"name":"n","image":{"asset_id":"`+image+`"}}]`))},
		{ID: id("text"), Name: store.PlaceholderName, Type: "text-sample", Step: new(int64(3)), Epoch: new(int64(2)), Body: []byte("a sample of text")},
		{ID: id("curve"), Name: "roc", Type: "curve", Step: new(int64(5)), Body: []byte(`{"name":"roc","x":[0,0.5,1],"y":[0,0.7,1]}`)},
		{ID: id("source"), Name: "train.py", Type: "source_code", Metadata: new(`{"source_code_type":"manual"}`), Body: []byte("print('hi')\n")},
	}
	for _, typ := range []string{"audio", "video", "notebook", "dataframe", "dataframe-profile", "3d-points", "3d-image",
		"tensorflow-file", "conda-environment-definition", "conda-specification", "conda-info", "shap", "prophet", "llm_data", "unknown"} {
		list = append(list, Asset{ID: id(typ), Name: "a." + typ, Type: typ, Body: []byte("content of " + typ)})
	}
	return list
}

// seedTwin is a small experiment with the name of the first.
func (s *Seeds) seedTwin(workspace string) {
	var points []Point
	for i := range 100 {
		points = append(points, Point{Metric: "acc", Value: floatText(1 - math.Exp(-float64(i)/30)),
			Time: demoStart + 3600_000 + int64(i), Step: new(int64(i))})
	}
	s.SeedExperiment(workspace, "vision", Experiment{
		Key: DemoKey(workspace, DemoTwin), Name: "baseline", Start: demoStart + 3600_000, End: demoStart + 3700_000,
		Parameters: []Value{{Name: "lr", Value: "0.01"}}, Points: points,
		Assets: []Asset{
			{ID: derive.ID("demo asset", workspace, "twin"), Name: "notes.txt", Body: []byte(strings.Repeat("line\n", 2000))},
		},
	})
}
