package api

import (
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// trace follows one try through the chain.
type trace struct {
	call      *Call
	asked     atomic.Bool // a connection was asked for
	connected atomic.Bool // and given: from then on bytes may have been sent

	failure atomic.Pointer[sourceError]
	mu      sync.Mutex
	sources []*source
	open    sync.WaitGroup // sources that are not closed, or still read
}

type traceKey struct{}

// context returns ctx with t in it.
func (t *trace) context(ctx context.Context, cl *Call) context.Context {
	t.call = cl
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	})
	ctx = transport.WithMarks(ctx, transport.Marks{
		Storage: cl.storage != nil, LibraryWrite: cl.Family == FamilyClient && cl.write(), Plain: cl.Plain,
	})
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

// unsent reports whether a request that ended with err has certainly not been
// sent. Transports that tell nothing are judged by the error.
func (t *trace) unsent(err error) bool {
	if t.connected.Load() {
		return false
	}
	return t.asked.Load() || unsentError(err)
}

// sourceError is a failure to read the body of an upload: it is the caller's,
// not the server's.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// sourceFailed notes that reading the request body failed.
func (t *trace) sourceFailed(err error) error {
	se := &sourceError{err}
	t.failure.Store(se)
	return se
}

// source passes a request body on, notes when it is the body that fails, and
// knows whether it is in use.
type source struct {
	rc    io.ReadCloser
	trace *trace

	mu      sync.Mutex
	reading bool
	closing bool
	closed  bool
}

func (t *trace) addSource(rc io.ReadCloser) *source {
	s := &source{rc: rc, trace: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sources = append(t.sources, s)
	t.open.Add(1)
	return s
}

// closeSources ends the use of all request bodies. After an early answer the
// transport may still be reading one, from memory that is the caller's.
func (t *trace) closeSources() {
	t.mu.Lock()
	sources := t.sources
	t.mu.Unlock()
	for _, s := range sources {
		// Whether what was sent is right shows in the answer.
		_ = s.Close()
	}
	t.open.Wait()
}

var errSourceClosed = errors.New("the request has ended")

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return 0, errSourceClosed
	}
	s.reading = true
	s.mu.Unlock()
	n, err := s.rc.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if s.closed {
		s.trace.open.Done()
	}
	if s.closing {
		return 0, errSourceClosed
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, s.trace.sourceFailed(err)
}

// Close closes the body, once.
func (s *source) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	s.mu.Unlock()
	err := s.rc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if !s.reading {
		s.trace.open.Done()
	}
	return err
}
