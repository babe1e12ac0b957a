package importer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
)

// A tail reads an item while its spool still takes it, so that an upload goes
// on beside the stream and not after it. The last byte is held back until the
// item has been found to be what the stream says.
//
// Only one reader follows the item. An upload that breaks off is made again once
// all of it is there, and not asked for before: a source that is slow wears out
// the patience of servers, and each try begins at the start.
type tail struct {
	sp *spool

	mu    sync.Mutex
	news  sync.Cond // of what is below
	have  int64     // bytes that may be read
	begun bool      // some have been
	whole bool
	err   error // why the item will never be whole, or not be sent as announced
}

var (
	// errOtherSize says that an item has another size than was announced, with
	// which its upload had begun.
	errOtherSize = errors.New("its size is not the announced one")
	// errFollowedOnce says that an item is asked for again that is not whole.
	errFollowedOnce = errors.New("its upload broke off before the stream had all of it")
)

// follow returns the tail of a spool to which nothing has been written yet.
func (sp *spool) follow() *tail {
	t := &tail{sp: sp}
	t.news.L = &t.mu
	sp.tail = t
	return t
}

// grow tells that the spool has so many bytes.
func (t *tail) grow(size int64) { t.tell(func() { t.have = size - 1 }) }

// end tells that the item is whole. announced is the size that the upload has
// begun with.
func (t *tail) end(announced int64) {
	if t.sp.size != announced {
		t.fail(errOtherSize)
		return
	}
	t.tell(func() { t.have, t.whole = t.sp.size, true })
}

// fail tells that the rest does not come, or must not be sent. After the end
// of the item it does nothing.
func (t *tail) fail(err error) {
	t.tell(func() {
		if !t.whole && t.err == nil {
			t.err = err
		}
	})
}

func (t *tail) tell(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	t.news.Broadcast()
}

// wait waits for the end of the item, and returns why it has none.
func (t *tail) wait() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.whole && t.err == nil {
		t.news.Wait()
	}
	return t.err
}

// await waits until the first n bytes of the item may be read.
func (t *tail) await(ctx context.Context, n int64) error {
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

// open returns a reader of the item from its start: the first one that reads
// follows it, others have to come once it is whole.
func (t *tail) open() (io.ReadCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun && !t.whole {
		return nil, errFollowedOnce
	}
	return &tailReader{t: t}, nil
}

type tailReader struct {
	t      *tail
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
