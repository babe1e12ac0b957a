package progress

import (
	"sync"
	"sync/atomic"
	"time"
)

// troubleAfter is how long nothing has succeeded before that is reported.
const troubleAfter = 5 * time.Second

// Trouble turns the failures and successes of many requests into one warning when
// a trouble lasts, and one when it is over. A failure that is followed by a
// success before long is not worth a line: the retry was.
//
// Its methods may be called by any number of goroutines.
type Trouble struct {
	r     *Reporter
	who   string // the server, by its address
	after time.Duration

	failing atomic.Bool // lets Succeeded return at once when all is well

	mu        sync.Mutex
	since     time.Time // of the first failure with no success after it
	cause     string    // of the last failure
	timer     *time.Timer
	announced bool
}

// NewTrouble returns a Trouble of the server named who.
func (r *Reporter) NewTrouble(who string) *Trouble {
	return &Trouble{r: r, who: who, after: troubleAfter}
}

// Failed says that a try has failed and will be repeated.
func (t *Trouble) Failed(cause string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cause = cause
	if t.failing.Swap(true) {
		return
	}
	t.since = time.Now()
	t.timer = time.AfterFunc(t.after, t.lasts)
}

// lasts runs when the trouble is old enough to be reported.
func (t *Trouble) lasts() {
	t.mu.Lock()
	defer t.mu.Unlock()
	// A success, and a new failure, may have come while this call waited.
	lasting := time.Since(t.since)
	if !t.failing.Load() || t.announced || lasting < t.after {
		return
	}
	t.announced = true
	t.r.Warn("%s: no request has succeeded for %s: %s; retrying", t.who, lasting.Round(time.Second), t.cause)
}

// Succeeded says that a try has succeeded.
func (t *Trouble) Succeeded() {
	if !t.failing.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.failing.Swap(false) {
		return
	}
	t.timer.Stop()
	if t.announced {
		t.announced = false
		t.r.Warn("%s: answers again after %s", t.who, time.Since(t.since).Round(time.Second))
	}
}

// Close forgets a trouble that is not over, with no word on it.
func (t *Trouble) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failing.Swap(false) {
		t.timer.Stop()
		t.announced = false
	}
}

// waitsApart is how much longer a wait lasts than the one that was reported, or
// how much later it begins, to be reported too.
const waitsApart = time.Minute

// Wait says that a call waits because of a cause. Many calls wait at once in the same
// trouble: one line stands for all of them, unless another wait lasts much longer.
func (r *Reporter) Wait(cause string, until time.Time) {
	now := time.Now()
	if r.noteWait(now, until) {
		r.Info("waiting until %s (%s): %s", clock(until, now), until.Sub(now).Round(time.Second), cause)
	}
}

// noteWait remembers a wait, and reports whether it is one to be reported.
func (r *Reporter) noteWait(now, until time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.After(r.until) {
		r.until = until
	}
	if now.Sub(r.told) < waitsApart && until.Sub(r.toldUntil) < waitsApart {
		return false
	}
	r.told, r.toldUntil = now, until
	return true
}
