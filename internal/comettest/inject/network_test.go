package inject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNetworkLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Network{Latency: 50 * time.Millisecond}
		h := n.Middleware(new(okHandler))
		start := time.Now()
		statuses(h, 3, "GET", "/")
		if d := time.Since(start); d != 150*time.Millisecond {
			t.Errorf("three requests took %v, want 150 ms", d)
		}
		// The controls of the test do not wait.
		send(h, "GET", FaultsPath, "")
		send(h, "GET", NetworkPath, "")
		if d := time.Since(start); d != 150*time.Millisecond {
			t.Errorf("the control paths took %v", d-150*time.Millisecond)
		}
		// A client that leaves is not served.
		store := new(okHandler)
		client, end := servePipe(n.Middleware(store), nil)
		defer end()
		client.Timeout = 20 * time.Millisecond
		if got := fetchOutcome(client, "GET", "http://pipe/", ""); got.Err == nil {
			t.Errorf("the answer came within 20 ms: %+v", got)
		}
		time.Sleep(time.Second)
		if store.calls.Load() != 0 {
			t.Error("a request was served whose client had left")
		}
	})
}

func TestNetworkJitter(t *testing.T) {
	latencies := func(seed uint64) (all []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			n := &Network{Latency: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Seed: seed}
			h := n.Middleware(new(okHandler))
			for range 200 {
				start := time.Now()
				send(h, "GET", "/", "")
				all = append(all, time.Since(start))
			}
		})
		return all
	}
	first := latencies(1)
	var low, high bool
	for _, d := range first {
		if d < 20*time.Millisecond || d > 50*time.Millisecond {
			t.Errorf("latency %v, want 20 to 50 ms", d)
		}
		low, high = low || d < 25*time.Millisecond, high || d > 45*time.Millisecond
	}
	if !low || !high {
		t.Error("the latencies do not fill their range")
	}
	if diff := cmp.Diff(first, latencies(1)); diff != "" {
		t.Errorf("the same seed gives other latencies:\n%s", diff)
	}
	if cmp.Equal(first, latencies(2)) {
		t.Error("another seed gives the same latencies")
	}
}

func TestNetworkQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Network{RequestsPerSecond: 10, Burst: 3}
		h := n.Middleware(new(okHandler))
		if diff := cmp.Diff([]int{200, 200, 200, 429, 429}, statuses(h, 5, "GET", "/")); diff != "" {
			t.Errorf("a burst (-want +got):\n%s", diff)
		}
		time.Sleep(200 * time.Millisecond)
		if diff := cmp.Diff([]int{200, 200, 429}, statuses(h, 3, "GET", "/")); diff != "" {
			t.Errorf("after 200 ms (-want +got):\n%s", diff)
		}
		if after := send(h, "GET", "/", "").Header().Get("Retry-After"); after != "1" {
			t.Errorf("Retry-After %q", after)
		}
		if got := n.Stats(); got.Requests != 9 || got.Refused != 4 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestNetworkMaxRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Network{Latency: time.Second, MaxRequests: 3}
		h := n.Middleware(new(okHandler))
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := make(map[int]int)
		for range 5 {
			wg.Go(func() {
				code := send(h, "GET", "/", "").Code
				mu.Lock()
				defer mu.Unlock()
				got[code]++
			})
		}
		wg.Wait()
		got[send(h, "GET", "/", "").Code]++
		if diff := cmp.Diff(map[int]int{200: 4, 429: 2}, got); diff != "" {
			t.Error(diff)
		}
		var stats NetworkStats
		if err := json.Unmarshal(send(h, "GET", NetworkPath, "").Body.Bytes(), &stats); err != nil {
			t.Fatal(err)
		}
		if code := send(h, "POST", NetworkPath, "").Code; code != http.StatusMethodNotAllowed {
			t.Errorf("POST to the counters: status %d", code)
		}
		if diff := cmp.Diff(NetworkStats{Requests: 6, Refused: 2, PeakInFlight: 3}, stats); diff != "" {
			t.Error(diff)
		}
	})
}

