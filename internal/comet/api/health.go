package api

import (
	"strings"
	"sync"
	"time"
)

// health is what is known of the endpoints of a server, so that a call which
// fails as others of its endpoint did, and not for a passing reason, costs little.
type health struct {
	mu        sync.Mutex
	endpoints map[string]*endpoint
}

// endpoint is how the calls of one path have come out.
type endpoint struct {
	good, bad time.Time // when the youngest well answered call began, when the last one failed
	status    int       // of the failures that are counted
	lost      int       // calls that were given up after failing so
	saved     int       // calls that failed so and then came out well
	failing   time.Time // since when no call has come out well, zero if one has
	last      *Error    // of the call that was given up last
	probed    time.Time // when a call was let through in spite of that
	sample    *Call     // a read that was answered well
}

const (
	// brokenTries is how often a call is tried where its endpoint answers others
	// meanwhile, as long as no call of it that failed was ever mended by trying
	// again.
	brokenTries = 6
	// againTries is how often a call is tried after most of those that failed in
	// the same way were lost, but no longer than againTime.
	againTries = 4
	againTime  = 10 * time.Second
	// sampleTries is how often a read is tried before its endpoint is asked for what
	// it has answered well, to tell a broken object from a broken endpoint.
	sampleTries = 3
	// lasting is how long an endpoint has to fail to be taken for broken, unless less
	// is allowed for one call.
	lasting = time.Minute
	// hopelessAfter is after how many times what is allowed for one call an endpoint
	// that has answered none meanwhile is asked no more, but each probeEvery: the
	// calls that are still to come would take as long each.
	hopelessAfter = 2
	probeEvery    = 15 * time.Second
)

// always is more tries than any call gets.
const always = 1 << 30

// hopeless returns the error of a call that is not worth a try, when one may take so
// long: its endpoint has failed for all calls, and for longer than that. nil lets the
// call through.
func (h *health) hopeless(cl *Call, most time.Duration) *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(cl)
	if most <= 0 || p.failing.IsZero() || p.last == nil || p.lost <= p.saved {
		return nil
	}
	now := time.Now()
	if now.Sub(p.failing) < hopelessAfter*most || now.Sub(p.probed) >= probeEvery {
		p.probed = now
		return nil
	}
	err := *p.last
	err.Repeated, err.uncertain = false, false
	return &err
}

// failed notes a failure of a call that has failed since then, and returns how
// often it is to be tried if others succeed, and whether to hurry. A call may take
// most.
func (h *health) failed(cl *Call, status int, since time.Time, most time.Duration) (tries int, quick bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(cl)
	p.bad = time.Now()
	if p.failing.IsZero() {
		p.failing = p.bad
	}
	if p.status != status {
		p.status, p.lost, p.saved = status, 0, 0
	}
	works := p.good.After(since)
	switch {
	case p.lost > p.saved && (works || p.bad.Sub(p.good) >= min(lasting, most) && !h.widespread(since)):
		return againTries, true
	case works && p.saved == 0:
		return brokenTries, false
	}
	return always, false
}

// widespread reports whether more than one endpoint fails now, and none has
// answered a call that began since a time: then it is the server that is not
// well, whatever it says when asked how it is.
func (h *health) widespread(since time.Time) bool {
	failing := 0
	for _, p := range h.endpoints {
		if p.good.After(since) {
			return false
		}
		if p.bad.After(p.good) && time.Since(p.bad) < lasting {
			failing++
		}
	}
	return failing > 1
}

// succeeded notes a call that began then and came out well, saved if a try of it
// had failed before.
func (h *health) succeeded(cl *Call, began time.Time, saved bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(cl)
	p.failing = time.Time{}
	if began.After(p.good) {
		p.good = began
	}
	if saved {
		p.saved++
	}
}

// remember keeps a read that was answered well.
func (h *health) remember(cl *Call) {
	if cl.write() || cl.Heavy || cl.Body != nil || cl.storage != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.of(cl).sample = &Call{Method: cl.Method, Family: cl.Family, base: cl.base, Path: cl.Path, Query: cl.Query, Want: WantBytes}
}

// sampleFor returns a read that its endpoint has answered well, and no other since
// a time; nil if there is none but the read itself.
func (h *health) sampleFor(cl *Call, since time.Time) *Call {
	if cl.write() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.of(cl)
	if s := p.sample; s != nil && !p.good.After(since) && (s.Path != cl.Path || s.Query.Encode() != cl.Query.Encode()) {
		return s
	}
	return nil
}

// gaveUp notes a call that has been given up while others succeeded.
func (h *health) gaveUp(cl *Call, err *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.of(cl); p.status == err.Status {
		p.lost++
		p.last = err
	}
}

// of returns the endpoint of a call. The caller holds mu.
func (h *health) of(cl *Call) *endpoint {
	name := cl.Method + " " + withoutIDs(cl.Path)
	if cl.storage != nil {
		name = cl.Method + " " + cl.storage.Host
	}
	p := h.endpoints[name]
	if p == nil {
		if h.endpoints == nil {
			h.endpoints = make(map[string]*endpoint)
		}
		p = new(endpoint)
		h.endpoints[name] = p
	}
	return p
}

// withoutIDs returns a path without the segments that name an object.
func withoutIDs(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if len(s) >= 16 && strings.ContainsAny(s, "0123456789") {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}
