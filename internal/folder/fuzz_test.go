package folder

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
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
