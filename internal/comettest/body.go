package comettest

import (
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
)

// smallBody is the size up to which a body stays in memory.
const smallBody = 4 << 10

// bodyDir keeps the bodies of assets, small ones in memory and others in
// files of one directory.
type bodyDir struct {
	dir     string
	remove  bool // the directory is ours
	discard bool
	next    atomic.Int64
}

func newBodyDir(o Options) (*bodyDir, error) {
	d := &bodyDir{dir: o.Dir, discard: o.DiscardBodies}
	if d.dir != "" {
		return d, os.MkdirAll(d.dir, 0o777)
	}
	var err error
	d.dir, err = os.MkdirTemp("", "comettest-")
	d.remove = true
	return d, err
}

func (d *bodyDir) close() error {
	if !d.remove {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// body is the content of an asset.
type body struct {
	size   int64
	inline []byte
	file   string
	synth  bool   // made from seed when read
	zero   bool   // discarded: zeros stand for it
	seed   uint64 // synth only

	once sync.Once
	sum  string // hex SHA-256; of a synthetic body by once
}

func bytesBody(b []byte) *body {
	sum := sha256.Sum256(b)
	return &body{size: int64(len(b)), inline: bytes.Clone(b), sum: hex.EncodeToString(sum[:])}
}

func synthBody(seed uint64, size int64) *body {
	return &body{size: size, synth: true, seed: seed}
}

// read stores what r holds, up to limit bytes if limit is not negative. What
// was written is removed again on error.
func (d *bodyDir) read(r io.Reader, limit int64) (*body, error) {
	hash := sha256.New()
	src := io.TeeReader(limited(r, limit), hash)
	small := make([]byte, smallBody+1)
	n, err := io.ReadFull(src, small)
	b := &body{size: int64(n)}
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
		b.size, b.zero = b.size+m, true
	default:
		if err := d.spill(b, small[:n], src); err != nil {
			return nil, err
		}
	}
	b.sum = hex.EncodeToString(hash.Sum(nil))
	return b, nil
}

func (d *bodyDir) spill(b *body, head []byte, rest io.Reader) (err error) {
	b.file = filepath.Join(d.dir, fmt.Sprintf("body-%d", d.next.Add(1)))
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
	b.size += m
	return err
}

var errTooLarge = errors.New("body over the limit")

// limited is r with errTooLarge after limit bytes.
func limited(r io.Reader, limit int64) io.Reader {
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
		return n, errTooLarge
	}
	return n, err
}

// open returns a reader of the whole body, which can seek.
func (b *body) open() (io.ReadSeekCloser, error) {
	switch {
	case b.file != "":
		return os.Open(b.file)
	case b.synth || b.zero:
		return &synthReader{seed: b.seed, size: b.size, zero: b.zero}, nil
	}
	return nopSeekCloser{bytes.NewReader(b.inline)}, nil
}

type nopSeekCloser struct{ io.ReadSeeker }

func (nopSeekCloser) Close() error { return nil }

// sha256 is the checksum of the body in hexadecimal. That of a synthetic body
// is made at the first call.
func (b *body) sha256() string {
	if !b.synth {
		return b.sum
	}
	b.once.Do(func() {
		hash := sha256.New()
		r, _ := b.open() // of a synthetic body it cannot fail
		io.CopyBuffer(hash, r, make([]byte, 256<<10))
		b.sum = hex.EncodeToString(hash.Sum(nil))
	})
	return b.sum
}

func (b *body) remove() {
	if b != nil && b.file != "" {
		os.Remove(b.file)
	}
}

// synthReader yields bytes that depend on seed and position alone and do not
// compress.
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

// fillSynth writes the bytes at pos of the synthetic body with seed.
func fillSynth(p []byte, seed uint64, pos int64) {
	const golden = 0x9E3779B97F4A7C15
	word := uint64(pos / 8)
	if skip := int(pos % 8); skip != 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], mix(seed+word*golden))
		n := copy(p, w[skip:])
		p = p[n:]
		word++
	}
	x := seed + word*golden
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, mix(x))
		x += golden
	}
	if len(p) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], mix(x))
		copy(p, w[:])
	}
}
