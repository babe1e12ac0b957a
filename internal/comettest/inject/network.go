package inject

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Network shapes the wire of a server: Listener caps the bandwidth, Middleware
// adds latency and bounds the requests in flight. Both count.
//
//	network := &inject.Network{Latency: 50 * time.Millisecond, BytesPerSecond: 125e6}
//	listener = network.Listener(listener)
//	handler = network.Middleware(handler)
//
// Where both are used, Network goes outside and [Faults] inside: latency
// comes first, then trouble.
//
// The zero value shapes nothing and counts. The fields must not change after
// the first use. A Network may be used by several goroutines at once, and by
// several listeners, which then share its cap.
type Network struct {
	// Latency is the time between the arrival of a request's headers and the
	// start of its handler; the body may arrive meanwhile. Jitter adds a
	// random time of at most that much, drawn with Seed.
	Latency time.Duration
	Jitter  time.Duration
	Seed    uint64

	// BytesPerSecond caps what all connections carry together,
	// ConnBytesPerSecond what each one carries; in each direction by itself,
	// and all bytes of the connection counted. 0 is no cap.
	BytesPerSecond     int64
	ConnBytesPerSecond int64

	// MaxRequests is how many requests are served at once. Those above it are
	// answered with 429. 0 is no bound.
	MaxRequests int

	// RequestsPerSecond is how many requests are served on average, Burst how many
	// at once. Those above it are answered with 429, and that it be tried again in
	// a second. 0 is no quota.
	RequestsPerSecond float64
	Burst             int

	once       sync.Once
	in, out    *pacer // nil without a cap
	quota      *rate.Limiter
	jitter     *rand.Rand
	jitterLock sync.Mutex

	bytesIn, bytesOut atomic.Int64
	conns             atomic.Int64
	requests, refused atomic.Int64
	flight, peak      atomic.Int64
}

// NetworkStats are the counters of a [Network].
type NetworkStats struct {
	// BytesIn and BytesOut are the bytes that connections carried to and from
	// the server, headers and TLS included.
	BytesIn  int64 `json:"bytesIn"`
	BytesOut int64 `json:"bytesOut"`
	// Conns is the number of connections accepted.
	Conns int64 `json:"conns"`
	// Requests counts those that arrived, Refused those of them that were
	// answered with 429.
	Requests int64 `json:"requests"`
	Refused  int64 `json:"refused"`
	// InFlight is the number of requests being served, latency included, and
	// PeakInFlight the highest it has been.
	InFlight     int64 `json:"inFlight"`
	PeakInFlight int64 `json:"peakInFlight"`
}

// Stats returns the counters.
func (n *Network) Stats() NetworkStats {
	return NetworkStats{
		BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(), Conns: n.conns.Load(),
		Requests: n.requests.Load(), Refused: n.refused.Load(),
		InFlight: n.flight.Load(), PeakInFlight: n.peak.Load(),
	}
}

func (n *Network) init() {
	n.once.Do(func() {
		n.in, n.out = newPacer(n.BytesPerSecond), newPacer(n.BytesPerSecond)
		n.quota = rate.NewLimiter(rate.Inf, 0)
		if n.RequestsPerSecond > 0 {
			n.quota = rate.NewLimiter(rate.Limit(n.RequestsPerSecond), n.Burst)
		}
		n.jitter = rand.New(rand.NewPCG(n.Seed, 0))
	})
}

// NetworkPath is where the middleware of [Network] answers GET with its
// [NetworkStats].
const NetworkPath = testPrefix + "network"

// ServeHTTP answers requests to [NetworkPath], or to wherever else a server
// mounts it.
func (n *Network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		refuseMethod(w, "GET")
		return
	}
	writeControl(w, http.StatusOK, n.Stats())
}

// Middleware wraps a server. It also answers [NetworkPath] itself.
func (n *Network) Middleware(next http.Handler) http.Handler {
	n.init()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == NetworkPath:
			n.ServeHTTP(w, r)
			return
		case strings.HasPrefix(r.URL.Path, testPrefix):
			next.ServeHTTP(w, r)
			return
		}
		n.requests.Add(1)
		flight := n.flight.Add(1)
		admitted, msg := n.MaxRequests == 0 || flight <= int64(n.MaxRequests), "too many requests at once"
		if admitted && !n.quota.Allow() {
			admitted, msg = false, "too many requests"
			w.Header().Set("Retry-After", "1")
		}
		if !admitted {
			// It gives its place back before it waits: refused requests must
			// not keep others out.
			n.flight.Add(-1)
			n.refused.Add(1)
			n.wait(r)
			writeControl(w, http.StatusTooManyRequests, map[string]any{
				"msg": msg, "code": http.StatusTooManyRequests, "data": nil, "sdk_error_code": 0,
			})
			return
		}
		defer n.flight.Add(-1)
		for peak := n.peak.Load(); flight > peak && !n.peak.CompareAndSwap(peak, flight); {
			peak = n.peak.Load()
		}
		if n.wait(r) {
			next.ServeHTTP(w, r)
		}
	})
}

// wait lets the latency of a request pass and reports whether the client is
// still there.
func (n *Network) wait(r *http.Request) bool {
	d := n.Latency
	if n.Jitter > 0 {
		n.jitterLock.Lock()
		d += time.Duration(n.jitter.Int64N(int64(n.Jitter) + 1))
		n.jitterLock.Unlock()
	}
	return d == 0 || waitFor(r.Context(), d)
}
