package e2e

import (
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// assetTypes are the types of assets that are bytes and nothing more.
var assetTypes = []string{
	"asset", "image", "figure", "audio", "video", "text-sample", "curve", "confusion-matrix", "embeddings", "histogram3d", "notebook", "source_code",
	"dataframe", "dataframe-profile", "3d-points", "3d-image", "datagrid", "tensorflow-file", "conda-environment-definition",
	"conda-specification", "conda-info", "asset-item", "git-patch", "shap", "prophet", "llm_data", "unknown", "visualization", "a type of its own",
}

func assetCases() []awkward {
	var cases []awkward
	add := func(name string, assets ...comettest.AssetSpec) {
		cases = append(cases, awkward{"asset/" + name, comettest.ExperimentSpec{Assets: assets}})
	}
	for name, size := range map[string]int64{
		"1 byte": 1, "one chunk": 512 << 10, "one chunk and a byte": 512<<10 + 1, "one block": 1 << 20, "3 MiB and a bit": 3<<20 + 17,
	} {
		add(name, comettest.AssetSpec{Name: "data.bin", Size: size, Seed: uint64(size)})
	}
	add("0 bytes", comettest.AssetSpec{Name: "empty.bin"})
	add("zeros", comettest.AssetSpec{Name: "zeros", Body: make([]byte, 700_000)})
	var types []comettest.AssetSpec
	for _, typ := range assetTypes {
		body := []byte("content of " + typ)
		types = append(types, comettest.AssetSpec{Name: "x." + typ, Type: typ, Body: body, Image: isImage(typ)},
			comettest.AssetSpec{Name: "y", Type: typ, Body: body, Image: isImage(typ), Step: new(int64(3)), Context: new("train")})
	}
	for _, model := range []string{"m", "m/nested"} {
		types = append(types, comettest.AssetSpec{Name: "y", Type: "model-element", Model: model, Body: []byte("element"), Step: new(int64(3)), Context: new("train")})
	}
	add("of every type", types...)
	for name, text := range map[string]string{
		"copy": "data (1).csv", "colon": "C:data", "no extension": "Makefile", "only extension": ".gitignore", "dot": ".", "slash at the end": "dir/",
		"absolute": "/etc/passwd", "device": "CON",
	} {
		add("name "+name, comettest.AssetSpec{Name: text, Body: []byte("a")})
	}
	cases = append(cases, metadataCases()...)
	cases = append(cases, remoteCases()...)
	return append(cases, manyAssetCases()...)
}

func isImage(typ string) bool { return typ == "image" || typ == "figure" }

func metadataCases() []awkward {
	var cases []awkward
	for name, text := range map[string]string{
		"empty object": "{}", "empty text": "", "nested": `{"a":{"b":[1,{"c":null}]},"d":1.0}`, "non-ASCII": `{"ü":"東京 🚀"}`, "escaped": `{"\u00fc":"\ud83d\ude80"}`,
		"spaced": `{ "b" : 1, "a" : 2 }`, "numbers": `{"big":9007199254740993,"exp":1.0E-5,"neg":-0}`, "annotations": `{"annotations":[{"data":[{"boxes":[[1,2.5,3,4]],"label":"cat","points":[[1,2]],"score":0.9}],"name":"boxes"}]}`,
		"long": `{"text":"` + strings.Repeat("ü", 50_000) + `"}`,
	} {
		cases = append(cases, awkward{"asset/metadata " + name, comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			{Name: "a.bin", Body: []byte("a"), Metadata: &text}, {Name: "i.png", Type: "image", Image: true, Body: []byte("\x89PNG"), Metadata: &text},
			{Name: "r", Link: "s3://b/r", Metadata: &text},
		}}})
	}
	return cases
}

func remoteCases() []awkward {
	var cases []awkward
	for name, link := range map[string]string{
		"s3": "s3://bucket/dir/key.bin", "gs": "gs://bucket/key", "https": "https://example.com/a%20b?x=1&y=%2F#frag", "file": "file:///data/x",
		"strange": "s3://bucket/ü/東京/a b+c%25", "own scheme": "dvc:models/x@v1", "no path": "https://example.com", "long": "s3://b/" + strings.Repeat("k", 900),
	} {
		synced := `{"file_size":12,"s3_path":"s3://b/k","synced":true,"version_id":"v1"}`
		cases = append(cases, awkward{"asset/remote " + name, comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			{Name: "named/" + name, Link: link, Metadata: &synced, Step: new(int64(2)), Context: new("test")}, {Link: link},
			{Name: "typed", Type: "dataframe", Link: link}, {Name: "element", Type: "model-element", Model: "remote", Link: link},
		}}})
	}
	return cases
}

func manyAssetCases() []awkward {
	same := make([]comettest.AssetSpec, 5)
	for i := range same {
		same[i] = comettest.AssetSpec{Name: "data.csv", Body: fmt.Appendf(nil, "version %d", i/2), Step: some(i > 2, int64(i))}
	}
	many := make([]comettest.AssetSpec, 120)
	for i := range many {
		many[i] = comettest.AssetSpec{Name: fmt.Sprintf("part-%d", i), Body: fmt.Append(nil, i)}
	}
	element := func(model, name, body string) comettest.AssetSpec {
		return comettest.AssetSpec{Name: name, Type: "model-element", Model: model, Body: []byte(body)}
	}
	ids := []comettest.AssetSpec{
		{ID: "not-hex-but-dashes-0001", Name: "a", Body: []byte("1")}, {ID: "UPPERCASEID0000000000000000000001", Name: "b", Body: []byte("2")},
		{ID: "6194e719-aaaa-4bbb-8ccc-0123456789ab", Name: "c", Body: []byte("3")}, {ID: "9", Name: "d", Body: []byte("4")},
	}
	return []awkward{
		{"asset/names that repeat", comettest.ExperimentSpec{Assets: same}},
		{"asset/120 of them", comettest.ExperimentSpec{Assets: many}},
		{"asset/ids of other shapes", comettest.ExperimentSpec{Assets: ids}},
		{"asset/steps", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			{Name: "a", Body: []byte("1"), Step: new(int64(0))}, {Name: "b", Body: []byte("1"), Step: new(int64(-5))}, {Name: "c", Body: []byte("1"), Step: new(int64(1) << 40)}}}},
		{"asset/contexts", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			{Name: "a", Body: []byte("1"), Context: new("träin & more")}, {Name: "b", Type: "image", Image: true, Body: []byte("1"), Context: new("x y")}}}},
		{"model/nested folders", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			element("cnn", "saved_model.pb", "1"), element("cnn", "variables/deep/er/data", "2"), element("cnn", "../up", "3"), element("cnn", "models/x", "4")}}},
		{"model/two of them", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{element("a", "w.bin", "1"), element("b", "w.bin", "2")}}},
		{"model/strange names", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			element("models", "w", "1"), element("a/b", "w", "2"), element("ü 🚀", "w", "3"), element("100%", "w", "4")}}},
		{"histogram/several steps", comettest.ExperimentSpec{Assets: []comettest.AssetSpec{
			{Name: "w", Type: "histogram3d", Step: new(int64(1)), Body: []byte(`{"version":2,"index_values":[[1,2]]}`)},
			{Name: "w", Type: "histogram3d", Step: new(int64(2)), Body: []byte(`{"version":2,"index_values":[[3,4]]}`)}}}},
	}
}
