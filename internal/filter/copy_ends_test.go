package filter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// copyTo runs Copy and returns what it wrote and its error.
func copyTo(ctx context.Context, r io.Reader, rules Rules) ([]byte, error) {
	var out bytes.Buffer
	err := Copy(ctx, &out, r, Options{Rules: rules, Tool: "tool 1"})
	return out.Bytes(), err
}

func TestCopyConcatenated(t *testing.T) {
	a := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	b := write(t, layouts["one block"], sample(t)...)
	for name, rules := range map[string]Rules{"no rule": {}, "--key": {Selection: selection.Selection{Keys: keys("k4")}}} {
		t.Run(name, func(t *testing.T) {
			got := read(t, pass(t, slices.Concat(a, b), rules))
			want := slices.Concat(read(t, pass(t, a, rules)), read(t, pass(t, b, rules)))
			headers := func(r stream.Raw) bool { return r.Kind != stream.KindHeader }
			if diff := cmp.Diff(show(t, where(want, headers)), show(t, where(got, headers))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(got) - len(where(got, headers)); n != 2 {
				t.Errorf("%d headers", n)
			}
		})
	}
}

// A truncated stream gives one that is truncated after the same records.
func TestCopyTruncated(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	for _, rules := range []Rules{{}, {Without: resources(t, "metadata")}, {Renames: renames(t, "a=z")}} {
		for cut := 0; cut < len(data); cut += 1 + len(data)/25 {
			want, err := readAll(data[:cut])
			if !errors.Is(err, stream.ErrTruncated) && cut > 0 {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			out, err := copyTo(t.Context(), bytes.NewReader(data[:cut]), rules)
			class := stream.ErrTruncated
			if cut == 0 {
				class = stream.ErrNotStream
			}
			if !errors.Is(err, class) {
				t.Errorf("cut at %d: error %v", cut, err)
			}
			got, err := readAll(out)
			if len(out) > 0 && !errors.Is(err, stream.ErrTruncated) {
				t.Errorf("cut at %d: the output ends with %v", cut, err)
			}
			if kindsOf(got) != kindsOf(want) {
				t.Errorf("cut at %d:\n got %s\nwant %s", cut, kindsOf(got), kindsOf(want))
			}
		}
	}
}

func TestCopyAborted(t *testing.T) {
	records := append(sample(t)[:40], &stream.Abort{Class: "server", Message: "503 for an hour"})
	data := write(t, layouts["blocks of 300 bytes"], records...)
	good := write(t, stream.WriterOptions{}, sample(t)...)
	out, err := copyTo(t.Context(), bytes.NewReader(slices.Concat(data, good)), Rules{Selection: selection.Selection{Keys: keys("k2")}})
	aborted, ok := errors.AsType[*stream.AbortedError](err)
	if !ok || aborted.Class != "server" || aborted.Message != "503 for an hour" {
		t.Fatalf("error %v", err)
	}
	_, err = readAll(out)
	aborted, ok = errors.AsType[*stream.AbortedError](err)
	if !ok || aborted.Class != "server" || aborted.Message != "503 for an hour" {
		t.Errorf("the output ends with %v", err)
	}
	if aborted != nil && aborted.Last != nil {
		t.Errorf("the abort names %q as the last experiment, which was dropped", *aborted.Last)
	}
	// The stream after it goes on as if nothing had been.
	at := bytes.LastIndex(out, []byte("\x5c\x2a\x4d\x18\x38\x00\x00\x00\x89CMT\r\n\x1a\n\x01\x03"))
	if got := kindsOf(read(t, out[at:])); !strings.Contains(got, "experiment:k2") || strings.Contains(got, "experiment:k1") {
		t.Errorf("second stream: %s", got)
	}
}

// brokenReader gives good bytes, then an error.
func brokenReader(data []byte, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(data), iotest.ErrReader(err))
}

func TestCopyBadInput(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 4
	disk := errors.New("disk on fire")
	for name, tt := range map[string]struct {
		in    io.Reader
		want  error
		class string // of the abort
	}{
		"flipped bit":  {bytes.NewReader(flipped), stream.ErrCorrupt, "input"},
		"read error":   {brokenReader(data[:len(data)/2], disk), disk, "error"},
		"left out":     {bytes.NewReader(slices.Concat(data[:len(data)/2], data[len(data)/2+100:])), stream.ErrCorrupt, "input"},
		"second first": {bytes.NewReader(slices.Concat(data[:0:0], cutAtBlock(t, data, 7), data)), stream.ErrCorrupt, "input"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := copyTo(t.Context(), tt.in, Rules{})
			if !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			_, err = readAll(out)
			aborted, ok := errors.AsType[*stream.AbortedError](err)
			if !ok || aborted.Class != tt.class {
				t.Errorf("the output ends with %v", err)
			}
		})
	}
}

