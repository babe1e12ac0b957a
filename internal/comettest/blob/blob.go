// Package blob keeps the contents of assets: small ones in memory, others in files of
// one directory, and synthetic ones nowhere, since they are made when they are read.
package blob

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
)

// smallBody is the size up to which a blob stays in memory.
const smallBody = 4 << 10

// Dir keeps blobs, of which those that are not small are files of one directory.
type Dir struct {
	dir       string
	temporary bool
	made      sync.Once
	err       error // of making a temporary directory
	discard   bool
	next      atomic.Int64
}

// NewDir keeps blobs in a directory, which it makes if it is missing. For "" it is a
// temporary one, which the first file makes and Close removes. With discard it keeps of
// a blob that is not small only how large it is and its SHA-256.
func NewDir(dir string, discard bool) (*Dir, error) {
	d := &Dir{dir: dir, temporary: dir == "", discard: discard}
	if d.temporary {
		return d, nil
	}
	return d, os.MkdirAll(dir, 0o777)
}

// file returns a path that no blob has.
func (d *Dir) file() (string, error) {
	if d.temporary {
		d.made.Do(func() { d.dir, d.err = os.MkdirTemp("", "comettest-") })
	}
	return filepath.Join(d.dir, fmt.Sprintf("body-%d", d.next.Add(1))), d.err
}

// Close removes the directory if it is a temporary one.
func (d *Dir) Close() error {
	d.made.Do(func() { d.err = os.ErrClosed })
	if !d.temporary || d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// Blob is the content of an asset.
type Blob struct {
	Size   int64
	inline []byte
	file   string
	synth  bool   // made from seed when read
	zero   bool   // discarded: zeros stand for it
	seed   uint64 // synth only

	once sync.Once
	sum  string // SHA-256 in hexadecimal; of a synthetic blob by once
}

// FromBytes is a blob with a copy of b.
func FromBytes(b []byte) *Blob {
	sum := sha256.Sum256(b)
	return &Blob{Size: int64(len(b)), inline: bytes.Clone(b), sum: hex.EncodeToString(sum[:])}
}

// FromSeed is a synthetic blob: bytes that depend on the seed and their position alone,
// and do not compress.
func FromSeed(seed uint64, size int64) *Blob {
	return &Blob{Size: size, synth: true, seed: seed}
}

// Read stores what r holds, up to limit bytes if limit is not negative. What
// was written is removed again on error.
func (d *Dir) Read(r io.Reader, limit int64) (*Blob, error) {
	hash := sha256.New()
	src := io.TeeReader(Limited(r, limit), hash)
	small := make([]byte, smallBody+1)
	n, err := io.ReadFull(src, small)
	b := &Blob{Size: int64(n)}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && n <= smallBody:
		b.inline = bytes.Clone(small[:n])
	case err != nil:
		return nil, err
	case d.discard:
		m, err := io.Copy(io.Discard, src)
		if err != nil {
			return nil, err
		}
		b.Size, b.zero = b.Size+m, true
	default:
		if err := d.spill(b, small[:n], src); err != nil {
			return nil, err
		}
	}
	b.sum = hex.EncodeToString(hash.Sum(nil))
	return b, nil
}

// Join returns the blob that parts make together, up to limit bytes if limit is not
// negative.
func (d *Dir) Join(parts []*Blob, limit int64) (*Blob, error) {
	readers, size := make([]io.Reader, len(parts)), int64(0)
	for i, p := range parts {
		r, err := p.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		readers[i], size = r, size+p.Size
	}
	if d.discard && (limit < 0 || size <= limit) {
		return &Blob{Size: size, zero: true}, nil // there is nothing to read
	}
	return d.Read(io.MultiReader(readers...), limit)
}

func (d *Dir) spill(b *Blob, head []byte, rest io.Reader) (err error) {
	if b.file, err = d.file(); err != nil {
		return err
	}
	f, err := os.Create(b.file)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(b.file)
		}
	}()
	if _, err = f.Write(head); err != nil {
		return err
	}
	m, err := io.Copy(f, rest)
	b.Size += m
	return err
}

// ErrTooLarge is the error of a reader that gives more than is allowed.
var ErrTooLarge = errors.New("content over the limit")

// Limited is r with ErrTooLarge after limit bytes; a negative limit is none.
func Limited(r io.Reader, limit int64) io.Reader {
	if limit < 0 {
		return r
	}
	return &limitReader{r, limit}
}

type limitReader struct {
	r    io.Reader
	left int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return n, ErrTooLarge
	}
	return n, err
}

// Open returns a reader of the whole content, which can seek.
func (b *Blob) Open() (io.ReadSeekCloser, error) {
	switch {
	case b.file != "":
		return os.Open(b.file)
	case b.synth || b.zero:
		return &synthReader{seed: b.seed, size: b.Size, zero: b.zero}, nil
	}
	return nopSeekCloser{bytes.NewReader(b.inline)}, nil
}

type nopSeekCloser struct{ io.ReadSeeker }

func (nopSeekCloser) Close() error { return nil }

// Stored is the checksum that was taken when the blob was stored, "" where there is none.
func (b *Blob) Stored() string {
	if b.synth {
		return ""
	}
	return b.sum
}

// SHA256 is the checksum of the blob in hexadecimal. That of a synthetic blob is made at
// the first call.
func (b *Blob) SHA256() string {
	if !b.synth {
		return b.sum
	}
	b.once.Do(func() {
		hash := sha256.New()
		r, _ := b.Open() // of a synthetic blob it cannot fail
		io.CopyBuffer(hash, r, make([]byte, 256<<10))
		b.sum = hex.EncodeToString(hash.Sum(nil))
	})
	return b.sum
}

// Remove deletes the file of a blob that has one. b may be nil.
func (b *Blob) Remove() {
	if b != nil && b.file != "" {
		os.Remove(b.file)
	}
}

// synthReader yields the bytes of a synthetic blob, or zeros.
type synthReader struct {
	seed uint64
	size int64
	pos  int64
	zero bool
}

func (r *synthReader) Read(p []byte) (int, error) {
	if r.pos >= r.size {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.size-r.pos)]
	if r.zero {
		clear(p)
	} else {
		fillSynth(p, r.seed, r.pos)
	}
	r.pos += int64(len(p))
	return len(p), nil
}

func (r *synthReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("comettest: seek before the start")
	}
	r.pos = offset
	return offset, nil
}

func (r *synthReader) Close() error { return nil }

// fillSynth writes the bytes at pos of the synthetic blob with seed.
func fillSynth(p []byte, seed uint64, pos int64) {
	const golden = 0x9E3779B97F4A7C15
	word := uint64(pos / 8)
	if skip := int(pos % 8); skip != 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], derive.Mix(seed+word*golden))
		n := copy(p, w[skip:])
		p = p[n:]
		word++
	}
	x := seed + word*golden
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, derive.Mix(x))
		x += golden
	}
	if len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], derive.Mix(x))
		copy(p, w[:])
	}
}

// Zip is a zip file with one entry.
func Zip(name string, content []byte) []byte {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	// Writing to memory cannot fail.
	if w, err := zw.Create(name); err == nil {
		w.Write(content)
	}
	zw.Close()
	return buf.Bytes()
}

// Bytes are the content of a blob of no more than that many bytes.
func (b *Blob) Bytes(most int64) ([]byte, error) {
	if b.Size > most {
		return nil, ErrTooLarge
	}
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
