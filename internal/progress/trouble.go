package progress

import (
	"sync"
	"sync/atomic"
	"time"
)

// Trouble turns the failures and successes of many requests into one line when
// a trouble lasts, and one when it is over. A failure that is followed by a
// success before long is not worth a line: the retry was.
//
// Its methods may be called by any number of goroutines.
type Trouble struct {
	after    time.Duration
	announce func(cause string, lasting time.Duration)
	over     func(lasted time.Duration)

	failing atomic.Bool // lets Succeeded return at once when all is well

	mu        sync.Mutex
	since     time.Time // of the first failure with no success after it
	cause     string    // of the last failure
	timer     *time.Timer
	announced bool
}

// NewTrouble returns a Trouble that calls announce once nothing has succeeded
// for the time after since a failure, with the cause of the last failure, and
// over at the next success, with the time it all took. Neither may call the
// Trouble. An after of 0 is 5 s.
func NewTrouble(after time.Duration, announce func(cause string, lasting time.Duration), over func(lasted time.Duration)) *Trouble {
	if after <= 0 {
		after = 5 * time.Second
	}
	return &Trouble{after: after, announce: announce, over: over}
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
	t.announce(t.cause, lasting)
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
		t.over(time.Since(t.since))
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

// Waits reports long waits as they begin. Many calls wait at once in the same
// trouble: one report stands for all of them, unless another wait lasts much
// longer.
type Waits struct {
	say  func(cause string, until time.Time)
	note func(until time.Time) // hears of each wait; may be nil

	mu          sync.Mutex
	told, until time.Time // when the last one was reported, and when it ends
}

// waitsApart is how much longer a wait lasts than the one that was reported, or
// how much later it begins, to be reported too.
const waitsApart = time.Minute

// NewWaits returns a Waits that says what it tells by say.
func NewWaits(say func(cause string, until time.Time)) *Waits { return &Waits{say: say} }

// Begin says that a call waits because of a cause. It may be called by any number
// of goroutines.
func (w *Waits) Begin(cause string, until time.Time) {
	if w.note != nil {
		w.note(until)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.told) < waitsApart && until.Sub(w.until) < waitsApart {
		return
	}
	w.told, w.until = now, until
	w.say(cause, until)
}

// NewWaits returns a Waits that tells in lines of r, unless r is quiet.
func (r *Reporter) NewWaits() *Waits {
	w := NewWaits(func(cause string, until time.Time) {
		now := time.Now()
		r.Info("waiting until %s (%s): %s", clock(until, now), until.Sub(now).Round(time.Second), cause)
	})
	w.note = r.waits
	return w
}

// NewTrouble returns a Trouble that reports the server named who, by its address,
// in warnings of r.
func (r *Reporter) NewTrouble(who string) *Trouble {
	return NewTrouble(0,
		func(cause string, lasting time.Duration) {
			r.Warn("%s: nothing has succeeded for %s: %s; still trying", who, lasting.Round(time.Second), cause)
		},
		func(lasted time.Duration) {
			r.Warn("%s: works again after %s", who, lasted.Round(time.Second))
		})
}
