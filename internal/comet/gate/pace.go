package gate

import (
	"math"
	"time"
)

// pace says when requests may be sent to a server that has refused some. It has no
// clock and no goroutines, so that a simulation can drive it.
//
// A server is taken for a bucket: it takes a burst at once, and then so many a
// second. What it takes in any time is at most burst + rate × time, and when it
// refuses there is a time for which one more would have been too many. From these
// two the rate follows, for a window of a minute or an hour as for a bucket.
type pace struct {
	shut    time.Time // nothing is sent before
	probing time.Time // until when the outcome of a request that was sent alone is waited for
	unsure  bool      // the next request is sent alone
	debt    float64   // recent refusals, which make the next wait longer

	limited  bool          // there has been a refusal
	rate     float64       // requests a second at the begin of a run, 0: not known
	learnt   int           // how often the rate has followed from the refusal of a run
	best     float64       // the largest rate that has been learnt
	burst    float64       // how many it takes at once
	rest     time.Duration // before this run, without what is due to earlier refusals
	gap      time.Duration // before the run that has ended
	again    bool          // nothing has been taken since the last refusal
	run      int           // requests sent in this run
	began    time.Time     // this run
	previous time.Time     // when the run before it began
	ended    time.Time     // the run before it
	due      time.Time     // when the next request may be sent
	taken    history
	climb    climb
}

const (
	// probeTime is how long the outcome of a request that was sent alone is waited
	// for. A refusal comes at once, what takes longer has been taken.
	probeTime = 5 * time.Second
	// firstWait is the first wait where the server does not say how long. Each
	// refusal doubles it, and of each the effect is halved by seven requests that are
	// taken: refusals by chance are not to add up. Longer than longestWait a quota is
	// not left unused that may have room again.
	firstWait   = 500 * time.Millisecond
	longestWait = time.Minute
	forgiven    = 0.1
)

// next returns when the next request may be sent.
func (p *pace) next() time.Time {
	var next time.Time
	if p.limited && p.run > 0 {
		next = p.due
	}
	for _, t := range []time.Time{p.shut, p.probing} {
		if t.After(next) {
			next = t
		}
	}
	return next
}

// forgetTimes keeps the rate and lets a run begin, as when the clock has been set.
func (p *pace) forgetTimes(now time.Time) {
	p.shut, p.probing, p.run = time.Time{}, time.Time{}, 0
	p.began, p.previous, p.ended, p.due, p.climb.ended = now, now, now, now, now
	p.climb.since = time.Time{}
	p.taken = history{total: p.taken.total}
}

// took notes that a request which was sent then has not been refused.
func (p *pace) took(sent time.Time) {
	p.taken.add(sent)
	p.debt *= 1 - forgiven
	p.climb.took(p.best)
	if !sent.Before(p.shut) {
		p.probing, p.again = time.Time{}, false
	}
}

// refused notes a refusal now of a request that was sent then, and how long the
// server asks to wait. Requests that were under way together count as one refusal.
// The wait is somewhat random: luck is of 0 to 1.
func (p *pace) refused(sent, now time.Time, asked time.Duration, luck float64) {
	climbs := p.climb.on
	if climbs && p.climb.refused(now, p.taken.total) {
		p.descend(now)
	}
	switch {
	case sent.Before(p.shut):
		if until := now.Add(asked); until.After(p.shut) {
			p.shut = until
		}
		return
	case !p.again:
		p.end(now, !climbs)
	}
	p.run = 0
	p.rest += max(firstWait, asked)
	p.debt++
	p.again, p.probing, p.unsure = true, time.Time{}, true
	p.shut = now.Add(p.wait(asked, luck))
}

// wait returns how long to wait: what the server asks for, or longer if there have
// been many refusals or a long pause before, as in a window of a minute, and not the
// same for all who are refused together.
func (p *pace) wait(asked time.Duration, luck float64) time.Duration {
	wait := max(time.Duration(float64(firstWait)*math.Exp2(min(p.debt, 10)-1)), p.gap/4)
	wait = min(wait, longestWait)
	wait = wait/2 + time.Duration(luck*float64(wait/2))
	if asked > 0 {
		wait = max(wait, asked+time.Duration(luck*float64(min(asked/10, time.Second))))
	}
	return wait
}

const (
	// searching is by how much of a doubling each request raises a rate that is looked
	// for. It doubles once a second at most: what is under way when the quota ends is
	// refused together.
	searching = 1. / 3
	// margin is how far below a rate that has been learnt a run begins.
	margin = 0.04
	// timerSlack is how late timers may be where several requests are due in that time,
	// which are then sent together.
	timerSlack = 3 * time.Millisecond
	// leastRate and mostRate bound what is learnt.
	leastRate, mostRate = 1. / 8, 1e5
)

// sent notes that a request is sent now.
func (p *pace) sent(now time.Time) {
	if p.unsure {
		p.unsure, p.probing = false, now.Add(probeTime)
	}
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
	if p.climb.on {
		p.rate = min(p.rate*climbing, p.climb.most(p.best))
	}
	interval, earliest := time.Duration(float64(time.Second)/p.current(now)), now
	if 5*interval < timerSlack {
		earliest = now.Add(-timerSlack)
	}
	if p.due.Before(earliest) {
		p.due = earliest
	}
	p.due = p.due.Add(interval)
}

// current returns the rate now. One that is looked for grows with each request. One
// that has been learnt grows so slowly that the refusals for it cost little.
func (p *pace) current(now time.Time) float64 {
	r := p.rate
	if p.climb.on {
		return r
	}
	if p.learnt == 0 {
		return min(r*math.Exp2(min(now.Sub(p.began).Seconds(), float64(p.run-1)*searching)), mostRate)
	}
	x := now.Sub(p.began).Seconds()/p.plateau() - 1
	return min(r/(1-margin)+margin*max(r, p.best/8)*x*x*x, mostRate)
}

// plateau returns after how many seconds a run is as fast as what has been learnt.
// The first ones are short, as little is known then, and those of a server that
// refuses often long, as others may share its quota.
func (p *pace) plateau() float64 {
	return min(float64(int(1)<<min(2*p.learnt, 40)), max(60, 15*p.rest.Seconds(), 800/p.climb.usual))
}

// end notes a refusal, which ends the run.
func (p *pace) end(now time.Time, learn bool) {
	if !p.limited {
		p.limited, p.climb.ended = true, now
	}
	if p.rate > 0 && learn {
		p.judge(now)
	}
	if p.gap = 0; !p.ended.IsZero() {
		p.gap = p.began.Sub(p.ended)
	}
	p.previous, p.ended, p.rest = p.began, now, 0
}

// learn sets the rate by what this run and the one before it had, and returns the rate
// that they prove the server to have at least.
func (p *pace) learn(now time.Time) (low float64) {
	p.taken.forget(p.previous)
	most := p.current(now)
	refill := perSecond(p.run-1, now.Sub(p.ended))
	if p.learnt == 0 {
		p.reckon(min(refill, p.burst/max(p.ended.Sub(p.previous).Seconds(), 1e-3)), p.ended)
	}
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
		rate = min(perSecond(p.run-1, now.Sub(p.began)), most)
		p.reckon(refill, now)
	}
	p.rate = max((1-margin)*rate, p.best/16, leastRate)
	p.best = max(p.best, p.rate)
	p.learnt++
	return low
}

// reckon sets the burst by what was taken until then beyond a rate: what a slow client
// had in a long time is none. A few that come together are always taken for one.
func (p *pace) reckon(rate float64, until time.Time) {
	p.burst = max(min(p.burst, 5), p.taken.beyond(rate, until))
}
