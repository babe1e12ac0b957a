package comet

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// store makes a call of the server's storage, which fails and recovers by itself.
func (c *conn) store(ctx context.Context, cl *call) error {
	e := c.storage.begin(cl)
	resp, err := c.doWith(ctx, cl, e)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.outage && ctx.Err() == nil && c.probe(ctx) {
			// The server is well, it is its storage that is out of reach.
			e.outage = false
		}
		return err
	}
	e.completed()
	return resp.Body.Close()
}

// storageAnswer is how long storage may take to answer when it has all of a part,
// which is all that it has to do.
const storageAnswer = time.Minute

// storageCode returns the name of a failure in the answer of storage. The rest
// of it may quote the request with its signature.
func storageCode(data []byte) string {
	_, rest, _ := bytes.Cut(data, []byte("<Code>"))
	code, _, ok := bytes.Cut(rest, []byte("</Code>"))
	letter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
	if !ok || len(code) > 40 || bytes.ContainsFunc(code, func(r rune) bool { return !letter(r) }) {
		return ""
	}
	return string(code)
}
