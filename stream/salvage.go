package stream

import (
	"errors"
	"fmt"
	"io"
)

// A Salvager reads the intact part of a damaged stream. After a damaged or
// missing block it continues with the next record outside any group whose
// beginning is lost.
//
// A Salvager is not safe for concurrent use.
type Salvager struct {
	// Left, where it is set, is called by Next for each good record that it
	// leaves out, because the beginning of its group is lost or for its place
	// after damage. The record is valid until the call returns.
	Left func(Raw)

	scan   scanner
	offset int64 // after the last block

	inStream bool // a block has been read, and not the last of its stream
	id       [8]byte
	sequence uint64 // of the next record

	block   *Block
	raws    []Raw // those of block that are left
	lost    bool  // records are left out up to one to begin with
	g       *grammar
	started bool
	err     error
}

// A DamageError says that a part of the input was left out. It is not final: the
// Salvager continues after it.
type DamageError struct {
	From, To int64 // the bytes of the input that were left out; equal where whole blocks are missing
	Records  int64 // how many records are lost with them; 0 takes nothing from the stream, -1 means unknown
	Err      error // what is wrong there
}

// Error says what was left out and why.
func (e *DamageError) Error() string {
	lost := "records"
	if e.Records >= 0 {
		lost = fmt.Sprintf("%d records", e.Records)
	}
	return fmt.Sprintf("%s lost between bytes %d and %d: %v", lost, e.From, e.To, e.Err)
}

// Unwrap returns what is wrong.
func (e *DamageError) Unwrap() error { return e.Err }

// NewSalvager returns a Salvager of r.
func NewSalvager(r io.Reader) *Salvager {
	return &Salvager{scan: scanner{r: r}, g: newGrammar(true)}
}

// Next returns the next good record; its Data stays valid until the following
// call. The records of a group from its opening to its end are in order and none
// is missing, unless a [*DamageError] with lost records comes between them: then
// the rest of the group is lost, and so are the notes or the panel that had
// begun. After such damage the header, the plan and project records may be
// missing, and the numbers of the trailer are those of the undamaged stream.
//
// At the end of the input Next returns io.EOF; a stream without an end gives a
// DamageError that wraps [ErrTruncated] before it. An abort is returned like any
// record. An error of the underlying reader is returned as it is, by every
// further call too.
func (s *Salvager) Next() (Raw, error) {
	for s.err == nil {
		if len(s.raws) == 0 {
			if err := s.nextBlock(); err != nil {
				if _, ok := errors.AsType[*DamageError](err); !ok {
					s.err = err
				}
				return Raw{}, err
			}
			continue
		}
		raw := s.raws[0]
		s.raws = s.raws[1:]
		// An abort ends the stream wherever it is.
		if s.lost && raw.Kind != KindAbort && (raw.place != placeOutside || !beginnings.Has(raw.Kind)) {
			s.g.n++
			if s.Left != nil {
				s.Left(raw)
			}
			continue
		}
		s.lost = false
		s.g.at(raw.place)
		if err := s.g.next(raw.view); err != nil {
			s.lose()
			s.g.n++
			return Raw{}, &DamageError{From: s.block.Offset, To: s.offset, Records: -1, Err: s.block.locate(err)}
		}
		return raw, nil
	}
	return Raw{}, s.err
}

// beginnings are the kinds with which reading goes on after damage. Pieces of
// notes and panels are not among them: their first piece may be lost.
var beginnings = KindSetOf(KindHeader, KindPlan, KindProject, KindExperiment, KindLink, KindArtifact,
	KindLineage, KindModel, KindView, KindTrailer, KindAbort)

// lose makes the Salvager look for a record to begin with.
func (s *Salvager) lose() {
	s.lost = true
	s.g.stage = max(s.g.stage, stagePlan)
	s.g.lost, s.g.unseen, s.g.group.unseen, s.g.group.kind, s.g.open = true, true, true, "", ""
}

