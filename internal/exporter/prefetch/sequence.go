package prefetch

// Sequenced is a slot, or one with others that hang on it.
type Sequenced interface {
	Self() *Slot
	Leave()
}

// A Sequence is a row of slots that are made one after the other: each when
// the one before it is started, or when the reader comes to it. That way tens
// of thousands of slots need not exist at a time. The zero value is an empty one.
type Sequence[S Sequenced] struct {
	q    *Queue
	n    int
	make func(i int) S // called with the queue's mu held

	made []S // from the one that the reader is at
	next int // index of the next to be made
}

// NewSequence returns a sequence of n slots, each of which make makes with the queue
// locked.
func NewSequence[S Sequenced](q *Queue, n int, make func(i int) S) Sequence[S] {
	return Sequence[S]{q: q, n: n, make: make}
}

// Open makes the first slot. The caller holds the queue's mu.
func (c *Sequence[S]) Open() {
	if c.next >= c.n {
		return
	}
	s := c.make(c.next)
	c.next++
	c.made = append(c.made, s)
	own := s.Self().follow
	s.Self().follow = func() {
		if own != nil {
			own()
		}
		c.Open()
	}
	c.q.Push(s.Self())
}

// Take returns the slot that the reader comes to next.
func (c *Sequence[S]) Take() S {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	if len(c.made) == 0 {
		c.Open()
	}
	s := c.made[0]
	var zero S
	c.made[0] = zero
	c.made = c.made[1:]
	return s
}

// Close leaves the slots that were not taken.
func (c *Sequence[S]) Close() {
	if c.q == nil {
		return
	}
	c.q.mu.Lock()
	c.next = c.n
	made := c.made
	c.made = nil
	c.q.mu.Unlock()
	for _, s := range made {
		s.Leave()
	}
}
