package session

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/report"
)

// An Item is something that the destination keeps of an experiment and one request
// writes. The zero value of T stands for none.
type Item[T any] struct {
	Issue report.Issue // what it is called
	Want  T
	Read  func(context.Context) (T, error)
	Same  func(want, have T) bool
	// Free reports whether the item may be written where the destination has
	// something else: it has none, or is only added to.
	Free  func(have T) bool
	Write func(ctx context.Context, have T) error
	// Other says what is wrong with what the destination has.
	Other func(have T) string

	// Differs, if not "", is told in place of that where the item is not written, and
	// Finds in place of it where it is read back.
	Differs string
	Finds   func(have T) []report.Issue

	// Known, if not nil, is what is known of the destination before anything is
	// written; it is not read then.
	Known func() T
	// Blind says that a reading does not show whether it was written.
	Blind bool
	// Again writes it also where it seems to be the same.
	Again bool
	// Count, if not nil, counts it in place of a line of its own.
	Count func(have T)
}

// Check reads the item back.
func (i *Item[T]) Check(ctx context.Context) ([]report.Issue, error) {
	have, err := i.read(ctx)
	if err != nil || i.Same(i.Want, have) {
		return nil, err
	}
	if i.Finds != nil {
		return i.Finds(have), nil
	}
	found := i.Issue
	found.Reason = i.Other(have)
	return []report.Issue{found}, nil
}

func (i *Item[T]) read(ctx context.Context) (T, error) {
	have, err := i.Read(ctx)
	if answer.Absent(err) {
		var none T
		return none, nil
	}
	return have, err
}

// before returns what the destination has before anything is written.
func (i *Item[T]) before(ctx context.Context, s *Experiment) (have T, err error) {
	switch {
	case s.Existing == nil:
		return have, nil
	case i.Known != nil:
		return i.Known(), nil
	}
	return i.read(ctx)
}

// Put writes an item that the destination does not have, or tells that it has
// another one: as the mode says, and who wins.
func Put[T any](ctx context.Context, s *Experiment, i *Item[T]) error {
	have, err := i.before(ctx, s)
	if err != nil {
		return err
	}
	if s.Existing != nil {
		switch {
		case i.Same(i.Want, have) && !i.Again:
			return nil
		case !i.Same(i.Want, have) && !i.Free(have) && !s.StreamWins:
			other := i.Issue
			if other.Reason = i.Differs; other.Reason == "" {
				other.Reason = i.Other(have)
			}
			s.Differs(other)
			return nil
		}
	}
	if err := s.Reopen(ctx); err != nil {
		return err
	}
	if !s.Dry() {
		if err := i.write(ctx, s, have); err != nil {
			return err
		}
	}
	if i.Count != nil {
		i.Count(have)
	} else {
		s.Wrote(i.Issue.Kind)
	}
	return nil
}

func (i *Item[T]) write(ctx context.Context, s *Experiment, have T) error {
	write := func() error { return i.Write(ctx, have) }
	if i.Blind {
		return write()
	}
	return s.Sure(ctx, write, func() (bool, error) {
		have, err := i.read(ctx)
		return err == nil && i.Same(i.Want, have), err
	})
}
