package exporter

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// capped is a network of one server that has one asset, of zeros.
type capped struct {
	size       int64
	listed     int64 // the size that the list has, if it is another
	ranges     bool
	only       int64   // so many answers honour ranges, if not 0
	connection float64 // bytes a second of one connection
	wire       float64 // of all of them together
	latency    time.Duration
	requests   atomic.Int64

	mu   sync.Mutex
	free time.Time // when the wire is free again
}

func (c *capped) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "get-asset") {
		return nil, fmt.Errorf("no answer to %s", req.URL.Path)
	}
	n := c.requests.Add(1)
	time.Sleep(c.latency)
	honours := c.ranges && (c.only == 0 || n <= c.only)
	from, to := int64(0), c.size
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req}
	if r := req.Header.Get("Range"); honours && r != "" {
		var last int64
		if n, _ := fmt.Sscanf(r, "bytes=%d-%d", &from, &last); n == 2 {
			to = min(last+1, c.size)
		}
		if from >= c.size {
			resp.StatusCode, resp.Body = http.StatusRequestedRangeNotSatisfiable, http.NoBody
			return resp, nil
		}
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, c.size))
	}
	resp.ContentLength = to - from
	resp.Body = io.NopCloser(&cappedBody{c: c, left: to - from})
	return resp, nil
}

type cappedBody struct {
	c    *capped
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), 64<<10, int(b.left))
	b.left -= int64(n)
	time.Sleep(time.Duration(float64(n) / b.c.connection * float64(time.Second)))
	if b.c.wire > 0 {
		b.c.mu.Lock()
		now := time.Now()
		if b.c.free.Before(now) {
			b.c.free = now
		}
		b.c.free = b.c.free.Add(time.Duration(float64(n) / b.c.wire * float64(time.Second)))
		wait := b.c.free.Sub(now)
		b.c.mu.Unlock()
		time.Sleep(wait)
	}
	clear(p[:n])
	return n, nil
}

// cappedQueue returns a queue, and a function that makes bodies of a network.
func cappedQueue(t *testing.T, c *capped) (*queue, func(at position) *bodySlot) {
	t.Helper()
	client, err := comet.New(comet.Options{URL: "http://comet.test/clientlib/", APIKey: "k", Transport: c})
	if err != nil {
		t.Fatal(err)
	}
	x := New(Options{Client: client})
	q := fakeQueue(t, 16, softBudget, hardBudget)
	size := cmp.Or(c.listed, c.size)
	return q, func(at position) *bodySlot {
		return x.newBodySlot(q, at, &item{id: "a", key: "k", size: &size})
	}
}

// readWholeBody reads a body to its end.
func readWholeBody(t *testing.T, q *queue, b *bodySlot, size int64) {
	t.Helper()
	defer b.leave(q)
	var n int64
	for {
		p, err := b.next(t.Context(), q)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%pieceSize != 0 {
			t.Fatalf("a piece of %d bytes in the middle", n%pieceSize)
		}
		n += int64(len(p))
		b.recycle(q, p)
	}
	if n != size {
		t.Errorf("%d bytes, want %d", n, size)
	}
}

// nothingLeft fails the test if a queue that has been read still holds anything.
func nothingLeft(t *testing.T, q *queue) {
	t.Helper()
	synctest.Wait()
	if q.used != 0 || q.promised != 0 || q.running != 0 {
		t.Errorf("%d bytes held, %d promised, %d running", q.used, q.promised, q.running)
	}
}

// readCapped reads bodies one after the other, each begun when the one before
// has ended, and returns how long that took.
func readCapped(t *testing.T, c *capped, bodies int) time.Duration {
	t.Helper()
	q, body := cappedQueue(t, c)
	defer q.close()
	began := time.Now()
	for i := range bodies {
		b := body(position{unit: i})
		q.pushAll(b.slot)
		readWholeBody(t, q, b, c.size)
	}
	nothingLeft(t, q)
	return time.Since(began)
}

// readCappedRow reads the bodies of one experiment, which are fetched ahead.
func readCappedRow(t *testing.T, c *capped, bodies int) time.Duration {
	t.Helper()
	q, body := cappedQueue(t, c)
	defer q.close()
	row := sequence[*bodySlot]{n: bodies, make: func(i int) *bodySlot { return body(position{file: i + 1}) }}
	began := time.Now()
	q.mu.Lock()
	row.begin(q)
	q.pump()
	q.mu.Unlock()
	for range bodies {
		readWholeBody(t, q, row.take(q), c.size)
	}
	nothingLeft(t, q)
	return time.Since(began)
}

// Several connections are used where one is the limit, and only there.
func TestRanges(t *testing.T) {
	const size = 80<<20 + 12345
	for _, test := range []struct {
		name            string
		network         *capped
		atMost          time.Duration
		requests, least int64
	}{
		{"connection is the limit", &capped{size: size, ranges: true, connection: 20e6, wire: 400e6}, 1500 * time.Millisecond, 30, 15},
		{"wire is the limit", &capped{size: size, ranges: true, connection: 1e9, wire: 20e6}, 5 * time.Second, 25, 0},
		{"no ranges", &capped{size: size, connection: 20e6}, 5 * time.Second, 2, 0},
		{"small", &capped{size: 1 << 20, ranges: true, connection: 1e6}, 2 * time.Second, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took := readCapped(t, test.network, 1)
				n := test.network.requests.Load()
				if took > test.atMost || n > test.requests || n < test.least {
					t.Errorf("took %v, %d requests; want at most %v, %d", took, n, test.atMost, test.requests)
				}
			})
		})
	}
}

