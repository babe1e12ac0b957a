package api

import "sync"

// Trait is something in which servers differ. That of a call which older servers lack
// is the path of the call.
type Trait string

// The traits that are not calls.
const (
	// TakesGzip is that requests may be compressed.
	TakesGzip Trait = "takes gzip"
	// HasSDKWrites is that writes are taken where the Python SDK sends some.
	HasSDKWrites Trait = "has clientlib/rest/v2/"
	// RefusesTakenKeys is that a handshake for an experiment key that is taken is
	// refused.
	RefusesTakenKeys Trait = "refuses taken keys"
	// KeepsLatestName is that a name counts by its time, not by when it came.
	KeepsLatestName Trait = "keeps the latest name"
	// KeepsIDs is that assets keep the ids that they are given.
	KeepsIDs Trait = "keeps ids"
	// HonoursRanges is that of contents the part is given that was asked for.
	HonoursRanges Trait = "honours ranges"
)

// acknowledges is that the answer to a call says that it was done.
func acknowledges(cl *Call) Trait { return Trait("acknowledges " + cl.Method + " " + cl.Path) }

// Traits remembers what a server has shown to have and to lack.
type Traits struct {
	mu    sync.Mutex
	known map[Trait]*knowledge
}

// knowledge is what is known of one trait.
type knowledge struct {
	asking     chan struct{} // full while somebody finds out
	has, known bool
	// doubts is how often a write by a call was not done whose answer looked like
	// that of a server without the call.
	doubts int
}

// get returns what is known of a trait. The caller holds mu.
func (t *Traits) get(trait Trait) *knowledge {
	k := t.known[trait]
	if k == nil {
		if t.known == nil {
			t.known = make(map[Trait]*knowledge)
		}
		k = &knowledge{asking: make(chan struct{}, 1)}
		t.known[trait] = k
	}
	return k
}

// lock waits while another call is finding out about a trait, and keeps others
// from it until release is called.
func (t *Traits) lock(trait Trait) (k *knowledge, release func()) {
	t.mu.Lock()
	k = t.get(trait)
	t.mu.Unlock()
	k.asking <- struct{}{}
	return k, func() { <-k.asking }
}

// Known returns whether the server has a trait, if that is known. It waits while
// another call is finding out, see [Traits.Find].
func (t *Traits) Known(trait Trait) (has, known bool) {
	k, release := t.lock(trait)
	defer release()
	t.mu.Lock()
	defer t.mu.Unlock()
	return k.has, k.known
}

// Learn notes whether the server has a trait. It reports whether that is news.
func (t *Traits) Learn(trait Trait, has bool) (news bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.get(trait)
	news = !k.known || k.has != has
	k.has, k.known = has, true
	return news
}

// Presume notes what is likely. It does not overrule that the server has a trait.
func (t *Traits) Presume(trait Trait, has bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.get(trait); !k.known || !k.has {
		k.has, k.known = has, true
	}
}

// Find returns whether the server has a trait, and runs ask to find out where
// that is not known; others wait meanwhile. If ask returns an error, its result
// is discarded.
func (t *Traits) Find(trait Trait, ask func() (has bool, err error)) (bool, error) {
	k, release := t.lock(trait)
	defer release()
	t.mu.Lock()
	has, known := k.has, k.known
	t.mu.Unlock()
	if known {
		return has, nil
	}
	has, err := ask()
	if err == nil {
		t.Learn(trait, has)
	}
	return has, err
}

// doubt notes one more write that was not done.
func (t *Traits) doubt(trait Trait) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := t.get(trait)
	k.doubts++
	if !k.known && k.doubts >= unclearTries {
		k.has, k.known = false, true
	}
}
