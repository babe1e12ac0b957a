package stream

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// FuzzReader reads any input: it must not crash, and what it reads whole is
// written and read again the same.
func FuzzReader(f *testing.F) {
	addGolden(f)
	f.Fuzz(func(t *testing.T, data []byte) { fuzzReader(t, data) })
}

// FuzzRecords reads any records, after a label that fits them.
func FuzzRecords(f *testing.F) {
	for _, text := range []string{
		"header plan trailer", "header plan project:p experiment:k metrics:a asset:a chunk:x asset-end experiment-end:k notes trailer",
		"header plan artifact:a artifact-version:v asset:a skipped artifact-end:a model:m model-version:v model-end:m panel:p abort",
	} {
		var all []byte
		for w := range strings.FieldsSeq(text) {
			rec := word(f, w)
			if h, ok := rec.(*Header); ok {
				h.Format, h.Version, h.ID = formatName, [2]int{1, 0}, idA
			}
			all = append(all, recordsOf(f, rec)...)
		}
		f.Add(all)
	}
	f.Add(decompress(f, bytes.NewReader(write(f, WriterOptions{}, sample(f)...))))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Label{First: true, Outside: true}
		end := 0
		for end < len(data) && l.Records < maxRecords {
			v, err := checkRecord(data[end:])
			if err != nil {
				break
			}
			end += len(v.data)
			l.Records++
			l.Kinds |= 1 << v.bit
			if v.kind == KindHeader {
				l.Stream, _ = streamID(v.decode().(*Header).ID)
			}
			if l.Last = v.kind == KindTrailer || v.kind == KindAbort; l.Last {
				break
			}
		}
		if end > 0 {
			frame := encoderOf(WriterOptions{Level: 1, Workers: 1}).EncodeAll(data[:end], nil)
			l.FrameLen, l.ContentLen, l.CRC = uint32(len(frame)), uint32(end), crc(frame)
			fuzzReader(t, append(l.append(nil), frame...))
		}
	})
}

func fuzzReader(t *testing.T, data []byte) {
	if len(data) > 1<<20 {
		return
	}
	var buf bytes.Buffer
	r := NewReader(bytes.NewReader(data), ReaderOptions{Workers: 1})
	defer r.Close()
	var want []byte
	w := NewWriter(&buf, WriterOptions{Level: 1, Workers: 1, FlushAfter: -1, KeepAlive: -1})
	defer func() { w.Stop() }()
	for {
		raw, err := r.NextRaw()
		if err != nil {
			break
		}
		rec, err := raw.Decode()
		if err != nil {
			t.Fatalf("%s: %v", raw.Kind, err)
		}
		again, err := Encode(rec)
		if err != nil {
			t.Fatalf("%s: %v", raw.Kind, err)
		}
		twice, err := again.Decode()
		if err != nil {
			t.Fatalf("%s: %v", raw.Kind, err)
		}
		if third, err := Encode(twice); err != nil || !bytes.Equal(third.Data, again.Data) {
			t.Fatalf("%s: % x, then % x (%v)", raw.Kind, again.Data, third.Data, err)
		}
		if _, err := raw.AppendJSON(nil); err != nil {
			t.Fatalf("%s: %v", raw.Kind, err)
		}
		if raw.Kind == KindHeader && len(want) > 0 {
			return // one stream is enough
		}
		want = append(want, raw.Data...)
		if err := w.WriteRaw(raw); err != nil {
			t.Fatalf("%s: %v", raw.Kind, err)
		}
	}
	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := decompressCut(&buf); !bytes.Equal(got, want) {
		t.Errorf("written again: %d bytes, want %d", len(got), len(want))
	}
}

// decompressCut returns the records of a stream that need not end.
func decompressCut(r io.Reader) []byte {
	s := NewReader(r, ReaderOptions{Workers: 1})
	defer s.Close()
	var all []byte
	for {
		raw, err := s.NextRaw()
		if err != nil {
			return all
		}
		all = append(all, raw.Data...)
	}
}

// FuzzSalvager reads any input: it must not crash and must come to an end.
func FuzzSalvager(f *testing.F) {
	addGolden(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<18 {
			return
		}
		s := NewSalvager(bytes.NewReader(data))
		for n := 0; n <= 2*len(data)+10; n++ {
			if raw, err := s.Next(); err == io.EOF {
				return
			} else if err == nil {
				if _, err := raw.Decode(); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Error("no end")
	})
}

// FuzzScan gives any bytes to the check of records. What passes can be decoded
// and shown.
func FuzzScan(f *testing.F) {
	for _, rec := range sample(f) {
		raw, err := Encode(rec)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw.Data)
	}
	f.Add(append(appendStr([]byte{msgpcode.FixedArrayLow | 2}, "x"), deep(f, 100)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := checkRecord(data)
		if err != nil {
			return
		}
		raw := Raw{Data: v.data}
		rec, err := raw.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := raw.AppendJSON(nil); err != nil {
			t.Fatal(err)
		}
		if _, err := Encode(rec); err != nil {
			t.Fatal(err)
		}
		if _, err := raw.With(rec); err != nil && rec.Kind() != KindMetrics {
			if _, unknown := rec.(*Unknown); !unknown {
				t.Fatal(err)
			}
		}
	})
}

// FuzzDoc gives any text to the parser of JSON, and holds it against that of the
// standard library.
func FuzzDoc(f *testing.F) {
	for _, text := range []string{
		`{"b":[1,2.5,-0,1e3,"\u00e9",null,true,{"b":{}}],"a":"\ud800","a":1}`, `[0.1,1.10,123456789012345678901234567890]`, `"\ud83d\ude00"`,
		` [ ] `, `-`, `01`, `"\x"`, "\"\xff\"", `1e999`, `[[[[[[]]]]]]`, `{"":{}}`, `1E+05`, `18446744073709551615`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := DocFromJSON(text)
		if valid := json.Valid(text); valid != (err == nil) {
			if err != pack.ErrDocTooDeep {
				t.Fatalf("%q: %v, encoding/json says %v", text, err, valid)
			}
		}
		if err != nil {
			return
		}
		back, err := d.JSON()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(decodeJSON(t, text), decodeJSON(t, back)); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", text, diff)
		}
		again, err := DocFromJSON(back)
		if err != nil || !bytes.Equal(again, d) {
			t.Fatalf("%q: % x, then % x (%v)", text, []byte(d), []byte(again), err)
		}
	})
}

// addGolden adds the golden streams to a corpus.
func addGolden(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*" + suffix)
	if err != nil || len(files) == 0 {
		f.Fatalf("no golden streams: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}
