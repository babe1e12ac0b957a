package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// A failing writer takes n bytes and then fails, all at once or in the middle of
// a call.
type failing struct {
	n   int
	buf bytes.Buffer
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.buf.Len()+len(p) <= f.n {
		return f.buf.Write(p)
	}
	n, _ := f.buf.Write(p[:f.n-f.buf.Len()])
	return n, f.err
}

// Whatever the byte at which the output fails, the Writer says so and leaves
// nothing that looks complete.
func TestWriterFails(t *testing.T) {
	records := sample(t)
	whole := write(t, smallBlocks, records...)
	full := errors.New("no space left")
	step := 7
	if raceEnabled {
		step = 41
	}
	for n := 0; n < len(whole); n += step {
		f := &failing{n: n, err: full}
		w := NewWriter(f, smallBlocks)
		var first error
		for _, rec := range records {
			if err := w.Write(rec); err != nil {
				first = err
				break
			}
		}
		if first != nil && !errors.Is(first, full) {
			t.Fatalf("failing at %d: Write: %v", n, first)
		}
		if err := w.Close(); !errors.Is(err, full) {
			t.Errorf("failing at %d: Close: %v", n, err)
		}
		if err := w.Write(records[1]); !errors.Is(err, full) {
			t.Errorf("failing at %d: Write after it: %v", n, err)
		}
		if err := w.Abort("output", "x"); !errors.Is(err, full) {
			t.Errorf("failing at %d: Abort after it: %v", n, err)
		}
		if !bytes.Equal(f.buf.Bytes(), whole[:n]) || w.BytesWritten() != int64(n) {
			t.Errorf("failing at %d: %d bytes written, %d counted", n, f.buf.Len(), w.BytesWritten())
		}
	}
	w := NewWriter(shortWriter{}, smallBlocks)
	if err := w.Write(records[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("short write: %v", err)
	}
	w.Stop()
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

// The same records in any layout of blocks, at any number of workers, are the
// same bytes.
func TestWriterDeterministic(t *testing.T) {
	records := func() []Record {
		if raceEnabled {
			return sample(t)[:23] // up to the end of the experiment
		}
		return sample(t)
	}
	want := decompress(t, bytes.NewReader(write(t, WriterOptions{}, records()...)))
	for _, o := range []WriterOptions{
		{Workers: 1}, {Workers: 8, BlockSize: 1}, {BlockSize: 100}, {BlockSize: 1000, Level: 1}, {Level: 6}, {BlockSize: 1 << 30},
	} {
		data := write(t, o, records()...)
		if got := decompress(t, bytes.NewReader(data)); !bytes.Equal(got, want) {
			t.Errorf("%+v: other records", o)
		}
		again := write(t, o, records()...)
		if o.BlockSize == 1 && !bytes.Equal(data, again) {
			t.Errorf("%+v: other blocks the second time", o)
		}
	}
}

func TestWriterBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	chunk := func(n int) *Chunk {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		return &Chunk{Data: data}
	}
	records := []Record{word(t, "header"), word(t, "plan"), word(t, "project:p"), word(t, "experiment:k"), word(t, "asset:a")}
	for range 20 {
		records = append(records, chunk(200<<10))
	}
	records = append(records, word(t, "asset-end"), word(t, "experiment-end:k"))
	labels, _ := labelsOf(t, write(t, WriterOptions{FlushAfter: -1}, records...))
	var counts []uint32
	for i, l := range labels {
		counts = append(counts, l.Records)
		if l.ContentLen > 1<<20 {
			t.Errorf("block %d has %d bytes", i, l.ContentLen)
		}
		if l.Outside != (i < 3) {
			t.Errorf("block %d is outside: %v", i, l.Outside)
		}
	}
	// Header and plan alone, then five chunks of 200 KiB to the MiB.
	if want := []uint32{1, 1, 8, 5, 5, 8}; !slices.Equal(counts, want) {
		t.Errorf("blocks of %d records, want %d", counts, want)
	}
	// A large record has a block of its own, with what came before left after.
	large := &Document{Of: KindGit, Doc: appendStr(nil, strings.Repeat("x", 5<<20))}
	labels, _ = labelsOf(t, write(t, WriterOptions{FlushAfter: -1}, word(t, "header"), word(t, "plan"), word(t, "project:p"), word(t, "experiment:k"),
		large, word(t, "git-patch"), word(t, "experiment-end:k")))
	if len(labels) != 5 || labels[3].Records != 1 || labels[3].ContentLen < 5<<20 {
		t.Errorf("%+v", labels)
	}
	// Many small records do not go over the limit of records.
	w := NewWriter(io.Discard, WriterOptions{BlockSize: 8 << 20, FlushAfter: -1})
	for _, text := range []string{"header", "plan"} {
		if err := w.Write(word(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := Encode(&Link{})
	if err != nil {
		t.Fatal(err)
	}
	for range maxRecords + 1 {
		if err := w.WriteRaw(raw); err != nil {
			t.Fatal(err)
		}
	}
	if w.records != 1 {
		t.Errorf("%d records in the open block", w.records)
	}
	w.Stop()
}

// A block is closed 2 s after its first record, header and plan at once, and an
// empty frame is sent after 15 s of silence.
func TestWriterTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out timedWriter
		start := time.Now()
		w := NewWriter(&out, WriterOptions{})
		put := func(words ...string) {
			for _, text := range words {
				if err := w.Write(word(t, text)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		time.Sleep(20 * time.Second) // a stream does not begin with an empty frame
		put("header", "plan")
		time.Sleep(time.Second)
		put("project:p")
		time.Sleep(time.Second)
		put("experiment:k")
		time.Sleep(40 * time.Second)
		put("experiment-end:k")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range out.writes {
			what := "block"
			if string(o.data) == keepAlive {
				what = "empty"
			}
			got = append(got, fmt.Sprint(o.at.Sub(start).Round(time.Second), " ", what))
		}
		want := []string{"20s block", "20s block", "23s block", "38s empty", "53s empty", "1m2s block"}
		if !slices.Equal(got, want) {
			t.Errorf("written %q, want %q", got, want)
		}
		records, err := readAll(bytes.NewReader(out.bytes()))
		if err != nil || len(records) != 6 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
}

type timedWriter struct {
	mu     sync.Mutex
	writes []timedWrite
}

type timedWrite struct {
	at   time.Time
	data []byte
}

func (w *timedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, timedWrite{time.Now(), bytes.Clone(p)})
	return len(p), nil
}

func (w *timedWriter) bytes() []byte {
	var all []byte
	for _, o := range w.writes {
		all = append(all, o.data...)
	}
	return all
}

// Totals and BytesWritten answer while the output hangs.
func TestWriterHangs(t *testing.T) {
	in, out := io.Pipe()
	w := NewWriter(out, WriterOptions{BlockSize: 1, Workers: 1, FlushAfter: -1})
	wrote := make(chan error)
	go func() {
		var err error
		for _, rec := range sample(t) {
			if err = w.Write(rec); err != nil {
				break
			}
		}
		wrote <- err
	}()
	for w.Totals().Records < 3 {
		runtime.Gosched() // the writing goroutine gets that far and hangs
	}
	if n := w.BytesWritten(); n != 0 {
		t.Errorf("%d bytes written", n)
	}
	in.CloseWithError(errors.New("gone"))
	if err := <-wrote; err == nil {
		t.Error("nobody was told that the reader has gone")
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("Close: %v", err)
	}
}

// A record that is refused leaves the stream as it was.
func TestWriterGoesOn(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	for _, step := range []struct {
		rec  Record
		want error
	}{
		{word(t, "header"), nil}, {word(t, "plan"), nil}, {word(t, "project:p"), nil}, {word(t, "experiment:k"), nil},
		{&Document{Of: KindSystem, Doc: appendStr(nil, strings.Repeat("x", 9<<20))}, ErrLimit},
		{&Document{Of: KindSystem, Doc: Doc{msgpcode.Nil, msgpcode.Nil}}, ErrCorrupt},
		{word(t, "link"), ErrGrammar},
		{word(t, "skipped"), nil},
		{&Text{Of: KindCode, Data: make([]byte, MaxData+1)}, ErrLimit},
		{word(t, "code"), nil},
	} {
		if err := w.Write(step.rec); !errors.Is(err, step.want) || step.want == nil && err != nil {
			t.Fatalf("%s: %v, want %v", step.rec.Kind(), err, step.want)
		}
	}
	if err := w.Write(word(t, "experiment-end:k")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if records, err := readAll(&buf); err != nil || len(records) != 8 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestWriterEnds(t *testing.T) {
	begin := func(words ...string) (*Writer, *bytes.Buffer) {
		var buf bytes.Buffer
		w := NewWriter(&buf, WriterOptions{})
		for _, text := range words {
			if err := w.Write(word(t, text)); err != nil {
				t.Fatal(err)
			}
		}
		return w, &buf
	}
	t.Run("close in a group", func(t *testing.T) {
		w, buf := begin("header", "plan", "project:p", "experiment:k")
		if err := w.Close(); !errors.Is(err, ErrGrammar) {
			t.Errorf("%v", err)
		}
		if records, err := readAll(buf); !errors.Is(err, ErrTruncated) || len(records) != 4 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
	t.Run("close of nothing", func(t *testing.T) {
		w, buf := begin()
		if err := w.Close(); !errors.Is(err, ErrGrammar) || buf.Len() != 0 {
			t.Errorf("%v, %d bytes", err, buf.Len())
		}
	})
	t.Run("abort of nothing", func(t *testing.T) {
		w, buf := begin()
		if err := w.Abort("server", "x"); err != nil || buf.Len() != 0 {
			t.Errorf("%v, %d bytes", err, buf.Len())
		}
	})
	t.Run("abort behind the header", func(t *testing.T) {
		w, buf := begin("header")
		if err := w.Abort("server", strings.Repeat("\xff", 1<<20)); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(buf); !errors.Is(err, ErrAborted) {
			t.Errorf("%v", err)
		}
	})
	t.Run("stop", func(t *testing.T) {
		w, buf := begin("header", "plan")
		if err := w.Stop(); err != nil {
			t.Fatal(err)
		}
		if records, err := readAll(buf); !errors.Is(err, ErrTruncated) || len(records) != 2 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
	t.Run("twice", func(t *testing.T) {
		w, buf := begin("header", "plan")
		if err := errors.Join(w.Close(), w.Close(), w.Abort("server", "x"), w.Stop()); err != nil {
			t.Errorf("%v", err)
		}
		for _, err := range []error{w.Write(word(t, "project:p")), w.Flush(), w.WriteRaw(Raw{}), w.WriteBlock(&Block{})} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		if records, err := readAll(buf); err != nil || len(records) != 3 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
	t.Run("trailer by hand", func(t *testing.T) {
		w, buf := begin("header", "plan", "trailer")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if records, err := readAll(buf); err != nil || len(records) != 3 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
}

func TestWriterFillsIn(t *testing.T) {
	w := NewWriter(io.Discard, WriterOptions{})
	header := &Header{}
	if err := w.Write(header); err != nil {
		t.Fatal(err)
	}
	if header.Format != "comet-stream" || header.Version != [2]int{1, 0} || len(header.ID) != 32 {
		t.Errorf("%+v", header)
	}
	other := &Header{}
	w2 := NewWriter(io.Discard, WriterOptions{})
	if err := w2.Write(other); err != nil || other.ID == header.ID {
		t.Errorf("two streams of id %s (%v)", other.ID, err)
	}
	w2.Stop()
	for text := range strings.FieldsSeq("plan project:p experiment:k metrics:a metrics:b asset:a chunk:xyz") {
		if err := w.Write(word(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	assetEnd, end, trailer := &AssetEnd{}, &ExperimentEnd{}, &Trailer{}
	for _, rec := range []Record{assetEnd, end, trailer} {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if assetEnd.Size != 3 || assetEnd.SHA256 != "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282" {
		t.Errorf("%+v", assetEnd)
	}
	if end.Key != "k" || end.Points != 2 || end.AssetBytes != 3 || end.Counts["metrics"] != 2 || len(end.Counts) != 4 {
		t.Errorf("%+v", end)
	}
	if trailer.Points != 2 || trailer.Projects != 1 || trailer.Experiments != 1 || len(trailer.Counts) != 5 {
		t.Errorf("%+v", trailer)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
