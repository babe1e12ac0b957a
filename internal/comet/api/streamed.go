package api

import (
	"context"
	"errors"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// YieldError marks an error of the caller's own function.
type YieldError struct{ Err error }

func (e *YieldError) Error() string { return e.Err.Error() }

// Streamed makes a call whose answer decode takes as it comes. A decode that
// has handed something to the caller sets taken; after a failure it begins
// again, and restart is called first.
func (c *Conn) Streamed(ctx context.Context, cl *Call, restart func(), decode func(s *scan.Scanner, taken *bool) error) error {
	const size = 128 << 10
	cl.Want, cl.room = wantStream, scan.NewRoom(ctx, c.largeTurn, scan.MaxElement, size)
	defer cl.room.Done()
	e := c.retry.begin(ctx, cl)
	taken := false
	for {
		resp, err := c.doWith(ctx, cl, e)
		if err != nil {
			return err
		}
		if taken {
			restart()
			taken = false
		}
		err = decode(scan.New(&alive{r: resp.Body, beat: c.retry.success}, size, cl.room), &taken)
		resp.Body.Close()
		if err == nil {
			e.completed()
			return nil
		}
		if errors.Is(err, transport.ErrSlow) {
			continue
		}
		if ye, ok := err.(*YieldError); ok {
			return ye.Err
		}
		if re, ok := err.(*scan.ReserveError); ok {
			return re.Err
		}
		if taken && restart == nil {
			return &Error{Method: cl.Method, Path: c.judge.shownPath(cl), Err: c.judge.cause(cl, err, false), gaveUp: true}
		}
		if err := c.streamFailed(ctx, e, cl, err); err != nil {
			return err
		}
	}
}

// alive reports that bytes come, enough of them.
type alive struct {
	r    io.Reader
	n    int
	beat func()
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	if a.n += n; a.n >= enoughProgress {
		a.n = 0
		a.beat()
	}
	return n, err
}
