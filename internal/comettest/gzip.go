package comettest

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

var gzipPool = sync.Pool{New: func() any {
	zw, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return zw
}}

func getGzip(w io.Writer) *gzip.Writer {
	zw := gzipPool.Get().(*gzip.Writer)
	zw.Reset(w)
	return zw
}

// putGzip ends the stream of zw and keeps zw for later.
func putGzip(zw *gzip.Writer) {
	zw.Close()
	gzipPool.Put(zw)
}
