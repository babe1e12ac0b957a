package stream

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

var update = flag.Bool("update", false, "make the streams in testdata anew")

// kept is the golden stream of this version. It is never made again.
const kept = "v1.0-kept"

// A golden stream is testdata/NAME.comet.zst. NAME.txt next to it says what it is
// and what a reader finds in it.
type golden struct {
	name string
	what string
	data []byte
}

const suffix = ".comet.zst"

// class returns the name of the error that FORMAT.md section 7 has for err.
func className(err error) string {
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, ErrAborted):
		return "ErrAborted"
	}
	for name, class := range map[string]error{
		"ErrNotStream": ErrNotStream, "ErrTruncated": ErrTruncated, "ErrVersion": ErrVersion,
		"ErrCorrupt": ErrCorrupt, "ErrLimit": ErrLimit, "ErrGrammar": ErrGrammar,
	} {
		if errors.Is(err, class) {
			return name
		}
	}
	return err.Error()
}

// describe returns what a reader finds in a stream, in the form of the text files
// of testdata.
func describe(what string, data []byte) string {
	r := NewReader(bytes.NewReader(data), ReaderOptions{})
	defer r.Close()
	var list strings.Builder
	sum := sha256.New()
	n := 0
	var err error
	for {
		var raw Raw
		if raw, err = r.NextRaw(); err != nil {
			break
		}
		n++
		sum.Write(raw.Data)
		text, jsonErr := raw.AppendJSON(nil)
		if jsonErr != nil {
			text = []byte(jsonErr.Error())
		}
		if len(text) > 2000 {
			text = append(text[:2000], "…"...)
		}
		fmt.Fprintf(&list, "%s %s\n", raw.Kind, text)
	}
	if err == io.EOF {
		err = nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nerror: %s\n", what, className(err))
	if err != nil {
		fmt.Fprintf(&b, "message: %s\n", err)
	}
	fmt.Fprintf(&b, "records: %d\nsha256 of their msgpack: %x\n\n%s", n, sum.Sum(nil), list.String())
	return b.String()
}

func TestGolden(t *testing.T) {
	made := map[string]golden{}
	for _, g := range append(goodStreams(t), badStreams(t)...) {
		if made[g.name].name != "" || g.name == kept {
			t.Fatalf("%s a second time", g.name)
		}
		made[g.name] = g
	}
	if *update {
		for _, g := range made {
			writeGolden(t, g)
		}
	}
	files, err := filepath.Glob("testdata/*" + suffix)
	if err != nil || len(files) != len(made)+1 {
		t.Errorf("%d files in testdata, want %d and %s (%v)", len(files), len(made), kept, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), suffix)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			if err != nil {
				t.Fatal(err)
			}
			what, _, _ := strings.Cut(string(text), "\n\nerror: ")
			if diff := cmp.Diff(string(text), describe(what, data)); diff != "" {
				t.Errorf("what a reader finds (-want +got):\n%s", diff)
			}
			g := made[name]
			if g.name != "" && what != g.what {
				t.Errorf("it is described as %q, want %q", what, g.what)
			}
			// Compressed bytes differ from one version of zstd to the next.
			if g.name != "" && !bytes.Equal(contents(g.data), contents(data)) {
				t.Error("the package makes another one; if that is meant, run with -update")
			}
		})
	}
}

