package gate

import (
	"slices"
	"time"
)

// pace is the rate at which requests are sent to a server that has refused some.
//
// A server is taken for a bucket: it takes a burst at once, and then so many a
// second. What it takes in any time is at most burst + rate × time, and when it
// refuses there is a time for which one more would have been too many. From these
// two the rate follows, for a window of a minute or an hour as for a bucket.
type pace struct {
	limited  bool          // there has been a refusal
	rate     float64       // requests a second at the begin of a run, 0: not known
	learnt   int           // how often the rate has followed from the refusal of a run
	best     float64       // the largest rate that has been learnt
	burst    float64       // how many were taken before the first refusal
	wait     time.Duration // before this run
	run      int           // requests sent in this run
	began    time.Time     // this run
	previous time.Time     // when the run before it began
	ended    time.Time     // the run before it
	due      time.Time     // when the next request may be sent
	taken    history
}

const (
	// searching is how much sooner each request follows while the rate is looked for.
	searching = 1.25
	// margin is how far below a rate that has been learnt a run begins.
	margin = 0.04
	// leastRate and mostRate bound what is learnt. A server may refuse one kind of
	// request whatever the rate, and all others are not to wait for that.
	leastRate, mostRate = 1. / 4, 1e5
)

// next returns when the next request may be sent.
func (p *pace) next() time.Time {
	if !p.limited || p.run == 0 {
		return time.Time{}
	}
	return p.due
}

// sent notes that a request is sent now.
func (p *pace) sent(now time.Time) {
	if p.run++; p.run == 1 {
		p.began, p.due = now, now
	}
	if !p.limited {
		return
	}
	if p.rate == 0 {
		p.burst = max(1, float64(p.taken.total))
		p.rate = max(min(p.burst, p.taken.average(p.previous, p.ended)), leastRate)
	}
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(time.Duration(float64(time.Second) / p.current(now)))
}

// current returns the rate now. One that is looked for grows with each request. One
// that has been learnt grows so slowly that the refusals for it cost little.
func (p *pace) current(now time.Time) float64 {
	r := p.rate
	if p.learnt == 0 {
		for i := 1; i < p.run && r < mostRate; i++ {
			r *= searching
		}
		return min(r, mostRate)
	}
	x := now.Sub(p.began).Seconds()/p.plateau() - 1
	return min(r/(1-margin)+margin*max(r, p.best/4)*x*x*x, mostRate)
}

// plateau returns after how many seconds a run is as fast as what has been learnt.
// The first ones are short, as little is known then.
func (p *pace) plateau() float64 {
	return min(float64(int(1)<<min(2*p.learnt, 40)), max(60, 15*p.wait.Seconds()))
}

// refused notes a refusal, which ends the run.
func (p *pace) refused(now time.Time) {
	if p.limited = true; p.rate > 0 {
		p.learn(now)
	}
	p.previous, p.ended, p.wait = p.began, now, 0
}

// rest notes that nothing is sent for so long.
func (p *pace) rest(wait time.Duration) {
	p.run = 0
	p.wait += wait
}

// learn sets the rate by what this run and the one before it had.
func (p *pace) learn(now time.Time) {
	p.taken.forget(p.previous)
	most := p.current(now)
	low, high := p.taken.bounds(now, p.burst)
	least := 0.
	if p.learnt > 0 {
		least = most * 0.7
		if now.Sub(p.began).Seconds() < p.plateau() {
			most *= 0.85
		}
	}
	rate := min(max((low+high)/2, low, least), most)
	if high <= 0 {
		// It has not taken as many at once, as it had not before.
		rate = p.taken.average(p.previous, now)
		p.burst = max(1, float64(p.taken.since(p.began)))
	}
	p.rate = max((1-margin)*rate, p.best/16, leastRate)
	p.best = max(p.best, p.rate)
	p.learnt++
}

// history is when requests were taken. It is kept small: where there are many, each
// mark stands for several.
type history struct {
	marks  []mark
	total  int
	stride int // requests from mark to mark, 0: 1
}

// mark says how many requests had been taken until a time.
type mark struct {
	at    time.Time
	total int
}

// fullHistory is how many marks are kept.
const fullHistory = 256

func (h *history) add(at time.Time) {
	h.total++
	n := len(h.marks)
	if h.total%max(h.stride, 1) != 0 {
		return
	}
	if n == fullHistory {
		h.stride = 2 * max(h.stride, 1)
		h.marks = slices.DeleteFunc(h.marks, func(m mark) bool { return m.total%h.stride != 0 })
		n = len(h.marks)
	}
	if n > 0 && at.Before(h.marks[n-1].at) {
		at = h.marks[n-1].at
	}
	h.marks = append(h.marks, mark{at, h.total})
}

// since returns how many requests have been taken after a time.
func (h *history) since(t time.Time) int {
	for i := range h.marks {
		if !h.marks[i].at.Before(t) {
			return h.total - h.marks[i].total + 1
		}
	}
	return 0
}

// average returns how many requests a second have been taken between two times, of
// which the first is that of the oldest mark.
func (h *history) average(from, to time.Time) float64 {
	n := h.total
	if len(h.marks) > 0 {
		n -= h.marks[0].total - 1
	}
	return float64(n) / max(to.Sub(from).Seconds(), 1e-3)
}

// forget drops what is older.
func (h *history) forget(than time.Time) {
	h.marks = slices.DeleteFunc(h.marks, func(m mark) bool { return m.at.Before(than) })
	h.stride = 0
}

// bounds returns between which rates a server is that has taken these requests, and
// now has refused one: no rate below low allows for all of them, none above high
// refuses one more.
func (h *history) bounds(now time.Time, burst float64) (low, high float64) {
	for i, from := range h.marks {
		for _, to := range h.marks[i+1:] {
			if d := to.at.Sub(from.at).Seconds(); d > 0 {
				low = max(low, (float64(to.total-from.total+1)-burst)/d)
			}
		}
		if d := now.Sub(from.at).Seconds(); d > 0 {
			high = max(high, (float64(h.total-from.total+2)-burst)/d)
		}
	}
	return low, high
}