// nextBlock goes on to the next good block. It returns a DamageError where
// something lies between it and the one before, and io.EOF at the end.
func (s *Salvager) nextBlock() error {
	s.scan.drop(s.offset)
	from := s.offset
	b, end, cause := s.scan.block(from)
	if cause == io.EOF {
		return s.ends(from, nil)
	}
	if cause == nil && !s.fits(b) {
		cause = b.locate(fault(ErrCorrupt, "block of another stream, or one that comes a second time"))
	}
	if cause != nil {
		if _, ok := errors.AsType[*Error](cause); !ok {
			return cause
		}
		cause = locate(cause, int64(s.sequence), "", from)
		// A good label whose frame the end of the input cuts. Where bytes have
		// been left out of the frame the stream goes on after it; else all that
		// follows is inside it, another stream in an asset too.
		cut := b
		if b, end = s.resync(from + 1); b == nil || cut != nil && s.fits(cut) && b.Label.Stream != cut.Label.Stream {
			return s.ends(from, cause)
		}
	}
	s.offset = end
	return s.accept(b, from, cause)
}

// ends answers the end of the input.
func (s *Salvager) ends(from int64, cause error) error {
	if s.scan.err != io.EOF {
		return s.scan.err
	}
	s.offset = max(s.offset, s.scan.base+int64(len(s.scan.buf)))
	if cause == nil && s.inStream {
		cause = locate(fault(ErrTruncated, "stream ends before its trailer"), int64(s.sequence), "", from)
	}
	if cause == nil && !s.started {
		cause = fault(ErrNotStream, "not a comet stream: it is empty")
	}
	s.inStream, s.started = false, true
	if cause == nil {
		return io.EOF
	}
	s.lose()
	return &DamageError{From: from, To: s.offset, Records: -1, Err: cause}
}

// fits reports whether the block may come next.
func (s *Salvager) fits(b *Block) bool {
	if !s.inStream {
		return b.Label.First || !s.started
	}
	return b.Label.Stream == s.id && b.Label.Sequence >= s.sequence
}

// resync looks for the next good block at or after offset, and returns it with
// the offset after it. Within the length of a block it prefers one that goes on
// with the stream to one that begins another: the other may be the contents of an
// asset.
func (s *Salvager) resync(offset int64) (*Block, int64) {
	var other *Block
	var otherEnd int64
	limit := offset + window
	for {
		if other == nil {
			s.scan.drop(offset)
		}
		offset = s.scan.find(offset, limit)
		if offset == limit && (other != nil || s.scan.err != nil) {
			return other, otherEnd
		}
		if offset == limit {
			limit += window
			continue
		}
		b, end, err := s.scan.block(offset)
		switch {
		case err != nil:
		case s.fits(b):
			return b, end
		case other == nil && b.Label.First:
			other, otherEnd = b, end
		}
		offset++
	}
}

// accept takes over a good block. cause is what is wrong with the bytes before
// it, nil where there are none.
func (s *Salvager) accept(b *Block, from int64, cause error) error {
	l := &b.Label
	follows := l.First && !s.inStream || s.inStream && l.Stream == s.id && l.Sequence == s.sequence
	lost := int64(-1)
	if s.inStream && l.Stream == s.id {
		lost = int64(l.Sequence - s.sequence)
	}
	if cause == nil && !follows {
		cause = locate(fault(ErrCorrupt, "block begins with record %d where record %d belongs", l.Sequence, s.sequence),
			int64(s.sequence), "", b.Offset)
	}
	s.block, s.raws = b, b.content.raws(l)
	s.inStream, s.id, s.sequence, s.started = !l.Last, l.Stream, l.Sequence+uint64(l.Records), true
	if l.First {
		s.g, s.lost = newGrammar(true), false
	} else if cause != nil && lost != 0 {
		s.lose()
		s.g.n = int64(l.Sequence)
	}
	if cause == nil {
		return nil
	}
	return &DamageError{From: from, To: b.Offset, Records: lost, Err: cause}
}
