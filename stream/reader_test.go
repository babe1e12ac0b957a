package stream

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// kindsOf returns the kinds of records, for comparing.
func kindsOf(records []Record) []Kind {
	list := make([]Kind, len(records))
	for i, rec := range records {
		list[i] = rec.Kind()
	}
	return list
}

// smallBlocks makes a block of each few records.
var smallBlocks = WriterOptions{BlockSize: 150, FlushAfter: -1, KeepAlive: -1}

// labelsOf returns the labels of a stream and the offsets at which they stand.
func labelsOf(t testing.TB, data []byte) (labels []Label, offsets []int64) {
	t.Helper()
	r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
	defer r.Close()
	for {
		b, err := r.Next()
		if err == io.EOF {
			return labels, offsets
		}
		if err != nil {
			t.Fatal(err)
		}
		labels, offsets = append(labels, b.Label), append(offsets, b.Offset)
	}
}

// Whatever the place of a cut, the whole blocks before it are delivered, and the
// cut is told.
func TestReaderCuts(t *testing.T) {
	data := write(t, smallBlocks, sample(t)...)
	whole, err := readAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	labels, offsets := labelsOf(t, data)
	step := 1
	if raceEnabled {
		step = 7
	}
	for n := 0; n < len(data); n += step {
		records, err := readAll(bytes.NewReader(data[:n]))
		want := 0
		for i := range labels {
			if int64(n) >= offsets[i]+labelSize+int64(labels[i].FrameLen) {
				want += int(labels[i].Records)
			}
		}
		if diff := cmp.Diff(kindsOf(whole[:want]), kindsOf(records)); diff != "" {
			t.Errorf("cut at %d (-want +got):\n%s", n, diff)
		}
		if n == 0 {
			if !errors.Is(err, ErrNotStream) {
				t.Errorf("empty: %v", err)
			}
		} else if !errors.Is(err, ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

// Every flipped bit is found, and nothing but records of the stream comes before
// the error.
func TestReaderFlips(t *testing.T) {
	data := write(t, smallBlocks, sample(t)...)
	whole, err := readAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	step := 13 // a sample, another one each time
	if raceEnabled {
		step = 101
	}
	for bit := rand.IntN(step); bit < 8*len(data); bit += step {
		bad := bytes.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		records, err := readAll(bytes.NewReader(bad))
		if err == nil {
			t.Fatalf("bit %d of byte %d flipped: not found", bit%8, bit/8)
		}
		if len(records) >= len(whole) || !cmp.Equal(kindsOf(whole[:len(records)]), kindsOf(records)) {
			t.Errorf("bit %d of byte %d flipped: %d records", bit%8, bit/8, len(records))
		}
		if bit/8 >= len(labelStart) && bit%97 == 0 {
			if e, ok := errors.AsType[*Error](err); !ok || e.Offset < 0 || e.Record != int64(len(records)) {
				t.Errorf("bit %d of byte %d flipped: after %d records %v", bit%8, bit/8, len(records), err)
			}
		}
	}
}

func TestReaderSources(t *testing.T) {
	data := write(t, smallBlocks, sample(t)...)
	want, err := readAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		got, err := readAll(wrap(bytes.NewReader(data)))
		if err != nil || !cmp.Equal(kindsOf(want), kindsOf(got)) {
			t.Errorf("%s: %d records, want %d: %v", name, len(got), len(want), err)
		}
	}
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 8, 64, 100, len(data) / 2, len(data)} {
		_, err := readAll(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrTruncated) {
			t.Errorf("error after %d bytes: %v", n, err)
		}
	}
	if _, err := readAll(iotest.TimeoutReader(bytes.NewReader(data))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("timeout: %v", err)
	}
}

// A record is delivered as soon as its block has come, while the input stays
// open and silent.
func TestReaderLivePipe(t *testing.T) {
	in, out := io.Pipe()
	w := NewWriter(out, WriterOptions{FlushAfter: -1, KeepAlive: -1})
	r := NewReader(in, ReaderOptions{})
	defer r.Close()
	records := sample(t)
	for i, rec := range records {
		go func() {
			if err := w.Write(rec); err == nil {
				w.Flush()
			}
		}()
		got, err := r.Next()
		if err != nil || got.Kind() != rec.Kind() {
			t.Fatalf("record %d is %v, %v, want %s", i, got, err, rec.Kind())
		}
	}
	go func() { w.Close(); out.Close() }()
	if rec, err := r.Next(); err != nil || rec.Kind() != KindTrailer {
		t.Errorf("%v, %v", rec, err)
	}
	if rec, err := r.Next(); err != io.EOF {
		t.Errorf("%v, %v", rec, err)
	}
}

// Close does not wait for an input that hangs.
func TestReaderCloseHanging(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	data := write(t, smallBlocks, sample(t)...)
	go out.Write(data[:len(data)/2])
	r := NewReader(in, ReaderOptions{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := r.Next(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := NewReader(in, ReaderOptions{}).Close(); err != nil {
		t.Error(err)
	}
}

func TestReaderConcatenated(t *testing.T) {
	records := sample(t)
	a := write(t, WriterOptions{}, records...)
	b := write(t, smallBlocks, word(t, "header"), word(t, "plan"))
	index := append([]byte{0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0}, "index"...)
	data := bytes.Join([][]byte{a, []byte(keepAlive), index, b, a, index}, nil)
	r := NewReader(bytes.NewReader(data), ReaderOptions{})
	defer r.Close()
	headers, trailers := 0, 0
	for rec, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		switch rec := rec.(type) {
		case *Header:
			headers++
			if r.Totals().Records != 1 {
				t.Errorf("totals of the new stream begin with %+v", r.Totals())
			}
		case *Trailer:
			trailers++
			if headers != 2 && rec.Points != 3 || headers == 2 && rec.Points != 0 {
				t.Errorf("trailer %d: %+v", headers, rec)
			}
			totals := r.Totals()
			if diff := cmp.Diff(rec.Counts, totals.Counts); diff != "" || rec.AssetBytes != totals.AssetBytes {
				t.Errorf("totals (-trailer +reader):\n%s", diff)
			}
		}
	}
	if headers != 3 || trailers != 3 {
		t.Errorf("%d headers, %d trailers", headers, trailers)
	}
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"text behind":                 {append(bytes.Clone(a), "some text"...), ErrCorrupt},
		"zeros behind":                {append(bytes.Clone(a), make([]byte, 512)...), ErrCorrupt},
		"frame behind":                {append(bytes.Clone(a), compress(t, []byte("x"))...), ErrCorrupt},
		"cut index behind":            {append(bytes.Clone(a), index[:10]...), ErrTruncated},
		"cut head behind":             {append(bytes.Clone(a), index[:3]...), ErrTruncated},
		"cut stream behind":           {append(bytes.Clone(a), b[:len(b)-1]...), ErrTruncated},
		"stream before the end":       {append(bytes.Clone(b[:secondBlock(t, b)]), b...), ErrCorrupt},
		"second block after the end":  {append(bytes.Clone(b), b[secondBlock(t, b):]...), ErrCorrupt},
		"begins with the keep-alive":  {append([]byte(keepAlive), a...), ErrNotStream},
		"begins with the second":      {b[secondBlock(t, b):], ErrCorrupt},
		"label where a frame belongs": {append(bytes.Clone(b[:labelSize]), b...), ErrCorrupt},
	} {
		if _, err := readAll(bytes.NewReader(tt.data)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func secondBlock(t *testing.T, data []byte) int64 {
	_, offsets := labelsOf(t, data)
	return offsets[1]
}

func TestReaderAborted(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	for _, text := range strings.Fields("header plan project:p experiment:k experiment-end:k experiment:l asset:a chunk:x") {
		if err := w.Write(word(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort("server", "it is\x1b[31m gone"); err != nil {
		t.Fatal(err)
	}
	complete := write(t, WriterOptions{}, sample(t)...)
	for name, data := range map[string][]byte{"alone": buf.Bytes(), "with another": append(bytes.Clone(buf.Bytes()), complete...)} {
		records, err := readAll(bytes.NewReader(data))
		a, ok := errors.AsType[*AbortedError](err)
		if !ok || !errors.Is(err, ErrAborted) || a.Class != "server" || a.Last == nil || *a.Last != "k" || a.Record != 8 || a.Offset == 0 {
			t.Errorf("%s: %#v", name, err)
		}
		if want := `stream was aborted by its writer: server: "it is\x1b[31m gone"`; err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if len(records) != 8 {
			t.Errorf("%s: %d records", name, len(records))
		}
	}
}

func TestReaderNotStream(t *testing.T) {
	var gz, zipped, tarred bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte("x"))
	g.Close()
	z := zip.NewWriter(&zipped)
	z.Create("f")
	z.Close()
	tarred.Write(make([]byte, 257))
	tarred.WriteString("ustar\x0000")
	tarred.Write(make([]byte, 248))
	plain := bytes.NewReader(write(t, WriterOptions{}, sample(t)...))
	for want, data := range map[string][]byte{
		"it is empty":           {},
		"it looks like gzip":    gz.Bytes(),
		"it looks like a zip":   zipped.Bytes(),
		"it looks like a tar":   tarred.Bytes(),
		"plain zstd":            compress(t, []byte("hello")),
		"it looks like JSON":    []byte(" \n{\"a\":1}"),
		"looks like JSON":       []byte(`[]`),
		"it looks like HTML":    []byte("<!DOCTYPE html><html>"),
		"it looks like XML":     []byte("\xef\xbb\xbf<?xml version='1.0'?>"),
		"it looks like text":    []byte("hello"),
		"looks like text":       []byte("é"),
		"UTF-16":                []byte("\xff\xfeh\x00i\x00"),
		"xz":                    []byte("\xfd7zXZ\x00\x00"),
		"bzip2":                 []byte("BZh91AY"),
		"age":                   []byte("age-encryption.org/v1\n"),
		"openssl":               []byte("Salted__12345678"),
		"PEM":                   []byte("-----BEGIN AGE ENCRYPTED FILE-----\n"),
		"decompressed":          decompress(t, plain),
		"msgpack":               {0x82, 0xa1, 'a', 1, 0xa1, 'b', 2},
		"no label":              []byte(keepAlive),
		"of an unknown type":    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
		"skippable frame that ": append([]byte(labelStart[:8]), make([]byte, 56)...),
	} {
		_, err := readAll(bytes.NewReader(data))
		if !errors.Is(err, ErrNotStream) || !strings.Contains(err.Error(), want) {
			t.Errorf("% .16x: %v, want %q", data, err, want)
		}
	}
}

// decompress returns the records of a stream one after the other.
func decompress(t testing.TB, r io.Reader) []byte {
	t.Helper()
	blocks := NewBlockReader(r, BlockReaderOptions{})
	defer blocks.Close()
	var all []byte
	for {
		b, err := blocks.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		raws, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range raws {
			all = append(all, raw.Data...)
		}
	}
}

// block returns a block of that content, with a label that change has made lie.
func block(t testing.TB, content []byte, change func(*Label)) []byte {
	t.Helper()
	return blockOf(t, compress(t, content), len(content), change)
}

func blockOf(t testing.TB, frame []byte, content int, change func(*Label)) []byte {
	t.Helper()
	l := Label{
		First: true, Outside: true, Records: 1, Kinds: KindSetOf(KindHeader), Stream: [8]byte{0, 1, 2, 3, 4, 5, 6, 7},
		FrameLen: uint32(len(frame)), ContentLen: uint32(content), CRC: crc32.Checksum(frame, castagnoli),
	}
	if change != nil {
		change(&l)
	}
	return append(l.append(nil), frame...)
}

// recordsOf returns the msgpack of records.
func recordsOf(t testing.TB, records ...Record) []byte {
	t.Helper()
	var all []byte
	for _, rec := range records {
		raw, err := Encode(rec)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw.Data...)
	}
	return all
}

func TestReaderLyingBlocks(t *testing.T) {
	header := &Header{Format: formatName, ID: "000102030405060708090a0b0c0d0e0f", Version: [2]int{1, 0}}
	h := recordsOf(t, header)
	hp := recordsOf(t, header, &Plan{})
	rest := func(words ...string) []byte {
		var all []byte
		for _, text := range words {
			all = append(all, recordsOf(t, word(t, text))...)
		}
		return all
	}
	second := func(kinds ...Kind) func(*Label) {
		return func(l *Label) { l.First, l.Sequence, l.Kinds = false, 1, KindSetOf(kinds...) }
	}
	frame := compress(t, h)
	for name, tt := range map[string]struct {
		data []byte
		want error
		text string
	}{
		"good so far":        {block(t, h, nil), ErrTruncated, "record 1 at byte"},
		"another stream id":  {block(t, h, func(l *Label) { l.Stream[0] = 9 }), ErrCorrupt, "header of another stream"},
		"two records":        {block(t, hp, func(l *Label) { l.Kinds |= 2 }), ErrCorrupt, "more records"},
		"one record":         {block(t, h, func(l *Label) { l.Records = 2 }), ErrCorrupt, "1 records, the label says 2"},
		"kinds too many":     {block(t, h, func(l *Label) { l.Kinds |= 4 }), ErrCorrupt, "lies about the kinds"},
		"kinds too few":      {block(t, hp, func(l *Label) { l.Records = 2 }), ErrCorrupt, "lies about the kinds"},
		"kinds unknown":      {block(t, h, func(l *Label) { l.Kinds |= 1 << 63 }), ErrCorrupt, "lies about the kinds"},
		"frame checksum":     {block(t, h, func(l *Label) { l.CRC++ }), ErrCorrupt, "frame: checksum mismatch"},
		"frame length":       {block(t, h, func(l *Label) { l.FrameLen-- }), ErrCorrupt, "checksum mismatch"},
		"content length":     {block(t, h, func(l *Label) { l.ContentLen++ }), ErrCorrupt, "its label says"},
		"content checksum":   {blockOf(t, withByte(frame, len(frame)-1, frame[len(frame)-1]^1), len(h), nil), ErrCorrupt, "frame: "},
		"gap":                {append(block(t, h, nil), block(t, rest("plan"), func(l *Label) { second(KindPlan)(l); l.Sequence = 2 })...), ErrCorrupt, "record 2 where record 1 belongs"},
		"repetition":         {append(block(t, hp, func(l *Label) { l.Records, l.Kinds = 2, 3 }), block(t, rest("plan"), second(KindPlan))...), ErrCorrupt, "record 1 where record 2 belongs"},
		"id in the middle":   {append(block(t, h, nil), block(t, rest("plan"), func(l *Label) { second(KindPlan)(l); l.Stream[7] = 0 })...), ErrCorrupt, "block of another stream"},
		"inside a group":     {append(block(t, h, nil), block(t, rest("plan"), func(l *Label) { second(KindPlan)(l); l.Outside = false })...), ErrCorrupt, "lies about where"},
		"content no msgpack": {append(block(t, h, nil), block(t, []byte{codeInvalid}, second(KindPlan))...), ErrCorrupt, "record 1 at byte"},
		"bytes left":         {append(block(t, h, nil), block(t, append(rest("plan"), 0), second(KindPlan))...), ErrCorrupt, "more records"},
		"record cut":         {append(block(t, h, nil), block(t, rest("plan")[:10], second(KindPlan))...), ErrCorrupt, "record 1 (plan)"},
		"trailer inside": {append(block(t, h, nil), block(t, rest("plan", "trailer", "plan"), func(l *Label) {
			second(KindPlan, KindTrailer)(l)
			l.Last, l.Records = true, 3
		})...), ErrCorrupt, "lies about the end"},
		"trailer of lies": {append(block(t, h, nil), block(t, append(rest("plan"), recordsOf(t, &Trailer{Points: 1})...), func(l *Label) {
			second(KindPlan, KindTrailer)(l)
			l.Last, l.Records = true, 2
		})...), ErrGrammar, "record 2 (trailer) at byte"},
	} {
		_, err := readAll(bytes.NewReader(tt.data))
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, tt.want, tt.text)
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Record < 0 || e.Offset < 0 {
			t.Errorf("%s: no place in %#v", name, err)
		}
	}
}

// What an input announces is not allocated before it is there.
func TestReaderBombs(t *testing.T) {
	bomb := compress(t, make([]byte, 64<<20))
	large := make([]byte, maxContent)
	full := compress(t, large)
	allocated := func(data []byte) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readAll(bytes.NewReader(data)); err == nil {
			t.Error("a bomb is read as a stream")
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(block(t, []byte{0}, nil)) // what is allocated once
	for name, tt := range map[string]struct {
		data []byte
		max  uint64
	}{
		"label announces a frame that does not come": {blockOf(t, bomb, maxContent, func(l *Label) { l.FrameLen = maxContent })[:2000], 8 << 20},
		"content of more than the label says":        {blockOf(t, bomb, 1000, nil), 8 << 20},
		"content of more than the limit":             {blockOf(t, bomb, 64<<20, nil), 8 << 20},
		"size in the frame is a lie":                 {blockOf(t, sizeLie(bomb, 1000), 1000, nil), 8 << 20},
		"largest block, of nothing":                  {blockOf(t, full, maxContent, nil), maxContent + 8<<20},
		"records without number":                     {blockOf(t, full, maxContent, func(l *Label) { l.Records = maxRecords }), maxContent + 16<<20},
	} {
		if got := allocated(tt.data); got > tt.max {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// sizeLie changes the content size in a frame.
func sizeLie(frame []byte, size uint32) []byte {
	b := bytes.Clone(frame)
	binary.LittleEndian.PutUint32(b[5:], size)
	return b
}

func TestReaderSticks(t *testing.T) {
	data := write(t, WriterOptions{}, sample(t)...)
	r := NewReader(bytes.NewReader(data[:len(data)-1]), ReaderOptions{})
	var first error
	for _, err := range r.All() {
		first = err
	}
	for range 3 {
		if _, err := r.Next(); err != first || !errors.Is(err, ErrTruncated) {
			t.Errorf("%v, then %v", first, err)
		}
		if _, err := r.NextRaw(); err != first {
			t.Errorf("%v, then %v", first, err)
		}
	}
	if want := "(0 whole experiments seen)"; !strings.Contains(first.Error(), want) {
		t.Errorf("%v does not say %q", first, want)
	}
	planned := write(t, smallBlocks, &Header{}, &Plan{Projects: []PlannedProject{{Experiments: new(int64(3))}, {Experiments: new(int64(1))}}},
		word(t, "project:p"), word(t, "experiment:k"), word(t, "experiment-end:k"))
	_, err := readAll(bytes.NewReader(planned[:len(planned)-1]))
	if err == nil || !strings.Contains(err.Error(), "of 4 planned experiments seen") {
		t.Errorf("%v", err)
	}
}

// A loop over All may stop and reading go on.
func TestReaderAllStops(t *testing.T) {
	data := write(t, smallBlocks, sample(t)...)
	r := NewReader(bytes.NewReader(data), ReaderOptions{Workers: 3})
	defer r.Close()
	n := 0
	for _, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 {
			break
		}
	}
	rec, err := r.Next()
	if err != nil || rec.Kind() != KindExperiment {
		t.Errorf("after three records: %v, %v", rec, err)
	}
}
