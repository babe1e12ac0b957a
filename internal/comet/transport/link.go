package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Link finds out whether the way to a server is so fast that large answers are read
// sooner as they are than compressed. It is safe for concurrent use.
//
// It measures how many bytes of text an answer brings in a second, of answers with
// [Marks.Plain]. Where a connection is made in no time, as on the same machine or in
// the same room, a trial asks for answers as they are, and goes on for good if these are
// faster. Answers that have just begun when the form changes end with [ErrSlow]: what a
// trial costs does not depend on their length.
type Link struct {
	mu      sync.Mutex
	connect time.Duration // the least time that a connection has taken, 0 before the first
	plain   bool          // answers are asked for as they are
	trials  int
	looks   int // at their speed, in this trial
	misses  int // looks in a row at which they were not faster
	wait    int // answers before the next trial

	compressed, asIs speed
}

// speed is that of an answer of one form, in bytes of text a second.
type speed struct {
	open  int // answers that are being read
	bytes int64
	spent time.Duration
	found float64 // when it was looked at last
}

const (
	// nearby is what a connection takes at most to be worth a trial.
	nearby = time.Millisecond
	// lookTime and lookBytes are after how much of each answer its speed is looked at.
	lookTime, lookBytes = 100 * time.Millisecond, 4 << 20
	// young is how long ago an answer has begun that ends with ErrSlow, and small how
	// much of it has come at least: most answers are small, and cost no second request.
	young = 5 * lookTime
	small = 256 << 10
	// faster is what answers as they are must be at the first looks, and notSlower at
	// those that follow: the speed of compressed ones is one of before then.
	faster, notSlower, firstLooks = 1.1, 0.5, 4
	// mostMisses: a busy machine may hold answers up for one look, but not for two.
	mostMisses = 2
	// leastWait doubles with each trial.
	leastWait, doublings = 128, 5
	// ownWork is what the reader's own work takes at most, for a byte. Beyond that it
	// waits for something else.
	ownWork = 6 * time.Nanosecond
)

// ErrSlow ends an answer that is asked for in another form from now on.
var ErrSlow = errors.New("another form of the response is faster")

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dial returns a dial that notes how long connections take.
func (l *Link) dial(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		began := time.Now()
		c, err := dial(ctx, network, addr)
		if err == nil {
			l.connected(time.Since(began))
		}
		return c, err
	}
}

func (l *Link) connected(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connect == 0 || took < l.connect {
		l.connect = took
	}
}

// ask reports whether to ask for the next answer as it is.
func (l *Link) ask() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.plain {
		l.wait--
	}
	return l.plain
}

// count adds to the answers of a form that are being read.
func (l *Link) count(plain bool, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speed(plain).open += n
}

func (l *Link) speed(plain bool) *speed {
	if plain {
		return &l.asIs
	}
	return &l.compressed
}

// took notes that the next n bytes of an answer have taken d. It reports whether an
// answer that has just begun is better asked for again: the first trial begins with
// those that are there.
func (l *Link) took(plain bool, n int, d time.Duration) (again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.speed(plain)
	s.bytes += int64(n)
	s.spent += d
	if s.spent >= lookTime*time.Duration(s.open) || s.bytes >= lookBytes*int64(s.open) {
		s.found = float64(s.bytes) / s.spent.Seconds()
		s.bytes, s.spent = 0, 0
		if plain == l.plain {
			l.look()
		}
	}
	return plain != l.plain && (plain || l.trials == 1)
}

// look decides how the next answers are asked for.
func (l *Link) look() {
	if !l.plain {
		if l.wait <= 0 && 0 < l.connect && l.connect <= nearby {
			l.plain, l.looks, l.misses, l.asIs = true, 0, 0, speed{open: l.asIs.open}
			l.trials++
		}
		return
	}
	l.looks++
	switch share := l.asIs.found / l.compressed.found; {
	case share < notSlower:
		l.misses = mostMisses
	case share < faster && l.looks <= firstLooks:
		l.misses++
	default:
		l.misses = 0
	}
	if l.misses >= mostMisses {
		l.plain, l.wait = false, leastWait<<min(l.trials-1, doublings)
	}
}

// measured is the body of an answer, as text.
type measured struct {
	io.ReadCloser
	link  *Link
	plain bool
	began time.Time
	n     int64     // bytes read
	last  int       // bytes of the last reading
	at    time.Time // of its end
	ended sync.Once
}

func (l *Link) measure(rc io.ReadCloser, plain bool) *measured {
	l.count(plain, 1)
	now := time.Now()
	return &measured{ReadCloser: rc, link: l, plain: plain, began: now, at: now}
}

func (m *measured) Read(p []byte) (int, error) {
	began := time.Now()
	took := min(began.Sub(m.at), time.Duration(m.last)*ownWork)
	n, err := m.ReadCloser.Read(p)
	m.last, m.at = n, time.Now()
	m.n += int64(n)
	again := m.link.took(m.plain, n, took+m.at.Sub(began))
	if again && err == nil && m.n >= small && m.at.Sub(m.began) < young {
		n, err = 0, ErrSlow
	}
	if err != nil {
		m.end()
	}
	return n, err
}

func (m *measured) Close() error {
	m.end()
	return m.ReadCloser.Close()
}

func (m *measured) end() { m.ended.Do(func() { m.link.count(m.plain, -1) }) }
