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
			t.phase = trialOver
			b.q.trying = false
		}
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
			t.phase = trialOver
			if b.state == running && b.total-b.got >= splitSize {
				b.split()
			}
		}
		return
	case b.rest.n > 0 || b.total >= 0 && b.total < splitSize || !b.x.ranges.worthTrying(now):
		t.phase = trialOver
		return
	case b.state != running || len(b.pieces) > 0 || q.running-len(q.blocked) > 1:
		t.since = time.Time{}
		return
	case t.since.IsZero():
		t.begin(measureAlone, now, arrived)
		return
	}
	rate := t.rate(now, arrived)
	if rate == 0 || b.total < 0 {
		return
	}
	if b.total-b.got < splitSize {
		t.phase = trialOver
		return
	}
	q.mu.Unlock()
	ok := b.supported(ctx)
	q.mu.Lock()
	if !ok || b.state != running || b.total-b.got < splitSize {
		t.phase = trialOver
		return
	}
	t.alone = rate
	q.trying = true
	b.split()
	t.begin(settle, time.Now(), q.arrived)
}

// endTrial lets other large bodies begin again. The caller holds the queue's mu.
func (b *bodySlot) endTrial() {
	t := &b.trial
	if t.phase == settle || t.phase == measureParts {
		b.q.trying = false
		// The body was over too soon to be sure, unless it is obvious.
		if rate := t.over(time.Now(), b.q.arrived, measureTime/4); rate >= 2*t.alone {
			b.x.ranges.learn(true, time.Now())
		}
	}
	t.phase = trialOver
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
