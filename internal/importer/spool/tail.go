package spool

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
)

// A Tail reads an item while its spool still takes it, so that an upload goes on
// while the stream is read and not after it. The last byte is held back until the
// item has been found to be what the stream says.
//
// Only one reader follows the item. An upload that breaks off is made again once
// all of it is there, and not asked for before: a source that is slow wears out
// the patience of servers, and each try begins at the start.
type Tail struct {
	sp *Spool

	mu    sync.Mutex
	news  sync.Cond // of what is below
	have  int64     // bytes that may be read
	begun bool      // some have been
	whole bool
	err   error // why the item will never be whole, or not be sent as announced
}

var (
	// ErrOtherSize says that an item has another size than was announced, with
	// which its upload had begun.
	ErrOtherSize = errors.New("its size differs from the announced size")
	// ErrFollowedOnce says that an item is asked for again that is not whole.
	ErrFollowedOnce = errors.New("its upload failed before the stream had delivered all of it")
)

// Follow returns the tail of a spool to which nothing has been written yet.
func (sp *Spool) Follow() *Tail {
	t := &Tail{sp: sp}
	t.news.L = &t.mu
	sp.Tail = t
	return t
}

// Grow tells that the spool has so many bytes.
func (t *Tail) Grow(size int64) { t.tell(func() { t.have = size - 1 }) }

// End tells that the item is whole. announced is the size that the upload has
// begun with.
func (t *Tail) End(announced int64) {
	if t.sp.Size != announced {
		t.Fail(ErrOtherSize)
		return
	}
	t.tell(func() { t.have, t.whole = t.sp.Size, true })
}

// Fail tells that the rest does not come, or must not be sent. After the end
// of the item it does nothing.
func (t *Tail) Fail(err error) {
	t.tell(func() {
		if !t.whole && t.err == nil {
			t.err = err
		}
	})
}

func (t *Tail) tell(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	t.news.Broadcast()
}

// Wait waits for the end of the item, and returns why it has none.
func (t *Tail) Wait() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.whole && t.err == nil {
		t.news.Wait()
	}
	return t.err
}

// Await waits until the first n bytes of the item may be read.
func (t *Tail) Await(ctx context.Context, n int64) error {
	defer context.AfterFunc(ctx, func() { t.tell(func() {}) })()
	t.mu.Lock()
	defer t.mu.Unlock()
	for ctx.Err() == nil && t.err == nil && t.have < n {
		t.news.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return t.err
}

// Open returns a reader of the item from its start: the first one that reads
// follows it, others have to come once it is whole.
func (t *Tail) Open() (io.ReadCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun && !t.whole {
		return nil, ErrFollowedOnce
	}
	return &tailReader{t: t}, nil
}

type tailReader struct {
	t      *Tail
	off    int64
	closed bool // guarded by the tail's mu
}

// Read waits for bytes that have not come yet.
func (r *tailReader) Read(p []byte) (int, error) {
	have, err := r.await()
	switch {
	case err != nil:
		return 0, err
	case r.off >= have:
		return 0, io.EOF
	}
	n, err := r.t.sp.ReadAt(p[:min(int64(len(p)), have-r.off)], r.off)
	r.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// await waits until there is something to read, and returns up to where.
func (r *tailReader) await() (int64, error) {
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for !r.closed && t.err == nil && !t.whole && r.off >= t.have {
		t.news.Wait()
	}
	switch {
	case r.closed:
		return 0, fs.ErrClosed
	case t.err != nil:
		return 0, t.err
	}
	t.begun = true
	return t.have, nil
}

// Close ends a Read that waits.
func (r *tailReader) Close() error {
	r.t.tell(func() { r.closed = true })
	return nil
}
