package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
)

// A Pipe takes an asset from the stream to the destination without keeping it,
// because there is no room for it. The asset can be sent only once.
type Pipe struct {
	r    *io.PipeReader
	w    *io.PipeWriter
	sum  hash.Hash
	size int64
	last []byte // held back until the hash is known to be right

	mu    sync.Mutex
	begun bool // some of it has been sent
}

// newPipe returns a pipe for the bytes of one asset.
func newPipe() *Pipe {
	p := &Pipe{sum: sha256.New()}
	p.r, p.w = io.Pipe()
	return p
}

// Write passes a piece on. It waits until the one before has been sent. The rest
// of an upload that has ended is dropped.
func (p *Pipe) Write(data []byte) {
	p.sum.Write(data)
	p.size += int64(len(data))
	p.sendLast()
	p.last = data
}

func (p *Pipe) sendLast() {
	if len(p.last) > 0 {
		// The reader reports what went wrong.
		_, _ = p.w.Write(p.last)
	}
}

// End passes the last piece on if the asset is what the stream says that it is;
// else the upload is broken off before its end.
func (p *Pipe) End(size int64, sum string) {
	if p.size != size || hex.EncodeToString(p.sum.Sum(nil)) != sum {
		p.fail(&flow.InputError{Err: ErrBadHash})
		return
	}
	p.sendLast()
	_ = p.w.Close()
}

func (p *Pipe) fail(err error) { _ = p.w.CloseWithError(err) }

// errSentOnce says that a passed asset is asked for again.
var errSentOnce = errors.New("it cannot be retried")

// Open returns the bytes, for as long as none of them have been taken.
func (p *Pipe) Open() (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun {
		return nil, errSentOnce
	}
	return pipeReader{p}, nil
}

type pipeReader struct{ p *Pipe }

func (r pipeReader) Read(b []byte) (int, error) {
	n, err := r.p.r.Read(b)
	if n > 0 {
		r.p.mu.Lock()
		r.p.begun = true
		r.p.mu.Unlock()
	}
	return n, err
}

// Close leaves the rest for another try if nothing has been taken.
func (r pipeReader) Close() error { return nil }

// BrokenOff says that an upload broke off that cannot be repeated.
type BrokenOff struct{ err error }

func (e *BrokenOff) Error() string {
	return fmt.Sprintf("the upload failed, and without temporary space it cannot be retried (raise --temp-max): %v", e.err)
}

func (e *BrokenOff) Unwrap() error { return e.err }

// ExitCode returns 5.
func (e *BrokenOff) ExitCode() int { return 5 }

// always is a head that all others wait for.
var always = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// brokenOff says what an error means for an asset that can be sent only once.
func brokenOff(ctx context.Context, err error) error {
	_, input := errors.AsType[*flow.InputError](err)
	switch {
	case errors.Is(err, comet.ErrImmutable):
		return answer.Limitf("its id or name is taken at the destination; a larger --temp-max lets it be compared, and written under another id")
	case answer.Refused(err) || input || errors.Is(err, flow.ErrDropped) || ctx.Err() != nil:
		return err
	}
	return &BrokenOff{err}
}
