package unpack

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// zeros gives n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestGuard(t *testing.T) {
	for _, tt := range []struct {
		packed, unpacked int64
		over             bool
	}{
		{1, free, false},
		{1, free + 1, true},
		{free/ratio + 1, free + 1, false},
		{free / ratio, free + ratio, true},
		{2 * free / ratio, 2*free - 1, false},
	} {
		g := &Guard{packed: tt.packed, unpacked: tt.unpacked - 1}
		n, err := g.Unpacked(zeros(1)).Read(make([]byte, 2))
		if errors.Is(err, ErrRatio) != tt.over || (n == 1) == tt.over {
			t.Errorf("%d bytes of %d: %d, %v", tt.unpacked, tt.packed, n, err)
		}
	}
	var g Guard
	for _, r := range []io.Reader{g.Packed(zeros(5)), g.Unpacked(zeros(7))} {
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
	}
	if g.packed != 5 || g.unpacked != 7 {
		t.Errorf("counted %+v", g)
	}
}

// entries writes a zip file with what zip.Writer makes of the headers.
func entries(t *testing.T, headers ...zip.FileHeader) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for _, h := range headers {
		w, err := zw.CreateHeader(&h)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, contentOf(h.Name))
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func contentOf(name string) string { return strings.Repeat(name+" PK\x03\x04 PK\x07\x08\n", 5000) }

// sized returns a zip file as those write it who can seek: the lengths stand
// before the content.
func sized(method uint16, name string, zip64 bool) []byte {
	content := []byte(contentOf(name))
	packed := content
	if method == zip.Deflate {
		var buf bytes.Buffer
		fw, _ := flate.NewWriter(&buf, 9) // the level is one
		fw.Write(content)
		fw.Close()
		packed = buf.Bytes()
	}
	le := binary.LittleEndian
	b := []byte(sigEntry)
	b = le.AppendUint16(b, 20)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint16(b, method)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, crc32.ChecksumIEEE(content))
	var extra []byte
	if zip64 {
		b = le.AppendUint32(b, 1<<32-1)
		b = le.AppendUint32(b, 1<<32-1)
		extra = []byte{9, 9, 1, 0, 7} // another field before it
		extra = le.AppendUint16(extra, 1)
		extra = le.AppendUint16(extra, 16)
		extra = le.AppendUint64(extra, uint64(len(content)))
		extra = le.AppendUint64(extra, uint64(len(packed)))
	} else {
		b = le.AppendUint32(b, uint32(len(packed)))
		b = le.AppendUint32(b, uint32(len(content)))
	}
	b = le.AppendUint16(b, uint16(len(name)))
	b = le.AppendUint16(b, uint16(len(extra)))
	b = append(append(append(b, name...), extra...), packed...)
	return append(b, sigDirectory...)
}

func TestZip(t *testing.T) {
	for name, tt := range map[string]struct {
		file []byte
		want []string
	}{
		"descriptors":     {entries(t, zip.FileHeader{Name: "a", Method: zip.Deflate}, zip.FileHeader{Name: "b", Method: zip.Deflate}), []string{"a", "b"}},
		"none":            {entries(t), nil},
		"sized":           {sized(zip.Deflate, "a", false), []string{"a"}},
		"stored":          {sized(zip.Store, "a", false), []string{"a"}},
		"stored, zip64":   {sized(zip.Store, "a", true), []string{"a"}},
		"deflated, zip64": {sized(zip.Deflate, "a", true), []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader(tt.file), iotest.OneByteReader(bytes.NewReader(tt.file))} {
				if err := readZip(r, tt.want); err != nil {
					t.Error(err)
				}
			}
			for n := range len(tt.file) - 4 {
				if n > 60 && n < len(tt.file)-100 && n%997 > 0 {
					continue
				}
				if err := readZip(bytes.NewReader(tt.file[:n]), tt.want); err == nil && n < len(tt.file)-200 && len(tt.want) > 0 {
					t.Errorf("cut at %d of %d: no error", n, len(tt.file))
				}
			}
		})
	}
}

// readZip reads a zip file that should have the entries.
func readZip(r io.Reader, want []string) error {
	z := NewZip(r)
	for _, name := range want {
		got, content, err := z.Next()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if got != name || string(data) != contentOf(name) {
			return fmt.Errorf("entry %q of %d bytes", got, len(data))
		}
	}
	if name, _, err := z.Next(); err != io.EOF {
		return fmt.Errorf("then %q, %w", name, err)
	}
	return nil
}

// Entries may be passed over.
func TestZipPassOver(t *testing.T) {
	z := NewZip(bytes.NewReader(entries(t, zip.FileHeader{Name: "a", Method: zip.Deflate}, zip.FileHeader{Name: "b", Method: zip.Deflate})))
	for _, want := range []string{"a", "b"} {
		if name, _, err := z.Next(); name != want || err != nil {
			t.Errorf("%q, %v", name, err)
		}
	}
}

func TestZipRefuses(t *testing.T) {
	flip := func(file []byte, at int, mask byte) []byte {
		file = bytes.Clone(file)
		file[at] ^= mask
		return file
	}
	good := sized(zip.Deflate, "a", false)
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"another file":      {[]byte("%PDF-1.4 and so on"), zip.ErrFormat},
		"checksum":          {flip(good, 14, 1), zip.ErrChecksum},
		"encrypted":         {flip(good, 6, flagEncrypted), zip.ErrAlgorithm},
		"unknown method":    {flip(good, 8, 1), zip.ErrAlgorithm},
		"stored, no length": {entries(t, zip.FileHeader{Name: "a", Method: zip.Store}), zip.ErrAlgorithm},
	} {
		if err := readZip(bytes.NewReader(tt.file), []string{"a"}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// A bomb ends before it fills anything.
func TestZipBomb(t *testing.T) {
	_, content, err := NewZip(bomb(t)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, content); !errors.Is(err, ErrRatio) || n > free {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// bomb returns a zip file with one entry of more zeros than may be.
func bomb(t *testing.T) io.Reader {
	var block bytes.Buffer
	fw, err := flate.NewWriter(&block, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	// What is written before a flush does not depend on what came before it.
	const size = 1 << 20
	if _, err := io.Copy(fw, zeros(size)); err != nil || fw.Flush() != nil {
		t.Fatal(err)
	}
	head := sized(zip.Deflate, "bomb", false)[:30+len("bomb")]
	return io.MultiReader(bytes.NewReader(head), strings.NewReader(strings.Repeat(block.String(), free/size+1)))
}

// A directory that would fill the memory is not read to its end.
func TestOpenZip(t *testing.T) {
	good := entries(t, zip.FileHeader{Name: "a", Method: zip.Deflate})
	zr, err := OpenZip(bytes.NewReader(good), int64(len(good)))
	if err != nil || len(zr.File) != 1 {
		t.Fatal(err)
	}
	rc, err := zr.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(rc); err != nil || string(data) != contentOf("a") {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	for i := range maxDirectory / 46 {
		if _, err := zw.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenZip(bytes.NewReader(buf.Bytes()), int64(buf.Len())); !errors.Is(err, zip.ErrFormat) {
		t.Errorf("got %v", err)
	}
}
