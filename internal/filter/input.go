package filter

import (
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/progress"
)

// openInput returns a reader that counts the bytes of r and gives up on it when
// ctx is done, also in the middle of a Read that nothing ends, as that of an idle
// pipe. After that r is left to its last Read, which keeps the buffer it was
// given.
func openInput(ctx context.Context, r io.Reader, counters *progress.Counters) io.Reader {
	return &input{ctx: ctx, r: r, counters: counters, done: make(chan readResult, 1)}
}

type input struct {
	ctx      context.Context // of this one run: the reader does not outlive it
	r        io.Reader
	counters *progress.Counters
	done     chan readResult
	err      error // sticks
}

type readResult struct {
	n   int
	err error
}

// Read reads from the reader it wraps, or returns the cause of the context.
func (i *input) Read(p []byte) (int, error) {
	if i.err == nil && i.ctx.Err() != nil {
		i.err = context.Cause(i.ctx)
	}
	if i.err != nil {
		return 0, i.err
	}
	got := i.read(p)
	i.counters.Bytes.Add(int64(got.n))
	i.err = got.err
	return got.n, got.err
}

func (i *input) read(p []byte) readResult {
	if i.ctx.Done() == nil {
		n, err := i.r.Read(p)
		return readResult{n, err}
	}
	go func() {
		n, err := i.r.Read(p)
		i.done <- readResult{n, err}
	}()
	select {
	case got := <-i.done:
		return got
	case <-i.ctx.Done():
		return readResult{0, context.Cause(i.ctx)}
	}
}

// Spool copies r to w, until r ends or ctx is done.
func Spool(ctx context.Context, w io.Writer, r io.Reader) error {
	_, err := io.Copy(w, openInput(ctx, r, new(progress.Counters)))
	return err
}
