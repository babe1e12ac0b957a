package prefetch

// Sequenced is a slot, or one with others that hang on it.
type Sequenced interface {
	Self() *Slot
	Leave(q *Queue)
}

// A Sequence is a row of slots that are made one after the other: each when
// the one before it is started, or when the reader comes to it. That way tens
// of thousands of slots need not exist at a time. make is called with the
// queue's mu held.
type Sequence[S Sequenced] struct {
	N    int
	Make func(i int) S

	made []S // from the one that the reader is at
	next int // index of the next to be made
}

// Open makes the first slot. The caller holds the queue's mu.
func (c *Sequence[S]) Open(q *Queue) {
	if c.next >= c.N {
		return
	}
	s := c.Make(c.next)
	c.next++
	c.made = append(c.made, s)
	own := s.Self().follow
	s.Self().follow = func() {
		if own != nil {
			own()
		}
		c.Open(q)
	}
	q.Push(s.Self())
}

// Take returns the slot that the reader comes to next.
func (c *Sequence[S]) Take(q *Queue) S {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(c.made) == 0 {
		c.Open(q)
	}
	s := c.made[0]
	var zero S
	c.made[0] = zero
	c.made = c.made[1:]
	return s
}

// Close leaves the slots that were not taken.
func (c *Sequence[S]) Close(q *Queue) {
	q.mu.Lock()
	c.next = c.N
	made := c.made
	c.made = nil
	q.mu.Unlock()
	for _, s := range made {
		s.Leave(q)
	}
}
