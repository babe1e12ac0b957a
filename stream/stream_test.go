package stream

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func doc(t testing.TB, text string) Doc {
	t.Helper()
	d, err := DocFromJSON([]byte(text))
	if err != nil {
		t.Fatalf("DocFromJSON(%s): %v", text, err)
	}
	return d
}

// sample returns the records of a small stream that has every kind.
func sample(t testing.TB) []Record {
	d := doc(t, `{"b":[1,2.5,"x",null,true],"a":{"n":1.0}}`)
	return []Record{
		&Header{Created: 1700000000000, ID: "000102030405060708090a0b0c0d0e0f", Parents: []string{}, Requires: []string{},
			Scope: Scope{Paths: []string{"ws"}, Resources: []string{}}, Source: Source{URL: "https://comet.example.com", Version: new("4.18.133")}, Tool: "test 1"},
		&Plan{Projects: []PlannedProject{{Experiments: new(int64(1)), Project: "p", Workspace: "ws"}, {Project: "q", Workspace: "ws"}}, Workspaces: []string{"ws"}},
		&Project{Doc: d, Experiments: 1, Name: "p", Public: new(false), Workspace: "ws"},
		&Experiment{Doc: d, End: new(int64(5)), Key: "k1", Name: new("run"), Project: "p", Start: new(int64(0)), Tags: []string{"t"}, Workspace: "ws"},
		&Values{Of: KindParameters, Values: []Doc{d, d}},
		&Values{Of: KindOthers, Values: []Doc{d}},
		&Document{Of: KindSystem, Doc: d},
		&Requirements{Installed: []string{"a==1"}},
		&Document{Of: KindGit, Doc: d},
		&Text{Of: KindGitPatch, Data: []byte("diff")},
		&Text{Of: KindCode, Data: []byte("im"), More: true},
		&Text{Of: KindCode, Data: []byte("port")},
		&Text{Of: KindGraph, Data: []byte{}},
		&Text{Of: KindHTML, Data: []byte("<p>")},
		&Text{Of: KindOutput, Data: []byte("out")},
		&Metrics{Name: "loss", Points: []Point{
			{Value: TextValue("0.5"), Time: NewInt64(1), Step: NewInt64(-3), Context: NewString("train")},
			{Value: TextValue("NaN"), Time: NewInt64(1), Epoch: NewInt64(2), Extra: doc(t, `{"x":1}`)},
			{Value: TextValue("7"), Time: NewInt64(9), Context: NewString("train")},
		}},
		&Asset{Doc: d, ID: "a1", Name: new("f.bin"), Size: new(int64(3)), Type: new("asset")},
		&Chunk{Data: []byte("abc")},
		&AssetEnd{},
		&Asset{Doc: d, ID: "a2", Remote: new("s3://b/k")},
		&AssetEnd{},
		&Skipped{Experiment: new("k1"), ID: new("a3"), Of: KindAsset, Name: new("big"), Reason: "gone", Status: 404},
		&ExperimentEnd{Key: "k1"},
		&Notes{Data: []byte("# n"), Project: "p", Workspace: "ws"},
		&Project{Name: "q", Workspace: "ws"},
		&Link{Experiment: "k1", Project: "q", Workspace: "ws"},
		&Artifact{Doc: d, ID: "ar", Name: "data", Project: "p", Type: "dataset", Workspace: "ws"},
		&ArtifactVersion{Alias: []string{"Latest"}, Doc: d, Experiment: new("k1"), ID: "v1", State: new("CLOSED"), Version: "1.0.0"},
		&Asset{Doc: d, ID: "a1"},
		&Chunk{Data: []byte("xy")},
		&AssetEnd{},
		&ArtifactEnd{ID: "ar"},
		&Lineage{Artifact: "data", Experiment: "k1", Version: "1.0.0", Workspace: "ws"},
		&Model{Doc: d, ID: "m", Name: "net", Workspace: "ws"},
		&ModelVersion{Doc: d, ID: "mv", Metadata: []Doc{d}, Stages: []string{"prod"}, Version: "1.0.0"},
		&ModelEnd{ID: "m"},
		&Panel{Data: []byte("zip"), Doc: d, ID: "pa", Name: "panel", Workspace: "ws"},
		&View{Doc: d, Name: "view", Project: "p", Workspace: "ws"},
	}
}

func write(t testing.TB, o WriterOptions, records ...Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf, o)
	for i, rec := range records {
		if err := w.Write(rec); err != nil {
			t.Fatalf("Write(%d: %s): %v", i, rec.Kind(), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return buf.Bytes()
}

func readAll(r io.Reader) ([]Record, error) {
	s := NewReader(r, ReaderOptions{})
	defer s.Close()
	var records []Record
	for {
		raw, err := s.NextRaw()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		raw.Data = bytes.Clone(raw.Data)
		raw.view = nil
		rec, err := raw.Decode()
		if err != nil {
			return records, err
		}
		records = append(records, rec)
	}
}

func TestRoundTrip(t *testing.T) {
	want := sample(t)
	data := write(t, WriterOptions{}, want...)
	got, err := readAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want)+1 {
		t.Fatalf("%d records, want %d", len(got), len(want)+1)
	}
	if _, ok := got[len(got)-1].(*Trailer); !ok {
		t.Errorf("last record is %T", got[len(got)-1])
	}
	for i := range want {
		a, _ := Encode(want[i])
		b, err := Encode(got[i])
		if err != nil || !bytes.Equal(a.Data, b.Data) {
			t.Errorf("record %d (%s) differs: %v\n%s", i, want[i].Kind(), err, cmp.Diff(want[i], got[i]))
		}
	}
	_, err = readAll(bytes.NewReader(data[:len(data)-1]))
	if !errors.Is(err, ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
}
