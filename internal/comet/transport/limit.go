package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// limiter bounds the requests in flight.
type limiter struct {
	mu      sync.Mutex
	limit   int
	used    int
	waiting []chan struct{}
}

type headKey struct{}

// WithHead returns a context for requests that others wait for. Once head is
// closed, requests made with the context no longer wait for the limit on
// requests in flight, also those that wait already.
func WithHead(ctx context.Context, head <-chan struct{}) context.Context {
	return context.WithValue(ctx, headKey{}, head)
}

// HeadOf returns what ends the waiting of the requests of a context, nil if nothing
// does.
func HeadOf(ctx context.Context) <-chan struct{} {
	head, _ := ctx.Value(headKey{}).(<-chan struct{})
	return head
}

// acquire waits for a slot.
func (l *limiter) acquire(ctx context.Context) error {
	head := HeadOf(ctx)
	l.mu.Lock()
	if len(l.waiting) == 0 && l.free() || isClosed(head) {
		l.used++
		l.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	l.waiting = append(l.waiting, ready)
	l.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-head:
		if l.leave(ready) {
			l.mu.Lock()
			l.used++
			l.mu.Unlock()
		}
		return nil
	case <-ctx.Done():
		if !l.leave(ready) {
			l.release()
		}
		return context.Cause(ctx)
	}
}

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// free reports whether a slot is free. One always is when none is used.
func (l *limiter) free() bool { return l.used == 0 || l.used < l.limit }

// leave takes a waiting one out of the queue; false if it has its slot.
func (l *limiter) leave(ready chan struct{}) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == ready {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used--
	l.grant()
}

func (l *limiter) grant() {
	for len(l.waiting) > 0 && l.free() {
		l.used++
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// slots lets a request pass when the limiter has a slot, and holds it until
// the answer's body is closed or read to its end.
type slots struct {
	next  http.RoundTripper
	limit *limiter
	stats *Counters
}

func (s *slots) RoundTrip(req *http.Request) (*http.Response, error) {
	s.stats.Waiting.Add(1)
	err := s.limit.acquire(req.Context())
	s.stats.Waiting.Add(-1)
	if err != nil {
		return nil, closeBody(req, err)
	}
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		s.limit.release()
		return nil, err
	}
	resp.Body = &slotBody{ReadCloser: resp.Body, release: sync.OnceFunc(s.limit.release)}
	return resp, nil
}

type slotBody struct {
	io.ReadCloser
	release func()
}

func (b *slotBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *slotBody) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
