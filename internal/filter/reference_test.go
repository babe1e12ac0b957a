package filter

import (
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
)

// embedding is a stream from url with an asset that has content, cut into
// chunks of n bytes.
func embedding(t *testing.T, url, kind, content string, n int) []byte {
	h := header()
	h.Source.URL = url
	size := int64(len(content))
	records := []any{
		h, &stream.Plan{}, &stream.Project{Name: "p", Workspace: "a"},
		&stream.Experiment{Key: "k1", Workspace: "a", Project: "p", Doc: doc(t, `{}`)},
		&stream.Asset{Doc: doc(t, `{"assetId":"e","fileSize":%d}`, size), ID: "e", Name: new("e.json"), Size: &size, Type: &kind},
	}
	for len(content) > 0 {
		piece := content[:min(n, len(content))]
		records = append(records, &stream.Chunk{Data: []byte(piece)})
		content = content[len(piece):]
	}
	return write(t, stream.WriterOptions{}, append(records, &stream.AssetEnd{}, &stream.ExperimentEnd{Key: "k1"}, &stream.Trailer{})...)
}

// The address of an instance in an asset that refers to others is that of the
// source in one stream, and of the destination in the other.
func TestSumIgnoresAddresses(t *testing.T) {
	const from, to = "http://127.0.0.1:40123", "https://comet.example.com"
	content := func(url string) string {
		escaped := strings.ReplaceAll(url, "/", `\/`)
		return `{"a":"` + url + `/api/asset/download?assetId=1","b":"` + escaped + `\/api\/image","c":"/api/x"}`
	}
	sum := func(url, kind, content string, n int) string {
		t.Helper()
		return strings.Join(sums(t, embedding(t, url, kind, content, n)), "\n")
	}
	plain := `{"c":"elsewhere"}`
	for _, n := range []int{1, 7, 1 << 10} {
		source, destination := content(from), content(to)
		if sum(from, "embeddings", source, n) != sum(to, "embeddings", destination, 1<<10) {
			t.Errorf("chunks of %d: the address makes a difference", n)
		}
		if sum(from, "embeddings", source, n) == sum(from, "embeddings", source+" ", n) {
			t.Errorf("chunks of %d: the rest of the content makes none", n)
		}
		if sum(from, "asset", source, n) == sum(to, "asset", destination, n) {
			t.Errorf("chunks of %d: the address makes no difference in other assets, which import leaves alone", n)
		}
		if sum(from, "embeddings", plain, n) != sum(to, "embeddings", plain, 1<<10) {
			t.Errorf("chunks of %d: a content without addresses depends on the source", n)
		}
	}
}
