package gate

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// quota is how many requests a server takes: burst at once and then rate a second,
// or burst in each window of time.
type quota struct {
	rate   float64
	burst  float64
	window time.Duration
	// header is what a refusal says: nothing, seconds to wait, or "date" for the
	// second in which there is room again.
	header string
	// chance is how likely a request is refused for another reason.
	chance float64
}

// bucket and windowed are the two kinds of quota.
func bucket(rate, burst float64, header string) quota {
	return quota{rate: rate, burst: burst, header: header}
}

func windowed(rate float64, window time.Duration, header string) quota {
	return quota{rate: rate, burst: rate * window.Seconds(), window: window, header: header}
}

func (q quota) String() string {
	kind := fmt.Sprintf("burst %g", q.burst)
	if q.window > 0 {
		kind = fmt.Sprintf("window %v", q.window)
	}
	return fmt.Sprintf("%g a second, %s, header %q", q.rate, kind, q.header)
}

// ideal returns how long n requests take who knows the quota.
func (q quota) ideal(n int) time.Duration {
	seconds := (float64(n) - q.burst) / q.rate
	if q.window > 0 {
		seconds = float64((n-1)/int(q.burst)) * q.window.Seconds()
	}
	return time.Duration(seconds * float64(time.Second))
}

// moody is a server without a quota that refuses requests for reasons of its own.
func moody(chance float64, header string) quota {
	return quota{rate: 1e6, burst: 1e6, header: header, chance: chance}
}

// server has a quota.
type server struct {
	quota
	tokens  float64
	last    time.Time
	refused int
	luck    *rand.Rand
}

func (s *server) take(now time.Time) bool {
	switch {
	case s.last.IsZero():
		s.last, s.tokens = now, s.burst
	case s.window == 0:
		s.tokens = min(s.burst, s.tokens+now.Sub(s.last).Seconds()*s.rate)
		s.last = now
	case now.Sub(s.last) >= s.window:
		s.last = s.last.Add(now.Sub(s.last).Truncate(s.window))
		s.tokens = s.burst
	}
	if s.tokens < 1-1e-9 || s.chance > 0 && s.luck.Float64() < s.chance {
		s.refused++
		return false
	}
	s.tokens--
	return true
}

func (s *server) asks(now time.Time) time.Duration {
	if s.header != "date" {
		seconds, _ := strconv.Atoi(s.header)
		return time.Duration(seconds) * time.Second
	}
	free := now.Add(time.Second)
	if s.window > 0 {
		free = s.last.Add(s.window)
	}
	return free.Add(time.Second - 1).Truncate(time.Second).Sub(now)
}

// client is what a process has: workers, and what each does between two requests.
type client struct {
	workers int
	pause   time.Duration
}

var busy = client{workers: 16}

// free returns how long n requests take that nothing holds back.
func (c client) free(n int) time.Duration {
	return time.Duration(n) * (2*away + c.pause) / time.Duration(c.workers)
}

// process is one that sends requests by its workers, each until it is taken.
type process struct {
	*pace
	client
	left, want, flying, done int // requests
	pausing                  int // workers
	wakes                    time.Time
}

// event is what happens at a time: a process wakes up, a request arrives at the
// server or its answer at the process.
type event struct {
	at     time.Time
	number int
	p      *process
	kind   int
	sent   time.Time
	taken  bool
	asked  time.Duration
}

const (
	wakes = iota
	arrives
	answered
	works
)

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e events) Less(i, j int) bool {
	if c := e[i].at.Compare(e[j].at); c != 0 {
		return c < 0
	}
	return e[i].number < e[j].number
}
func (e *events) Push(x any) { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	*e = old[:len(old)-1]
	return last
}

// world is a server, 10 ms away, and processes that share its quota. It has a time of
// its own, and the same seed makes the same of it.
type world struct {
	server
	processes []*process
	n         int // requests of all processes
	together  bool
	events    events
	number    int
	rests     time.Duration
}

