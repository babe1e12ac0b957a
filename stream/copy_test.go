package stream

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A pass-through of blocks changes nothing but the labels, and the readers of
// the copy find all in order.
func TestWriteBlock(t *testing.T) {
	for _, size := range []int{1, 150, 500, 1 << 20} {
		data := write(t, WriterOptions{BlockSize: size, FlushAfter: -1, KeepAlive: -1}, sample(t)...)
		var buf bytes.Buffer
		w := NewWriter(&buf, WriterOptions{})
		r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
		copied := 0
		for {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if !b.Label.Kinds.HasAny(KindSetOf(KindHeader, KindPlan, KindTrailer)) {
				copied++
			}
			if err := copyBlock(w, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if size == 1 && copied != len(sample(t))-2 {
			t.Errorf("%d blocks copied", copied)
		}
		if !bytes.Equal(decompress(t, &buf), decompress(t, bytes.NewReader(data))) {
			t.Errorf("block size %d: other records", size)
		}
	}
}

// A filter that leaves out a kind reads the blocks that have it or an end in
// them, copies the others, and keeps the account itself.
func TestWriteBlockBetweenRecords(t *testing.T) {
	for _, drop := range []Kind{KindCode, KindMetrics, KindSkipped, KindLink, "none"} {
		for _, size := range []int{1, 150, 300} {
			data := write(t, WriterOptions{BlockSize: size, FlushAfter: -1, KeepAlive: -1}, sample(t)...)
			got := without(t, data, drop)
			want := slices.DeleteFunc(kindsOf(must(readAll(bytes.NewReader(data)))), func(k Kind) bool { return k == drop })
			records, err := readAll(bytes.NewReader(got))
			if err != nil {
				t.Errorf("without %s, blocks of %d: %v", drop, size, err)
			}
			if diff := cmp.Diff(want, kindsOf(records)); diff != "" {
				t.Errorf("without %s, blocks of %d (-want +got):\n%s", drop, size, diff)
			}
		}
	}
}

func must(records []Record, err error) []Record {
	if err != nil {
		panic(err)
	}
	return records
}

// without copies a stream without a kind.
func without(t *testing.T, data []byte, drop Kind) []byte {
	t.Helper()
	open := KindSetOf(drop, KindHeader, KindPlan, KindExperimentEnd, KindArtifactEnd, KindModelEnd, KindTrailer)
	var buf bytes.Buffer
	w := NewWriter(&buf, WriterOptions{})
	r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{Decode: func(l *Label) bool { return l.Kinds.HasAny(open) }})
	defer r.Close()
	var group, all Totals // what was left out
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !b.Label.Kinds.HasAny(open) {
			if err := w.WriteBlock(b); err != nil {
				t.Fatal(err)
			}
			continue
		}
		raws, err := b.Records()
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range raws {
			if raw.Kind == drop {
				if err := errors.Join(group.Count(raw), all.Count(raw)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			raw = settle(t, raw, &group, &all)
			if err := w.WriteRaw(raw); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// settle takes what was left out from the numbers of an end.
func settle(t *testing.T, raw Raw, group, all *Totals) Raw {
	t.Helper()
	less := func(c Counts, t *Totals) {
		for k, n := range t.Counts {
			c[k] -= n
		}
	}
	rec, err := raw.Decode()
	if err != nil {
		t.Fatal(err)
	}
	switch end := rec.(type) {
	case *ExperimentEnd:
		end.Points -= group.Points
		end.Skipped -= group.Skipped
		less(end.Counts, group)
		*group = Totals{}
	case *Trailer:
		end.Points -= all.Points
		end.Skipped -= all.Skipped
		less(end.Counts, all)
	default:
		return raw
	}
	changed, err := raw.With(rec)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func TestWriteBlockRefused(t *testing.T) {
	data := write(t, WriterOptions{BlockSize: 1, FlushAfter: -1, KeepAlive: -1}, sample(t)...)
	var blocks []*Block
	r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	outside, inside, last := blocks[2], blocks[4], blocks[len(blocks)-1]
	w := NewWriter(io.Discard, WriterOptions{})
	refuse := func(what string, b *Block) {
		t.Helper()
		if err := w.WriteBlock(b); !errors.Is(err, ErrGrammar) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("before the header", outside)
	if err := w.Write(word(t, "header")); err != nil {
		t.Fatal(err)
	}
	refuse("before the plan", outside)
	if err := w.Write(word(t, "plan")); err != nil {
		t.Fatal(err)
	}
	refuse("header", blocks[0])
	refuse("plan", blocks[1])
	refuse("trailer", last)
	refuse("from inside a group", inside)
	if err := w.WriteBlock(outside); err != nil {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, ErrGrammar) {
		t.Errorf("Close without a trailer: %v", err)
	}
}

// A block belongs to the one who has read it, and is checked by then.
func TestBlockReader(t *testing.T) {
	data := write(t, WriterOptions{BlockSize: 1, FlushAfter: -1, KeepAlive: -1}, sample(t)...)
	for _, decode := range []func(*Label) bool{nil, func(*Label) bool { return true }} {
		r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{Decode: decode, Workers: 2})
		var blocks []*Block
		for {
			b, err := r.Next()
			if err != nil {
				if err != io.EOF {
					t.Error(err)
				}
				break
			}
			blocks = append(blocks, b)
		}
		var all []byte
		for _, b := range blocks {
			raws, err := b.Records()
			if err != nil {
				t.Fatal(err)
			}
			for _, raw := range raws {
				all = append(all, raw.Data...)
			}
		}
		if want := decompress(t, bytes.NewReader(data)); !bytes.Equal(all, want) {
			t.Error("other records")
		}
	}
	for n := 1; n < len(data); n += 31 {
		bad := bytes.Clone(data)
		bad[n] ^= 4
		r := NewBlockReader(bytes.NewReader(bad), BlockReaderOptions{})
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if err == io.EOF {
			t.Errorf("byte %d changed: not found", n)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%v, then %v", err, again)
		}
		r.Close()
		r = NewBlockReader(bytes.NewReader(data[:n]), BlockReaderOptions{})
		for err = nil; err == nil; {
			_, err = r.Next()
		}
		if !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	r := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
	r.Close()
	if _, err := r.Next(); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
