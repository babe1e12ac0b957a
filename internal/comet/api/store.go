package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// ErrNoTag is an answer of storage that does not say what it has.
var ErrNoTag = errors.New("the response has no ETag")

// PutPart puts size bytes of content, from offset on, to a signed address of the
// server's storage, which fails and recovers by itself. It returns the tag that the
// storage gives them; [ErrStorage] says that they were refused.
func (c *Conn) PutPart(ctx context.Context, address *url.URL, content io.ReaderAt, offset, size int64) (tag string, err error) {
	cl := &Call{
		Method: http.MethodPut, storage: address, Want: WantBytes,
		Body: &Payload{size: size, open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.NewSectionReader(content, offset, size)), nil
		}},
		accept: func(resp *http.Response) error {
			if IsHTML(resp, nil) {
				return ErrNotJSON
			}
			if tag = resp.Header.Get("ETag"); tag == "" {
				return ErrNoTag
			}
			return nil
		},
	}
	e := c.storage.begin(ctx, cl)
	resp, err := c.doWith(ctx, cl, e)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.outage && ctx.Err() == nil && c.Server.answers(ctx) {
			// The server is well, it is its storage that is out of reach.
			e.outage = false
		}
		return "", err
	}
	e.completed()
	return tag, resp.Body.Close()
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
