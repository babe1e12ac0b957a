package prefetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
)

// capped is a network of one server that has one asset, whose bytes are the pattern.
type capped struct {
	size       int64
	listed     int64 // the size that the list has, if it is another
	ranges     bool
	only       int64   // so many answers honour ranges, if not 0
	most       int64   // bytes that a part may have, if not 0
	connection float64 // bytes a second of one connection
	wire       float64 // of all of them together
	latency    time.Duration
	requests   atomic.Int64

	mu    sync.Mutex
	free  time.Time // when the wire is free again
	asked []string  // the ranges
}

func (c *capped) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "get-asset") {
		return nil, fmt.Errorf("no answer to %s", req.URL.Path)
	}
	n := c.requests.Add(1)
	c.mu.Lock()
	c.asked = append(c.asked, req.Header.Get("Range"))
	c.mu.Unlock()
	time.Sleep(c.latency)
	honours := c.ranges && (c.only == 0 || n <= c.only)
	from, to := int64(0), c.size
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req}
	if r := req.Header.Get("Range"); honours && r != "" {
		var last int64
		if n, _ := fmt.Sscanf(r, "bytes=%d-%d", &from, &last); n == 2 {
			to = min(last+1, c.size)
		}
		if c.most > 0 {
			to = min(to, from+c.most)
		}
		if from >= c.size {
			resp.StatusCode, resp.Body = http.StatusRequestedRangeNotSatisfiable, http.NoBody
			return resp, nil
		}
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, c.size))
	}
	resp.ContentLength = to - from
	resp.Body = io.NopCloser(&cappedBody{c: c, at: from, left: to - from})
	return resp, nil
}

type cappedBody struct {
	c        *capped
	at, left int64
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
	patternReader(b.at).Read(p[:n])
	b.at += int64(n)
	return n, nil
}

// cappedQueue returns a queue, and a function that makes bodies of a network.
func cappedQueue(t *testing.T, c *capped, whole bool) (*Queue, func(at Position) *Body) {
	t.Helper()
	client, err := comet.New(comet.Options{URL: "http://comet.test/clientlib/", APIKey: "k", Transport: c})
	if err != nil {
		t.Fatal(err)
	}
	of := NewBodies(client, whole)
	q := fakeQueue(t, 16, softBudget, hardBudget)
	size := cmp.Or(c.listed, c.size)
	return q, func(at Position) *Body {
		return of.Slot(q, at, comet.AssetRequest{ID: "a", Key: "k", Size: &size})
	}
}

// readWholeBody reads a body to its end.
func readWholeBody(t *testing.T, b *Body, size int64) {
	t.Helper()
	defer b.Leave()
	var n int64
	want := make([]byte, pieceSize)
	for {
		p, err := b.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n%pieceSize != 0 {
			t.Fatalf("a piece of %d bytes in the middle", n%pieceSize)
		}
		patternReader(n).Read(want[:len(p)])
		if !bytes.Equal(p, want[:len(p)]) {
			t.Fatalf("other bytes in the %d after the first %d", len(p), n)
		}
		n += int64(len(p))
		b.Recycle(p)
	}
	if n != size {
		t.Errorf("%d bytes, want %d", n, size)
	}
}

// nothingLeft fails the test if a queue that has been read still holds anything.
func nothingLeft(t *testing.T, q *Queue) {
	t.Helper()
	synctest.Wait()
	if q.used != 0 || q.aside != 0 || q.running != 0 {
		t.Errorf("%d bytes held, %d promised, %d running", q.used, q.aside, q.running)
	}
}

// readCapped reads the bodies of one experiment, which are fetched ahead, and
// returns how long that took.
func readCapped(t *testing.T, c *capped, whole bool, bodies int) time.Duration {
	t.Helper()
	q, body := cappedQueue(t, c, whole)
	defer q.Close()
	row := NewSequence(q, bodies, func(i int) *Body { return body(Position{File: i + 1}) })
	began := time.Now()
	q.mu.Lock()
	row.Open()
	q.StartFetches()
	q.mu.Unlock()
	for range bodies {
		readWholeBody(t, row.Take(), c.size)
	}
	nothingLeft(t, q)
	return time.Since(began)
}

