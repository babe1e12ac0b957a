package filter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/stream"
)

func doc(t testing.TB, text string, args ...any) stream.Doc {
	t.Helper()
	d, err := stream.DocFromJSON(fmt.Appendf(nil, text, args...))
	if err != nil {
		t.Fatalf("DocFromJSON(%s): %v", text, err)
	}
	return d
}

// raw returns a record made by another msgpack library, for kinds and keys that
// this version does not know.
func raw(t testing.TB, kind string, body map[string]any) stream.Raw {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	if err := errors.Join(enc.EncodeArrayLen(2), enc.EncodeString(kind)); err != nil {
		t.Fatal(err)
	}
	return stream.Raw{Kind: stream.Kind(kind), Data: append(buf.Bytes(), sorted(t, body)...)}
}

// sorted returns the msgpack of a map with its keys in order.
func sorted(t testing.TB, body map[string]any) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true) // of the maps inside
	if err := enc.EncodeMapSorted(body); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// withKeys returns a record with keys more than this version knows.
func withKeys(t testing.TB, rec stream.Record, more map[string]any) stream.Raw {
	t.Helper()
	r, err := stream.Encode(rec)
	if err != nil {
		t.Fatal(err)
	}
	dec := msgpack.NewDecoder(bytes.NewReader(r.Data))
	_, err = dec.DecodeArrayLen()
	_, kindErr := dec.DecodeString()
	n, mapErr := dec.DecodeMapLen()
	if err := errors.Join(err, kindErr, mapErr); err != nil {
		t.Fatal(err)
	}
	body := make(map[string]any)
	for range n {
		key, err := dec.DecodeString()
		if err != nil {
			t.Fatal(err)
		}
		if body[key], err = dec.DecodeRaw(); err != nil {
			t.Fatal(err)
		}
	}
	for key, value := range more {
		body[key] = value
	}
	return raw(t, string(r.Kind), body)
}

// write writes records and raw records as a stream. The trailer is added, unless
// an abort is the last record.
func write(t testing.TB, o stream.WriterOptions, records ...any) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := stream.NewWriter(&buf, o)
	for i, rec := range records {
		var err error
		switch rec := rec.(type) {
		case stream.Raw:
			err = w.WriteRaw(rec)
		case *stream.Abort:
			err = w.Abort(rec.Class, rec.Message)
		case stream.Record:
			err = w.Write(rec)
		}
		if err != nil {
			t.Fatalf("record %d, %T: %v", i, rec, err)
		}
	}
	if err := w.Close(); err != nil && !errors.Is(err, stream.ErrClosed) {
		t.Fatalf("Close: %v", err)
	}
	return buf.Bytes()
}

// readAll returns the records of all streams in data, and the error in the end.
func readAll(data []byte) (records []stream.Raw, err error) {
	r := stream.NewReader(bytes.NewReader(data), stream.ReaderOptions{})
	defer r.Close()
	for {
		rec, err := r.NextRaw()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		rec.Data = bytes.Clone(rec.Data)
		// A copy does not know of the buffer that its fields were in.
		records = append(records, stream.Raw{Kind: rec.Kind, Data: rec.Data})
	}
}

// read is readAll for data that is good.
func read(t testing.TB, data []byte) []stream.Raw {
	t.Helper()
	records, err := readAll(data)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return records
}

// show returns a line for each record, for comparison.
func show(t testing.TB, records []stream.Raw) []string {
	t.Helper()
	var lines []string
	for _, r := range records {
		body, err := r.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(r.Kind)+" "+string(body))
	}
	return lines
}

// where returns the records for which keep is true.
func where(records []stream.Raw, keep func(stream.Raw) bool) []stream.Raw {
	return slices.DeleteFunc(slices.Clone(records), func(r stream.Raw) bool { return !keep(r) })
}

