package e2e

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The experiment whose assets refer to one another, and its assets.
var (
	referrer   = strings.Repeat("d0c5", 8)
	imageID    = strings.Repeat("11aa", 8)
	tensorID   = strings.Repeat("22bb", 8)
	matrixID   = strings.Repeat("33cc", 8)
	embedID    = strings.Repeat("44dd", 8)
	absoluteID = strings.Repeat("55ee", 8)
	gridID     = strings.Repeat("66ff", 8)
	plainID    = strings.Repeat("77ab", 8)
	nobodyID   = strings.Repeat("9999", 8) // is referred to and does not exist
)

// matrixJSON refers to an image and to nothing.
func matrixJSON() string {
	return `{"version":1,"title":"t","labels":["no","yes"],"matrix":[[1,0],[0,1]],"maxSamplesPerCell":25,"sampleMatrix":` +
		`[[[{"index":0,"sample":"cat","assetId":"` + imageID + `"}],null],[null,[{"index": 1, "sample": "dög", "assetId": "` + nobodyID + `"}]]],"type":"image"}`
}

// embeddingsJSON refers to files by addresses below root.
func embeddingsJSON(root string) string {
	return `{"embeddings":[{"tensorName":"t","tensorShape":[2,2],"tensorPath":"` + root + `/api/asset/download?assetId=` + tensorID + `&experimentKey=` + referrer +
		`","sprite":{"imagePath":"` + root + `/api/image/download?imageId=` + imageID + `&experimentKey=` + referrer + `","singleImageDim":[8,8]}}]}`
}

func gridJSON() string { return `[{"name":"n","image":{"asset_id":"` + imageID + `"},"score":0.5}]` }

// seedReferences adds the experiment, to a project whose notes link to it.
func seedReferences(src *instance, workspace, project string) {
	root := strings.TrimSuffix(src.URL(), "/")
	link := root + "/api/image/download?imageId=" + imageID + "&experimentKey=" + referrer
	src.SeedProject(workspace, project, comettest.ProjectSpec{Notes: "![cat](" + link + ")\n"})
	src.SeedExperiment(workspace, project, comettest.ExperimentSpec{
		Key: referrer, Name: "refers", Start: epoch, End: epoch + 1, HTML: new(`<img src="` + link + `">`),
		Assets: []comettest.AssetSpec{
			{ID: matrixID, Name: "matrix.json", Type: "confusion-matrix", Body: []byte(matrixJSON())},
			{ID: embedID, Name: "relative.json", Type: "embeddings", Body: []byte(embeddingsJSON(""))},
			{ID: absoluteID, Name: "absolute.json", Type: "embeddings", Body: []byte(embeddingsJSON(root))},
			{ID: gridID, Name: "grid.zip", Type: "datagrid", Body: zipOf("grid.json", gridJSON())},
			{ID: plainID, Name: "plain.txt", Body: []byte("speaks of " + imageID)},
			{ID: imageID, Name: "cat.png", Type: "image", Image: true, Body: []byte("\x89PNG cat")},
			{ID: tensorID, Name: "tensor.tsv", Body: []byte("0\t1\n")},
		},
	})
}

func zipOf(name, content string) []byte {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	w, err := zw.Create(name)
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err != nil || zw.Close() != nil {
		panic("a zip in memory cannot be written")
	}
	return buf.Bytes()
}

// copyOf is the one experiment of a project, its assets by name.
type copyOf struct {
	e      *comettest.ExperimentState
	assets map[string]comettest.AssetState
}

func theCopy(t *testing.T, in *instance, path string) copyOf {
	t.Helper()
	p := projectState(t, in, path, comettest.StateOptions{Texts: true})
	if len(p.Experiments) != 1 {
		t.Fatalf("%s holds %d experiments, want 1", path, len(p.Experiments))
	}
	c := copyOf{&p.Experiments[0], make(map[string]comettest.AssetState)}
	for _, a := range c.e.Assets {
		c.assets[a.Name] = a
	}
	return c
}

