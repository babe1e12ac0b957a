package folder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
)

// Whatever the files of a folder hold, a good stream comes of it, and nothing from
// outside.
func FuzzFolder(f *testing.F) {
	f.Add([]byte(`{"experimentKey": "k", "tags": ["a"]}`), []byte(`{"metricName": "m", "metricValue": NaN, "step": 1}`),
		[]byte(`{"assetId": "a", "fileName": "x", "fileSize": 1, "type": "asset"}`), []byte(`[{"name": "n"}]`))
	f.Add([]byte(`{"experimentKey": "k", "tags": null}`), []byte("{\"metricName\": \"m\"}\n{\"metricName\": \"n\", \"timestamp\": 2}\n{\"metricName\": \"m\", \"timestamp\": 1}"),
		[]byte("{\"fileName\": \"../../../../../../secret\", \"type\": \"..\"}\n{\"fileName\": null, \"remote\": true}"), []byte(`{"name": Infinity}`))
	f.Fuzz(func(t *testing.T, metadata, metrics, assets, values []byte) {
		dir := t.TempDir()
		exp := filepath.Join(dir, "root", "ws", "proj", "exp")
		for name, data := range map[string][]byte{
			filepath.Join(dir, "secret"): []byte("SECRET"), filepath.Join(dir, "root", "ws", "proj", projectFile): []byte("{}"),
			filepath.Join(exp, experimentFile): metadata, filepath.Join(exp, metricsFile): metrics, filepath.Join(exp, assetsFile): assets,
			filepath.Join(exp, "parameters.json"): values, filepath.Join(exp, "others.jsonl"): values, filepath.Join(exp, "system_details.json"): values,
			filepath.Join(exp, "assets", "asset", "x"): []byte("x"),
		} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		folder, err := Open(filepath.Join(dir, "root"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer folder.Close()
		var b bytes.Buffer
		if _, err := folder.Stream(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		r := stream.NewReader(&b, stream.ReaderOptions{})
		defer r.Close()
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := rec.(*stream.Chunk); ok && bytes.Contains(c.Data, []byte("SECRET")) {
				t.Fatal("a file outside was read")
			}
		}
	})
}

// Whatever a stream says of names, all of it goes into the folder, and comes back as
// the bytes of as many assets and texts.
func FuzzExtract(f *testing.F) {
	f.Add("ws", "proj", "name", "asset", "../../up", "text.txt", []byte("bytes"))
	f.Add("..", "/", "metadata.json", "..", "assets_metadata.jsonl", "assets_metadata.jsonl", []byte{})
	f.Add("CON", "a:b", "metadata.jsonl", "html", "A", "a", []byte("\x00"))
	f.Fuzz(func(t *testing.T, workspace, project, name, typ, first, second string, content []byte) {
		for _, text := range []*string{&workspace, &project, &name, &typ, &first, &second} {
			*text = strings.ToValidUTF8((*text)[:min(len(*text), 1<<15)], "")
		}
		if workspace == "" || project == "" {
			return
		}
		records := []stream.Record{
			stream.NewProject(workspace, project, name, 1),
			stream.NewExperiment(workspace, project, key, name, 1, 2),
			&stream.Metrics{Name: first, Points: []stream.Point{{Value: stream.FloatValue(1), Time: stream.NewInt64(1)}}},
		}
		for i, asset := range []string{first, second} {
			records = append(records, stream.NewAsset(fmt.Sprintf("id%d", i), asset, typ, int64(len(content))))
			if len(content) > 0 {
				records = append(records, &stream.Chunk{Data: content})
			}
			records = append(records, &stream.AssetEnd{})
		}
		data := write(t, append(records, &stream.ExperimentEnd{})...)
		dir := t.TempDir()
		sum, err := Extract(t.Context(), filepath.Join(dir, "out"), bytes.NewReader(data))
		if err != nil || sum.Assets != 2 || sum.AssetBytes != int64(2*len(content)) {
			t.Fatalf("%+v, %v", sum, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Fatalf("beside the folder: %v, %v", entries, err)
		}
		var assets, points int
		r := stream.NewReader(bytes.NewReader(streamOf(t, filepath.Join(dir, "out"))), stream.ReaderOptions{})
		defer r.Close()
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch rec := rec.(type) {
			case *stream.Chunk:
				if !bytes.Equal(rec.Data, content) {
					t.Errorf("%q came back of %q", rec.Data, content)
				}
			case *stream.AssetEnd:
				assets++
			case *stream.Metrics:
				points += len(rec.Points)
			case *stream.Skipped:
				t.Errorf("not read back: %s", rec.Reason)
			}
		}
		if assets != 2 || points != 1 {
			t.Errorf("%d assets and %d points came back", assets, points)
		}
	})
}