// Once parts have been seen to help, the next body begins with them; once they
// have not, the next one is not tried.
func TestRangesLearned(t *testing.T) {
	const size = 64 << 20
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: size, ranges: true, connection: 20e6, wire: 400e6}
		if took := readCapped(t, c, 2); took > 2*time.Second {
			t.Errorf("two bodies took %v", took)
		}
		// Answers that take longer than a measurement.
		c = &capped{size: size, ranges: true, connection: 20e6, wire: 400e6, latency: 2 * measureTime}
		if took := readCapped(t, c, 3); took > 5*time.Second {
			t.Errorf("three bodies from far away took %v", took)
		}
		c = &capped{size: size, ranges: true, connection: 1e9, wire: 40e6}
		readCapped(t, c, 1)
		once := c.requests.Load()
		c.requests.Store(0)
		readCapped(t, c, 3)
		if n := c.requests.Load(); n != once+2 {
			t.Errorf("%d requests for three bodies, %d for one", n, once)
		}
	})
}

// Bodies that were begun whole, ahead of the reader, are cut into parts as well
// once parts have been seen to help, and what is far ahead does not take the
// room of parts that come before.
func TestRangesAhead(t *testing.T) {
	for _, test := range []struct {
		bodies int
		size   int64
	}{{10, 256e6}, {40, 64e6}} {
		synctest.Test(t, func(t *testing.T) {
			c := &capped{size: test.size, ranges: true, connection: 25e6}
			took := readCappedRow(t, c, test.bodies)
			share := float64(test.bodies) * float64(test.size) / took.Seconds() / (16 * 25e6)
			t.Logf("%d bodies: %.1f %% of 16 connections, %d requests", test.bodies, 100*share, c.requests.Load())
			if share < 0.95 {
				t.Errorf("%d bodies took %v, %.1f %% of what 16 connections can do", test.bodies, took, 100*share)
			}
		})
	}
}

// The first large body is alone for as long as its speed is measured, but others
// do not wait for a reader that is far from it.
func TestRangesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: 64 << 20, ranges: true, connection: 1e6}
		q, body := cappedQueue(t, c)
		defer q.close()
		row := sequence[*bodySlot]{n: 3, make: func(i int) *bodySlot { return body(position{file: i + 1}) }}
		q.mu.Lock()
		row.begin(q)
		q.pump()
		q.mu.Unlock()
		for _, step := range []struct {
			after time.Duration
			want  int64
		}{{holdTime / 2, 1}, {holdTime, 3}} {
			time.Sleep(step.after)
			synctest.Wait()
			if n := c.requests.Load(); n != step.want {
				t.Errorf("%d bodies are begun after another %v, want %d", n, step.after, step.want)
			}
		}
		row.end(q)
	})
}

// A body that was cut into parts for a size that it has not is asked for as one
// that was not, and is not taken for the asset either.
func TestRangesWrongSize(t *testing.T) {
	const size = 40 << 20
	for _, listed := range []int64{size - 5<<20 - 1, size + 5<<20 + 1} {
		synctest.Test(t, func(t *testing.T) {
			c := &capped{size: size, listed: listed, ranges: true, connection: 50e6}
			q, body := cappedQueue(t, c)
			defer q.close()
			b := body(position{})
			b.x.ranges.learn(true, time.Now())
			q.pushAll(b.slot)
			if _, err := b.next(t.Context(), q); !errors.Is(err, comet.ErrLength) {
				t.Errorf("got %v, want %v", err, comet.ErrLength)
			}
			b.leave(q)
			nothingLeft(t, q)
		})
	}
}

// A server that stops honouring ranges is asked for no more parts.
func TestRangesRefused(t *testing.T) {
	const size = 400 << 20
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: size, ranges: true, only: 20, connection: 50e6}
		q, body := cappedQueue(t, c)
		defer q.close()
		b := body(position{})
		b.x.ranges.learn(true, time.Now())
		q.pushAll(b.slot)
		readWholeBody(t, q, b, size)
		nothingLeft(t, q)
		if n := c.requests.Load(); n > 60 {
			t.Errorf("%d requests", n)
		}
		if b.x.ranges.helps.Load() || b.x.ranges.worthTrying(time.Now().Add(2*retrial)) {
			t.Error("parts are tried again")
		}
	})
}

// What has come whole takes no more room than it needs.
func TestWholeBodyNeedsNoMoreRoom(t *testing.T) {
	for _, size := range []int64{100 << 10, 2 * pieceSize} {
		synctest.Test(t, func(t *testing.T) {
			c := &capped{size: size, connection: 1e9}
			q, body := cappedQueue(t, c)
			defer q.close()
			q.soft = slotCost + size
			b := body(position{})
			q.pushAll(b.slot)
			time.Sleep(time.Second)
			synctest.Wait()
			if b.state != done || q.used != slotCost+size || c.requests.Load() != 1 {
				t.Errorf("state %d, %d bytes held, %d requests", b.state, q.used, c.requests.Load())
			}
			readWholeBody(t, q, b, size)
			nothingLeft(t, q)
		})
	}
}
