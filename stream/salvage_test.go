package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// salvage returns what a Salvager finds, as words: the records outside groups and
// whole groups, and "damage" for each DamageError.
func salvage(t *testing.T, r io.Reader) (found []string, damage []*DamageError) {
	t.Helper()
	s := NewSalvager(r)
	group := ""
	for {
		raw, err := s.Next()
		if err == io.EOF {
			return found, damage
		}
		if d, ok := errors.AsType[*DamageError](err); ok {
			found, damage = append(found, "damage"), append(damage, d)
			if d.Records != 0 {
				group = ""
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		v, err := raw.checked()
		if err != nil {
			t.Fatal(err)
		}
		switch id := string(v.str(slotID)); {
		case opensGroup.Has(raw.Kind):
			group = id
		case groupOf[raw.Kind] != "":
			if group != id {
				t.Errorf("end of %q in %q", id, group)
			}
			found = append(found, id)
			group = ""
		case group == "":
			found = append(found, string(raw.Kind))
		}
	}
}

// salvageStream has four experiments of several blocks each.
func salvageStream(t testing.TB, id string, keys ...string) []byte {
	records := []Record{&Header{ID: id}, &Plan{}, word(t, "project:p")}
	for _, key := range keys {
		records = append(records, word(t, "experiment:"+key), word(t, "metrics:m"), word(t, "asset:a"))
		for i := range 3 {
			records = append(records, word(t, fmt.Sprint("chunk:", strings.Repeat(key, 50), i)))
		}
		records = append(records, word(t, "asset-end"), word(t, "experiment-end:"+key))
	}
	records = append(records, word(t, "notes:more"), word(t, "notes"), word(t, "view"))
	return write(t, WriterOptions{BlockSize: 1, FlushAfter: -1, KeepAlive: -1}, records...)
}

const (
	idA = "000102030405060708090a0b0c0d0e0f"
	idB = "f00102030405060708090a0b0c0d0e0f"
)

func TestSalvageWhole(t *testing.T) {
	a, b := salvageStream(t, idA, "k1", "k2"), salvageStream(t, idB, "k3")
	index := append([]byte{0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0}, "index"...)
	want := []string{"header", "plan", "project", "k1", "k2", "notes", "notes", "view", "trailer", "header", "plan", "project", "k3", "notes", "notes", "view", "trailer"}
	for _, wrap := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader} {
		found, _ := salvage(t, wrap(bytes.NewReader(slices.Concat(a, []byte(keepAlive), index, b))))
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// Damage of one block costs the group that it belongs to, and nothing else.
func TestSalvageDamage(t *testing.T) {
	keys := []string{"k1", "k2", "k3", "k4"}
	data := salvageStream(t, idA, keys...)
	labels, offsets := labelsOf(t, data)
	end := append(offsets[1:], int64(len(data)))
	// What each block belongs to.
	owner := make([]string, len(labels))
	for i, records := 0, must(readAll(bytes.NewReader(data))); i < len(records); i++ {
		owner[i] = string(records[i].Kind())
		if i >= 3 && i < 3+8*len(keys) {
			owner[i] = keys[(i-3)/8]
		}
	}
	all, _ := salvage(t, bytes.NewReader(data))
	for i := range labels {
		for name, bad := range map[string][]byte{
			"flip in the frame": withByte(data, int(offsets[i]+labelSize+4), data[offsets[i]+labelSize+4]^0x10),
			"flip in the label": withByte(data, int(offsets[i]+30), data[offsets[i]+30]^0x10),
			"flip in the mark":  withByte(data, int(offsets[i]), data[offsets[i]]^0x80),
			"left out":          slices.Concat(data[:offsets[i]], data[end[i]:]),
			"twice":             slices.Concat(data[:end[i]], data[offsets[i]:]),
			"cut in it":         slices.Concat(data[:offsets[i]+10], data[end[i]:]),
			"zeros":             slices.Concat(data[:offsets[i]], make([]byte, end[i]-offsets[i]), data[end[i]:]),
			"zeros before":      slices.Concat(data[:offsets[i]], make([]byte, 1000), data[offsets[i]:]),
		} {
			found, damage := salvage(t, bytes.NewReader(bad))
			if len(damage) == 0 {
				t.Errorf("block %d (%s) %s: no damage told", i, owner[i], name)
				continue
			}
			if damage[0].From > end[i] || damage[0].To < damage[0].From {
				t.Errorf("block %d (%s) %s: %v", i, owner[i], name, damage[0])
			}
			for _, what := range all {
				lost := !slices.Contains(found, what)
				// Notes are lost as a whole, and the trailer with the block itself.
				mayBe := what == owner[i] || what == "notes"
				if i > 0 && (name == "zeros before" || name == "twice") {
					mayBe = false // no record is lost
				}
				if lost && !mayBe {
					t.Errorf("block %d (%s) %s: %s is lost, found %q", i, owner[i], name, what, found)
				}
				if !lost && what == owner[i] && strings.HasPrefix(what, "k") && name != "twice" && name != "zeros before" {
					t.Errorf("block %d (%s) %s: %s is found", i, owner[i], name, what)
				}
			}
			if n := damage[0].Records; name == "left out" && i > 0 && i < len(labels)-1 && n != 1 {
				t.Errorf("block %d (%s) %s: %d records lost", i, owner[i], name, n)
			}
		}
	}
}

// Where bytes are left out inside a frame its label reaches over the end of the
// input. What follows is found all the same.
func TestSalvageShortened(t *testing.T) {
	data := salvageStream(t, idA, "k1", "k2")
	_, offsets := labelsOf(t, data)
	for i := len(offsets) - 4; i < len(offsets)-1; i++ {
		from := offsets[i] + labelSize + 5
		bad := slices.Concat(data[:from], data[offsets[i+1]-1:])
		if found, damage := salvage(t, bytes.NewReader(bad)); found[len(found)-1] != "trailer" || len(damage) != 1 {
			t.Errorf("block %d: found %q, %v", i, found, damage)
		}
	}
}

func TestSalvageCut(t *testing.T) {
	data := salvageStream(t, idA, "k1", "k2")
	for n := 1; n < len(data); n += 13 {
		found, damage := salvage(t, bytes.NewReader(data[:n]))
		if len(damage) != 1 || found[len(found)-1] != "damage" {
			t.Errorf("cut at %d: %q, %v", n, found, damage)
		}
		if slices.Contains(found, "trailer") {
			t.Errorf("cut at %d: %q", n, found)
		}
		if want := n > len(data)-200; want != slices.Contains(found, "k2") && n > len(data)-50 {
			t.Errorf("cut at %d: %q", n, found)
		}
	}
	for name, data := range map[string][]byte{"empty": {}, "text": []byte("no stream"), "zeros": make([]byte, 1<<20)} {
		found, damage := salvage(t, bytes.NewReader(data))
		if len(found) != 1 || len(damage) != 1 {
			t.Errorf("%s: %q", name, found)
		}
	}
}

// A stream that is the contents of an asset is not taken for the stream itself,
// even where its bytes stand unchanged in a damaged frame.
func TestSalvageHidden(t *testing.T) {
	hidden := salvageStream(t, idB, "evil")
	records := []Record{&Header{ID: idA}, &Plan{}, word(t, "project:p"), word(t, "experiment:k1"), word(t, "experiment-end:k1"),
		word(t, "experiment:k2"), word(t, "asset:a"), &Chunk{Data: hidden}, word(t, "asset-end"), word(t, "experiment-end:k2"),
		word(t, "experiment:k3"), word(t, "experiment-end:k3")}
	data := write(t, WriterOptions{BlockSize: 1, FlushAfter: -1, KeepAlive: -1}, records...)
	// A frame that holds the hidden stream as it is, as zstd does with what does
	// not compress.
	labels, offsets := labelsOf(t, data)
	content := recordsOf(t, records[7])
	frame := rawFrame(t, content)
	label := labels[7]
	label.FrameLen, label.ContentLen, label.CRC = uint32(len(frame)), uint32(len(content)), crc(frame)
	data = slices.Concat(data[:offsets[7]], label.append(nil), frame, data[offsets[8]:])
	if _, err := readAll(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	want := []string{"header", "plan", "project", "k1", "damage", "k3", "trailer"}
	for name, at := range map[string]int64{"label": 30, "mark": 9, "frame": labelSize + int64(len(frame)) - 1} {
		at += offsets[7]
		found, _ := salvage(t, bytes.NewReader(withByte(data, int(at), data[at]^1)))
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("damaged %s (-want +got):\n%s", name, diff)
		}
	}
	cut := data[:offsets[7]+labelSize+int64(len(frame))-1]
	if found, _ := salvage(t, bytes.NewReader(cut)); slices.Contains(found, "evil") {
		t.Errorf("cut in the frame: %q", found)
	}
	// A stream that really follows a damaged one is found.
	_, offsets = labelsOf(t, data)
	damaged := withByte(data[:offsets[9]], int(offsets[8]+20), 0xff)
	found, _ := salvage(t, bytes.NewReader(slices.Concat(damaged, hidden)))
	if !slices.Contains(found, "evil") {
		t.Errorf("the stream behind is lost: %q", found)
	}
}

// rawFrame returns a zstd frame whose content is not compressed.
func rawFrame(t testing.TB, content []byte) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 1<<5 | 1<<2 | 2<<6}
	n := uint32(len(content))
	b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	sum := compress(t, content)
	sum = sum[len(sum)-4:]
	for len(content) > 0 {
		size := min(len(content), zstdBlockMax)
		head := uint32(size << 3)
		if size == len(content) {
			head |= 1
		}
		b = append(b, byte(head), byte(head>>8), byte(head>>16))
		b = append(b, content[:size]...)
		content = content[size:]
	}
	return append(b, sum...)
}

// Grammar that does not hold is damage too.
func TestSalvageGrammar(t *testing.T) {
	header := &Header{Format: formatName, ID: idA, Version: [2]int{1, 0}}
	first := recordsOf(t, header, &Plan{}, word(t, "project:p"))
	group := func(key string) []Record {
		return []Record{word(t, "experiment:"+key), &ExperimentEnd{Key: key, Counts: Counts{KindExperiment: 1}}}
	}
	second := recordsOf(t, slices.Concat(group("k1"), []Record{word(t, "experiment:k2"), &ExperimentEnd{Key: "k2", Points: 7}}, group("k3"))...)
	data := slices.Concat(
		block(t, first, func(l *Label) { l.Records, l.Kinds = 3, KindSetOf(KindHeader, KindPlan, KindProject) }),
		block(t, second, func(l *Label) {
			l.First, l.Sequence, l.Records, l.Kinds = false, 3, 6, KindSetOf(KindExperiment, KindExperimentEnd)
		}))
	found, damage := salvage(t, bytes.NewReader(data))
	if want := []string{"header", "plan", "project", "k1", "damage", "k3", "damage"}; !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
	if len(damage) != 2 || !errors.Is(damage[0], ErrGrammar) || !errors.Is(damage[1], ErrTruncated) {
		t.Errorf("%v", damage)
	}
	if !strings.Contains(damage[0].Error(), "record 6 (experiment-end) at byte") {
		t.Errorf("%v", damage[0])
	}
}

func TestSalvageReadError(t *testing.T) {
	broken := errors.New("broken")
	data := salvageStream(t, idA, "k1")
	s := NewSalvager(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken)))
	var err error
	for n := 0; err == nil; n++ {
		_, err = s.Next()
	}
	if _, again := s.Next(); !errors.Is(err, broken) || again != err {
		t.Errorf("%v, then %v", err, again)
	}
}

// The abort of a stream is found after damage, in the middle of a lost group too.
func TestSalvageAbort(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf, oneByOne)
	for _, rec := range append([]Record{&Header{ID: idA}}, words(t, "plan project:p experiment:k others")...) {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Abort("server", "x"); err != nil {
		t.Fatal(err)
	}
	data := buf.Bytes()
	blocks := NewBlockReader(bytes.NewReader(data), BlockReaderOptions{})
	defer blocks.Close()
	var fourth *Block
	for range 4 {
		var err error
		if fourth, err = blocks.Next(); err != nil {
			t.Fatal(err)
		}
	}
	at := int(fourth.Offset) + 20
	found, damage := salvage(t, bytes.NewReader(withByte(data, at, data[at]^0xff)))
	if want := []string{"header", "plan", "project", "damage", "abort"}; !slices.Equal(found, want) {
		t.Errorf("found %q, want %q: %v", found, want, damage)
	}
}
