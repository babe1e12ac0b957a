package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var goodLabel = Label{
	Outside: true, Records: 3, Sequence: 7, Kinds: KindSetOf(KindMetrics), Stream: [8]byte{1, 2, 3, 4, 5, 6, 7, 8},
	FrameLen: 100, ContentLen: 200, CRC: 0xdeadbeef,
}

// The bytes of a label, written out from the table of FORMAT.md.
func TestLabelBytes(t *testing.T) {
	got := goodLabel.append(nil)
	want := []byte{
		0x5c, 0x2a, 0x4d, 0x18, 0x38, 0, 0, 0,
		0x89, 'C', 'M', 'T', '\r', '\n', 0x1a, '\n',
		1, 2, 0, 0,
		3, 0, 0, 0,
		7, 0, 0, 0, 0, 0, 0, 0,
		0x40, 0, 0, 0, 0, 0, 0, 0,
		1, 2, 3, 4, 5, 6, 7, 8,
		100, 0, 0, 0,
		200, 0, 0, 0,
		0xef, 0xbe, 0xad, 0xde,
	}
	if !bytes.Equal(got[:60], want) {
		t.Errorf("label % x, want % x", got[:60], want)
	}
	if sum := crc32.Checksum(got[8:60], castagnoli); binary.LittleEndian.Uint32(got[60:]) != sum {
		t.Errorf("checksum % x, want %x", got[60:], sum)
	}
	back, err := parseLabel(got)
	if err != nil || back != goodLabel {
		t.Errorf("%+v, %v", back, err)
	}
}

// Every bit of a label is covered.
func TestLabelFlips(t *testing.T) {
	good := goodLabel.append(nil)
	for bit := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := parseLabel(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	}
}

func TestLabelLies(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Label)
		want   error
	}{
		"good":                      {func(*Label) {}, nil},
		"kinds of a later version":  {func(l *Label) { l.Kinds |= 1<<40 | 1<<63 }, nil},
		"no records":                {func(l *Label) { l.Records = 0 }, ErrCorrupt},
		"no kinds":                  {func(l *Label) { l.Kinds = 0 }, ErrCorrupt},
		"65,536 records":            {func(l *Label) { l.Records = 65536 }, nil},
		"65,537 records":            {func(l *Label) { l.Records = 65537 }, ErrLimit},
		"16 MiB of content":         {func(l *Label) { l.ContentLen = 16 << 20 }, nil},
		"more content":              {func(l *Label) { l.ContentLen = 16<<20 + 1 }, ErrLimit},
		"frame of 4 GiB":            {func(l *Label) { l.FrameLen = 1<<32 - 1 }, ErrLimit},
		"frame that is all padding": {func(l *Label) { l.FrameLen = 100 << 10 }, ErrLimit},
		"first of no header":        {func(l *Label) { l.First = true }, ErrCorrupt},
		"first with a number":       {func(l *Label) { l.First, l.Kinds = true, 1 }, ErrCorrupt},
		"header in the middle":      {func(l *Label) { l.Kinds |= 1 }, ErrCorrupt},
		"number 0 but not first":    {func(l *Label) { l.Sequence = 0 }, ErrCorrupt},
		"first inside a group":      {func(l *Label) { l.First, l.Sequence, l.Kinds, l.Outside = true, 0, 1, false }, ErrCorrupt},
		"first":                     {func(l *Label) { l.First, l.Sequence, l.Kinds = true, 0, 1 }, nil},
		"last without end":          {func(l *Label) { l.Last = true }, ErrCorrupt},
		"trailer but not last":      {func(l *Label) { l.Kinds |= KindSetOf(KindTrailer) }, ErrCorrupt},
		"abort but not last":        {func(l *Label) { l.Kinds |= KindSetOf(KindAbort) }, ErrCorrupt},
		"last":                      {func(l *Label) { l.Last, l.Kinds = true, KindSetOf(KindTrailer) }, nil},
		"number without end":        {func(l *Label) { l.Sequence = 1<<62 + 1 }, ErrLimit},
	} {
		l := goodLabel
		tt.change(&l)
		if _, err := parseLabel(l.append(nil)); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	// What append does not write.
	for name, tt := range map[string]struct {
		offset int
		value  byte
		want   error
	}{
		"version 2":       {16, 2, ErrVersion},
		"version 0":       {16, 0, ErrVersion},
		"another flag":    {17, 8, ErrCorrupt},
		"byte 10 not 0":   {18, 1, ErrCorrupt},
		"byte 11 not 0":   {19, 1, ErrCorrupt},
		"flags as before": {17, 2, nil},
	} {
		b := goodLabel.append(nil)
		b[tt.offset] = tt.value
		binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[8:60], castagnoli))
		if _, err := parseLabel(b); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// compress makes a frame with other settings than those of the Writer.
func compress(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithSingleSegment(true)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(content, nil)
}

func TestCheckFrame(t *testing.T) {
	small, large := []byte("abcabcabcabc"), bytes.Repeat([]byte("0123456789"), 50000)
	for _, content := range [][]byte{{1}, small, large[:255], large[:256], large[:65791], large[:65792], large, make([]byte, 1<<20)} {
		if err := checkFrame(compress(t, content), len(content)); err != nil {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	good := compress(t, large)
	skippable := []byte(keepAlive)
	for name, b := range map[string][]byte{
		"empty":               {},
		"no zstd":             []byte("not a frame at all"),
		"skippable":           skippable,
		"skippable before":    append(bytes.Clone(skippable), good...),
		"skippable after":     append(bytes.Clone(good), skippable...),
		"two frames":          append(bytes.Clone(good), good...),
		"one byte more":       append(bytes.Clone(good), 0),
		"no checksum":         compress(t, large, zstd.WithEncoderCRC(false)),
		"not single segment":  compress(t, large, zstd.WithSingleSegment(false)),
		"dictionary":          compress(t, large, zstd.WithEncoderDictRaw(7, large[:1000])),
		"reserved bit":        withByte(good, 4, good[4]|8),
		"cut in its checksum": good[:len(good)-1],
		"another size":        compress(t, large[1:]),
		"size of 64 bits":     withSize64(good, 1<<63+uint64(len(large))),
	} {
		if err := checkFrame(b, len(large)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := checkFrame(withSize64(good, uint64(len(large))), len(large)); err != nil {
		t.Errorf("size in 64 bits: %v", err)
	}
	for n := range good[:40] {
		if err := checkFrame(good[:n], len(large)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for name, head := range map[string]uint32{
		"unknown block type": 1 | 3<<1 | 1<<3,
		"block too large":    1 | 0<<1 | (zstdBlockMax+1)<<3,
		"block beyond end":   1 | 0<<1 | 1000<<3,
		"no last block":      0 | 0<<1 | 0<<3,
	} {
		b := append(bytes.Clone(good[:9]), byte(head), byte(head>>8), byte(head>>16), 1, 2, 3, 4)
		if err := checkFrame(b, len(large)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func withByte(b []byte, at int, value byte) []byte {
	b = bytes.Clone(b)
	b[at] = value
	return b
}

// withSize64 gives a frame with a content size of four bytes one of eight.
func withSize64(frame []byte, size uint64) []byte {
	b := append(bytes.Clone(frame[:4]), frame[4]|3<<6)
	b = binary.LittleEndian.AppendUint64(b, size)
	return append(b, frame[9:]...)
}

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