// cutAtBlock returns the first n blocks of a stream.
func cutAtBlock(t testing.TB, data []byte, n int) []byte {
	t.Helper()
	r := stream.NewBlockReader(bytes.NewReader(data), stream.BlockReaderOptions{})
	defer r.Close()
	for range n {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return data[:b.Offset]
}

func TestCopyNotStream(t *testing.T) {
	for _, in := range []string{"", "{}", "\x1f\x8b\x08", "hello"} {
		out, err := copyTo(t.Context(), strings.NewReader(in), Rules{})
		if !errors.Is(err, stream.ErrNotStream) || len(out) > 0 {
			t.Errorf("%q: %v, %d bytes of output", in, err, len(out))
		}
	}
}

// Records in a wrong order inside a block that is opened are found, and the place
// is that in the input.
func TestCopyGrammar(t *testing.T) {
	data := write(t, stream.WriterOptions{}, sample(t)...)
	records := read(t, data)
	i := slices.IndexFunc(records, func(r stream.Raw) bool { return r.Kind == stream.KindOthers })
	records[i], records[i-1] = records[i-1], records[i]
	out, err := copyTo(t.Context(), bytes.NewReader(frames(t, records)), Rules{Without: resources(t, "html")})
	if !errors.Is(err, stream.ErrGrammar) {
		t.Fatalf("error %v", err)
	}
	if e, ok := errors.AsType[*stream.Error](err); !ok || e.Record != int64(i) {
		t.Errorf("error %v, want record %d", err, i)
	}
	if _, err := readAll(out); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("the output ends with %v", err)
	}
}

// frames writes records as they are, header and plan in blocks of their own and
// the rest in one, with no check of their order.
func frames(t testing.TB, records []stream.Raw) []byte {
	t.Helper()
	id := text(records[0], "id")
	var out []byte
	sequence := 0
	for _, part := range [][]stream.Raw{records[:1], records[1:2], records[2:]} {
		var content []byte
		var set stream.KindSet
		for _, r := range part {
			content = append(content, r.Data...)
			set |= stream.KindSetOf(r.Kind)
		}
		out = append(out, block(t, id, sequence, len(part), true, set, content)...)
		sequence += len(part)
	}
	return out
}

