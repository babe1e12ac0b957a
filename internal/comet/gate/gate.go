// Package gate holds requests back from a server that refuses what is too much. It
// learns from what is taken and what is refused, and knows nothing of HTTP.
package gate

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Gate is what all requests to one server with one key pass. Until the first refusal
// it is open, but for the first requests: each that is taken lets one more be under
// way. After a refusal, nothing passes for as long as the server asks, then one
// request alone, and when that is not refused the others, at a rate that the gate
// learns. A Gate may be used from many goroutines.
type Gate struct {
	most time.Duration // longer waits are not kept here

	mu      sync.Mutex
	waiting []*passage // in the order of their arrival
	timer   *time.Timer
	flying  int  // requests whose outcome is not known
	pace    pace // where others share it: when it was last read, and what came here since
	shared  shared
	untold  []answer  // that are not in the pace that is shared
	quiet   time.Time // until when no turn can come
}

// answer is what became of a request.
type answer struct {
	sent, at time.Time
	refused  bool
	asked    time.Duration
	luck     float64
}

func (a answer) tell(p *pace) {
	if a.refused {
		p.refused(a.sent, a.at, a.asked, a.luck)
	} else {
		p.took(a.sent)
	}
}

// New returns an open gate. A wait of more than most that a server asks for is not
// kept: it is for who made the request to decide on it. Gates of several processes
// with one file are as one from the first refusal on. Without a file, or where it can't
// be used, each is for itself.
func New(most time.Duration, file string) *Gate {
	return &Gate{most: most, shared: shared{name: file}}
}

// passage is a request that waits at the gate.
type passage struct {
	open  chan struct{}
	first <-chan struct{}
}

// Opens returns until when the gate is shut. The time has passed where it is open.
func (g *Gate) Opens() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.update(false)
	return g.pace.shut
}

// Wait returns when a request may be sent, and an error if ctx ends before. Of each
// that may be sent the outcome must be told: Taken, Refused or Failed. Once first is
// closed the request is the next to pass, before those that came earlier.
func (g *Gate) Wait(ctx context.Context, first <-chan struct{}) error {
	p := &passage{make(chan struct{}), first}
	g.mu.Lock()
	g.waiting = append(g.waiting, p)
	g.update(false)
	g.mu.Unlock()
	for {
		select {
		case <-p.open:
			return nil
		case <-first:
			first = nil
			g.mu.Lock()
			g.update(false)
			g.mu.Unlock()
		case <-ctx.Done():
			g.mu.Lock()
			defer g.mu.Unlock()
			if i := slices.Index(g.waiting, p); i >= 0 {
				g.waiting = slices.Delete(g.waiting, i, i+1)
				return context.Cause(ctx)
			}
			return nil // it has passed meanwhile
		}
	}
}

const (
	// lockedPause is when a lock is tried for again that others have.
	lockedPause = time.Millisecond
	// sharedPause is the least between two turns of a process where others have turns,
	// too, and known how long it goes by what it has read.
	sharedPause, known = time.Millisecond, 20 * time.Millisecond
	// sharedPoll is how often the outcome of a request is looked for that another
	// process may have sent alone.
	sharedPoll = 50 * time.Millisecond
)

// update brings the pace up to date, and lets pass whom it lets. A refusal is for
// others to know even where there are none so far. The caller holds mu.
func (g *Gate) update(refused bool) {
	now := time.Now()
	if !refused && g.quiet.After(now) {
		return
	}
	if g.shared.lock(refused, now) {
		g.wake(lockedPause)
		return
	}
	if g.shared.held {
		g.load(now)
	}
	for _, a := range g.untold {
		a.tell(&g.pace)
	}
	g.untold, g.quiet = nil, time.Time{}
	g.admit()
	if g.shared.held {
		g.shared.unlock(&g.pace)
	}
}

// load replaces the pace with the one that is shared. Where that is damaged, the gate
// goes on by its own, which it then shares. Who waits less long than others leaves it to
// them, and is told by the server.
func (g *Gate) load(now time.Time) {
	var p pace
	switch found := g.shared.load(&p, now); {
	case !found && !decode(encode(&g.pace), &p, now):
		g.pace.forgetTimes(now)
		return
	case !found:
		return
	case p.shut.Sub(now) > g.most:
		g.shared.quit()
		return
	case !g.pace.limited:
		p.taken.merge(&g.pace.taken)
	}
	g.pace = p
}

// admit lets pass whom it may, and sets the timer for the next. The caller holds mu.
func (g *Gate) admit() {
	for len(g.waiting) > 0 {
		i := max(0, slices.IndexFunc(g.waiting, (*passage).isFirst))
		if !g.pace.limited && g.flying > g.pace.taken.total && !g.waiting[i].isFirst() {
			return
		}
		now := time.Now()
		if wait := g.pace.next().Sub(now); wait > 0 {
			if g.shared.held {
				wait = g.among(wait)
				g.quiet = now.Add(min(wait, known))
			}
			g.wake(wait)
			return
		}
		g.pace.sent(now)
		g.flying++
		close(g.waiting[i].open)
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// among returns when to look again where others have turns, too.
func (g *Gate) among(wait time.Duration) time.Duration {
	if !g.pace.probing.IsZero() {
		wait = min(wait, sharedPoll)
	}
	return max(wait, sharedPause)
}

func (p *passage) isFirst() bool {
	select {
	case <-p.first:
		return true
	default:
		return false
	}
}

func (g *Gate) wake(d time.Duration) {
	if g.timer != nil {
		g.timer.Reset(d)
		return
	}
	g.timer = time.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.quiet = time.Time{}
		g.update(false)
	})
}

// Taken notes that a request which was sent then has not been refused.
func (g *Gate) Taken(sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.untold = append(g.untold, answer{sent: sent})
	if !g.pace.probing.IsZero() {
		g.quiet = time.Time{}
	}
	g.update(false)
}

// Failed notes that nothing is known of what became of a request.
func (g *Gate) Failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.update(false)
}

// Refused notes that a request which was sent then has been refused, and how long
// the server asks to wait, 0 if it does not say. Requests that were under way
// together count as one refusal.
func (g *Gate) Refused(sent time.Time, asked time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	if asked <= g.most {
		g.untold = append(g.untold, answer{sent, time.Now(), true, asked, rand.Float64()})
	}
	g.update(asked <= g.most)
}
