package gate

import (
	"math"
	"slices"
	"time"
)

// pace says when requests may be sent to a server that has refused some. It has no
// clock and no goroutines, and can be kept in a file.
//
// A server is taken for a bucket: it takes a burst at once, and then so many a
// second. What it takes in any time is at most burst + rate × time, and when it
// refuses there is a time for which one more would have been too many. From these
// two the rate follows, for a window of a minute or an hour as for a bucket.
type pace struct {
	Shut    time.Time // nothing is sent before
	Probing time.Time // until when the outcome of a request that was sent alone is waited for
	Unsure  bool      // the next request is sent alone
	Debt    float64   // recent refusals, which make the next wait longer

	Limited  bool          // there has been a refusal
	Rate     float64       // requests a second at the begin of a run, 0: not known
	Learnt   int           // how often the rate has followed from the refusal of a run
	Best     float64       // the largest rate that has been learnt
	Burst    float64       // how many were taken before the first refusal
	Rest     time.Duration // before this run, without what is due to earlier refusals
	Again    bool          // nothing has been taken since the last refusal
	Run      int           // requests sent in this run
	Began    time.Time     // this run
	Previous time.Time     // when the run before it began
	Ended    time.Time     // the run before it
	Due      time.Time     // when the next request may be sent
	Taken    history
}

const (
	// probeTime is how long the outcome of a request that was sent alone is waited
	// for. A refusal comes at once, what takes longer has been taken.
	probeTime = 5 * time.Second
	// firstWait is the first wait where the server does not say how long. Each
	// refusal doubles it, and of each the effect is halved by about 70 requests that
	// are taken. Longer than longestWait a quota is not left unused that may have
	// room again.
	firstWait   = 500 * time.Millisecond
	longestWait = time.Minute
	forgiven    = 0.01
)

// next returns when the next request may be sent.
func (p *pace) next() time.Time {
	var next time.Time
	if p.Limited && p.Run > 0 {
		next = p.Due
	}
	for _, t := range []time.Time{p.Shut, p.Probing} {
		if t.After(next) {
			next = t
		}
	}
	return next
}

// took notes that a request which was sent then has not been refused.
func (p *pace) took(sent time.Time) {
	p.Taken.add(sent)
	p.Debt *= 1 - forgiven
	if !sent.Before(p.Shut) {
		p.Probing, p.Again = time.Time{}, false
	}
}

// refused notes a refusal now of a request that was sent then, and how long the
// server asks to wait. Requests that were under way together count as one refusal.
// The wait is somewhat random: luck is of 0 to 1.
func (p *pace) refused(sent, now time.Time, asked time.Duration, luck float64) {
	switch {
	case sent.Before(p.Shut):
		if until := now.Add(asked); until.After(p.Shut) {
			p.Shut = until
		}
		return
	case !p.Again:
		p.end(now)
	}
	p.Run = 0
	p.Rest += max(firstWait, asked)
	p.Debt++
	p.Again, p.Probing, p.Unsure = true, time.Time{}, true
	p.Shut = now.Add(p.wait(asked, luck))
}

