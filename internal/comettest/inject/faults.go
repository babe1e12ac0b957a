package inject

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Faults makes a server fail on purpose. It wraps the server's handler, knows
// nothing of what that handler does, and may be changed while it runs:
//
//	faults := inject.NewFaults(1,
//		inject.Fault{Kind: inject.FaultLost, Endpoint: "POST *metric", From: 3, To: 3},
//		inject.Fault{Kind: inject.FaultStatus(503), Rate: 0.05})
//	handler = faults.Middleware(handler)
//
// A request is struck by the first rule, in the order given, that selects it;
// it is counted by every rule that it matches. The same seed, rules and
// requests give the same faults, whatever the order in which requests arrive,
// as long as rules select by Rate alone and requests of the same method and
// URL arrive in order.
//
// A Faults may be used by several goroutines at once.
type Faults struct {
	mu    sync.Mutex
	seed  uint64
	rules []*faultRule
	peek  bool              // some rule has to see request bodies
	seen  map[uint64]uint64 // how often a method and URL came
	log   []Injection
}

// An Injection is one fault that happened.
type Injection struct {
	// Rule is the index of the rule among those that were in force.
	Rule int       `json:"rule"`
	Kind FaultKind `json:"kind"`
	// Request is the number of the request among those that match the rule,
	// from 1.
	Request int    `json:"request"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	// Query is the query of the request, sorted and without the API key.
	Query string `json:"query,omitempty"`
}

// String returns the fault as a line for the log of a test.
func (i Injection) String() string {
	target := i.Path
	if i.Query != "" {
		target += "?" + i.Query
	}
	return fmt.Sprintf("rule %d: %s: %s %s (its request %d)", i.Rule, i.Kind, i.Method, target, i.Request)
}

// NewFaults returns faults by the given rules. It panics on a rule that [Faults.Set]
// would refuse.
func NewFaults(seed uint64, rules ...Fault) *Faults {
	f := new(Faults)
	if err := f.Set(seed, rules...); err != nil {
		panic("comettest: " + err.Error())
	}
	return f
}

// Set replaces the seed and all rules; counting starts again. The log of what
// happened stays. After an error the old rules are in force.
func (f *Faults) Set(seed uint64, rules ...Fault) error {
	states := make([]*faultRule, len(rules))
	peek := false
	for i, r := range rules {
		if err := r.Check(); err != nil {
			return fmt.Errorf("fault rule %d: %w", i, err)
		}
		r.Prime = slices.Clone(r.Prime)
		states[i] = &faultRule{Fault: r}
		peek = peek || r.Item != "" || r.Kind == FaultLag
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seed, f.rules, f.peek, f.seen = seed, states, peek, make(map[uint64]uint64)
	return nil
}

// Rules returns the rules in force.
func (f *Faults) Rules() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	rules := make([]Fault, len(f.rules))
	for i, r := range f.rules {
		rules[i] = r.Fault
	}
	return rules
}

// Injected returns the faults that happened, in the order in which they were
// decided.
func (f *Faults) Injected() []Injection {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// Counts returns how often each kind of fault happened.
func (f *Faults) Counts() map[FaultKind]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[FaultKind]int)
	for _, i := range f.log {
		counts[i.Kind]++
	}
	return counts
}

// Reset removes all rules and empties the log.
func (f *Faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.peek, f.log = nil, false, nil
	f.seen = make(map[uint64]uint64)
}

// testPrefix starts the paths that belong to the test and not to the
// server: they are neither counted, delayed nor struck.
const testPrefix = "/_comettest/"

// Middleware wraps a server. It also answers [FaultsPath] itself. It needs
// connections that can be hijacked; with HTTP/2 only streams are reset.
func (f *Faults) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == FaultsPath:
			f.ServeHTTP(w, r)
			return
		case strings.HasPrefix(r.URL.Path, testPrefix):
			next.ServeHTTP(w, r)
			return
		}
		call := f.newCall(r)
		f.beforeWrite(call, next)
		s := f.decide(call)
		if s.rule == nil {
			f.serveRead(w, call, s.lagging, next)
			return
		}
		s.inject(w, r, next)
	})
}

// A faultCall is a request with what the rules look at.
type faultCall struct {
	*http.Request
	endpoint string
	query    string // sorted, without the API key
	unquoted string // the query as it reads, for Fault.Item
	write    bool   // it may change what reads answer
	body     []byte // the beginning, decompressed, where a rule asks for it
}

func (f *Faults) newCall(r *http.Request) *faultCall {
	query := r.URL.Query()
	query.Del("apiKey")
	c := &faultCall{Request: r, endpoint: r.Method + " " + r.URL.Path, query: query.Encode(), write: isWrite(r)}
	// The query comes from Encode, so that it can be unescaped.
	c.unquoted, _ = url.QueryUnescape(c.query)
	f.mu.Lock()
	peek := f.peek
	f.mu.Unlock()
	if peek {
		c.body = peekBody(r)
	}
	return c
}

// A faultRule is a rule and what it has seen. Faults.mu guards it.
type faultRule struct {
	Fault
	requests int // that matched
	struck   int // strikes begun

	lasting bool // a strike is going on
	left    int  // requests that it still takes, where Fault.Requests is set
	until   time.Time

	answers map[string]*lagAnswer // FaultLag: what URLs answered
}

func (r *faultRule) matches(c *faultCall) bool {
	if r.Endpoint != "" && !matchGlob(r.Endpoint, c.endpoint) {
		return false
	}
	return r.Item == "" || strings.Contains(c.URL.Path, r.Item) ||
		strings.Contains(c.unquoted, r.Item) || bytes.Contains(c.body, []byte(r.Item))
}

// strikes decides about the request just counted and notes it. The draw is in [0,
// 1).
func (r *faultRule) strikes(draw float64, now time.Time) bool {
	if r.lasting {
		if (r.Requests == 0 || r.left > 0) && (r.For == 0 || now.Before(r.until)) {
			r.left--
			return true
		}
		r.lasting = false
	}
	if r.requests < r.From || r.To > 0 && r.requests > r.To || r.Rate > 0 && draw >= r.Rate {
		return false
	}
	times := r.Times
	if times == 0 && r.lasts() && r.Rate == 0 {
		times = 1
	}
	if times > 0 && r.struck >= times {
		return false
	}
	r.struck++
	if r.lasts() {
		r.lasting, r.left, r.until = true, r.Requests-1, now.Add(r.For)
	}
	return true
}

// A faultStrike is the decision about one request.
type faultStrike struct {
	rule       *Fault // nil if the request is left alone
	retryAfter string
	stale      *lagAnswer   // FaultLag: the answer to give
	lagging    []*faultRule // the lag rules that want to keep the real answer
}

// decide counts the request in each rule and returns what is to happen to it.
func (f *Faults) decide(c *faultCall) faultStrike {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rules) == 0 {
		return faultStrike{}
	}
	now := time.Now()
	id := hash64(c.Method, c.URL.Path, c.query)
	f.seen[id]++
	var s faultStrike
	for i, r := range f.rules {
		if !r.matches(c) || r.Kind == FaultLag && (c.Method != http.MethodGet || c.write) {
			continue
		}
		r.requests++
		if r.Kind == FaultLag {
			s.lagging = append(s.lagging, r)
		}
		if s.rule != nil {
			continue
		}
		stale := r.stale(c, now)
		if r.Kind == FaultLag && stale == nil || !r.strikes(f.draw(i, id), now) {
			continue
		}
		s.rule, s.stale = &r.Fault, stale
		s.retryAfter = r.retryAfterText(now)
		if stale != nil {
			stale.left--
		}
		f.log = append(f.log, Injection{Rule: i, Kind: r.Kind, Request: r.requests,
			Method: c.Method, Path: c.URL.Path, Query: c.query})
	}
	return s
}

// draw returns a number in [0, 1) for a rule and the latest request of an id.
func (f *Faults) draw(rule int, id uint64) float64 {
	return float64(mix64(mix64(mix64(f.seed)+uint64(rule))^id+f.seen[id])>>11) / (1 << 53)
}

// retryAfterText returns the Retry-After header of an answer given now.
func (r *faultRule) retryAfterText(now time.Time) string {
	if r.RetryAfter != "auto" {
		return r.RetryAfter
	}
	seconds := int64((r.until.Sub(now) + time.Second - 1) / time.Second)
	return fmt.Sprint(max(1, seconds))
}

// hash64 returns a hash of the texts that is the same in every process.
func hash64(texts ...string) uint64 {
	h := fnv.New64a()
	for _, s := range texts {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	return mix64(h.Sum64())
}

// mix64 spreads the bits of its argument over the result (the finalizer of
// SplitMix64), so that numbers close to each other give unrelated draws.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