// transfer sends size bytes over each of n connections at once, to or from
// the server, and returns the time it took by the fake clock.
func transfer(t *testing.T, network *Network, conns int, size int64, up bool) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipe := newPipeListener()
		l := network.Listener(pipe)
		defer l.Close()
		start := time.Now()
		var wg sync.WaitGroup
		for range conns {
			wg.Go(func() {
				server, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				defer server.Close()
				if up {
					_, err = io.CopyN(io.Discard, server, size)
				} else {
					_, err = io.CopyN(server, zeros{}, size)
				}
				if err != nil {
					t.Error(err)
				}
			})
			client := pipe.dial()
			wg.Go(func() {
				defer client.Close()
				var err error
				if up {
					_, err = io.CopyN(client, zeros{}, size)
				} else {
					_, err = io.Copy(io.Discard, client)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		took = time.Since(start)
	})
	return took
}

func TestNetworkBandwidth(t *testing.T) {
	for _, test := range []struct {
		name    string
		network *Network
		conns   int
		size    int64 // per connection
		want    time.Duration
	}{
		{"total, one connection", &Network{BytesPerSecond: 125e6}, 1, 25e6, 200 * time.Millisecond},
		{"total, four connections", &Network{BytesPerSecond: 125e6}, 4, 6_250_000, 200 * time.Millisecond},
		{"each", &Network{ConnBytesPerSecond: 25e6}, 4, 5e6, 200 * time.Millisecond},
		{"each below total", &Network{ConnBytesPerSecond: 25e6, BytesPerSecond: 125e6}, 4, 5e6, 200 * time.Millisecond},
		{"total below each", &Network{ConnBytesPerSecond: 25e6, BytesPerSecond: 50e6}, 4, 5e6, 400 * time.Millisecond},
		{"modem", &Network{BytesPerSecond: 5600}, 2, 56_000, 20 * time.Second},
		{"one byte a minute", &Network{BytesPerSecond: 1}, 1, 60, time.Minute},
	} {
		for _, up := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, up %v", test.name, up), func(t *testing.T) {
				network := test.network
				network = &Network{BytesPerSecond: network.BytesPerSecond, ConnBytesPerSecond: network.ConnBytesPerSecond}
				took := transfer(t, network, test.conns, test.size, up)
				if off := (took - test.want).Abs(); off > test.want/50 {
					t.Errorf("it took %v, want %v within 2 %%", took, test.want)
				}
				want := NetworkStats{Conns: int64(test.conns)}
				if up {
					want.BytesIn = test.size * int64(test.conns)
				} else {
					want.BytesOut = test.size * int64(test.conns)
				}
				if diff := cmp.Diff(want, network.Stats()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// Timers that fire late do not make the wire slower, idle time does not make
// it faster.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(1000)
		if d := p.reserve(10); d != 10*time.Millisecond {
			t.Errorf("10 bytes take %v, want 10 ms", d)
		}
		time.Sleep(40 * time.Millisecond) // 30 ms too long
		if d := p.reserve(50); d != 20*time.Millisecond {
			t.Errorf("after a late timer, 50 bytes take %v, want 20 ms", d)
		}
		time.Sleep(time.Hour)
		if d := p.reserve(50); d != 50*time.Millisecond {
			t.Errorf("after an hour, 50 bytes take %v, want 50 ms", d)
		}
	})
}

// Both directions have the whole cap.
func TestNetworkDuplex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Network{BytesPerSecond: 1e6}
		client, end := servePipe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			if _, err := io.Copy(w, r.Body); err != nil {
				t.Error(err)
			}
		}), n.Listener)
		defer end()
		start := time.Now()
		got := fetchOutcome(client, "POST", "http://pipe/", string(make([]byte, 1e6)))
		if got.Err != nil || len(got.Body) != 1e6 {
			t.Errorf("%d bytes came back (%v)", len(got.Body), got.Err)
		}
		if d := time.Since(start); d < time.Second || d > 1100*time.Millisecond {
			t.Errorf("it took %v, want a little over 1 s", d)
		}
	})
}

