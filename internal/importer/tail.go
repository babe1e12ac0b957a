package importer

import (
	"errors"
	"io"
	"io/fs"
	"sync"
)

// A tail reads an item while its spool still takes it, so that an upload goes
// on beside the stream and not after it. The last byte is held back until the
// item has been found to be what the stream says.
//
// Only the first upload follows the item. One that breaks off is tried again
// once all of it is there: a source that is slow wears out the patience of
// servers, and each try begins at the start.
type tail struct {
	sp *spool

	mu    sync.Mutex
	news  sync.Cond // of what is below
	have  int64     // bytes that may be read
	begun bool      // some have been
	whole bool
	err   error // why the item will never be whole, or not be sent as announced
}

// errOtherSize says that an item has another size than was announced, with
// which its upload had begun.
var errOtherSize = errors.New("its size is not the announced one")

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

// open returns a reader of the item from its start.
func (t *tail) open() (io.ReadCloser, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &tailReader{t: t, patient: t.begun}, nil
}

type tailReader struct {
	t       *tail
	off     int64
	patient bool // it waits for the whole of the item
	closed  bool // guarded by the tail's mu
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
	for !r.closed && t.err == nil && !t.whole && (r.patient || r.off >= t.have) {
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
