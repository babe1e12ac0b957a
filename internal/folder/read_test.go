package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

const key = "0123456789abcdef0123456789abcdef"

// tree makes a directory of files, by their paths and contents. A content that
// begins "-> " makes a symbolic link.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(to, name)
		} else {
			err = os.WriteFile(name, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// streamOf returns the stream of a directory.
func streamOf(t testing.TB, dir string) []byte {
	t.Helper()
	f, err := Open(dir, Options{Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := f.Stream(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lines returns the records of a stream as texts, less header, ends and trailer.
func recordsOf(t testing.TB, data []byte) []string {
	t.Helper()
	var list []string
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		switch raw.Kind {
		case stream.KindHeader, stream.KindExperimentEnd, stream.KindTrailer, stream.KindAssetEnd:
			continue
		case stream.KindMetrics:
			rec, err := raw.Decode()
			if err != nil {
				t.Fatal(err)
			}
			m := rec.(*stream.Metrics)
			for _, p := range m.Points {
				list = append(list, fmt.Sprintf("point %s %s time=%v step=%v epoch=%v context=%v %v", m.Name, p.Value.AppendJSON(nil), p.Time, p.Step, p.Epoch, p.Context, p.Extra))
			}
			continue
		}
		body, err := raw.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw.Kind)+" "+string(body))
	}
}

// read returns the records of a directory that are of an experiment.
func read(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	for _, line := range recordsOf(t, streamOf(t, dir)) {
		if kind, _, _ := strings.Cut(line, " "); kind != "plan" && kind != "project" && kind != "experiment" {
			list = append(list, line)
		}
	}
	return list
}

// experiment returns the files of a project with one experiment, and those given.
func experimentWith(files map[string]string) map[string]string {
	all := map[string]string{
		"ws/proj/project_metadata.json":     `{"projectName": "proj", "workspaceName": "ws"}`,
		"ws/proj/" + key + "/metadata.json": `{"experimentKey": "` + key + `"}`,
	}
	for name, content := range files {
		all["ws/proj/"+key+"/"+name] = content
	}
	return all
}

func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestProject(t *testing.T) {
	dir := tree(t, map[string]string{
		"ws/proj/project_metadata.json": `{"projectName": "proj", "public": true, "projectDescription": "d", "shareCodes": ["x"], "cometDownloadVersion": "3.6.11"}`,
		"ws/proj/project_notes.md":      "notes",
		"ws/proj/exp/metadata.json": `{"experimentKey": "` + key + `", "experimentName": "n", "startTimeMillis": 5, "endTimeMillis": 7, "archived": true, "running": false,
			"hasCrashed": true, "tags": ["b", "a"], "throttle": NaN, "cometDownloadVersion": "3.6.11"}`,
		"ws/proj/late/metadata.json":    `{"experimentKey": "late", "startTimeMillis": 9, "tags": null}`,
		"ws/proj/late/others.jsonl":     `{"name": "Name", "valueCurrent": "shown"}`,
		"ws/proj/broken/metadata.json":  `{`,
		"ws/proj/artifacts/a/file":      "x",
		"ws/proj/.cometml-runs/a.zip":   "x",
		"ws/proj/late~/metadata.json":   `{"experimentKey": "copy"}`,
		"ws/artifacts/a/file":           "x",
		"ws/model-registry/m/1.0.0/x":   "x",
		"ws/panels/metadata.json":       "{}",
		"other/readme/metadata.json.md": "x",
	})
	compare(t, recordsOf(t, streamOf(t, dir)),
		`plan {"projects":[{"experiments":3,"project":"proj","workspace":"ws"}],"workspaces":[]}`,
		`project {"doc":{"projectDescription":"d","projectName":"proj","public":true},"experiments":3,"name":"proj","public":true,"workspace":"ws"}`,
		`skipped {"experiment":null,"id":null,"kind":"experiment","name":"broken","passing":false,"project":"proj","reason":"malformed JSON","status":0,"workspace":"ws"}`,
		`experiment {"archived":true,"crashed":true,"doc":{"archived":true,"endTimeMillis":7,"experimentKey":"`+key+`","experimentName":"n","hasCrashed":true,"running":false,"startTimeMillis":5,"throttle":"NaN"},`+
			`"end":7,"key":"`+key+`","name":"n","project":"proj","running":false,"start":5,"tags":["a","b"],"workspace":"ws"}`,
		`experiment {"archived":false,"crashed":null,"doc":{"experimentKey":"late","startTimeMillis":9},"end":null,"key":"late","name":"shown","project":"proj","running":false,"start":9,"tags":[],"workspace":"ws"}`,
		`others {"values":[{"name":"Name","valueCurrent":"shown"}]}`,
		`notes {"data":"bm90ZXM=","more":false,"project":"proj","workspace":"ws"}`,
	)
	want := streamOf(t, dir)
	for _, inside := range []string{"ws", "ws/proj"} {
		compare(t, recordsOf(t, streamOf(t, filepath.Join(dir, inside))), recordsOf(t, want)...)
	}
}

// A folder without a project is told from one that is not there.
func TestNoProject(t *testing.T) {
	if _, err := Open(tree(t, map[string]string{"a/b/c.txt": "x", "ws/panels/x/metadata.json": `{"experimentKey":"k"}`}), Options{}); !errors.Is(err, ErrNone) {
		t.Errorf("a folder without a project: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestItems(t *testing.T) {
	got := read(t, tree(t, experimentWith(map[string]string{
		"parameters.json":       `[{"name": "b", "valueCurrent": NaN}, {"name": "a", "valueCurrent": "x", "valueMax": -Infinity}]`,
		"others.jsonl":          "{\"name\": \"NaN and Infinity\", \"valueCurrent\": \"NaN\"}\n\n{\"name\": \"A\", \"valueCurrent\": 1}\n",
		"system_details.json":   `{"os": "Linux", "osPackages": ["old=1"]}`,
		"run/requirements.txt":  "a==1\nb==2",
		"run/os_packages.json":  `["bash=5"]`,
		"run/git_metadata.json": `{"user": "u", "experimentKey": "x"}`,
		"run/git_diff.patch":    "p",
		"run/script.py":         "s",
		"run/output.txt":        "o",
		"experiment.html":       "h",
	})))
	compare(t, got,
		`parameters {"values":[{"name":"a","valueCurrent":"x","valueMax":"-Infinity"},{"name":"b","valueCurrent":"NaN"}]}`,
		`others {"values":[{"name":"A","valueCurrent":1},{"name":"NaN and Infinity","valueCurrent":"NaN"}]}`,
		`system {"doc":{"os":"Linux"}}`,
		`requirements {"installed":["a==1","b==2"],"os":["bash=5"]}`,
		`git {"doc":{"experimentKey":"x","user":"u"}}`,
		`git-patch {"data":"cA==","more":false}`,
		`code {"data":"cw==","more":false}`,
		`html {"data":"aA==","more":false}`,
		`output {"data":"bw==","more":false}`,
	)
}

// What cometx writes of an experiment in which nothing was logged is nothing.
func TestEmptyItems(t *testing.T) {
	compare(t, read(t, tree(t, experimentWith(map[string]string{
		"parameters.json": `[]`, "others.jsonl": "", "system_details.json": `{"experimentKey": "k", "os": null, "env": {}, "command": []}`,
		"run/git_metadata.json": `{"user": null}`, "assets/assets_metadata.jsonl": "",
	}))))
}

func TestMetrics(t *testing.T) {
	got := read(t, tree(t, experimentWith(map[string]string{
		"metrics.jsonl": `{"metricName": "m", "metricValue": "0.10", "timestamp": 3, "step": 1, "epoch": 2, "runContext": "train", "offset": 9}
			{"metricName": "m", "metricValue": NaN, "timestamp": 1, "step": null}
			{"metricName": "a", "metricValue": 5, "step": 1.5, "new": [1]}

			{"metricName": "m", "metricValue": "text", "timestamp": 1, "step": 0}
			{"metricName": "m", "metricValue": null}`,
		"metrics_summary.jsonl":      `{"metric": "w", "count": 0}`,
		"metrics/metric_00000.jsonl": `{"metricName": "w", "metricValue": 1e5, "timestamp": null}` + "\n",
		"metrics/metric_00001.jsonl": `{"metricName": "a", "metricValue": -Infinity}`,
	})))
	compare(t, got,
		`point a 5 time={0 false} step={0 false} epoch={0 false} context={ false} {"new":[1],"step":1.5}`,
		`point a "-Infinity" time={0 false} step={0 false} epoch={0 false} context={ false} null`,
		`point m null time={0 false} step={0 false} epoch={0 false} context={ false} null`,
		`point m "NaN" time={1 true} step={0 false} epoch={0 false} context={ false} null`,
		`point m "text" time={1 true} step={0 true} epoch={0 false} context={ false} null`,
		`point m 0.10 time={3 true} step={1 true} epoch={2 true} context={train true} null`,
		`point w 1e5 time={0 false} step={0 false} epoch={0 false} context={ false} null`,
	)
}

// Points are in the order of the stream, however many they are and however they
// stand in the file.
func TestManyPoints(t *testing.T) {
	for _, sorted := range []bool{true, false} {
		var b strings.Builder
		const n = 20_000
		for i := range n {
			step := i
			if !sorted {
				step = (i * 7919) % n
			}
			for _, name := range []string{"x", "y"} {
				fmt.Fprintf(&b, "{\"metricName\": %q, \"metricValue\": \"%d\", \"timestamp\": 1, \"step\": %d}\n", name, step, step)
			}
		}
		got := read(t, tree(t, experimentWith(map[string]string{"metrics.jsonl": b.String()})))
		if len(got) != 2*n {
			t.Fatalf("%d points, want %d", len(got), 2*n)
		}
		for i, line := range got {
			if want := fmt.Sprintf("point %s %d time={1 true} step={%d true}", []string{"x", "y"}[i/n], i%n, i%n); !strings.HasPrefix(line, want) {
				t.Fatalf("sorted %v: point %d is %s, want %s", sorted, i, line, want)
			}
		}
	}
}

func TestAssets(t *testing.T) {
	lines := []string{
		`{"assetId": "cm", "fileName": "cm.json", "fileSize": 2, "type": "confusion-matrix", "remote": false}`,
		`{"assetId": "a1", "fileName": "dir/a:b.txt", "fileSize": 1, "type": null, "link": "https://h.example/x/api/asset/download?a", "s3Link": "s", "curlDownload": "c", "remote": false}`,
		`{"assetId": "a2", "fileName": "clip-5.wav", "logAsFileName": "clip.wav", "diskFileName": "clip-5_1.wav", "fileSize": 3, "type": "audio", "step": 5}`,
		`{"assetId": "empty", "fileName": "empty", "fileSize": 0, "type": "asset"}`,
		`{"assetId": "far", "fileName": "far", "fileSize": 0, "type": "asset", "remote": true, "link": "s3://b/k"}`,
		`{"fileName": "w.txt", "type": "asset"}`,
	}
	got := read(t, tree(t, experimentWith(map[string]string{
		"assets/assets_metadata.jsonl":    strings.Join(lines, "\n"),
		"assets/confusion-matrix/cm.json": "{}",
		"assets/asset/dir/a-b.txt":        "1",
		"assets/audio/clip-5_1.wav":       "333",
		"assets/asset/w.txt":              "ww",
		"run/code/pkg/x.py":               "code",
	})))
	w, code := madeID("ws/proj/"+key, "asset", "w.txt"), madeID("ws/proj/"+key, "run/code/pkg/x.py")
	compare(t, got,
		`asset {"doc":{"assetId":"a1","fileName":"dir/a:b.txt","fileSize":1,"remote":false,"type":null},"id":"a1","name":"dir/a:b.txt","remote":null,"size":1,"type":null}`,
		`chunk {"data":"MQ=="}`,
		`asset {"doc":{"assetId":"a2","fileName":"clip.wav","fileSize":3,"step":5,"type":"audio"},"id":"a2","name":"clip.wav","remote":null,"size":3,"type":"audio"}`,
		`chunk {"data":"MzMz"}`,
		`asset {"doc":{"assetId":"empty","fileName":"empty","fileSize":0,"type":"asset"},"id":"empty","name":"empty","remote":null,"size":0,"type":"asset"}`,
		`asset {"doc":{"assetId":"far","fileName":"far","fileSize":0,"link":"s3://b/k","remote":true,"type":"asset"},"id":"far","name":"far","remote":"s3://b/k","size":0,"type":"asset"}`,
		`asset {"doc":{"assetId":"`+w+`","fileName":"w.txt","type":"asset"},"id":"`+w+`","name":"w.txt","remote":null,"size":2,"type":"asset"}`,
		`chunk {"data":"d3c="}`,
		`asset {"doc":{"assetId":"`+code+`","fileName":"pkg/x.py","type":"source_code"},"id":"`+code+`","name":"pkg/x.py","remote":null,"size":4,"type":"source_code"}`,
		`chunk {"data":"Y29kZQ=="}`,
		`asset {"doc":{"assetId":"cm","fileName":"cm.json","fileSize":2,"remote":false,"type":"confusion-matrix"},"id":"cm","name":"cm.json","remote":null,"size":2,"type":"confusion-matrix"}`,
		`chunk {"data":"e30="}`,
	)
}

// The address of the instance is that of the links.
func TestAddress(t *testing.T) {
	line := `{"assetId": "a", "fileName": "x", "fileSize": 0, "link": "https://comet.example:8443/api/asset/download?assetId=a"}`
	data := streamOf(t, tree(t, experimentWith(map[string]string{"assets/assets_metadata.jsonl": line})))
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.(*stream.Header).Source.URL; got != "https://comet.example:8443" {
		t.Errorf("address %q", got)
	}
}

// Nothing outside of the folder of an experiment is read, and what is missing is
// told.
func TestRefused(t *testing.T) {
	outside := tree(t, map[string]string{"secret": "secret", "exp/metadata.json": `{"experimentKey": "k2"}`})
	line := func(id, name, more string) string {
		return fmt.Sprintf(`{"assetId": %q, "fileName": %q, "fileSize": 6, "type": "asset"%s}`, id, name, more) + "\n"
	}
	files := experimentWith(map[string]string{
		"assets/assets_metadata.jsonl": "{\n" + line("up", "../../../../../../../../../../../../../../.."+outside+"/secret", "") + line("link", "link", "") +
			line("gone", "gone", "") + line("short", "short", "") + line("folder", "folder", "") + line("short", "short2", ""),
		"assets/asset/link":     "-> " + outside + "/secret",
		"assets/asset/short":    "12345",
		"assets/asset/short2":   "123456",
		"assets/asset/folder/x": "x",
		"run/output.txt":        "-> ../../../../../../../../../../../../../../.." + outside + "/secret",
		"metrics.jsonl":         "{\"metricName\": \"m\"}\nno JSON\n",
		"others.jsonl":          "[1",
		"run/script.py":         "-> loop", // which is nowhere
	})
	files["ws/proj/away"] = "-> " + outside + "/exp"
	got := recordsOf(t, streamOf(t, tree(t, files)))
	for _, line := range got {
		if strings.Contains(line, "c2VjcmV0") || strings.Contains(line, "k2") { // "secret"
			t.Errorf("read from outside: %s", line)
		}
	}
	var skipped []string
	for _, line := range got {
		if body, ok := strings.CutPrefix(line, "skipped "); ok {
			doc, err := stream.DocFromJSON([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			skipped = append(skipped, fmt.Sprintf("%v %v: %v", doc.Member("kind"), doc.Member("name"), doc.Member("reason")))
		}
	}
	compare(t, skipped,
		`"experiment" "away": "refused: its path leads out of the folder"`,
		`"others" null: "malformed JSON"`,
		`"output" null: "refused: its path leads out of the folder"`,
		`"metrics" null: "metrics.jsonl at byte 20: malformed JSON"`,
		`"asset" null: "assets_metadata.jsonl at byte 0: malformed JSON"`,
		`"asset" "../../../../../../../../../../../../../../..`+outside+`/secret": "refused: its path leads out of the folder"`,
		`"asset" "link": "refused: its path leads out of the folder"`,
		`"asset" "gone": "its file is not in the folder"`,
		`"asset" "short": "its file has 5 bytes, want 6: another asset has the same file"`,
		`"asset" "folder": "it is not a regular file"`,
	)
}

// An experiment that stands in several projects is in one of them, and linked into
// the others.
func TestLinks(t *testing.T) {
	project := func(name string) (string, string) {
		return "ws/" + name + "/project_metadata.json", `{"projectName": "` + name + `"}`
	}
	files := map[string]string{
		"ws/a/linked/metadata.json": `{"experimentKey": "k", "projectName": "b"}`,
		"ws/b/own/metadata.json":    `{"experimentKey": "k", "projectName": "b"}`,
		"ws/b/twice/metadata.json":  `{"experimentKey": "k", "projectName": "b"}`,
		"ws/c/linked/metadata.json": `{"experimentKey": "k", "projectName": "b"}`,
	}
	for _, name := range []string{"a", "b", "c"} {
		file, content := project(name)
		files[file] = content
	}
	var got []string
	for _, line := range recordsOf(t, streamOf(t, tree(t, files))) {
		if kind, _, _ := strings.Cut(line, " "); kind == "experiment" || kind == "link" || kind == "skipped" {
			got = append(got, line)
		}
	}
	compare(t, got,
		`experiment {"archived":false,"crashed":null,"doc":{"experimentKey":"k","projectName":"b"},"end":null,"key":"k","name":null,"project":"b","running":false,"start":null,"tags":[],"workspace":"ws"}`,
		`skipped {"experiment":"k","id":null,"kind":"experiment","name":null,"passing":false,"project":"b","reason":"folder ws/b/twice has the key of ws/b/own","status":0,"workspace":"ws"}`,
		`link {"experiment":"k","project":"a","workspace":"ws"}`,
		`link {"experiment":"k","project":"c","workspace":"ws"}`,
	)
}

// Folders of other vendors have no keys and no file of the project.
func TestOtherVendors(t *testing.T) {
	dir := tree(t, map[string]string{"ent/proj/run1/metadata.json": `{"experimentName": "n", "cometDownloadVersion": "3"}`})
	one, two := recordsOf(t, streamOf(t, dir)), recordsOf(t, streamOf(t, dir))
	compare(t, two, one...)
	if want := `"key":"` + madeID("ent/proj/run1") + `"`; len(one) != 3 || !strings.Contains(one[2], want) {
		t.Errorf("records %q, want an experiment with %s", one, want)
	}
}