func (c copyOf) body(t *testing.T, in *instance, name string) string {
	t.Helper()
	return string(assetBody(t, in, c.e.Key, c.assets[name].ID))
}

// renamed returns text with the ids and keys that the copy has in place of
// those of the source.
func (c copyOf) renamed(text string) string {
	for old, name := range map[string]string{imageID: "cat.png", tensorID: "tensor.tsv"} {
		text = strings.ReplaceAll(text, old, c.assets[name].ID)
	}
	return strings.ReplaceAll(text, referrer, c.e.Key)
}

func same(t *testing.T, what, want, got string) {
	t.Helper()
	if want != got {
		t.Errorf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// Where ids, keys and address stay, not a byte is changed: the address of
// another server is the one thing that changes on the way to it.
func TestReferencesKept(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedReferences(src, "src", "p")
	move(t, src, dst, "src/p", "dst/p")
	c := theCopy(t, dst, "dst/p")
	same(t, "key", referrer, c.e.Key)
	same(t, "confusion matrix", matrixJSON(), c.body(t, dst, "matrix.json"))
	same(t, "embeddings, relative", embeddingsJSON(""), c.body(t, dst, "relative.json"))
	same(t, "embeddings, absolute", embeddingsJSON(strings.TrimSuffix(dst.URL(), "/")), c.body(t, dst, "absolute.json"))
	same(t, "data grid", string(zipOf("grid.json", gridJSON())), c.body(t, dst, "grid.zip"))
}

// Where they change, references inside the three structured types follow, both
// hashes are reported, and nothing else is touched.
func TestReferencesRewritten(t *testing.T) {
	in := start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedReferences(in, "src", "p")
	report := filepath.Join(t.TempDir(), "report.jsonl")
	stream := runExport(in, "src/p").want(t, cli.ExitOK).stdout
	runImport(in, stream, "--report", report, "dst/p").want(t, cli.ExitOK)
	c := theCopy(t, in, "dst/p")
	for _, a := range c.assets {
		if strings.Contains(imageID+tensorID+matrixID+embedID+absoluteID+gridID+plainID, a.ID) {
			t.Errorf("asset %q has the id of the source's", a.Name)
		}
	}
	same(t, "confusion matrix", c.renamed(matrixJSON()), c.body(t, in, "matrix.json"))
	same(t, "embeddings, relative", c.renamed(embeddingsJSON("")), c.body(t, in, "relative.json"))
	same(t, "embeddings, absolute", c.renamed(embeddingsJSON(strings.TrimSuffix(in.URL(), "/"))), c.body(t, in, "absolute.json"))
	same(t, "data grid", c.renamed(gridJSON()), unzipped(t, c.body(t, in, "grid.zip"), "grid.json"))
	same(t, "a plain asset", "speaks of "+imageID, c.body(t, in, "plain.txt"))
	if strings.Contains(*htmlOf(t, in, "dst/p"), c.assets["cat.png"].ID) {
		t.Error("html is rewritten without --rewrite-links")
	}
	reported := rewritings(t, report)
	for name, original := range map[string]string{
		"matrix.json": matrixJSON(), "relative.json": embeddingsJSON(""), "absolute.json": embeddingsJSON(strings.TrimSuffix(in.URL(), "/")),
		"grid.zip": string(zipOf("grid.json", gridJSON())),
	} {
		want := [2]string{sumHex(original), sumHex(c.body(t, in, name))}
		if got := reported[c.assets[name].ID]; got != want {
			t.Errorf("the report says of %s %q, want %q", name, got, want)
		}
	}
	if text, err := os.ReadFile(report); err != nil || !strings.Contains(string(text), nobodyID) {
		t.Errorf("the report does not name the id that refers to nothing (%v):\n%s", err, text)
	}
	importAgain(t, in, stream, "dst/p")
}

func sumHex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func htmlOf(t *testing.T, in *instance, path string) *string {
	t.Helper()
	return &theCopy(t, in, path).e.HTML.Text
}

func unzipped(t *testing.T, content, name string) string {
	t.Helper()
	zr, err := zip.NewReader(strings.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := zr.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rewritings reads both hashes of each rewritten asset from a report.
func rewritings(t *testing.T, report string) map[string][2]string {
	t.Helper()
	f, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := make(map[string][2]string)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var line struct {
			Rewritten []struct {
				ID   string `json:"id"`
				From string `json:"from_sha256"`
				To   string `json:"to_sha256"`
			} `json:"rewritten"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("report: %v: %s", err, lines.Bytes())
		}
		for _, r := range line.Rewritten {
			found[r.ID] = [2]string{r.From, r.To}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// --no-rewrite leaves every byte of every asset alone.
func TestReferencesNoRewrite(t *testing.T) {
	in := start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedReferences(in, "src", "p")
	stream := runExport(in, "src/p").want(t, cli.ExitOK).stdout
	runImport(in, stream, "--no-rewrite", "dst/p").want(t, cli.ExitOK)
	from, to := theCopy(t, in, "src/p"), theCopy(t, in, "dst/p")
	for name, a := range from.assets {
		same(t, name, a.SHA256, to.assets[name].SHA256)
	}
}

// --rewrite-links does html too.
func TestReferencesInHTML(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedReferences(src, "src", "p")
	stream := runFilter(runExport(src, "src/p").want(t, cli.ExitOK).stdout, "-x", "project_notes").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "--keys", "derive", "--rewrite-links", "dst/p").want(t, cli.ExitOK)
	c := theCopy(t, dst, "dst/p")
	link := fmt.Sprintf("%sapi/image/download?imageId=%s&experimentKey=%s", dst.URL(), c.assets["cat.png"].ID, c.e.Key)
	same(t, "html", `<img src="`+link+`">`, *htmlOf(t, dst, "dst/p"))
	importAgain(t, dst, stream, "--keys", "derive", "--rewrite-links", "dst/p")
}

// --rewrite-links does notes too.
func TestReferencesInNotes(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}})
	seedReferences(src, "src", "p")
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "--keys", "derive", "--rewrite-links", "dst/p").want(t, cli.ExitOK)
	c := theCopy(t, dst, "dst/p")
	link := fmt.Sprintf("%sapi/image/download?imageId=%s&experimentKey=%s", dst.URL(), c.assets["cat.png"].ID, c.e.Key)
	same(t, "notes", "![cat]("+link+")\n", projectState(t, dst, "dst/p", portable).Notes)
	importAgain(t, dst, stream, "--keys", "derive", "--rewrite-links", "dst/p")
}

// An asset whose id is taken at the destination goes up under another, and
// what refers to it follows.
func TestReferencesToTakenID(t *testing.T) {
	src, dst := start(t, comettest.Options{}), start(t, comettest.Options{Workspaces: []string{"dst"}, Moods: comettest.Moods{InstanceIDs: true}})
	seedReferences(src, "src", "p")
	dst.SeedExperiment("other", "p", comettest.ExperimentSpec{Start: epoch, Assets: []comettest.AssetSpec{{ID: imageID, Name: "taken", Body: []byte("x")}}})
	stream := runExport(src, "src/p").want(t, cli.ExitOK).stdout
	runImport(dst, stream, "dst/p").want(t, cli.ExitOK)
	c := theCopy(t, dst, "dst/p")
	if c.assets["cat.png"].ID == imageID {
		t.Fatal("two assets have one id")
	}
	same(t, "key", referrer, c.e.Key)
	same(t, "confusion matrix", c.renamed(matrixJSON()), c.body(t, dst, "matrix.json"))
	same(t, "data grid", c.renamed(gridJSON()), unzipped(t, c.body(t, dst, "grid.zip"), "grid.json"))
	importAgain(t, dst, stream, "dst/p")
}
