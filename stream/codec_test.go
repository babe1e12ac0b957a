package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// keysOf has the keys of each kind, as FORMAT.md lists them.
var keysOf = map[Kind]string{
	KindHeader:          "created format id parents requires scope source tool version",
	KindPlan:            "projects workspaces",
	KindProject:         "doc experiments name public share_links workspace",
	KindExperiment:      "archived crashed doc end key name project running start tags workspace",
	KindMetrics:         "context epoch extra n name step time value",
	KindRequirements:    "installed os",
	KindAsset:           "doc id name remote size type",
	KindChunk:           "data",
	KindAssetEnd:        "sha256 size",
	KindExperimentEnd:   "asset_bytes counts key points skipped",
	KindSkipped:         "experiment id kind name passing project reason status workspace",
	KindNotes:           "data more project workspace",
	KindLink:            "experiment project workspace",
	KindArtifact:        "doc id name project type workspace",
	KindArtifactVersion: "alias doc experiment id state tags version",
	KindArtifactEnd:     "asset_bytes counts id skipped",
	KindLineage:         "artifact doc experiment version workspace",
	KindModel:           "doc id name notes workspace",
	KindModelVersion:    "doc experiment id metadata model stages status status_configuration version",
	KindModelEnd:        "counts id skipped",
	KindPanel:           "data doc id more name project workspace",
	KindView:            "chart_template doc experiment name project workspace",
	KindTrailer:         "asset_bytes counts experiments points projects skipped",
	KindAbort:           "class last message",
}

// Kinds that share a type of record share its keys.
func init() {
	for kind, info := range kinds {
		switch info.make().(type) {
		case *Document:
			keysOf[kind] = "doc"
		case *Text:
			keysOf[kind] = "data more"
		case *Values:
			keysOf[kind] = "values"
		}
	}
}

// full has a record of each kind with every key in it.
func full(t testing.TB) map[Kind]Record {
	d := doc(t, `{"b":1,"a":[1.0,"x"]}`)
	counts := Counts{}
	for kind := range keysOf {
		counts[kind] = int64(len(kind))
	}
	records := map[Kind]Record{
		KindTrailer:       &Trailer{Counts: counts, Points: 1},
		KindAbort:         &Abort{Class: "server", Message: "m"},
		KindExperimentEnd: &ExperimentEnd{Counts: counts, Key: "k"},
		KindArtifactEnd:   &ArtifactEnd{Counts: counts, ID: "i"},
		KindModelEnd:      &ModelEnd{Counts: counts, ID: "i"},
		KindLineage:       &Lineage{Doc: d},
		KindPanel:         &Panel{Doc: d, Project: "p"},
		KindModelVersion:  &ModelVersion{Doc: d, StatusConfiguration: d},
		KindView:          &View{ChartTemplate: true, Doc: d},
		KindProject:       &Project{Doc: d, ShareLinks: new(int64(2))},
		KindSkipped:       &Skipped{Of: KindAsset, Project: "p", Workspace: "w"},
	}
	for _, rec := range sample(t) {
		if records[rec.Kind()] == nil {
			records[rec.Kind()] = rec
		}
	}
	for kind, info := range kinds {
		if _, ok := info.make().(*Document); ok && records[kind] == nil {
			records[kind] = &Document{Of: kind, Doc: d}
		}
	}
	return records
}

func TestKeysOfKinds(t *testing.T) {
	records := full(t)
	for kind, keys := range keysOf {
		raw, err := Encode(records[kind])
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got := strings.Join(fieldNames(raw), " "); got != keys {
			t.Errorf("%s has the keys %q, want %q", kind, got, keys)
		}
	}
	if len(keysOf) != len(kinds) {
		t.Errorf("%d kinds, want %d", len(kinds), len(keysOf))
	}
}

// FORMAT.md gives the same bits to the kinds, and names every key.
func TestFormatText(t *testing.T) {
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## 4. Kinds")
	section, _, _ = strings.Cut(section, "## 6.")
	bits := map[Kind]string{}
	for _, m := range regexp.MustCompile("(\\d+) `([a-z-]+)`").FindAllStringSubmatch(section, -1) {
		bits[Kind(m[2])] = m[1]
	}
	for kind, info := range kinds {
		if bits[kind] != fmt.Sprint(info.bit) {
			t.Errorf("%s has bit %d, FORMAT.md says %q", kind, info.bit, bits[kind])
		}
	}
	for kind, keys := range keysOf {
		for key := range strings.FieldsSeq(keys) {
			if !strings.Contains(section, "`"+key+"`") {
				t.Errorf("key %q of %s is not in FORMAT.md", key, kind)
			}
		}
	}
}

