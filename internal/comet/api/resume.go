package api

import (
	"errors"
	"hash/crc32"
	"io"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// resumed reads one answer to its end over as many requests as that takes.
// After a failure it goes on where it was, from there if the server can, else
// by reading the beginning again and comparing it with what it has passed on.
type resumed struct {
	// open begins at the offset, or before it when the server cannot.
	open func(offset int64) (rc io.ReadCloser, at int64, err error)
	// failed waits after a failure, or returns the final error.
	failed func(error) error
	// progress is called with how many new bytes have come, completed that they were
	// the last.
	progress  func(n int)
	completed func()

	rc  io.ReadCloser
	off int64
	sum uint32
	err error
}

// Read implements [io.Reader]. An error is final.
func (r *resumed) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.err == nil {
		if r.rc == nil {
			if r.err = r.reopen(); r.err != nil {
				break
			}
			if r.rc == nil {
				continue
			}
		}
		n, err := r.rc.Read(p)
		if n > 0 {
			r.off += int64(n)
			r.sum = crc32.Update(r.sum, castagnoli, p[:n])
			r.progress(n)
			// Whoever learns of the end with the last bytes needs no room to look
			// for more.
			if err == io.EOF {
				r.end()
			}
			return n, r.err
		}
		switch {
		case err == io.EOF:
			r.end()
		case err != nil:
			r.drop()
			r.err = r.failed(err)
		}
	}
	return 0, r.err
}

func (r *resumed) end() {
	r.err = io.EOF
	r.completed()
}

// reopen opens the answer again and gets to the offset. It leaves rc nil when
// that failed for a passing reason.
func (r *resumed) reopen() error {
	rc, at, err := r.open(r.off)
	if err != nil {
		return err
	}
	if at == r.off {
		r.rc = rc
		return nil
	}
	if at != 0 {
		rc.Close()
		return r.failed(ErrChanged)
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyN(sum, rc, r.off); err != nil {
		rc.Close()
		if err == io.EOF {
			err = ErrChanged
		}
		return r.failed(err)
	}
	if sum.Sum32() != r.sum {
		rc.Close()
		return r.failed(ErrChanged)
	}
	r.rc = rc
	return nil
}

func (r *resumed) drop() {
	if r.rc != nil {
		r.rc.Close()
		r.rc = nil
	}
}

// Close ends the reading and frees the connection.
func (r *resumed) Close() error {
	if r.err == nil {
		r.err = errClosed
	}
	r.drop()
	return nil
}

var errClosed = errors.New("comet: read after close")
