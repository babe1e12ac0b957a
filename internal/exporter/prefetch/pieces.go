package prefetch

import (
	"context"
	"io"
)

// pieceSize is how much of a body goes into one record: of an asset into a
// chunk, of a text into a text record. A body is cut at its multiples, however
// its bytes arrived.
const pieceSize = 256 << 10

// maxSpare is how many pieces are kept to be used again.
const maxSpare = 64

// Next makes s the head and returns the next piece of its body, and io.EOF
// after the last. The piece is the reader's until it gives it back by recycle.
func (s *Slot) Next(ctx context.Context) ([]byte, error) {
	if err := s.await(ctx, func() bool { return len(s.pieces) > 0 }); err != nil {
		return nil, err
	}
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	switch {
	case len(s.pieces) > 0:
		p := s.pieces[0]
		s.pieces[0] = nil
		s.pieces = s.pieces[1:]
		return p, nil
	case s.err != nil:
		return nil, s.err
	}
	return nil, io.EOF
}

// recycle gives a piece of s back.
func (s *Slot) recycle(p []byte) {
	q := s.q
	q.mu.Lock()
	if cap(p) == pieceSize && len(q.spare) < maxSpare {
		q.spare = append(q.spare, p[:0])
	}
	q.mu.Unlock()
	s.release(int64(cap(p)))
}

// put hands a piece to the reader. Its reservation is kept.
func (s *Slot) put(p []byte) error {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	if s.dropped || s.abandoned {
		return errDropped
	}
	s.pieces = append(s.pieces, p)
	s.got += int64(len(p))
	s.notifyReader()
	return nil
}

// piece reserves and returns an empty piece with room for n bytes.
func (s *Slot) piece(ctx context.Context, n int) ([]byte, error) {
	if err := s.reserve(ctx, int64(n)); err != nil {
		return nil, err
	}
	if n == pieceSize {
		q := s.q
		q.mu.Lock()
		defer q.mu.Unlock()
		if last := len(q.spare) - 1; last >= 0 {
			p := q.spare[last]
			q.spare = q.spare[:last]
			return p, nil
		}
	}
	return make([]byte, 0, n), nil
}

// extent returns how much of the body has been put, and where it ends for s.
func (s *Slot) extent() (got, end int64) {
	s.q.mu.Lock()
	defer s.q.mu.Unlock()
	return s.got, s.end
}

// fill reads body into pieces of s, to its end or that of s. size is how many
// bytes are expected, -1 if that is unknown.
func (s *Slot) fill(ctx context.Context, body io.Reader, size int64) error {
	for {
		most := int64(pieceSize)
		got, end := s.extent()
		if end > 0 {
			if most = min(most, end-got); most <= 0 {
				return nil
			}
		}
		p, err := s.fillPiece(ctx, body, &size, got, int(most))
		if len(p) > 0 {
			if err := s.put(p); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// fillPiece reads the piece after the got bytes there are. Bodies of unknown
// size begin small, so that a short text does not take the room of a long one.
func (s *Slot) fillPiece(ctx context.Context, body io.Reader, size *int64, got int64, most int) ([]byte, error) {
	n := most
	switch {
	case *size >= 0:
		n = int(min(max(*size, 1), int64(most)))
	case got == 0:
		n = min(4<<10, most)
	}
	p, err := s.piece(ctx, n)
	if err != nil {
		return nil, err
	}
	for {
		k, err := readFull(body, p[len(p):min(cap(p), most)])
		p = p[:len(p)+k]
		*size = max(*size-int64(k), min(*size, 0))
		if err != nil || len(p) == most {
			return p, err
		}
		// More than expected: the piece grows, at most to its full size.
		grown := min(4*cap(p), most)
		if err := s.reserve(ctx, int64(grown-cap(p))); err != nil {
			return nil, err
		}
		p = append(make([]byte, 0, grown), p...)
	}
}

// readFull fills p, unless body ends or fails before.
func readFull(body io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = body.Read(p[n:])
		n += k
	}
	return n, err
}