// Optional keys, and those that go with the document, are left out together.
func TestKeysLeftOut(t *testing.T) {
	for _, tt := range []struct {
		rec  Record
		want string
	}{
		{&Project{Public: new(true)}, "experiments name workspace"},
		{&Experiment{Key: "k", Tags: []string{"t"}}, "archived crashed end key name project running start workspace"},
		{&Skipped{}, "experiment id kind name passing reason status"},
		{&Lineage{}, "artifact experiment version workspace"},
		{&Metrics{Points: make([]Point, 1)}, "context epoch n name step time value"},
	} {
		raw, err := Encode(tt.rec)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(fieldNames(raw), " "); got != tt.want {
			t.Errorf("%s has the keys %q, want %q", raw.Kind, got, tt.want)
		}
	}
}

// Absent, null, empty and zero stay what they are.
func TestNullAndEmpty(t *testing.T) {
	d := doc(t, `{}`)
	for _, tt := range []struct {
		rec        Record
		key, value string
	}{
		{&Project{Doc: d}, "public", "null"},
		{&Project{Doc: doc(t, "null")}, "doc", "null"},
		{&Project{ShareLinks: new(int64(0))}, "share_links", "0"},
		{&Experiment{Key: "k", Doc: d}, "tags", "[]"},
		{&Experiment{Key: "k", Name: new("")}, "name", `""`},
		{&Experiment{Key: "k"}, "name", "null"},
		{&Experiment{Key: "k", Start: new(int64(0))}, "start", "0"},
		{&Requirements{}, "installed", "null"},
		{&Requirements{OS: []string{}}, "os", "[]"},
		{&ModelVersion{Doc: d}, "metadata", "null"},
		{&ModelVersion{Doc: d}, "stages", "[]"},
		{&ModelVersion{Doc: d, Metadata: []Doc{}}, "metadata", "[]"},
		{&Values{Of: KindOthers}, "values", "[]"},
		{&Values{Of: KindOthers, Values: []Doc{nil}}, "values", "[null]"},
		{&Asset{}, "doc", "null"},
		{&Header{}, "parents", "[]"},
		{&Trailer{}, "counts", "{}"},
	} {
		raw, err := Encode(tt.rec)
		if err != nil {
			t.Fatal(err)
		}
		if got := raw.Field(tt.key).String(); got != tt.value {
			t.Errorf("%s of %s is %s, want %s", tt.key, raw.Kind, got, tt.value)
		}
		back, err := raw.Decode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Encode(back)
		if err != nil || !bytes.Equal(again.Data, raw.Data) {
			t.Errorf("%s with %s = %s comes back as % x, want % x", raw.Kind, tt.key, tt.value, again.Data, raw.Data)
		}
	}
}

func TestEncodeDeterministic(t *testing.T) {
	for kind, rec := range full(t) {
		first, err := Encode(rec)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			again, err := Encode(rec)
			if err != nil || !bytes.Equal(first.Data, again.Data) {
				t.Fatalf("%s: % x, then % x (%v)", kind, first.Data, again.Data, err)
			}
		}
		checkSorted(t, kind, first.Data)
	}
}

// checkSorted checks that every map of a record has ascending keys, and that
// every length and integer is in its shortest form.
func checkSorted(t *testing.T, kind Kind, b []byte) {
	t.Helper()
	c := pack.CursorAt(b, 0)
	var walk func()
	walk = func() {
		start := c.Offset()
		switch c.Class() {
		case pack.ClassArray:
			n := c.ArrayLen()
			if short := appendArrayLen(nil, n); !bytes.Equal(short, b[start:c.Offset()]) {
				t.Errorf("%s: length % x, want % x", kind, b[start:c.Offset()], short)
			}
			for range n {
				walk()
			}
		case pack.ClassMap:
			n := c.MapLen()
			if short := appendMapLen(nil, n); !bytes.Equal(short, b[start:c.Offset()]) {
				t.Errorf("%s: length % x, want % x", kind, b[start:c.Offset()], short)
			}
			last := ""
			for i := range n {
				key := c.Str()
				if i > 0 && key <= last {
					t.Errorf("%s: key %q after %q", kind, key, last)
				}
				last = key
				walk()
			}
		case pack.ClassInt:
			v := c.Int()
			if short := appendInt(nil, v); !bytes.Equal(short, b[start:c.Offset()]) {
				t.Errorf("%s: integer % x, want % x", kind, b[start:c.Offset()], short)
			}
		case pack.ClassStr:
			s := c.Bytes()
			if short := appendStr(nil, s); !bytes.Equal(short, b[start:c.Offset()]) {
				t.Errorf("%s: text % x, want % x", kind, b[start:c.Offset()], short)
			}
		case pack.ClassBin:
			s := c.Bytes()
			if short := appendBin(nil, s); !bytes.Equal(short, b[start:c.Offset()]) {
				t.Errorf("%s: bytes % x, want % x", kind, b[start:c.Offset()], short)
			}
		default:
			c.Skip()
		}
	}
	for c.Offset() < len(b) {
		walk()
	}
}