// Large bodies are asked for in parts, all others by one request, and the bytes
// are the same.
func TestRanges(t *testing.T) {
	const large = 80<<20 + 12345
	for _, test := range []struct {
		name    string
		network *capped
		whole   bool
		bodies  int
		want    int64 // requests
	}{
		{"small", &capped{size: 1 << 20, ranges: true}, false, 3, 3},
		{"one byte less than large", &capped{size: splitSize - 1, ranges: true}, false, 3, 3},
		{"large", &capped{size: splitSize, ranges: true}, false, 1, 8},
		{"one byte more", &capped{size: splitSize + 1, ranges: true}, false, 1, 9},
		{"several", &capped{size: large, ranges: true}, false, 5, 5 * 21},
		{"parts that are cut short", &capped{size: large, ranges: true, most: 1 << 20}, false, 1, 20*4 + 1},
		{"no ranges", &capped{size: large}, false, 5, 5},
		{"one request", &capped{size: large, ranges: true}, true, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.network.connection = 20e6
				readCapped(t, test.network, test.whole, test.bodies)
				if n := test.network.requests.Load(); n != test.want {
					t.Errorf("%d requests, want %d", n, test.want)
				}
			})
		})
	}
}

// The requests do not depend on how fast the network is.
func TestRangesSameRequests(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		var first []string
		for _, c := range []*capped{
			{connection: 25e6, wire: 400e6},
			{connection: 1e9, wire: 20e6},
			{connection: 10e6, latency: 3 * time.Second},
			{connection: 1e9},
		} {
			synctest.Test(t, func(t *testing.T) {
				c.size, c.ranges = 40<<20+1, ranges
				readCapped(t, c, false, 4)
				slices.Sort(c.asked)
				switch {
				case first == nil:
					first = c.asked
				case !slices.Equal(c.asked, first):
					t.Errorf("ranges honoured: %v\nasked for %v\nonce      %v", ranges, c.asked, first)
				}
			})
		}
	}
}

// The connections are at work all the time: what is far ahead does not take the
// room of parts that come before.
func TestRangesAhead(t *testing.T) {
	for _, test := range []struct {
		bodies int
		size   int64
	}{{10, 256e6}, {40, 64e6}} {
		synctest.Test(t, func(t *testing.T) {
			c := &capped{size: test.size, ranges: true, connection: 25e6}
			took := readCapped(t, c, false, test.bodies)
			share := float64(test.bodies) * float64(test.size) / took.Seconds() / (16 * 25e6)
			t.Logf("%d bodies: %.1f %% of 16 connections, %d requests", test.bodies, 100*share, c.requests.Load())
			if share < 0.95 {
				t.Errorf("%d bodies took %v, %.1f %% of what 16 connections can do", test.bodies, took, 100*share)
			}
		})
	}
}

// Other large bodies wait for the answer that tells whether the server honours
// ranges, but for one that the reader has come to.
func TestRangesHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: 64 << 20, ranges: true, connection: 25e6, latency: time.Second}
		q, body := cappedQueue(t, c, false)
		defer q.Close()
		acquaint(t, body(Position{}))
		before := c.requests.Load()
		var bodies []*Body
		for i := range 3 {
			bodies = append(bodies, body(Position{File: i + 1}))
			q.pushAll(bodies[i].Slot)
		}
		head := body(Position{})
		for _, step := range []struct {
			do   func()
			want int64
		}{
			{func() {}, 1},
			{func() { q.pushAll(head.Slot) }, 1},
			{func() { q.mu.Lock(); head.setHead(); q.mu.Unlock() }, 2},
			{func() { time.Sleep(time.Second + time.Millisecond) }, 16},
		} {
			step.do()
			synctest.Wait()
			if n := c.requests.Load() - before; n != step.want {
				t.Errorf("%d requests, want %d", n, step.want)
			}
		}
		readWholeBody(t, head, c.size)
		for _, b := range bodies {
			readWholeBody(t, b, c.size)
		}
		nothingLeft(t, q)
		if n := c.requests.Load() - before; n != 4*16 {
			t.Errorf("%d requests for four bodies", n)
		}
	})
}

