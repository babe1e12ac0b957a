package exporter

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A large body comes by one connection. Where that, and not the wire, is what
// bounds the export, it is fetched in parts by several, if the server can do
// that. Whether it helps is found out by trying: parts cost more requests.

const (
	// splitSize is the least that must be left of a body for parts to be
	// worth while.
	splitSize = 8 * partSize
	// measureTime is how long a speed is measured.
	measureTime = 200 * time.Millisecond
	// sampleSize is how much must have come to tell a speed in less than that,
	// a quarter of it at the least.
	sampleSize = 8 * pieceSize
	// holdTime is how long other large bodies are not begun for the sake of a
	// measurement: enough for it on a network that is far away.
	holdTime = time.Second
	// speedUp is how much faster parts must be.
	speedUp = 1.25
	// retrial is how long it is not tried again after it did not help.
	retrial = time.Minute
)

// ranges knows whether parts help. Its mu is the last to be locked.
type ranges struct {
	never bool // one request an asset, whatever happens

	helps atomic.Bool

	mu       sync.Mutex
	asked    bool // whether the server honours ranges
	honoured bool
	not      time.Time // they do not help until then
	noHold   time.Time // others are not held back for a measurement until then
}

// worthTrying reports whether parts may help.
func (r *ranges) worthTrying(now time.Time) bool {
	if r.never {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !(r.asked && !r.honoured) && now.After(r.not)
}

// worthHolding reports whether other bodies should wait until it is known
// whether parts help, which is once and for a short time.
func (r *ranges) worthHolding(now time.Time) bool {
	if !r.worthTrying(now) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now.After(r.noHold) {
		return false
	}
	r.noHold = now.Add(retrial)
	return true
}

// learn takes the outcome of a trial.
func (r *ranges) learn(helps bool, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	helps = helps && (r.honoured || !r.asked)
	r.helps.Store(helps)
	if !helps {
		r.not = now.Add(retrial)
	}
}

// honour notes whether the server honours ranges.
func (r *ranges) honour(does bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.honoured = true, does
	if !does {
		r.helps.Store(false)
	}
}

// known returns whether the server honours ranges, if it has been asked.
func (r *ranges) known() (honoured, asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.honoured, r.asked
}

// supported asks the server, once, whether it honours ranges.
func (b *bodySlot) supported(ctx context.Context) bool {
	if honoured, asked := b.x.ranges.known(); asked {
		return honoured
	}
	body, err := b.open(direct(ctx), pieceSize, 1)
	if err != nil {
		return false
	}
	defer body.Close()
	b.x.ranges.honour(body.Partial)
	return body.Partial
}

// rangeTrial is what a reader measures.
type rangeTrial struct {
	phase trialPhase
	since time.Time
	from  int64   // bytes that had arrived at that time
	alone float64 // bytes a second by one connection
}

type trialPhase int

const (
	measureAlone trialPhase = iota
	settle                  // parts have just been begun
	measureParts
	trialOver
)

// rate returns the speed since the measurement began, 0 if it is too early.
func (t *rangeTrial) rate(now time.Time, arrived int64) float64 {
	return t.over(now, arrived, measureTime)
}

// over returns the speed since the measurement began, 0 if that is not least
// ago.
func (t *rangeTrial) over(now time.Time, arrived int64, least time.Duration) float64 {
	d := now.Sub(t.since)
	if d < least {
		return 0
	}
	return float64(arrived-t.from) / d.Seconds()
}

func (t *rangeTrial) begin(phase trialPhase, now time.Time, arrived int64) {
	t.phase, t.since, t.from = phase, now, arrived
}

// consider is called before the reader takes a piece. It measures, and begins
// or ends the fetching of parts.
func (b *bodySlot) consider(ctx context.Context) {
	t := &b.trial
	if t.phase == trialOver {
		return
	}
	now := time.Now()
	b.q.mu.Lock()
	defer b.q.mu.Unlock()
	arrived := b.q.arrived
	switch t.phase {
	case measureAlone:
		b.measureAlone(ctx, now, arrived)
	case settle:
		if t.rate(now, arrived) > 0 {
			t.begin(measureParts, now, arrived)
		}
	case measureParts:
		if rate := t.rate(now, arrived); rate > 0 {
			helps := rate >= speedUp*t.alone
			b.x.ranges.learn(helps, now)
			if !helps {
				b.join()
			}
			b.endTrial()
		}
	}
}

// hold keeps other large bodies from being begun, so that the speed of this one
// can be measured from its start: once others are under way it is alone only
// when they have filled the budget, and what they have fetched has to make room
// for the parts. The caller holds the queue's mu.
func (b *bodySlot) hold() {
	if b.q.trial != nil || b.trial.phase == trialOver || !b.x.ranges.worthHolding(time.Now()) {
		return
	}
	b.q.trial = b.slot
	// The reader may be far from here.
	time.AfterFunc(holdTime, func() {
		b.q.mu.Lock()
		defer b.q.mu.Unlock()
		if b.trial.phase == measureAlone {
			b.letGo()
		}
	})
}

// letGo lets other large bodies begin. The caller holds the queue's mu.
func (b *bodySlot) letGo() {
	if b.q.trial == b.slot {
		b.q.trial = nil
		b.q.pump()
	}
}

// measureAlone measures how fast the one connection is while nothing else is
// fetched and the reader waits for it. The caller holds the queue's mu.
func (b *bodySlot) measureAlone(ctx context.Context, now time.Time, arrived int64) {
	t, q := &b.trial, b.q
	switch {
	case b.rest.n == 0 && b.x.ranges.helps.Load():
		// It was begun before that was known.
		if b.total >= 0 || b.state == done {
			b.endTrial()
			if b.state == running && b.total-b.got >= splitSize {
				b.split()
			}
		}
		return
	case b.rest.n > 0 || b.total >= 0 && b.total < splitSize || !b.x.ranges.worthTrying(now):
		b.endTrial()
		return
	case b.state != running || b.got == 0 || len(b.pieces) > 0 || q.running-len(q.blocked) > 1:
		t.since = time.Time{}
		return
	case t.since.IsZero():
		t.begin(measureAlone, now, arrived)
		return
	}
	least := measureTime
	if arrived-t.from >= sampleSize {
		least /= 4
	}
	rate := t.over(now, arrived, least)
	if rate == 0 || b.total < 0 {
		return
	}
	if b.total-b.got < splitSize {
		b.endTrial()
		return
	}
	q.mu.Unlock()
	ok := b.supported(ctx)
	q.mu.Lock()
	if !ok || b.state != running || b.total-b.got < splitSize {
		b.endTrial()
		return
	}
	t.alone = rate
	q.trial = b.slot
	b.split()
	t.begin(settle, time.Now(), q.arrived)
}

// leaveTrial is called when the body is at its end, or given up. The caller
// holds the queue's mu.
func (b *bodySlot) leaveTrial() {
	t := &b.trial
	if t.phase == settle || t.phase == measureParts {
		// The body was over too soon to be sure, unless it is obvious.
		if rate := t.over(time.Now(), b.q.arrived, measureTime/4); rate >= 2*t.alone {
			b.x.ranges.learn(true, time.Now())
		}
	}
	b.endTrial()
}

// endTrial ends the trial, and lets other large bodies begin again. The caller
// holds the queue's mu.
func (b *bodySlot) endTrial() {
	b.trial.phase = trialOver
	b.letGo()
}

// split cuts what is left of a body that comes by one connection into parts.
// The caller holds the queue's mu.
func (b *bodySlot) split() {
	// What is ahead of this body takes the room and the connections that its
	// parts need. The reader has come to it, so it is the last to make room.
	b.q.setHead(b.slot)
	for _, s := range slices.Clone(b.q.blocked) {
		if s.whole && s != b.slot {
			b.q.restart(s)
		}
	}
	b.q.shed(b.q.soft / 4)
	// The piece that is being filled is the last one of this connection.
	b.cut(b.got + pieceSize)
	b.rest.begin(b.q)
	b.q.pump()
}
