package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// export writes the records of the words that p has not kept, as an exporter does
// that goes on with a partial stream.
func export(t *testing.T, w *Writer, p *Partial, words string) {
	t.Helper()
	kept := map[string]bool{"header": true, "plan": true}
	for _, name := range p.Projects {
		kept["project:"+name.Name] = true
	}
	for _, g := range p.Groups {
		kept[string(g.Kind)+":"+g.ID] = true
	}
	inGroup, skip := false, false
	for text := range strings.FieldsSeq(words) {
		name, _, _ := strings.Cut(text, ":")
		if !inGroup {
			inGroup, skip = opensGroup.Has(Kind(name)), kept[text]
		}
		if groupOf[Kind(name)] != "" {
			inGroup = false
		}
		if skip {
			continue
		}
		if err := w.Write(word(t, text)); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

const partialWords = "header plan " +
	"project:p experiment:k1 metrics:a asset:x chunk:1 asset-end experiment-end:k1 experiment:k2 skipped output:more output experiment-end:k2 " +
	"experiment:k3 parameters experiment-end:k3 artifact:a artifact-version:v asset:x asset-end artifact-end:a model:m model-end:m view"

// A partial stream that is continued becomes the stream that it would have been,
// wherever it was cut.
func TestPartialContinue(t *testing.T) {
	for _, size := range []int{1, 120, 1 << 20} {
		o := WriterOptions{BlockSize: size, FlushAfter: -1, KeepAlive: -1}
		var records []Record
		for text := range strings.FieldsSeq(partialWords) {
			rec := word(t, text)
			if h, ok := rec.(*Header); ok {
				h.ID = "000102030405060708090a0b0c0d0e0f"
			}
			records = append(records, rec)
		}
		whole := write(t, o, records...)
		want := decompress(t, bytes.NewReader(whole))
		_, offsets := labelsOf(t, whole)
		cuts := []int{1, len(whole) - 1}
		for _, offset := range offsets[1:] {
			cuts = append(cuts, int(offset)-1, int(offset), int(offset)+1, int(offset)+labelSize)
		}
		for _, n := range cuts {
			file := filepath.Join(t.TempDir(), "x.partial")
			if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(file, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			p, err := ReadPartial(f, nil)
			if err != nil {
				if !errors.Is(err, ErrTruncated) || p != nil {
					t.Errorf("cut at %d: %v", n, err)
				}
				f.Close()
				continue
			}
			if !errors.Is(p.Cause, ErrTruncated) || p.Complete {
				t.Errorf("cut at %d: %v, complete %v", n, p.Cause, p.Complete)
			}
			w, err := p.Continue(f, o)
			if err != nil {
				t.Fatal(err)
			}
			export(t, w, p, partialWords)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f.Close()
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := readAll(bytes.NewReader(got)); err != nil {
				t.Errorf("blocks of %d, cut at %d, kept %d bytes and %q: %v", size, n, p.Size, p.Keys, err)
			} else if !bytes.Equal(decompress(t, bytes.NewReader(got)), want) {
				t.Errorf("blocks of %d, cut at %d, kept %q: other records", size, n, p.Keys)
			}
		}
	}
}

// partialFile is a stream that has come that far, in a file.
func partialFile(t *testing.T, end func(*Writer) error, words string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "x.partial"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w := NewWriter(f, WriterOptions{})
	for text := range strings.FieldsSeq(words) {
		rec := word(t, text)
		if text == "skipped" {
			rec = &Skipped{Of: KindAsset, Passing: true, Experiment: new("lost"), Project: "p"}
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(w); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadPartial(t *testing.T) {
	abort := func(w *Writer) error { return w.Abort("interrupted", "x") }
	const k1, k2 = "experiment:k1 metrics:a experiment-end:k1 ", "experiment:k2 skipped experiment-end:k2 "
	refuse := func(what ...string) func(Group) bool {
		return func(g Group) bool {
			for _, text := range what {
				if text == fmt.Sprintf("%s:%s:%d", g.Kind, g.ID, g.Passing) {
					return true
				}
			}
			return false
		}
	}
	for _, tt := range []struct {
		name  string
		words string
		end   func(*Writer) error
		stop  func(Group) bool
		keys  []string
		names int // of projects
		cause error
	}{
		{"in a group", "header plan project:p " + k1 + "experiment:k2 others", (*Writer).Stop, nil, []string{"k1"}, 1, ErrTruncated},
		{"behind a group", "header plan project:p " + k1, (*Writer).Stop, nil, []string{"k1"}, 1, ErrTruncated},
		{"next project", "header plan project:p " + k1 + "notes project:q", (*Writer).Stop, nil, []string{"k1"}, 1, ErrTruncated},
		{"no group", "header plan project:p", (*Writer).Stop, nil, nil, 0, ErrTruncated},
		{"only the plan", "header plan", (*Writer).Stop, nil, nil, 0, ErrTruncated},
		{"aborted", "header plan project:p " + k1 + "experiment:k2 asset:a chunk:x", abort, nil, []string{"k1"}, 1, ErrAborted},
		{"refused group", "header plan project:p " + k1 + k2, (*Writer).Stop, refuse("experiment:k2:1"), []string{"k1"}, 1, nil},
		{"refused first group", "header plan project:p " + k2 + k1, (*Writer).Close, refuse("experiment:k2:1"), nil, 0, nil},
		{"not refused", "header plan project:p " + k2 + k1, (*Writer).Stop, refuse("experiment:k2:0"), []string{"k2", "k1"}, 1, ErrTruncated},
		{"refused record", "header plan project:p " + k1 + "skipped " + k2, (*Writer).Stop, refuse("skipped:lost:1"), []string{"k1"}, 1, nil},
		{"complete", "header plan project:p " + k1, (*Writer).Close, nil, []string{"k1"}, 1, nil},
		{"complete but refused", "header plan project:p " + k1 + k2, (*Writer).Close, refuse("experiment:k2:1"), []string{"k1"}, 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := partialFile(t, tt.end, tt.words)
			p, err := ReadPartial(f, tt.stop)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.keys, p.Keys); diff != "" || len(p.Projects) != tt.names {
				t.Errorf("projects %v, keys (-want +got):\n%s", p.Projects, diff)
			}
			if !errors.Is(p.Cause, tt.cause) || tt.cause == nil && p.Cause != nil {
				t.Errorf("cause %v, want %v", p.Cause, tt.cause)
			}
			if p.Totals.Experiments != int64(len(tt.keys)) {
				t.Errorf("totals %+v", p.Totals)
			}
			if p.Complete != (tt.name == "complete") {
				t.Errorf("complete: %v", p.Complete)
			}
			w, err := p.Continue(f, WriterOptions{})
			if p.Complete {
				if !errors.Is(err, ErrGrammar) {
					t.Errorf("Continue of a complete stream: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// What is kept is known, what is cut is forgotten.
			for _, text := range []string{"project:p", "experiment:k1", "experiment-end:k1"} {
				err := w.Write(word(t, text))
				if kept := len(tt.keys) > 0 && text != "project:p"; kept != (err != nil) && tt.name != "refused first group" {
					t.Errorf("%s again: %v", text, err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := readAll(f); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadPartialBad(t *testing.T) {
	broken := errors.New("broken")
	data := write(t, smallBlocks, sample(t)...)
	for name, tt := range map[string]struct {
		rs   io.ReadSeeker
		want error
	}{
		"empty":       {bytes.NewReader(nil), ErrNotStream},
		"text":        {strings.NewReader("some text that is no stream"), ErrNotStream},
		"no plan":     {bytes.NewReader(data[:secondBlock(t, data)]), ErrTruncated},
		"read error":  {&brokenSeeker{bytes.NewReader(data), 500, broken}, broken},
		"error first": {&brokenSeeker{bytes.NewReader(data), 0, broken}, broken},
	} {
		if p, err := ReadPartial(tt.rs, nil); !errors.Is(err, tt.want) || p != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	// Damage cuts the stream like its end.
	_, offsets := labelsOf(t, data)
	bad := bytes.Clone(data)
	bad[offsets[len(offsets)-1]+labelSize+5] ^= 1
	p, err := ReadPartial(bytes.NewReader(bad), nil)
	if err != nil || !errors.Is(p.Cause, ErrCorrupt) || len(p.Groups) != 3 || p.Size > offsets[len(offsets)-1] {
		t.Errorf("damaged: %+v, %v", p, err)
	}
}

type brokenSeeker struct {
	*bytes.Reader
	n   int64
	err error
}

func (b *brokenSeeker) Read(p []byte) (int, error) {
	if at := b.Size() - int64(b.Len()); at >= b.n {
		return 0, b.err
	}
	return b.Reader.Read(p[:min(len(p), 100)])
}

// Whatever bit of a file is wrong: it is not taken for one in which nothing was
// written yet.
func TestReadPartialFlipped(t *testing.T) {
	for _, name := range []string{"good-skippable", "v1.0-kept"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".comet.zst"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(len(data), 500) {
			for bit := range 8 {
				data[i] ^= 1 << bit
				if p, err := ReadPartial(bytes.NewReader(data), nil); p == nil && (errors.Is(err, ErrTruncated) || errors.Is(err, ErrAborted)) {
					t.Errorf("%s: with bit %d of byte %d flipped: %v", name, bit, i, err)
				}
				data[i] ^= 1 << bit
			}
		}
	}
}
