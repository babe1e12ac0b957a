package api

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

var gzipPool = sync.Pool{New: func() any {
	zw, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return zw
}}

// GetGzip returns a writer that packs what it writes to w, until PutGzip.
func GetGzip(w io.Writer) *gzip.Writer {
	zw := gzipPool.Get().(*gzip.Writer)
	zw.Reset(w)
	return zw
}

// PutGzip ends the stream of zw and keeps zw for later.
func PutGzip(zw *gzip.Writer) {
	zw.Close()
	gzipPool.Put(zw)
}

// unpacker is what the reading of a body takes. It is kept for later calls,
// since its buffers are large.
type unpacker struct {
	zr  gzip.Reader
	buf bytes.Buffer
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// mostKept is how large a buffer may be to be kept.
const mostKept = 1 << 20

// keep keeps u for later, and with it what has been read.
func (u *unpacker) keep() {
	if u.buf.Cap() > mostKept {
		return
	}
	u.buf.Reset()
	unpackers.Put(u)
}
