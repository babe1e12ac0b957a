package transport

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// limiter bounds the requests in flight. It goes down by half when the server
// throttles and grows back by one with each full round of successes.
type limiter struct {
	mu      sync.Mutex
	most    float64
	now     float64
	used    int
	waiting []chan struct{}
	cut     time.Time
}

func newLimiter(most int) *limiter {
	return &limiter{most: float64(most), now: float64(most)}
}

type headKey struct{}

// WithHead returns a context for requests that others wait for. Once head is
// closed, requests made with the context no longer wait for the limit on
// requests in flight, also those that wait already.
func WithHead(ctx context.Context, head <-chan struct{}) context.Context {
	return context.WithValue(ctx, headKey{}, head)
}

// acquire waits for a slot.
func (l *limiter) acquire(ctx context.Context) error {
	head, _ := ctx.Value(headKey{}).(<-chan struct{})
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
func (l *limiter) free() bool { return l.used == 0 || float64(l.used+1) <= l.now }

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

// throttled halves the limit, once for all requests that were under way when
// it was last halved.
func (l *limiter) throttled(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if began.Before(l.cut) {
		return
	}
	l.cut = time.Now()
	l.now = max(1, l.now/2)
}

func (l *limiter) succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = min(l.most, l.now+1/l.now)
	l.grant()
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
	began := time.Now()
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		s.limit.release()
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		s.limit.throttled(began)
	case resp.StatusCode < 400:
		s.limit.succeeded()
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