// The cursor gives back what was appended, at every border between two sizes.
func TestMsgpackBorders(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 31, 32, 127, 128, 255, 256, 65535, 65536, 70000} {
		text := strings.Repeat("x", n)
		b := appendStr(nil, text)
		b = appendBin(b, []byte(text))
		b = appendLiteral(b, []byte(strings.Repeat("1", n)))
		b = append(appendArrayLen(b, n), bytes.Repeat([]byte{msgpcode.Nil}, n)...)
		b = appendMapLen(b, n)
		for range n {
			b = append(b, msgpcode.FixedStrLow, msgpcode.True)
		}
		for _, v := range []int64{int64(n), -int64(n), int64(n) << 40, -int64(n) << 40} {
			b = appendInt(b, v)
		}
		for i := 0; i < len(b); {
			end, err := pack.Scan(b, i, 0)
			if err != nil {
				t.Fatalf("%d: at %d: %v", n, i, err)
			}
			i = end
		}
		c := pack.CursorAt(b, 0)
		if s := c.Str(); s != text {
			t.Errorf("str of %d is one of %d", n, len(s))
		}
		if s := c.Bytes(); string(s) != text {
			t.Errorf("bin of %d is one of %d", n, len(s))
		}
		if literal := c.Skip(); n > 0 && Doc(literal).String() != strings.Repeat("1", n) {
			t.Errorf("literal of %d: % .20x", n, literal)
		}
		if a := pack.CursorAt(b, c.Offset()); a.ArrayLen() != n || len(c.Skip()) < n {
			t.Errorf("array of %d", n)
		}
		if m := pack.CursorAt(b, c.Offset()); m.MapLen() != n || len(c.Skip()) < 2*n {
			t.Errorf("map of %d", n)
		}
		for _, v := range []int64{int64(n), -int64(n), int64(n) << 40, -int64(n) << 40} {
			if got := c.Int(); got != v {
				t.Errorf("%d is %d", v, got)
			}
		}
		if c.Offset() != len(b) {
			t.Errorf("%d bytes left", len(b)-c.Offset())
		}
	}
}

func TestEncodeWrongType(t *testing.T) {
	for _, rec := range []Record{&Text{Of: KindMetrics}, &Text{}, &Values{Of: KindSystem}, &Document{Of: "nonsense"}} {
		if _, err := Encode(rec); !errors.Is(err, ErrGrammar) {
			t.Errorf("%T of kind %q: %v", rec, rec.Kind(), err)
		}
	}
	for _, d := range []Doc{{}, {msgpcode.Nil, msgpcode.Nil}, {msgpcode.FixedArrayLow | 1}, {codeInvalid}} {
		if raw, err := Encode(&Document{Of: KindGit, Doc: d}); err == nil {
			t.Errorf("document % x: % x", []byte(d), raw.Data)
		}
	}
	if _, err := Encode(&Link{Experiment: "\xff"}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("text that is not UTF-8: %v", err)
	}
}

func TestUnknown(t *testing.T) {
	data := appendStr([]byte{msgpcode.FixedArrayLow | 2}, "novelty")
	data = append(data, doc(t, `{"x":[1]}`)...)
	rec, err := Raw{Data: data}.Decode()
	if err != nil {
		t.Fatal(err)
	}
	u, ok := rec.(*Unknown)
	if !ok || u.Kind() != "novelty" || !bytes.Equal(u.Data, data) {
		t.Fatalf("%#v", rec)
	}
	raw, err := Encode(u)
	if err != nil || raw.Kind != "novelty" || !bytes.Equal(raw.Data, data) {
		t.Errorf("%v, %v", raw, err)
	}
}

func TestKindSet(t *testing.T) {
	s := KindSetOf(KindAsset, "novelty")
	for kind, want := range map[Kind]bool{KindAsset: true, KindChunk: false, "novelty": true, "another": true} {
		if s.Has(kind) != want {
			t.Errorf("Has(%s) = %v", kind, !want)
		}
	}
	if !s.HasAny(1<<40) || s.HasAny(KindSetOf(KindChunk)) || !s.HasAny(KindSetOf(KindChunk, KindAsset)) {
		t.Error("HasAny")
	}
	var all []Kind
	for kind := range keysOf {
		all = append(all, kind)
	}
	slices.Sort(all)
	if KindSetOf(all...) != knownBits {
		t.Errorf("%x, want %x", uint64(KindSetOf(all...)), uint64(knownBits))
	}
}

func TestRawClone(t *testing.T) {
	data := write(t, WriterOptions{}, sample(t)...)
	r := NewReader(bytes.NewReader(data), ReaderOptions{})
	defer r.Close()
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(raw.Data)
		c := raw.Clone()
		for i := range raw.Data {
			raw.Data[i] = 0xc1 // which no msgpack has
		}
		if c.view == nil || &c.view.data[0] != &c.Data[0] {
			t.Fatalf("%s: the copy has to be checked again", c.Kind)
		}
		if rec, err := c.Decode(); err != nil || rec.Kind() != c.Kind || !bytes.Equal(c.Data, want) {
			t.Fatalf("%s: the copy is %x, %v", c.Kind, c.Data, err)
		}
		copy(raw.Data, want)
	}
}
