package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// Text is one long text of an experiment, or the file of a panel, read as a
// stream. It must be closed. Reading goes on over broken connections; an error is final.
type Text struct {
	// Null is true when the server has no such text, which is not the same
	// as an empty one. Reading then gives the end at once.
	Null bool
	// Beside names what came with the text and is not in it: the other files of
	// the zip file of a patch. It is known once the text has been read to its end.
	Beside []string

	r io.ReadCloser
}

// Read implements [io.Reader].
func (t *Text) Read(p []byte) (int, error) {
	if t.r == nil {
		return 0, io.EOF
	}
	return t.r.Read(p)
}

// Close frees the connection.
func (t *Text) Close() error {
	if t.r == nil {
		return nil
	}
	return t.r.Close()
}

// Text reads the string that is wanted of a JSON document as a stream.
func (c *Conn) Text(ctx context.Context, rd Read, query url.Values) (*Text, error) {
	cl := rd.Call(query)
	cl.Want = wantStream
	return c.OpenText(ctx, cl, func(resp *http.Response) (io.Reader, error) {
		text, err := scan.ReadText(resp.Body, 64<<10, cl.Wants)
		if err == wire.ErrSyntax {
			return nil, ErrNotJSON
		}
		return text, err
	})
}

// OpenText makes a call that answers with a text. find returns the text in an
// answer, nil where it says that there is none; what it refuses is a failed try.
func (c *Conn) OpenText(ctx context.Context, cl *Call, find func(*http.Response) (io.Reader, error)) (*Text, error) {
	e := c.retry.begin(ctx, cl)
	r := &resumed{
		failed: func(err error) error {
			if errors.Is(err, unpack.ErrRatio) && cl.header == nil {
				// A text may be of zeros. As it is, it costs a server its own bytes.
				cl.header = http.Header{"Accept-Encoding": {"identity"}}
				return nil
			}
			return c.streamFailed(ctx, e, cl, err)
		},
		progress:  e.progress,
		completed: e.completed,
	}
	var text io.Reader
	cl.accept = func(resp *http.Response) (err error) {
		text, err = find(resp)
		if err == nil && text == nil && r.off > 0 {
			err = ErrChanged
		}
		return err
	}
	r.open = func(int64) (io.ReadCloser, int64, error) {
		resp, err := c.doWith(ctx, cl, e)
		if err != nil {
			return nil, 0, err
		}
		return &joined{text, resp.Body}, 0, nil
	}
	// The first request is made now, so that a missing text shows here.
	rc, _, err := r.open(0)
	if err != nil {
		return nil, err
	}
	if text == nil {
		e.completed()
		return &Text{Null: true}, rc.Close()
	}
	r.rc = rc
	return &Text{r: r}, nil
}

// streamFailed handles a failure in the middle of an answer that is read as a
// stream: it waits until the next try, or returns the final error.
func (c *Conn) streamFailed(ctx context.Context, e *callHistory, cl *Call, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, wire.ErrSyntax) {
		err = ErrNotJSON
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		err = c.judge.badAnswer(cl, err, false)
	}
	return e.failed(ctx, err)
}