// outcome is what n requests of some processes came to.
type outcome struct {
	took     time.Duration
	refused  int
	rests    time.Duration // that the refusals led to at least
	fairness float64       // Jain's index of what the processes had done at half time
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func newWorld(q quota, c client, processes, n int, together bool, seed uint64) *world {
	w := &world{server: server{quota: q, luck: rand.New(rand.NewPCG(seed, 1))}, n: n, together: together}
	for range processes {
		p := &process{pace: new(pace), client: c, left: n / processes}
		p.want = min(c.workers, p.left)
		p.left -= p.want
		w.processes = append(w.processes, p)
	}
	return w
}

// meet sends n requests from some processes, which share one pace or know nothing of
// each other, to a server with a quota.
func meet(q quota, n, processes int, together bool, seed uint64) outcome {
	return newWorld(q, busy, processes, n, together, seed).run(epoch)
}

// run begins at a time, and ends when all requests are taken.
func (w *world) run(start time.Time) (out outcome) {
	half := start.Add(w.ideal(w.n) / 2)
	for _, p := range w.processes {
		w.admit(p, start)
	}
	for len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		if out.fairness == 0 && e.at.After(half) {
			out.fairness = w.fairness()
		}
		w.happen(e)
		if e.kind == answered && e.taken {
			out.took = e.at.Sub(start)
		}
	}
	out.refused, out.rests = w.refused, w.rests
	return out
}

func (w *world) plan(e event) {
	w.number++
	e.number = w.number
	heap.Push(&w.events, e)
}

const (
	away = 10 * time.Millisecond  // from the server
	late = 200 * time.Microsecond // a timer, at most
)

// happen does what an event is.
func (w *world) happen(e event) {
	switch e.kind {
	case arrives:
		if e.taken = w.take(e.at); !e.taken {
			e.asked = w.asks(e.at)
		}
		e.at, e.kind = e.at.Add(away), answered
		w.plan(e)
		return
	case works:
		e.p.pausing--
		e.p.left--
		e.p.want++
	case answered:
		e.p.flying--
		switch {
		case !e.taken:
			w.share(e.p)
			if !e.sent.Before(e.p.shut) {
				w.rests += max(e.asked, firstWait)
			}
			e.p.refused(e.sent, e.at, e.asked, w.luck.Float64())
			e.p.want++
		default:
			e.p.took(e.sent)
			e.p.done++
			if e.p.left > e.p.pausing {
				e.p.pausing++
				w.plan(event{at: e.at.Add(e.p.pause), p: e.p, kind: works})
			}
		}
	}
	w.admit(e.p, e.at)
}

// share gives all processes one pace when the first of them is refused.
func (w *world) share(first *process) {
	if !w.together || first.limited {
		return
	}
	for _, p := range w.processes {
		if p != first {
			first.taken.merge(&p.taken)
			p.pace = first.pace
		}
	}
}

// admit is that of a Gate.
func (w *world) admit(p *process, now time.Time) {
	for p.want > 0 && (p.limited || p.flying <= p.taken.total) {
		if next := p.next(); next.After(now) {
			if w.together && p.probing.After(now) {
				next = now.Add(min(next.Sub(now), sharedPoll))
			}
			if !p.wakes.After(now) || next.Before(p.wakes) {
				p.wakes = next
				w.plan(event{at: next.Add(time.Duration(w.luck.Int64N(int64(late)))), p: p})
			}
			return
		}
		p.sent(now)
		p.want--
		p.flying++
		w.plan(event{at: now.Add(away), p: p, kind: arrives, sent: now})
	}
}

func (w *world) fairness() float64 {
	var sum, squares float64
	for _, p := range w.processes {
		sum += float64(p.done)
		squares += float64(p.done * p.done)
	}
	return sum * sum / squares / float64(len(w.processes))
}

// grid returns the quotas of all rates and kinds with all headers.
func grid(rates []float64, windows []time.Duration, headers ...string) (all []quota) {
	for _, r := range rates {
		for _, header := range headers {
			for _, burst := range []float64{1, 5, 50} {
				all = append(all, bucket(r, burst, header))
			}
			for _, window := range windows {
				all = append(all, windowed(r, window, header))
			}
		}
	}
	return all
}
