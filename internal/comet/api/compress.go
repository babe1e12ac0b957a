package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Compressed has send make a call with a compressed body, of JSON text given in
// pieces, which are strings and byte slices. A server, or a proxy before it,
// that does not take the first such body gets this and all others as they are.
func (c *Conn) Compressed(ctx context.Context, cl Call, send func(context.Context, *Call) error, pieces ...any) error {
	has, known := c.Server.Known(TakesGzip)
	if has || !known {
		small := cl
		var err error
		if small.Body, err = gzipBody(pieces...); err != nil {
			return err
		}
		err = send(ctx, &small)
		if err == nil {
			c.Server.Learn(TakesGzip, true)
		}
		if known || !mayRefuseEncoding(err) {
			return err
		}
		if e, ok := errors.AsType[*Error](err); ok && e.uncertain && !e.gaveUp {
			e.lacks = TakesGzip
			return err
		}
	}
	cl.Body = JSONBody(concat(pieces))
	err := send(ctx, &cl)
	if err == nil && !known {
		c.Server.Learn(TakesGzip, false)
	}
	return err
}

// mayRefuseEncoding reports whether a request was refused, perhaps because its
// body was compressed.
func mayRefuseEncoding(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusUnsupportedMediaType ||
		e.Status == http.StatusBadRequest && e.SDKCode == 0 && e.class() == nil)
}

func length(pieces []any) (n int) {
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			n += len(p)
		case []byte:
			n += len(p)
		}
	}
	return n
}

func concat(pieces []any) []byte {
	var buf bytes.Buffer
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			buf.WriteString(p)
		case []byte:
			buf.Write(p)
		}
	}
	return buf.Bytes()
}

// compressors are kept: each holds a large table.
var compressors = sync.Pool{New: func() any {
	zw, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic("comet: " + err.Error())
	}
	return zw
}}

// packing is about how many bytes of JSON become one.
const packing = 8

// gzipBody returns a compressed body of JSON text given in pieces, which are
// strings and byte slices.
func gzipBody(pieces ...any) (*payload, error) {
	var buf bytes.Buffer
	buf.Grow(512 + length(pieces)/packing)
	zw := compressors.Get().(*gzip.Writer)
	defer compressors.Put(zw)
	zw.Reset(&buf)
	var err error
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			_, err = zw.Write([]byte(p))
		case []byte:
			_, err = zw.Write(p)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	b := JSONBody(buf.Bytes())
	b.encoding = "gzip"
	return b, nil
}
