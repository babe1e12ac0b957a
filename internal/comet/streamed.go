package comet

import (
	"context"
	"io"
)

// yieldError marks an error of the caller's own function.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

// streamed makes a call whose answer decode takes as it comes. A decode that
// has handed something to the caller sets taken; after a failure it begins
// again, and restart is called first.
func (c *conn) streamed(ctx context.Context, cl *call, restart func(), decode func(s *scanner, taken *bool) error) error {
	const size = 128 << 10
	cl.want, cl.room = wantStream, c.newRoom(ctx, maxElement, size)
	defer cl.room.done()
	e := c.retry.begin(cl)
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
		s := newScanner(&alive{r: resp.Body, beat: c.retry.success}, size)
		s.room = cl.room
		err = decode(s, &taken)
		resp.Body.Close()
		if err == nil {
			e.completed()
			return nil
		}
		if ye, ok := err.(*yieldError); ok {
			return ye.err
		}
		if re, ok := err.(*reserveError); ok {
			return re.err
		}
		if taken && restart == nil {
			return &Error{Method: cl.method, Path: c.shownPath(cl), Err: c.cause(cl, err, false), gaveUp: true}
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