func TestCopyMeet(t *testing.T) {
	data := write(t, layouts["one block"], sample(t)...)
	out, err := copyTo(t.Context(), bytes.NewReader(data), Rules{Renames: renames(t, "b=a")})
	if _, ok := errors.AsType[*MeetError](err); !ok || len(out) > 0 {
		t.Errorf("%v, %d bytes of output", err, len(out))
	}
	if want := `projects "a/p" and "b/p" would both be "a/p"`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestCopyMissingKeys(t *testing.T) {
	data := write(t, layouts["one block"], sample(t)...)
	out, err := copyTo(t.Context(), bytes.NewReader(slices.Concat(data, data)), Rules{Selection: selection.Selection{Keys: keys("k1", "nope", "gone", "nada")}})
	missing, ok := errors.AsType[*MissingError](err)
	if !ok || !slices.Equal(missing.Keys, []string{"nada", "nope"}) {
		t.Errorf("error %v", err)
	}
	if got := kindsOf(read(t, out)); !strings.Contains(got, "experiment:k1") {
		t.Errorf("records %s", got)
	}
	_, err = copyTo(t.Context(), bytes.NewReader(data), Rules{Renames: renames(t, "a=z", "a/q=z/r", "a/s=z/t", "c=d")})
	if want := `not in the stream: project "a/s", workspace "c"`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := copyTo(t.Context(), bytes.NewReader(data), Rules{Selection: selection.Selection{Invert: true, Keys: keys("nope")}}); err != nil {
		t.Errorf("what is to be dropped is not there: %v", err)
	}
}

func TestCopyTagsWithoutMetadata(t *testing.T) {
	bare := pass(t, write(t, layouts["one block"], sample(t)...), Rules{Without: resources(t, "metadata")})
	_, err := copyTo(t.Context(), bytes.NewReader(bare), Rules{Selection: selection.Selection{Tags: []string{"x"}}})
	if err == nil || !strings.Contains(err.Error(), "metadata") {
		t.Errorf("error %v", err)
	}
}

func TestCopyScope(t *testing.T) {
	h := header()
	h.Scope.Resources = []string{"metadata", "metrics", "run"}
	records := sample(t)
	for _, tt := range []struct {
		scope, want []string
		without     string
	}{
		{[]string{}, []string{}, ""},
		{[]string{"metadata", "metrics", "run"}, []string{"code", "git", "graph", "metadata", "requirements", "system-metrics"}, "output"},
		{[]string{"from", "the", "future"}, []string{"from", "the", "future"}, "output"},
		{[]string{"metrics"}, []string{"metrics"}, "output"},
	} {
		h.Scope.Resources = tt.scope
		records[0] = h
		rules := Rules{}
		if tt.without != "" {
			rules.Without = resources(t, tt.without)
		}
		if len(tt.want) > 0 && tt.want[len(tt.want)-1] == "system-metrics" {
			rules.Without |= stream.ResourceUserMetrics
		}
		out := read(t, pass(t, write(t, stream.WriterOptions{}, records...), rules))
		got, err := stream.DecodeAs[*stream.Header](out[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.Scope.Resources); diff != "" {
			t.Errorf("%v less %s (-want +got):\n%s", tt.scope, tt.without, diff)
		}
	}
}

// block makes a block by hand: the content in one raw zstd block, so that no
// encoder is needed, or what it is not can be put in it.
func block(t testing.TB, id string, sequence, records int, outside bool, kinds stream.KindSet, content []byte) []byte {
	t.Helper()
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x80 | 0x20 | 0x04}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(content)))
	for rest := content; ; {
		n := min(len(rest), 128<<10)
		head := uint32(n) << 3
		if n == len(rest) {
			head |= 1
		}
		frame = append(frame, byte(head), byte(head>>8), byte(head>>16))
		frame = append(frame, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(xxh64(content)))
	flags := byte(0)
	if sequence == 0 {
		flags |= 1
	}
	if outside {
		flags |= 2
	}
	if kinds.Has(stream.KindTrailer) || kinds.Has(stream.KindAbort) {
		flags |= 4
	}
	var stem [8]byte
	if _, err := fmt.Sscanf(id[:16], "%16x", new(uint64)); err != nil {
		t.Fatal(err)
	}
	for i := range stem {
		fmt.Sscanf(id[2*i:2*i+2], "%02x", &stem[i])
	}
	label := []byte("\x5c\x2a\x4d\x18\x38\x00\x00\x00\x89CMT\r\n\x1a\n")
	label = append(label, 1, flags, 0, 0)
	label = binary.LittleEndian.AppendUint32(label, uint32(records))
	label = binary.LittleEndian.AppendUint64(label, uint64(sequence))
	label = binary.LittleEndian.AppendUint64(label, uint64(kinds))
	label = append(label, stem[:]...)
	label = binary.LittleEndian.AppendUint32(label, uint32(len(frame)))
	label = binary.LittleEndian.AppendUint32(label, uint32(len(content)))
	table := crc32.MakeTable(crc32.Castagnoli)
	label = binary.LittleEndian.AppendUint32(label, crc32.Checksum(frame, table))
	label = binary.LittleEndian.AppendUint32(label, crc32.Checksum(label[8:], table))
	return append(label, frame...)
}