// acquaint makes the client ask the server as many times, one after the other, as it
// then asks at once.
func acquaint(t *testing.T, b *Body) {
	t.Helper()
	for range 16 {
		r := b.it
		r.Length = 1
		body, err := b.of.client.Assets.Content(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			t.Fatal(err)
		}
		body.Close()
	}
}

// Where the first large body cannot be had, the next one finds out about ranges.
func TestRangesAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: 64 << 20, ranges: true, connection: 25e6}
		q, body := cappedQueue(t, c, false)
		defer q.Close()
		bad, good := body(Position{Unit: 1}), body(Position{Unit: 2})
		bad.Slot.fetch = func(ctx context.Context, s *Slot) error {
			defer bad.asked()
			return judge.ItemErrorf("gone")
		}
		q.pushAll(bad.Slot, good.Slot)
		if _, err := bad.Next(t.Context()); err == nil {
			t.Error("no error")
		}
		bad.Leave()
		readWholeBody(t, good, c.size)
		nothingLeft(t, q)
		if n := c.requests.Load(); n != 16 {
			t.Errorf("%d requests", n)
		}
	})
}

// A body whose size is not what the list says is not taken for the asset, whether
// it was asked for in parts or not.
func TestRangesWrongSize(t *testing.T) {
	const size = 40 << 20
	for _, known := range []string{"", "honoured", "ignored"} {
		for _, other := range []int64{size - 5<<20 - 1, size + 5<<20 + 1, 0} {
			synctest.Test(t, func(t *testing.T) {
				c := &capped{size: other, listed: size, ranges: true, connection: 50e6}
				q, body := cappedQueue(t, c, false)
				defer q.Close()
				b := body(Position{})
				if known != "" {
					b.of.client.Learn(comet.HonoursRanges, known == "honoured")
				}
				q.pushAll(b.Slot)
				if _, err := b.Next(t.Context()); !errors.Is(err, api.ErrLength) {
					t.Errorf("%d bytes, ranges %q: got %v, want %v", other, known, err, api.ErrLength)
				}
				b.Leave()
				nothingLeft(t, q)
			})
		}
	}
}

// A server that stops honouring ranges is asked for no more parts, of this body or
// another.
func TestRangesRefused(t *testing.T) {
	const size = 400 << 20
	synctest.Test(t, func(t *testing.T) {
		c := &capped{size: size, ranges: true, only: 20, connection: 50e6}
		q, body := cappedQueue(t, c, false)
		defer q.Close()
		b := body(Position{})
		q.pushAll(b.Slot)
		readWholeBody(t, b, size)
		nothingLeft(t, q)
		if n := c.requests.Load(); n > 60 {
			t.Errorf("%d requests", n)
		}
		before := c.requests.Load()
		next := body(Position{Unit: 1})
		q.pushAll(next.Slot)
		readWholeBody(t, next, size)
		nothingLeft(t, q)
		if n := c.requests.Load() - before; n != 1 {
			t.Errorf("%d requests for the next body, want 1", n)
		}
	})
}

// What has come whole takes no more room than it needs.
func TestWholeBodyNeedsNoMoreRoom(t *testing.T) {
	for _, size := range []int64{100 << 10, 2 * pieceSize} {
		synctest.Test(t, func(t *testing.T) {
			c := &capped{size: size, connection: 1e9}
			q, body := cappedQueue(t, c, false)
			defer q.Close()
			q.softLimit = slotCost + size
			b := body(Position{})
			q.pushAll(b.Slot)
			time.Sleep(time.Second)
			synctest.Wait()
			if b.state != done || q.used != slotCost+size || c.requests.Load() != 1 {
				t.Errorf("state %d, %d bytes held, %d requests", b.state, q.used, c.requests.Load())
			}
			readWholeBody(t, b, size)
			nothingLeft(t, q)
		})
	}
}