// Close wakes what waits for the cap.
func TestNetworkClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		c := shapeForTest(&Network{BytesPerSecond: 100, ConnBytesPerSecond: 1}, server)
		failed := make(chan error, 2)
		go func() { _, err := c.Write(make([]byte, 3600)); failed <- err }()
		go func() { _, err := io.ReadFull(c, make([]byte, 3600)); failed <- err }()
		go func() { _, _ = client.Write(make([]byte, 3600)) }()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		start := time.Now()
		time.Sleep(time.Minute + 500*time.Millisecond)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-failed; !errors.Is(err, net.ErrClosed) {
				t.Errorf("error %v, want %v", err, net.ErrClosed)
			}
		}
		if d := time.Since(start); d != time.Minute+500*time.Millisecond {
			t.Errorf("it ended after %v", d)
		}
	})
}

func shapeForTest(n *Network, c net.Conn) net.Conn {
	n.init()
	return n.shape(c)
}

// Over real connections: counters, files and resets go through the wrapper.
func TestNetworkServer(t *testing.T) {
	for _, n := range []*Network{{}, {BytesPerSecond: 1 << 30, ConnBytesPerSecond: 1 << 29}} {
		t.Run(fmt.Sprint(n.BytesPerSecond), func(t *testing.T) {
			want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			file := filepath.Join(t.TempDir(), "asset")
			if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
			f := NewFaults(1, Fault{Kind: FaultLost, From: 3})
			files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				http.ServeFile(w, r, file)
			})
			shaped, done := n.Middleware(f.Middleware(files)), make(chan struct{}, 3)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { done <- struct{}{} }()
				shaped.ServeHTTP(w, r)
			}))
			srv.Listener = n.Listener(srv.Listener)
			srv.Start()
			defer srv.Close()
			client := srv.Client()

			if got := fetchOutcome(client, "GET", srv.URL+"/asset", ""); got.Err != nil || got.Body != string(want) {
				t.Errorf("read %d bytes (%v), want %d", len(got.Body), got.Err, len(want))
			}
			// A client has all of an answer before the handler has returned.
			<-done
			if got := fetchOutcome(client, "GET", srv.URL+"/asset", string(want[:1<<19])); got.Err != nil {
				t.Error(got.Err)
			}
			<-done
			if got := fetchOutcome(freshConns(t), "POST", srv.URL+"/asset", "{}"); !isReset(got.Err) {
				t.Errorf("error %v, want a reset", got.Err)
			}
			// What a connection has carried is counted once it is closed.
			srv.Close()
			s := n.Stats()
			if s.BytesOut < 2<<20 || s.BytesOut > 2<<20+2000 || s.BytesIn < 1<<19 || s.BytesIn > 1<<19+2000 {
				t.Errorf("counted %d bytes in, %d out; want 512 KiB, 2 MiB and some headers", s.BytesIn, s.BytesOut)
			}
			if s.Requests != 3 || s.PeakInFlight != 1 {
				t.Errorf("counted %+v, want 3 requests, one at a time", s)
			}
		})
	}
}

// BenchmarkNetwork measures how near real transfers come to a cap of 125 MB/s:
// the wanted figure of MB/s is 125.
func BenchmarkNetwork(b *testing.B) {
	const size = 64 << 20
	n := &Network{BytesPerSecond: 125e6}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.CopyN(w, zeros{}, size); err != nil {
			b.Error(err)
		}
	}))
	srv.Listener = n.Listener(srv.Listener)
	srv.Start()
	defer srv.Close()
	b.SetBytes(size)
	for b.Loop() {
		resp, err := srv.Client().Get(srv.URL)
		if err != nil {
			b.Fatal(err)
		}
		if got, err := io.Copy(io.Discard, resp.Body); got != size || err != nil {
			b.Fatalf("%d bytes arrived (%v)", got, err)
		}
		if err := resp.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