// wait returns how long to wait: what the server asks for, or longer if there have
// been many refusals, and not the same for all who are refused together.
func (p *pace) wait(asked time.Duration, luck float64) time.Duration {
	wait := time.Duration(min(float64(firstWait)*math.Exp2(p.Debt-1), float64(longestWait)))
	wait = wait/2 + time.Duration(luck*float64(wait/2))
	if asked > 0 {
		wait = max(wait, asked+time.Duration(luck*float64(min(asked/10, time.Second))))
	}
	return wait
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

// sent notes that a request is sent now.
func (p *pace) sent(now time.Time) {
	if p.Unsure {
		p.Unsure, p.Probing = false, now.Add(probeTime)
	}
	if p.Run++; p.Run == 1 {
		p.Began, p.Due = now, now
	}
	if !p.Limited {
		return
	}
	if p.Rate == 0 {
		p.Burst = max(1, float64(p.Taken.Total))
		p.Rate = max(min(p.Burst, p.Taken.average(p.Previous, p.Ended)), leastRate)
	}
	if p.Due.Before(now) {
		p.Due = now
	}
	p.Due = p.Due.Add(time.Duration(float64(time.Second) / p.current(now)))
}

// current returns the rate now. One that is looked for grows with each request. One
// that has been learnt grows so slowly that the refusals for it cost little.
func (p *pace) current(now time.Time) float64 {
	r := p.Rate
	if p.Learnt == 0 {
		for i := 1; i < p.Run && r < mostRate; i++ {
			r *= searching
		}
		return min(r, mostRate)
	}
	x := now.Sub(p.Began).Seconds()/p.plateau() - 1
	return min(r/(1-margin)+margin*max(r, p.Best/4)*x*x*x, mostRate)
}

// plateau returns after how many seconds a run is as fast as what has been learnt.
// The first ones are short, as little is known then.
func (p *pace) plateau() float64 {
	return min(float64(int(1)<<min(2*p.Learnt, 40)), max(60, 15*p.Rest.Seconds()))
}

// end notes a refusal, which ends the run.
func (p *pace) end(now time.Time) {
	if p.Limited = true; p.Rate > 0 {
		p.learn(now)
	}
	p.Previous, p.Ended, p.Rest = p.Began, now, 0
}

// learn sets the rate by what this run and the one before it had.
func (p *pace) learn(now time.Time) {
	p.Taken.forget(p.Previous)
	most := p.current(now)
	low, high := p.Taken.bounds(now, p.Burst)
	least := 0.
	if p.Learnt > 0 {
		least = most * 0.7
		if now.Sub(p.Began).Seconds() < p.plateau() {
			most *= 0.85
		}
	}
	rate := min(max((low+high)/2, low, least), most)
	if high <= 0 {
		// It has not taken as many at once, as it had not before.
		rate = p.Taken.average(p.Previous, now)
		p.Burst = max(1, float64(p.Taken.since(p.Began)))
	}
	p.Rate = max((1-margin)*rate, p.Best/16, leastRate)
	p.Best = max(p.Best, p.Rate)
	p.Learnt++
}

// history is when requests were taken. It is kept small: where there are many, each
// mark stands for several.
type history struct {
	Marks  []mark
	Total  int
	Stride int // requests from mark to mark, 0: 1
}

// mark says how many requests had been taken until a time.
type mark struct {
	At    time.Time
	Total int
}

// fullHistory is how many marks are kept.
const fullHistory = 256

func (h *history) add(at time.Time) {
	h.Total++
	n := len(h.Marks)
	if h.Total%max(h.Stride, 1) != 0 {
		return
	}
	if n == fullHistory {
		h.Stride = 2 * max(h.Stride, 1)
		h.Marks = slices.DeleteFunc(h.Marks, func(m mark) bool { return m.Total%h.Stride != 0 })
		n = len(h.Marks)
	}
	if n > 0 && at.Before(h.Marks[n-1].At) {
		at = h.Marks[n-1].At
	}
	h.Marks = append(h.Marks, mark{at, h.Total})
}

// merge adds what another process has had taken.
func (h *history) merge(other history) {
	h.Marks = append(h.increments(), other.increments()...)
	slices.SortStableFunc(h.Marks, func(a, b mark) int { return a.At.Compare(b.At) })
	total := 0
	for i := range h.Marks {
		total += h.Marks[i].Total
		h.Marks[i].Total = total
	}
	h.Total += other.Total
	h.Stride = max(h.Stride, other.Stride)
	if n := len(h.Marks); n > fullHistory {
		h.Marks = h.Marks[n-fullHistory:]
	}
}

// increments returns marks that say how many had been taken since the one before.
func (h *history) increments() []mark {
	marks, before := slices.Clone(h.Marks), 0
	for i := range marks {
		before, marks[i].Total = marks[i].Total, marks[i].Total-before
	}
	return marks
}

// since returns how many requests have been taken after a time.
func (h *history) since(t time.Time) int {
	for i := range h.Marks {
		if !h.Marks[i].At.Before(t) {
			return h.Total - h.Marks[i].Total + 1
		}
	}
	return 0
}

// average returns how many requests a second have been taken between two times, of
// which the first is that of the oldest mark.
func (h *history) average(from, to time.Time) float64 {
	n := h.Total
	if len(h.Marks) > 0 {
		n -= h.Marks[0].Total - 1
	}
	return float64(n) / max(to.Sub(from).Seconds(), 1e-3)
}

// forget drops what is older.
func (h *history) forget(than time.Time) {
	h.Marks = slices.DeleteFunc(h.Marks, func(m mark) bool { return m.At.Before(than) })
	h.Stride = 0
}

// bounds returns between which rates a server is that has taken these requests, and
// now has refused one: no rate below low allows for all of them, none above high
// refuses one more.
func (h *history) bounds(now time.Time, burst float64) (low, high float64) {
	for i, from := range h.Marks {
		for _, to := range h.Marks[i+1:] {
			if d := to.At.Sub(from.At).Seconds(); d > 0 {
				low = max(low, (float64(to.Total-from.Total+1)-burst)/d)
			}
		}
		if d := now.Sub(from.At).Seconds(); d > 0 {
			high = max(high, (float64(h.Total-from.Total+2)-burst)/d)
		}
	}
	return low, high
}
