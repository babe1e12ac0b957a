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
	flying  int // requests whose outcome is not known
	pace    pace
}

// New returns an open gate. A wait of more than most that a server asks for is not
// kept: it is for who made the request to decide on it.
func New(most time.Duration) *Gate { return &Gate{most: most} }

// passage is a request that waits at the gate.
type passage struct {
	open  chan struct{}
	first <-chan struct{}
}

// Opens returns until when the gate is shut. The time has passed where it is open.
func (g *Gate) Opens() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.shut
}

// Wait returns when a request may be sent, and an error if ctx ends before. Of each
// that may be sent the outcome must be told: Taken, Refused or Failed. Once first is
// closed the request is the next to pass, before those that came earlier.
func (g *Gate) Wait(ctx context.Context, first <-chan struct{}) error {
	p := &passage{make(chan struct{}), first}
	g.mu.Lock()
	g.waiting = append(g.waiting, p)
	g.admit()
	g.mu.Unlock()
	for {
		select {
		case <-p.open:
			return nil
		case <-first:
			first = nil
			g.mu.Lock()
			g.admit()
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

// admit lets pass whom it may, and sets the timer for the next. The caller holds mu.
func (g *Gate) admit() {
	for len(g.waiting) > 0 {
		i := max(0, slices.IndexFunc(g.waiting, (*passage).isFirst))
		if !g.pace.limited && g.flying > g.pace.taken.total && !g.waiting[i].isFirst() {
			return
		}
		now := time.Now()
		if wait := g.pace.next().Sub(now); wait > 0 {
			g.wake(wait)
			return
		}
		g.pace.sent(now)
		g.flying++
		close(g.waiting[i].open)
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
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
		g.admit()
	})
}

// Taken notes that a request which was sent then has not been refused.
func (g *Gate) Taken(sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.pace.took(sent)
	g.admit()
}

// Failed notes that nothing is known of what became of a request.
func (g *Gate) Failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.admit()
}

// Refused notes that a request which was sent then has been refused, and how long
// the server asks to wait, 0 if it does not say. Requests that were under way
// together count as one refusal.
func (g *Gate) Refused(sent time.Time, asked time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	if asked <= g.most {
		g.pace.refused(sent, time.Now(), asked, rand.Float64())
	}
	g.admit()
}
