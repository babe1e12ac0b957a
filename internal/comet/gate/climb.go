package gate

import (
	"math"
	"time"
)

// climb finds out whether refusals follow from the rate at all. A server, or what
// stands before it, may refuse a few in a hundred requests whatever their rate, and
// whoever slows down for each of them comes to a standstill.
//
// Below a rate that has been learnt there should be no refusals. When they go on, runs
// are of as many requests as chance makes them, and a run costs more than the waits
// between, the rate climbs, whatever is refused: if now twice as many are refused, it
// was the rate, or others share the quota. The rate then is what it was, or what has
// been taken meanwhile. Each climb in vain makes the next one rarer.
type climb struct {
	on     bool
	sure   bool      // refusals have been found to come by chance
	doubt  float64   // that they do, of 0 to doubtful
	before float64   // the rate to go back to
	since  time.Time // the first refusal of this climb
	taken  int       // all requests until then

	ended    time.Time // the last climb
	runs     int       // since then
	early    int       // runs in a row that ended before they were as fast as what was learnt
	usual    float64   // requests that are taken in a run, on the way
	spread   float64   // how far runs are from that
	patience int       // how many runs lead to a climb
}

const (
	leastPatience, mostPatience = 4, 1 << 10
	// doubtful is the doubt that ends a climb, and doubted that of its begin. Each
	// refusal adds to it and each request that is taken takes from it, by how much
	// likelier they are of a server that refuses twice as often as before.
	doubtful, doubted = 8, 5
	// seldom is from how many requests in a run on others are unlikely to share the
	// quota.
	seldom = 40
	// climbing is how much faster each request of a climb follows.
	climbing = 1.25
	// steep is how fast a climb may be before it is sure: what is under way when a
	// quota ends is refused together.
	steep = 200
)

// took notes that a request has not been refused. The best rate is that to go back to
// when refusals have come by chance.
func (c *climb) took(best float64) {
	if !c.on {
		return
	}
	if c.doubt = max(0, c.doubt-1/c.usual); c.doubt == 0 {
		c.sure, c.before = true, max(c.before, best)
	}
}

// refused notes a refusal, and reports whether the climb is to end.
func (c *climb) refused(now time.Time, taken int) bool {
	if c.since.IsZero() {
		c.since, c.taken = now, taken
	}
	c.doubt += math.Ln2
	return c.doubt >= doubtful
}

// most returns the largest rate of a climb.
func (c *climb) most(best float64) float64 {
	if c.sure {
		return mostRate
	}
	return max(8*best, steep)
}

// judge learns from the refusal that ends a run, and decides whether to climb.
func (p *pace) judge(now time.Time) {
	c, took, before := &p.climb, now.Sub(p.began), p.rate
	if took > time.Second && p.learnt > 0 && perSecond(p.run, took) < p.rate/4 {
		return // the client was slower than it may be, so that it was not the rate
	}
	early := p.learnt > 0 && took.Seconds() < p.plateau()
	low := p.learn(now)
	if early && c.random() && c.usual > seldom && took > 3*p.rest && low > 0.85*before {
		// So seldom, and about that rate has been taken: it is not too fast.
		p.rate = max(p.rate, before)
	}
	n := float64(p.run - 1)
	longer := n > 2*c.usual
	c.note(n, p.learnt, early)
	if longer || c.usual < 6 || !c.random() {
		return
	}
	costly := c.usual/p.rate > p.rest.Seconds()
	long := now.Sub(c.ended) > time.Duration(30*c.patience)*p.rest
	if c.early >= c.patience && costly || c.runs >= c.patience && long {
		c.on, c.doubt, c.before, c.since = true, doubted, p.rate, time.Time{}
		p.rate = max(p.rate, p.best)
	}
}

// note adds a run to what is known of all.
func (c *climb) note(n float64, learnt int, early bool) {
	if learnt > 1 {
		c.spread += (math.Abs(n-c.usual) - c.spread) / float64(min(learnt-1, 16))
	}
	c.usual += (n - c.usual) / float64(min(learnt, 16))
	c.patience = max(c.patience, leastPatience)
	c.runs++
	if c.early++; !early {
		c.early = 0
	}
}

// random reports whether runs differ as those do that end by chance: a quota ends
// them after about as many requests each time.
func (c *climb) random() bool { return c.spread > c.usual/4 }

// descend ends a climb. Of a server that seldom refuses, it has shown what is taken at
// least.
func (p *pace) descend(now time.Time) {
	c := &p.climb
	c.patience = min(2*c.patience, mostPatience)
	if d := now.Sub(c.since).Seconds(); d > 0 && c.usual > seldom {
		c.before = max(c.before, min(p.best, float64(p.taken.total-c.taken)/d))
		c.patience = min(c.patience, 16)
	}
	if c.sure {
		c.patience = leastPatience
	}
	p.rate, c.on, c.sure, c.early, c.runs, c.ended = c.before, false, false, 0, 0, now
}
