package inject

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Listener wraps a listener so that its connections are shaped and counted.
// TLS goes on top of it.
func (n *Network) Listener(inner net.Listener) net.Listener {
	n.init()
	return &shapedListener{Listener: inner, network: n}
}

type shapedListener struct {
	net.Listener
	network *Network
}

func (l *shapedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.network.conns.Add(1)
	return l.network.shape(conn), nil
}

// shape returns the connection with the caps and counters of the network.
func (n *Network) shape(conn net.Conn) *shapedConn {
	c := &shapedConn{Conn: conn, closed: make(chan struct{})}
	c.in = newLane(&n.bytesIn, c.closed, newPacer(n.ConnBytesPerSecond), n.in)
	c.out = newLane(&n.bytesOut, c.closed, newPacer(n.ConnBytesPerSecond), n.out)
	if buffered, ok := conn.(interface{ SetReadBuffer(int) error }); ok && len(c.in.pacers) > 0 {
		// What the kernel takes in advance has passed the wire for the client
		// already. A system that refuses the size keeps its own.
		_ = buffered.SetReadBuffer(maxAhead)
	}
	return c
}

// maxAhead is how much a client can send before the cap holds it back.
const maxAhead = 1 << 20

// A shapedConn carries bytes no faster than its lanes let them pass.
type shapedConn struct {
	net.Conn
	in, out lane
	once    sync.Once
	closed  chan struct{}
}

// NetConn returns the connection below, as that of a tls.Conn does.
func (c *shapedConn) NetConn() net.Conn { return c.Conn }

// Close also wakes readers and writers that wait for the cap.
func (c *shapedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// CloseWrite lets net/http end a connection in order when the client is still
// sending.
func (c *shapedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *shapedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:c.in.step(len(p))])
	c.in.count.Add(int64(n))
	if n > 0 && !c.in.pass(n) {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *shapedConn) Write(p []byte) (int, error) {
	for done := 0; ; {
		step := c.out.step(len(p) - done)
		if !c.out.pass(step) {
			return done, net.ErrClosed
		}
		n, err := c.Conn.Write(p[done : done+step])
		c.out.count.Add(int64(n))
		done += n
		if err != nil || done == len(p) {
			return done, err
		}
	}
}

// ReadFrom lets the kernel copy files where there is no cap to observe.
func (c *shapedConn) ReadFrom(r io.Reader) (int64, error) {
	if len(c.out.pacers) > 0 {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	n, err := io.Copy(c.Conn, r)
	c.out.count.Add(n)
	return n, err
}

// A lane is one direction of a connection.
type lane struct {
	pacers []*pacer
	count  *atomic.Int64
	closed <-chan struct{}
}

// newLane returns a lane with those of the pacers that are not nil.
func newLane(count *atomic.Int64, closed <-chan struct{}, pacers ...*pacer) lane {
	l := lane{count: count, closed: closed}
	for _, p := range pacers {
		if p != nil {
			l.pacers = append(l.pacers, p)
		}
	}
	return l
}

// step returns how many of n bytes may go at once.
func (l *lane) step(n int) int {
	for _, p := range l.pacers {
		n = min(n, p.step)
	}
	return n
}

// pass waits until n bytes have passed, and reports false if the connection
// was closed meanwhile.
func (l *lane) pass(n int) bool {
	for _, p := range l.pacers {
		d := p.reserve(n)
		if d < minWait {
			continue
		}
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-l.closed:
			t.Stop()
			return false
		}
	}
	return true
}

const (
	// minWait is the shortest wait worth a timer. What is not waited for now
	// is waited for with the next bytes.
	minWait = time.Millisecond
	// stepTime is how long the bytes that go at once take: the grain in which
	// connections share a cap.
	stepTime = 10 * time.Millisecond
	// maxStep keeps the grain fine where the cap is high.
	maxStep = 256 << 10
	// maxLate is how much lost time a pacer makes up for. It covers timers
	// that fire late on a busy machine; a longer gap is a wire that was idle.
	maxLate = 50 * time.Millisecond
)

// A pacer is a token bucket, written as the time at which the wire has carried
// everything that was handed to it. Over any time that begins with an idle
// wire it passes no more than its rate.
type pacer struct {
	perSecond int64
	step      int

	mu   sync.Mutex
	free time.Time
}

// newPacer returns nil for no cap.
func newPacer(perSecond int64) *pacer {
	if perSecond <= 0 {
		return nil
	}
	step := perSecond / int64(time.Second/stepTime)
	return &pacer{perSecond: perSecond, step: int(max(1, min(step, maxStep)))}
}

// reserve hands n bytes to the wire and returns how long they take from now.
func (p *pacer) reserve(n int) time.Duration {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.free) > maxLate {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(int64(n) * int64(time.Second) / p.perSecond))
	return p.free.Sub(now)
}