func writeGolden(t *testing.T, g golden) {
	t.Helper()
	base := filepath.Join("testdata", g.name)
	if err := os.MkdirAll("testdata", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(base+suffix, g.data, 0o666),
		os.WriteFile(base+".txt", []byte(describe(g.what, g.data)), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// contents returns the records of the good blocks that a stream begins with, and
// whatever is left of it as it is.
func contents(data []byte) []byte {
	s := source{r: bytes.NewReader(data)}
	var all []byte
	for {
		b, err := s.next(nil)
		if err != nil {
			return all
		}
		c, err := b.decode(nil)
		if err != nil {
			return all
		}
		all = append(all, c.data...)
	}
}

// oneByOne makes a block of each record.
var oneByOne = WriterOptions{BlockSize: 1, FlushAfter: -1, KeepAlive: -1}

// stream writes records with a header of a fixed id.
func stream(t *testing.T, o WriterOptions, records ...Record) []byte {
	t.Helper()
	header := sample(t)[0].(*Header)
	return write(t, o, append([]Record{header}, records...)...)
}

// words makes the records of words, the header left out.
func words(t *testing.T, text string) []Record {
	t.Helper()
	var records []Record
	for w := range strings.FieldsSeq(text) {
		records = append(records, word(t, w))
	}
	return records
}

func goodStreams(t *testing.T) []golden {
	all := sample(t)
	index := append([]byte{0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0}, "index"...)
	empty := stream(t, WriterOptions{}, &Plan{})
	one := stream(t, oneByOne, all[1:]...)
	_, offsets := labelsOf(t, one)
	var spaced []byte
	for i, offset := range offsets {
		end := int64(len(one))
		if i+1 < len(offsets) {
			end = offsets[i+1]
		}
		spaced = slices.Concat(spaced, one[offset:end], []byte(keepAlive), index)
	}
	return []golden{
		{"good-all-kinds", "Every kind of record, with keys that are null and keys that are left out.", stream(t, WriterOptions{}, all[1:]...)},
		{"good-one-by-one", "The records of good-all-kinds, each in a block of its own.", one},
		{"good-empty", "A stream of nothing: header, plan and trailer.", empty},
		{"good-concatenated", "Three streams, one behind the other: good-empty, good-all-kinds, good-empty.", slices.Concat(empty, stream(t, WriterOptions{}, all[1:]...), empty)},
		{"good-skippable", "The blocks of good-one-by-one, with an empty skippable frame and one of five bytes behind each.", spaced},
		{"good-numbers", "Values and documents with the numbers that are hard to keep.", stream(t, WriterOptions{}, numbers(t)...)},
		{"good-texts", "Texts and notes in pieces, cut in the middle of a character; empty ones; some that a skipped record gave up.", stream(t, oneByOne, texts(t)...)},
		{"good-later", "What a later minor version may write: another minor version in the header, kinds and keys that version 1.0 does not know, bits for such kinds.", later10(t)},
	}
}

// numbers are the records of good-numbers.
func numbers(t *testing.T) []Record {
	literals := `[0,-0,1,1.0,-1,127,128,255,256,65535,65536,4294967295,4294967296,-32,-33,-128,-129,-32768,-32769,-2147483648,-2147483649,` +
		`9007199254740991,9007199254740992,9007199254740993,9223372036854775807,9223372036854775808,18446744073709551615,18446744073709551616,` +
		`-9223372036854775808,-9223372036854775809,0.1,0.10,1e5,1E5,1e-7,1e-07,0.000001,1e+21,1e21,100000000000000000000,5e-324,1e-400,1e400,` +
		`1.7976931348623157e+308,0.1234567890123456789012345678901234567890]`
	texts := strings.Fields("0 -0 1 1.0 NaN Infinity -Infinity inf 1.0E-5 1e-05 1e-7 5e-324 9007199254740993 9223372036854775807 9223372036854775808 " +
		"-9223372036854775808 1e999 0.1234567890123456789012345678901234567890 True text \u00e9 0x10")
	var points []Point
	for i, text := range append(texts, "") {
		points = append(points, Point{Value: TextValue(text), Time: NewInt64(int64(i)), Step: NewInt64(int64(i-5) << (3 * i % 60))})
	}
	points = append(points, Point{Time: NewInt64(1 << 62), Step: NewInt64(-1 << 63)}, Point{Time: NewInt64(1 << 62), Step: NewInt64(1<<63 - 1), Value: Value{kind: valueTrue}})
	mixed := []Point{
		{Value: IntValue(1)}, {Value: IntValue(2), Context: NewString("")}, {Value: IntValue(3), Context: NewString("train"), Extra: doc(t, `{"step":"text","x":1.0}`)},
		{Value: IntValue(4), Step: NewInt64(0), Time: NewInt64(0), Epoch: NewInt64(0)},
	}
	return []Record{&Plan{}, word(t, "project:p"), &Experiment{Key: "k", Project: "p", Workspace: "w", Start: new(int64(-1)), End: new(int64(1<<63 - 1))},
		&Document{Of: KindSystem, Doc: doc(t, literals)}, &Metrics{Name: "", Points: points}, &Metrics{Name: "mixed", Points: mixed}, word(t, "experiment-end:k")}
}

// texts are the records of good-texts.
func texts(t *testing.T) []Record {
	piece := func(kind Kind, data string, more bool) Record { return &Text{Of: kind, Data: []byte(data), More: more} }
	notes := func(data string, more bool) Record {
		return &Notes{Data: []byte(data), More: more, Project: "p", Workspace: "w"}
	}
	return slices.Concat(words(t, "plan project:p experiment:k parameters parameters"),
		[]Record{piece(KindCode, "caf\xc3", true), piece(KindCode, "\xa9", false), piece(KindHTML, "", false),
			piece(KindOutput, "a", true), piece(KindOutput, "", true), piece(KindOutput, "b", false)},
		words(t, "experiment-end:k experiment:l graph:more skipped asset:a chunk:x skipped asset:b asset-end experiment-end:l"),
		[]Record{notes("# \xe2\x82", true), notes("\xac", false)})
}

// later10 is the stream good-later.
func later10(t *testing.T) []byte {
	header := sample(t)[0].(*Header)
	header.Format, header.Version = formatName, [2]int{1, 7}
	with := func(rec Record, key, value string) []byte {
		return editBody(t, rec, func(list []pair) []pair {
			list = append(list, pair{key, doc(t, value)})
			slices.SortFunc(list, func(a, b pair) int { return strings.Compare(a.key, b.key) })
			return list
		})
	}
	novelty := append(appendStr([]byte{msgpcode.FixedArrayLow | 2}, "novelty"), doc(t, `{"data":[1,{"a":null}]}`)...)
	parts := [][]byte{
		with(header, "kind", `"later"`), with(&Plan{}, "at", `1`), novelty, with(word(t, "project:p"), "color", `{"x":[1.0]}`),
		recordsOf(t, word(t, "experiment:k")), novelty, recordsOf(t, word(t, "asset:a")), novelty, recordsOf(t, word(t, "chunk:x")), novelty,
		recordsOf(t, &AssetEnd{Size: 1, SHA256: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}),
		with(&ExperimentEnd{Key: "k", AssetBytes: 1, Counts: Counts{KindExperiment: 1, KindAsset: 1, KindChunk: 1, "novelty": 3}}, "later", `1`),
		novelty,
		recordsOf(t, &Trailer{AssetBytes: 1, Experiments: 1, Projects: 1, Counts: Counts{KindProject: 1, KindExperiment: 1, KindAsset: 1, KindChunk: 1, "novelty": 5}}),
	}
	var data []byte
	outside := true
	for i, part := range parts {
		v, err := checkRecord(part)
		if err != nil {
			t.Fatal(err)
		}
		kinds := KindSet(1) << v.bit
		if v.bit == unknownBit {
			kinds = 1 << 40
		}
		data = append(data, block(t, part, func(l *Label) {
			l.First, l.Last, l.Outside, l.Sequence, l.Kinds = i == 0, i == len(parts)-1, outside, uint64(i), kinds
		})...)
		switch v.kind {
		case KindExperiment:
			outside = false
		case KindExperimentEnd:
			outside = true
		}
	}
	return data
}
