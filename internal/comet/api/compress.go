package api

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Compressed has send make a call with a compressed body, of JSON text given in
// pieces. A server, or a proxy before it,
// that does not take the first such body gets this and all others as they are.
func (c *Conn) Compressed(ctx context.Context, cl Call, send func(context.Context, *Call) error, pieces ...[]byte) error {
	has, known := c.Server.Known(TakesGzip)
	if has {
		return c.packed(ctx, cl, send, pieces)
	}
	if !known {
		small := cl
		var err error
		if small.Body, err = packBody(levelFast, pieces); err != nil {
			return err
		}
		err = send(ctx, &small)
		if err == nil {
			c.Server.Learn(TakesGzip, true)
		}
		if !mayRefuseEncoding(err) {
			return err
		}
		if e, ok := errors.AsType[*Error](err); ok && e.uncertain && !e.gaveUp {
			e.lacks = TakesGzip
			return err
		}
	}
	var err error
	if cl.Body, err = packBody(levelPlain, pieces); err != nil {
		return err
	}
	err = send(ctx, &cl)
	if err == nil && !known {
		c.Server.Learn(TakesGzip, false)
	}
	return err
}

// packed is Compressed for a server that takes gzip.
func (c *Conn) packed(ctx context.Context, cl Call, send func(context.Context, *Call) error, pieces [][]byte) (err error) {
	level := levelFast
	if n := length(pieces); minTrialBody <= n && n <= mostPlain {
		level = c.packing.choose()
		began := time.Now()
		defer func() { c.packing.took(level, n, time.Since(began)) }()
	}
	if cl.Body, err = packBody(level, pieces); err != nil {
		return err
	}
	return send(ctx, &cl)
}

// mayRefuseEncoding reports whether a request was refused, perhaps because its
// body was compressed.
func mayRefuseEncoding(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusUnsupportedMediaType ||
		e.Status == http.StatusBadRequest && e.SDKCode == 0 && e.class() == nil)
}

func length(pieces [][]byte) (n int) {
	for _, p := range pieces {
		n += len(p)
	}
	return n
}
