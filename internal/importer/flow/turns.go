package flow

import "sync"

// Turns is the order of the groups under way. The first one may take more than
// its share of what is bounded: nothing it could wait for would come from the
// groups after it, which wait for it in the stream.
type Turns struct {
	mu    sync.Mutex
	queue []*Turn
}

// A Turn is the place of a group among those under way.
type Turn struct {
	t     *Turns
	First chan struct{} // closed once it is the first
}

// Join puts a group at the end.
func (t *Turns) Join() *Turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &Turn{t: t, First: make(chan struct{})}
	t.queue = append(t.queue, n)
	if len(t.queue) == 1 {
		close(n.First)
	}
	return n
}

// Leave takes a group out that is done.
func (n *Turn) Leave() {
	t := n.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, m := range t.queue {
		if m != n {
			continue
		}
		t.queue = append(t.queue[:i], t.queue[i+1:]...)
		if i == 0 && len(t.queue) > 0 {
			close(t.queue[0].First)
		}
		return
	}
}

// IsFirst reports whether the group is the first.
func (n *Turn) IsFirst() bool {
	select {
	case <-n.First:
		return true
	default:
		return false
	}
}
