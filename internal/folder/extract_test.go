package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/comet-stream/comet-stream/stream"
)

// write returns a stream of these records, after a header and a plan and before a
// trailer.
func write(t testing.TB, records ...stream.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := stream.NewWriter(&b, stream.WriterOptions{})
	all := records
	if len(records) == 0 || records[0].Kind() != stream.KindHeader {
		all = append([]stream.Record{&stream.Header{Parents: []string{}, Requires: []string{}}, &stream.Plan{}}, records...)
	}
	for _, rec := range all {
		if err := w.Write(rec); err != nil {
			t.Fatalf("%s: %v", rec.Kind(), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jsonDoc(t testing.TB, text string) stream.Doc {
	t.Helper()
	doc, err := stream.DocFromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// withAssets returns the stream of an experiment with assets of these types and
// names, whose bytes are their ids.
func withAssets(t testing.TB, assets ...[2]string) []byte {
	t.Helper()
	records := []stream.Record{
		&stream.Project{Workspace: "ws", Name: "proj", Experiments: 1, Doc: jsonDoc(t, `{"projectName":"proj","workspaceName":"ws"}`)},
		&stream.Experiment{Workspace: "ws", Project: "proj", Key: key, Tags: []string{}, Doc: jsonDoc(t, `{"experimentKey":"`+key+`"}`)},
	}
	for i, a := range assets {
		id := fmt.Sprintf("id%d", i)
		doc := jsonDoc(t, string(changed([]byte("{}"), []member{{"assetId", quoted(&id)}, {"fileName", quoted(&a[1])}, {"type", quoted(&a[0])}, {"fileSize", fmt.Append(nil, len(id))}})))
		records = append(records, &stream.Asset{Doc: doc, ID: id, Name: &a[1], Type: &a[0], Size: new(int64(len(id)))},
			&stream.Chunk{Data: []byte(id)}, &stream.AssetEnd{})
	}
	return write(t, append(records, &stream.ExperimentEnd{})...)
}

// A name may say whatever it likes: no file is outside of the folder of its
// experiment, none meets another one, and all come back under their names.
func TestNames(t *testing.T) {
	names := []string{
		"a.txt", "A.TXT", "a.txt", "a", "a/b", "a/b", "a/b/c", "x/../../../../../../../../tmp/evil", "../up", "/etc/passwd", "..", ".", "", "/", "a//b",
		"CON", "con.txt", "nul .tar.gz", "COM1", "lpt¹.txt", "trailing. ", "trailing..", "a:b", "a-b", `back\slash`, "<>|?*\"", "new\nline", "\u202eevil",
		"é", norm.NFD.String("é"), "ß", "SS", "~", strings.Repeat("x", 300), strings.Repeat("x", 299) + "y", strings.Repeat("d/", 600) + "f", "assets_metadata.jsonl",
		strings.Repeat("é", 150) + ".pt", "../../html-assets/page.html", "a_1", "a_1.txt",
	}
	var assets [][2]string
	for _, typ := range []string{"asset", "", "html", "image", "Image", "../..", "a:b", "assets_metadata.jsonl", "html-assets"} {
		for _, name := range names {
			assets = append(assets, [2]string{typ, name})
		}
	}
	data := withAssets(t, assets...)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	sum, err := Extract(t.Context(), out, bytes.NewReader(data))
	if err != nil || sum.Assets != int64(len(assets)) {
		t.Fatalf("%+v, %v", sum, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the folder: %v, %v", entries, err)
	}
	seen := make(map[[16]byte]string)
	files := 0
	err = filepath.WalkDir(out, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if other, ok := seen[pathKey(p)]; ok && !d.IsDir() {
			t.Errorf("%q meets %q", p, other)
		}
		seen[pathKey(p)] = p
		rel, _ := filepath.Rel(out, p)
		for part := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
			if part != "." && safePart(part) != part && len(part) <= maxPart || len(part) > 255 {
				t.Errorf("%q is not for every file system", rel)
			}
		}
		if !d.IsDir() {
			files++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if want := len(assets) + 5; files != want { // and metadata twice, parameters, others, the list
		t.Errorf("%d files, want %d", files, want)
	}
	back := recordsOf(t, streamOf(t, out))
	found := make(map[string]int)
	for _, line := range back {
		if kind, _, _ := strings.Cut(line, " "); kind == "skipped" {
			t.Errorf("not read back: %s", line)
		} else {
			found[line]++
		}
	}
	for _, line := range recordsOf(t, data) {
		if (strings.HasPrefix(line, "asset ") || strings.HasPrefix(line, "chunk ")) && found[withNulls(t, line)] != 1 {
			t.Errorf("not read back: %s", line)
		}
	}
}

// withNulls returns the line of an asset with the members that cometx asks for.
func withNulls(t *testing.T, line string) string {
	body, ok := strings.CutPrefix(line, "asset ")
	if !ok {
		return line
	}
	text := []byte(body)
	var doc []byte
	for name, v := range jsonDoc(t, body).Members() {
		if name == "doc" {
			raw, err := v.JSON()
			if err != nil {
				t.Fatal(err)
			}
			doc = changed(raw, []member{{"step", []byte("null")}, {"metadata", []byte("null")}})
		}
	}
	return "asset " + jsonDoc(t, string(changed(text, []member{{"doc", doc}}))).String()
}

// What a folder holds comes back from it.
func TestThere(t *testing.T) {
	text := func(of stream.Kind, data string) stream.Record { return &stream.Text{Of: of, Data: []byte(data)} }
	data := write(t,
		&stream.Project{Workspace: "ws", Name: "a/b", Experiments: 1, Doc: jsonDoc(t, `{"projectDescription":"d","projectName":"a/b","public":true,"workspaceName":"ws"}`), Public: new(true)},
		&stream.Experiment{Workspace: "ws", Project: "a/b", Key: key, Name: new("n"), Start: new(int64(5)), End: new(int64(7)), Crashed: new(true), Tags: []string{"t"},
			Doc: jsonDoc(t, `{"archived":false,"endTimeMillis":7,"experimentKey":"`+key+`","experimentName":"n","hasCrashed":true,"projectName":"a/b","running":false,"startTimeMillis":5,"workspaceName":"ws"}`)},
		&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{jsonDoc(t, `{"name":"p","valueCurrent":1.0}`), jsonDoc(t, `{"name":"q"}`)}},
		&stream.Values{Of: stream.KindOthers, Values: []stream.Doc{jsonDoc(t, `{"name":"o","valueCurrent":"NaN"}`)}},
		&stream.Document{Of: stream.KindSystem, Doc: jsonDoc(t, `{"os":"Linux"}`)},
		&stream.Requirements{Installed: []string{"a==1", "b==2"}, OS: []string{"bash"}},
		&stream.Document{Of: stream.KindGit, Doc: jsonDoc(t, `{"user":"u"}`)},
		text(stream.KindGitPatch, "patch\xff"), text(stream.KindCode, "code\r\n"), text(stream.KindGraph, "graph"), text(stream.KindHTML, "<p>"),
		&stream.Text{Of: stream.KindOutput, Data: bytes.Repeat([]byte("o"), pieceSize), More: true}, text(stream.KindOutput, "end"),
		&stream.Metrics{Name: "m", Points: []stream.Point{
			{Value: stream.TextValue("NaN")}, {Value: stream.TextValue("1.50"), Time: stream.NewInt64(1), Step: stream.NewInt64(-2), Epoch: stream.NewInt64(3), Context: stream.NewString("c")},
			{Value: stream.Value{}, Time: stream.NewInt64(2), Extra: jsonDoc(t, `{"new":[1],"step":1.5}`)}, {Value: stream.BoolValue(true), Time: stream.NewInt64(3)},
		}},
		&stream.Asset{Doc: jsonDoc(t, `{"assetId":"far","fileName":"f","link":"s3://b/k","metadata":null,"remote":true,"step":null,"type":"asset"}`), ID: "far", Name: new("f"), Type: new("asset"), Remote: new("s3://b/k")},
		&stream.AssetEnd{},
		&stream.Asset{Doc: jsonDoc(t, `{"assetId":"e","fileName":"e","fileSize":0,"metadata":null,"step":null,"type":"asset"}`), ID: "e", Name: new("e"), Type: new("asset"), Size: new(int64(0))},
		&stream.AssetEnd{},
		&stream.ExperimentEnd{},
		&stream.Notes{Workspace: "ws", Project: "a/b", Data: []byte("notes")},
	)
	out := filepath.Join(t.TempDir(), "out")
	for range 2 { // also over what is there
		if _, err := Extract(t.Context(), out, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		compare(t, recordsOf(t, streamOf(t, out))[1:], recordsOf(t, data)[1:]...)
	}
}

// Names that a file system takes for one come back, and so does that of a folder
// that someone has copied.
func TestNamesAlike(t *testing.T) {
	places := [][2]string{{"Team", "P"}, {"Team", "p"}, {"Team", "p/1"}, {"Team", "p_1"}, {"team", "P"}}
	var records []stream.Record
	for i, p := range places {
		doc := jsonDoc(t, fmt.Sprintf(`{"projectName":%q,"workspaceName":%q}`, p[1], p[0]))
		records = append(records, &stream.Project{Workspace: p[0], Name: p[1], Experiments: 1, Doc: doc},
			&stream.Experiment{Workspace: p[0], Project: p[1], Key: fmt.Sprint(key[:31], i), Tags: []string{}, Doc: doc}, &stream.ExperimentEnd{})
	}
	out := filepath.Join(t.TempDir(), "out")
	if _, err := Extract(t.Context(), out, bytes.NewReader(write(t, records...))); err != nil {
		t.Fatal(err)
	}
	check := func(want ...[2]string) {
		t.Helper()
		f, err := Open(out, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got [][2]string
		for _, p := range f.projects {
			got = append(got, [2]string{p.workspace, p.name})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("projects (-want +got): %s", diff)
		}
	}
	check(places...)
	if err := os.CopyFS(filepath.Join(out, "Team", "P_2"), os.DirFS(filepath.Join(out, "Team", "P"))); err != nil {
		t.Fatal(err)
	}
	check(append([][2]string{places[0], {"Team", "P_2"}}, places[1:]...)...)
}

// What broke off is no experiment, and what was skipped has no file.
func TestBroken(t *testing.T) {
	name := "x"
	asset := func(id string) []stream.Record {
		return []stream.Record{&stream.Asset{Doc: jsonDoc(t, `{}`), ID: id, Name: &name}, &stream.Chunk{Data: bytes.Repeat([]byte("a"), 1000)}}
	}
	records := []stream.Record{&stream.Project{Workspace: "ws", Name: "proj"}, &stream.Experiment{Workspace: "ws", Project: "proj", Key: "k1"}}
	records = append(append(records, asset("a1")...), &stream.Skipped{Of: stream.KindAsset, Experiment: new("k1")}, &stream.ExperimentEnd{},
		&stream.Experiment{Workspace: "ws", Project: "proj", Key: "k2"})
	records = append(append(records, asset("a2")...), &stream.AssetEnd{}, &stream.ExperimentEnd{})
	data := write(t, records...)
	out := filepath.Join(t.TempDir(), "out")
	sum, err := Extract(t.Context(), out, bytes.NewReader(data))
	if err != nil || sum.Skipped != 1 || sum.Assets != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := os.Stat(filepath.Join(out, "ws/proj/k1/assets/asset/x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of a skipped asset: %v", err)
	}
	for range 50 {
		cut := rand.IntN(len(data))
		out := filepath.Join(t.TempDir(), "out")
		if sum, err = Extract(t.Context(), out, bytes.NewReader(data[:cut])); err == nil {
			t.Fatalf("a stream cut at %d of %d bytes is whole", cut, len(data))
		}
		found, err := filepath.Glob(filepath.Join(out, "ws/proj/*/metadata.json"))
		if err != nil || int64(len(found)) != sum.Experiments {
			t.Errorf("cut at %d: %v, %v, want %d experiments", cut, found, err, sum.Experiments)
		}
	}
}

// The address of the instance comes back, which contents of assets may hold.
func TestExtractAddress(t *testing.T) {
	for _, instance := range []string{"https://comet.example:8443", "https://h.example/comet", ""} {
		data := write(t, &stream.Header{Parents: []string{}, Requires: []string{}, Source: stream.Source{URL: instance}}, &stream.Plan{},
			&stream.Project{Workspace: "ws", Name: "proj", Experiments: 1, Doc: jsonDoc(t, `{"projectName":"proj","workspaceName":"ws"}`)},
			&stream.Experiment{Workspace: "ws", Project: "proj", Key: key, Tags: []string{}, Doc: jsonDoc(t, `{"experimentKey":"`+key+`"}`)},
			&stream.Asset{Doc: jsonDoc(t, `{"assetId":"far","fileName":"f","link":"s3://b/k","remote":true}`), ID: "far", Name: new("f"), Remote: new("s3://b/k")},
			&stream.AssetEnd{},
			&stream.Asset{Doc: jsonDoc(t, `{"assetId":"a b","fileName":"g","fileSize":1}`), ID: "a b", Name: new("g"), Size: new(int64(1))},
			&stream.Chunk{Data: []byte("1")}, &stream.AssetEnd{},
			&stream.ExperimentEnd{})
		dir := t.TempDir()
		if _, err := Extract(t.Context(), dir, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.url != instance {
			t.Errorf("the address is %q, want %q", f.url, instance)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A link that is in the way leads nowhere.
func TestLinkInTheWay(t *testing.T) {
	outside := t.TempDir()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.MkdirAll(filepath.Join(out, "ws/proj", key, "assets"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "others"), filepath.Join(out, "ws/proj", key, "others.jsonl")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(outside, filepath.Join(out, "ws/proj", key, "assets/asset")); err != nil {
		t.Fatal(err)
	}
	if _, err := Extract(t.Context(), out, bytes.NewReader(withAssets(t, [2]string{"asset", "x"}))); err == nil {
		t.Error("written through a link that leads out")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestAsset(t *testing.T) {
	var b bytes.Buffer
	if err := Asset(t.Context(), &b, bytes.NewReader(withAssets(t, [2]string{"asset", "x"}))); err != nil || b.String() != "id0" {
		t.Errorf("%q, %v", b.String(), err)
	}
	b.Reset()
	err := Asset(t.Context(), &b, bytes.NewReader(withAssets(t, [2]string{"asset", "x"}, [2]string{"asset", "y"})))
	if _, ok := errors.AsType[*ManyError](err); !ok || b.String() != "id0" {
		t.Errorf("two assets: %q, %v", b.String(), err)
	}
	if err := Asset(t.Context(), &b, bytes.NewReader(withAssets(t))); !errors.Is(err, ErrNoAsset) {
		t.Errorf("no asset: %v", err)
	}
}
