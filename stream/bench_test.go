package stream

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// benchStream returns a stream of about n bytes of content, half of it points of
// metrics and half bytes of assets that do not compress, and the bytes of content.
func benchStream(tb testing.TB, n int) ([]byte, int64) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	put := func(rec Record) {
		if err := w.Write(rec); err != nil {
			tb.Fatal(err)
		}
	}
	records := sample(tb)
	put(records[0])
	put(records[1])
	put(records[2])
	content := int64(0)
	for i := 0; content < int64(n); i++ {
		key := fmt.Sprintf("%032d", i)
		put(&Experiment{Key: key, Project: "p", Workspace: "ws"})
		half := content
		for m := 0; m < 10; m++ {
			points := make([]Point, MaxPoints)
			value := 1.0
			for j := range points {
				value *= 0.9999 + 0.0002*rng.Float64()
				points[j] = Point{Value: FloatValue(value), Time: NewInt64(1700000000000 + int64(j)*1000 + rng.Int64N(50)), Step: NewInt64(int64(j)), Context: NewString("train")}
			}
			rec := &Metrics{Name: fmt.Sprint("metric ", m), Points: points}
			raw, err := Encode(rec)
			if err != nil {
				tb.Fatal(err)
			}
			content += int64(len(raw.Data))
			put(rec)
		}
		half = content - half
		put(&Asset{ID: "a"})
		for half > 0 {
			data := make([]byte, 256<<10)
			for j := 0; j < len(data); j += 8 {
				v := rng.Uint64()
				for k := range 8 {
					data[j+k] = byte(v >> (8 * k))
				}
			}
			put(&Chunk{Data: data})
			half -= int64(len(data))
			content += int64(len(data))
		}
		put(&AssetEnd{})
		put(&ExperimentEnd{Key: key})
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes(), content
}

func BenchmarkCheck(b *testing.B) {
	data, content := benchStream(b, 64<<20)
	b.SetBytes(content)
	b.ReportMetric(float64(len(data))/float64(content), "ratio")
	for b.Loop() {
		r := NewReader(bytes.NewReader(data), ReaderOptions{})
		for {
			_, err := r.NextRaw()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data, content := benchStream(b, 64<<20)
	b.SetBytes(content)
	for b.Loop() {
		for _, err := range NewReader(bytes.NewReader(data), ReaderOptions{}).All() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkReencode(b *testing.B) {
	data, content := benchStream(b, 64<<20)
	b.SetBytes(content)
	for b.Loop() {
		r := NewReader(bytes.NewReader(data), ReaderOptions{})
		w := NewWriter(io.Discard, WriterOptions{SkipSHA256: true})
		for {
			raw, err := r.NextRaw()
			if err == io.EOF {
				break
			}
			if err == nil {
				err = w.WriteRaw(raw)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCopyBlocks(b *testing.B) {
	data, _ := benchStream(b, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
		w := NewWriter(io.Discard, WriterOptions{})
		for {
			block, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if err := copyBlock(w, block); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// copyBlock passes a block on without looking into it, where that is possible.
func copyBlock(w *Writer, b *Block) error {
	if !b.Label.Kinds.HasAny(KindSetOf(KindHeader, KindPlan, KindTrailer)) {
		return w.WriteBlock(b)
	}
	raws, err := b.Records()
	if err != nil {
		return err
	}
	for _, raw := range raws {
		if err := w.WriteRaw(raw); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkRecord takes single records the ways that a Writer and a Reader take
// them, compression and the grammar aside.
func BenchmarkRecord(b *testing.B) {
	points := make([]Point, MaxPoints)
	for j := range points {
		points[j] = Point{Value: FloatValue(1 / float64(j+3)), Time: NewInt64(1700000000000 + int64(j)*1000), Step: NewInt64(int64(j)), Context: NewString("train")}
	}
	for _, bb := range []struct {
		name string
		rec  Record
	}{
		{"metrics", &Metrics{Name: "loss", Points: points}},
		{"chunk", &Chunk{Data: make([]byte, 256<<10)}},
		{"experiment", sample(b)[3]},
		{"parameters", &Values{Of: KindParameters, Values: slices.Repeat([]Doc{doc(b, benchDoc)}, 100)}},
	} {
		raw, err := Encode(bb.rec)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bb.name+"/encode", func(b *testing.B) {
			b.SetBytes(int64(len(raw.Data)))
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				if buf, err = appendRecord(buf[:0], bb.rec); err != nil {
					b.Fatal(err)
				}
				if _, err := checkRecord(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/decode", func(b *testing.B) {
			b.SetBytes(int64(len(raw.Data)))
			b.ReportAllocs()
			for b.Loop() {
				v, err := checkRecord(raw.Data)
				if err != nil {
					b.Fatal(err)
				}
				v.decode()
			}
		})
	}
}

const benchDoc = `{"name":"lr","valueMax":"0.001","valueMin":"0.001","valueCurrent":"0.001","timestampMax":1592593124000,"timestampMin":1592593124000,"timestampCurrent":1592593124000,"nested":{"b":[1,2.5,true,null,"tex\u0074"],"a":0.13101346811652184}}`

func BenchmarkDocFromJSON(b *testing.B) {
	text := []byte(benchDoc)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DocFromJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDocJSON(b *testing.B) {
	d := doc(b, benchDoc)
	b.SetBytes(int64(len(benchDoc)))
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = d.AppendJSON(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDocMember(b *testing.B) {
	d := doc(b, benchDoc)
	b.ReportAllocs()
	for b.Loop() {
		if d.Member("valueMin") == nil {
			b.Fatal("no member")
		}
	}
}

func BenchmarkTextValue(b *testing.B) {
	b.SetBytes(19)
	for b.Loop() {
		if v := TextValue("0.13101346811652184"); v.kind != valueFloat {
			b.Fatal(v)
		}
	}
}
