package importer

import "sync"

// turns is the order of the groups under way. The first one may take more than
// its share of what is bounded: nothing it could wait for would come from the
// groups after it, which wait for it in the stream.
type turns struct {
	mu    sync.Mutex
	queue []*turn
}

// A turn is the place of a group among those under way.
type turn struct {
	t     *turns
	first chan struct{} // closed once it is the first
}

// join puts a group at the end.
func (t *turns) join() *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := &turn{t: t, first: make(chan struct{})}
	t.queue = append(t.queue, n)
	if len(t.queue) == 1 {
		close(n.first)
	}
	return n
}

// leave takes a group out that is done.
func (n *turn) leave() {
	t := n.t
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, m := range t.queue {
		if m != n {
			continue
		}
		t.queue = append(t.queue[:i], t.queue[i+1:]...)
		if i == 0 && len(t.queue) > 0 {
			close(t.queue[0].first)
		}
		return
	}
}

// isFirst reports whether the group is the first.
func (n *turn) isFirst() bool {
	select {
	case <-n.first:
		return true
	default:
		return false
	}
}