// Blocks that no rule touches are copied without being decompressed: here their
// content is no stream at all, which nobody notices who does not look at it.
func TestCopyLooksAtNothing(t *testing.T) {
	data := write(t, layouts["one block"], sample(t)...)
	records := read(t, data)
	id := text(records[0], "id")
	var in []byte
	in = append(in, block(t, id, 0, 1, true, stream.KindSetOf(stream.KindHeader), records[0].Data)...)
	in = append(in, block(t, id, 1, 1, true, stream.KindSetOf(stream.KindPlan), records[1].Data)...)
	junk := bytes.Repeat([]byte("this is no record"), 100)
	middle := block(t, id, 2, 3, true, stream.KindSetOf(stream.KindProject, stream.KindLink), junk)
	in = append(in, middle...)
	trailer := records[len(records)-1]
	in = append(in, block(t, id, 5, 1, true, stream.KindSetOf(trailer.Kind), trailer.Data)...)

	out, err := copyTo(t.Context(), bytes.NewReader(in), Rules{})
	if err != nil {
		t.Fatalf("Copy: %v", err)
	}
	if !bytes.Contains(out, middle[64:]) {
		t.Error("the frame has changed")
	}
	if bytes.Contains(out, middle[:64]) {
		t.Error("the label has not changed")
	}
	// The same with a rule that makes it look.
	if _, err := copyTo(t.Context(), bytes.NewReader(in), Rules{Without: resources(t, "html")}); !errors.Is(err, stream.ErrCorrupt) {
		t.Errorf("with a rule: %v", err)
	}
}

// In a live pipe a block goes on as soon as it has come.
func TestCopyLive(t *testing.T) {
	for name, rules := range map[string]Rules{"copied": {}, "rewritten": {Without: resources(t, "html")}} {
		t.Run(name, func(t *testing.T) {
			data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
			half := len(cutAtBlock(t, data, 12))
			in, feed := io.Pipe()
			got, out := io.Pipe()
			done := make(chan error, 1)
			go func() {
				err := Copy(t.Context(), out, in, Options{Rules: rules})
				out.CloseWithError(err)
				done <- err
			}()
			go feed.Write(data[:half])
			records := stream.NewReader(got, stream.ReaderOptions{})
			defer records.Close()
			for seen := 0; seen < 10; seen++ { // of the more than 12 that have been fed
				if _, err := records.NextRaw(); err != nil {
					t.Fatal(err)
				}
			}
			go func() {
				feed.Write(data[half:])
				feed.Close()
			}()
			for {
				_, err := records.NextRaw()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A cancelled run does not wait for an input that says nothing, and tells its
// readers.
func TestCopyInterrupted(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	in, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by hand")
	go func() {
		feed.Write(cutAtBlock(t, data, 12))
		cancel(stopped)
	}()
	out, err := copyTo(ctx, in, Rules{})
	if !errors.Is(err, stopped) {
		t.Errorf("error %v", err)
	}
	_, err = readAll(out)
	if aborted, ok := errors.AsType[*stream.AbortedError](err); !ok || aborted.Class != "interrupted" {
		t.Errorf("the output ends with %v", err)
	}
}

// failingWriter fails once it has taken n bytes.
type failingWriter struct {
	n   int
	err error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		n := w.n
		w.n = 0
		return n, w.err
	}
	w.n -= len(p)
	return len(p), nil
}

func TestCopyOutputFails(t *testing.T) {
	data := write(t, layouts["blocks of 300 bytes"], sample(t)...)
	full := errors.New("disk full")
	for _, rules := range []Rules{{}, {Without: resources(t, "html")}} {
		size := len(pass(t, data, rules))
		for n := 0; n < size; n += 1 + size/11 {
			err := Copy(t.Context(), &failingWriter{n, full}, bytes.NewReader(data), Options{Rules: rules})
			if !errors.Is(err, full) {
				t.Fatalf("writer that fails after %d bytes: %v", n, err)
			}
			if strings.Count(err.Error(), full.Error()) != 1 {
				t.Errorf("writer that fails after %d bytes: told more than once: %v", n, err)
			}
		}
	}
}