// kinds returns the kinds of records in order, each once in a row, with a name or
// id after it where it has one.
func kindsOf(records []stream.Raw) string {
	var words []string
	for _, r := range records {
		word := string(r.Kind)
		for _, key := range []string{"key", "id", "name"} {
			if s := text(r, key); s != "" && r.Kind != stream.KindHeader {
				word += ":" + s
				break
			}
		}
		if len(words) == 0 || words[len(words)-1] != word {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

func header() *stream.Header {
	return &stream.Header{
		Created: 1700000000000, Format: "comet-stream", Version: [2]int{1, 0}, ID: "000102030405060708090a0b0c0d0e0f", Parents: []string{"ff"}, Requires: []string{},
		Scope:  stream.Scope{Paths: []string{"a", "b/p"}, Resources: []string{}},
		Source: stream.Source{URL: "https://comet.example.com", Version: new("4.18.133")}, Tool: "test 1",
	}
}

// sample returns the records of a stream that has every kind, known and unknown:
// workspaces a, with projects p and q, and b, with project p.
func sample(t testing.TB) []any {
	records := []any{
		withKeys(t, header(), map[string]any{"hint": "later"}),
		&stream.Plan{
			Projects: []stream.PlannedProject{
				{Experiments: new(int64(3)), Project: "p", Workspace: "a"},
				{Experiments: new(int64(1)), Project: "q", Workspace: "a"},
				{Project: "p", Workspace: "b"},
			},
			Workspaces: []string{"a"},
		},
		raw(t, "future", map[string]any{"where": "outside"}),
		withKeys(t, &stream.Project{Doc: doc(t, `{"projectName":"p","projectId":"1"}`), Experiments: 3, Name: "p", Public: new(true), ShareLinks: new(int64(2)), Workspace: "a"},
			map[string]any{"color": "red"}),
	}
	records = append(records, experiment(t, "k1", "a", "p", func(e *stream.Experiment) {
		e.Name, e.Tags, e.Archived, e.Start, e.End = new("first/run"), []string{"final", "x"}, true, new(int64(1000)), new(int64(2000))
	})...)
	records = append(records, experiment(t, "k2", "a", "p", func(e *stream.Experiment) {
		e.Name, e.Tags, e.Crashed, e.Start, e.End = new("second"), []string{}, new(true), new(int64(3000)), new(int64(9000))
	})...)
	records = append(records,
		&stream.Skipped{Experiment: new("gone"), Of: stream.KindExperiment, Name: new("gone one"), Project: "p", Workspace: "a", Reason: "404", Status: 404},
		&stream.Notes{Data: []byte("# no"), More: true, Project: "p", Workspace: "a"},
		&stream.Notes{Data: []byte("tes"), Project: "p", Workspace: "a"},
		&stream.Project{Experiments: 1, Name: "q", Workspace: "a", Doc: doc(t, `{}`)},
	)
	records = append(records, experiment(t, "k3", "a", "q", func(e *stream.Experiment) {
		e.Tags, e.Running, e.Start = []string{"x"}, true, new(int64(500))
	})...)
	records = append(records, &stream.Project{Experiments: 1, Name: "p", Workspace: "b"})
	records = append(records, experiment(t, "k4", "b", "p", func(e *stream.Experiment) {
		e.Name, e.Tags = new("fourth"), []string{"final"}
	})...)
	d := doc(t, `{"x":[1,2.50,"y"]}`)
	return append(records,
		&stream.Link{Experiment: "k1", Project: "q", Workspace: "a"},
		&stream.Link{Experiment: "elsewhere", Project: "q", Workspace: "a"},
		withKeys(t, &stream.Artifact{Doc: d, ID: "ar1", Name: "data", Project: "p", Type: "dataset", Workspace: "a"}, map[string]any{"stars": 5}),
		&stream.ArtifactVersion{Doc: d, Experiment: new("k1"), ID: "v1", Alias: []string{"Latest"}, State: new("CLOSED"), Version: "1.0.0"},
		&stream.Asset{Doc: d, ID: "a-img", Name: new("img.png"), Size: new(int64(6)), Type: new("image")},
		&stream.Chunk{Data: []byte("abcdef")},
		&stream.AssetEnd{},
		raw(t, "future", map[string]any{"where": "artifact"}),
		&stream.Skipped{ID: new("a-x"), Of: stream.KindAsset, Name: new("x"), Reason: "410", Status: 410},
		&stream.ArtifactEnd{ID: "ar1"},
		&stream.Lineage{Artifact: "data", Experiment: "k2", Version: "1.0.0", Workspace: "a"},
		&stream.Model{Doc: d, ID: "m1", Name: "net", Workspace: "a"},
		&stream.ModelVersion{Doc: d, Experiment: new("k2"), ID: "mv1", Metadata: []stream.Doc{d}, Stages: []string{"prod"}, Version: "1.0.0"},
		&stream.ModelEnd{ID: "m1"},
		&stream.Panel{Data: []byte("PK"), Doc: d, ID: "pn", More: true, Name: "panel", Workspace: "a"},
		&stream.Panel{Data: []byte("zip"), Doc: d, ID: "pn", Name: "panel", Workspace: "a"},
		&stream.View{Doc: d, Name: "view", Project: "p", Workspace: "a"},
		&stream.View{ChartTemplate: true, Doc: d, Experiment: new("k1"), Name: "view of k1", Project: "p", Workspace: "a"},
		&stream.Skipped{ID: new("m2"), Of: stream.KindModel, Name: new("m2"), Reason: "403", Status: 403, Workspace: "a"},
	)
}

// experiment returns a group that has every kind of item.
func experiment(t testing.TB, key, workspace, project string, set func(*stream.Experiment)) []any {
	e := &stream.Experiment{
		Key: key, Workspace: workspace, Project: project,
		Doc: doc(t, `{"experimentKey":%q,"projectName":%q,"workspaceName":%q,"userName":"ann","filePath":"/x/train.py"}`, key, project, workspace),
	}
	set(e)
	value := `{"name":"lr","valueCurrent":"0.1","valueMin":"0.1","valueMax":"0.1","stepCurrent":null,"editable":false}`
	return []any{
		withKeys(t, e, map[string]any{"mood": "good", "zeta": []byte{1, 2}}),
		&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{doc(t, `%s`, value)}},
		&stream.Values{Of: stream.KindOthers, Values: []stream.Doc{doc(t, `{"name":"Name","valueCurrent":"n"}`), doc(t, `{"name":"note","valueCurrent":""}`)}},
		&stream.Document{Of: stream.KindSystem, Doc: doc(t, `{"hostname":"box","experimentKey":%q,"maxTotalMemory":1.0,"gpuStaticInfoList":[]}`, key)},
		&stream.Requirements{Installed: []string{"numpy==1", "torch==2"}, OS: []string{}},
		&stream.Document{Of: stream.KindGit, Doc: doc(t, `{"branch":"main","root":null}`)},
		&stream.Text{Of: stream.KindGitPatch, Data: []byte("diff --git")},
		&stream.Text{Of: stream.KindCode, Data: []byte("import "), More: true},
		&stream.Text{Of: stream.KindCode, Data: []byte("comet")},
		&stream.Text{Of: stream.KindGraph, Data: []byte{}},
		&stream.Skipped{Experiment: &key, Of: stream.KindHTML, Reason: "500", Status: 500, Passing: true},
		&stream.Text{Of: stream.KindOutput, Data: []byte("line 1\nline 2\n")},
		raw(t, "future", map[string]any{"where": key}),
		&stream.Metrics{Name: "loss", Points: points(0, 5, "train")},
		&stream.Metrics{Name: "loss", Points: points(5, 8, "test")},
		&stream.Metrics{Name: "sys.cpu", Points: points(0, 3, "")},
		&stream.Asset{Doc: doc(t, `{"assetId":"a-img","dir":"assets","metadata":"{}","createdAt":5}`), ID: "a-img", Name: new("fig/img.png"), Size: new(int64(5)), Type: new("image")},
		&stream.Chunk{Data: []byte("\x89PNG" + key[:1])},
		&stream.AssetEnd{},
		&stream.Asset{Doc: doc(t, `{"assetId":"a-big","dir":"models/net"}`), ID: "a-big", Name: new("w.bin"), Size: new(int64(3000)), Type: new("model-element")},
		&stream.Chunk{Data: bytes.Repeat([]byte(key), 500)},
		&stream.Chunk{Data: bytes.Repeat([]byte("z"), 2000)},
		&stream.AssetEnd{},
		&stream.Asset{Doc: doc(t, `{"assetId":"a-rem"}`), ID: "a-rem", Name: new("rem"), Remote: new("s3://b/k")},
		&stream.AssetEnd{},
		&stream.Asset{Doc: doc(t, `{}`), ID: "a-cut", Name: new("cut.bin"), Size: new(int64(9))},
		&stream.Chunk{Data: []byte("half")},
		&stream.Skipped{Experiment: &key, ID: new("a-cut"), Of: stream.KindAsset, Name: new("cut.bin"), Reason: "reset"},
		&stream.Skipped{Experiment: &key, ID: new("a-403"), Of: stream.KindAsset, Name: new("secret.bin"), Reason: "403", Status: 403},
		&stream.ExperimentEnd{Key: key},
	}
}

func points(from, to int64, context string) []stream.Point {
	var list []stream.Point
	for i := from; i < to; i++ {
		p := stream.Point{Value: stream.FloatValue(float64(i) / 4), Time: stream.NewInt64(1000 + i), Step: stream.NewInt64(i)}
		if context != "" {
			p.Context = stream.NewString(context)
		}
		list = append(list, p)
	}
	return list
}

// layouts are ways to cut the same records into blocks.
var layouts = map[string]stream.WriterOptions{
	"one block":            {FlushAfter: -1},
	"a block a record":     {BlockSize: 1, FlushAfter: -1},
	"blocks of 300 bytes":  {BlockSize: 300, FlushAfter: -1},
	"blocks of 2000 bytes": {BlockSize: 2000, FlushAfter: -1},
}

// keySet returns the keys as rules have them.
func keys(keys ...string) map[string]bool {
	set := make(map[string]bool, len(keys))
	for _, key := range keys {
		set[key] = true
	}
	return set
}
