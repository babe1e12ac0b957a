package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/report"
)

// A Subject is what items are written of: an experiment, or something of a project
// or workspace.
type Subject struct {
	*Destination
	*report.Ledger
	// New says that the destination did not have it: nothing is read before it is
	// written. StreamWins says that the stream decides where the two differ.
	New, StreamWins bool
	// Reopen, if not nil, comes before each write.
	Reopen func(context.Context) error
	// Count, if not nil, counts what was written of a kind, as Ledger.Wrote does
	// else.
	Count func(kind string)
	// Written, if not nil, takes the check of each item that was written.
	Written func(context.Context, Check) error
}

// A Check reads an item back, and returns in what the destination has another.
type Check func(context.Context) ([]report.Issue, error)

// An Item is something that the destination keeps of a subject and one request
// writes: a value, or several. The zero value of T stands for none.
type Item[T any] struct {
	Issue report.Issue // what it is called
	Read  func(context.Context) (T, error)
	// Compare returns in what the destination has another.
	Compare func(have T) []Difference
	Write   func(context.Context, Found[T]) error

	// Known, if not nil, is what is known of the destination before anything is
	// written; it is not read then.
	Known func() T
	// NoReadBack says that a reading does not show whether it was written, or that Write
	// reads back by itself.
	NoReadBack bool
	// Once says that it must not be written twice.
	Once bool
	// Always writes it also where nothing of it is to be written.
	Always bool
	// Count, if not nil, counts it in place of its subject.
	Count func(Found[T])
	// Refused, if not nil, takes the destination's refusal to write it.
	Refused func(error)
	// NotGiven, if not nil, says what to report where the destination does not
	// give it: nobody can say then whether it is the same.
	NotGiven func(error) []report.Issue
}

// A Difference is a value that the destination has in another way, or lacks.
type Difference struct {
	report.Issue      // with a class if that is none of what differs
	Free         bool // it is written also where the stream does not win: the destination has none, or is only added to
	Fixed        bool // no request writes it
}

// Differs returns the difference of an item that is one value.
func Differs(i report.Issue, free bool, reason string, args ...any) []Difference {
	i.Reason = fmt.Sprintf(reason, args...)
	return []Difference{{Issue: i, Free: free}}
}

// Found is what the destination has of an item, and the values of it that are to
// be written.
type Found[T any] struct {
	Have   T
	Values []Difference
}

// Writes reports whether a value of a kind is to be written.
func (f *Found[T]) Writes(kind string) bool {
	return slices.ContainsFunc(f.Values, func(d Difference) bool { return d.Kind == kind })
}

// Issues returns what to report of differences.
func Issues(differ []Difference) (found []report.Issue) {
	for _, d := range differ {
		found = append(found, d.Issue)
	}
	return found
}

// Check reads the item back.
func (i *Item[T]) Check(ctx context.Context) ([]report.Issue, error) {
	have, err := i.read(ctx)
	switch {
	case i.isNotGiven(err):
		return i.NotGiven(err), nil
	case err != nil:
		return nil, err
	}
	return Issues(i.Compare(have)), nil
}

func (i *Item[T]) isNotGiven(err error) bool {
	return i.NotGiven != nil && (answer.Unsupported(err) || answer.Absent(err))
}

func (i *Item[T]) read(ctx context.Context) (T, error) {
	have, err := i.Read(ctx)
	if answer.Absent(err) && i.NotGiven == nil {
		var none T
		return none, nil
	}
	return have, err
}

func (i *Item[T]) before(ctx context.Context, s *Subject) (have T, err error) {
	switch {
	case s.New:
		return have, nil
	case i.Known != nil:
		return i.Known(), nil
	}
	return i.read(ctx)
}

// Put writes the values of an item that the destination does not have, and
// reports those that it has in another way: as the mode says, and who wins.
func Put[T any](ctx context.Context, s *Subject, i *Item[T]) error {
	have, err := i.before(ctx, s)
	switch {
	case i.isNotGiven(err):
		for _, issue := range i.NotGiven(err) {
			s.Issue(issue)
		}
		return nil
	case err != nil:
		return err
	}
	differ := i.Compare(have)
	f := Found[T]{Have: have, Values: s.choose(differ)}
	if len(f.Values) == 0 && !i.Always && (len(differ) > 0 || !s.New) || s.Mode == VerifyOnly {
		return nil
	}
	if s.Reopen != nil {
		if err := s.Reopen(ctx); err != nil {
			return err
		}
	}
	if !s.Dry() {
		err := i.write(ctx, s, f)
		if i.Refused != nil && answer.Refused(err) {
			i.Refused(err)
			return nil
		}
		if err != nil {
			return err
		}
	}
	i.count(s, f)
	if s.Written == nil {
		return nil
	}
	return s.Written(ctx, func(ctx context.Context) ([]report.Issue, error) {
		found, err := i.remaining(ctx, f)
		if i.isNotGiven(err) {
			return i.NotGiven(err), nil
		}
		return found, err
	})
}

// choose returns the differences that are to be written, and reports the others.
func (s *Subject) choose(differ []Difference) (values []Difference) {
	for _, d := range differ {
		if !d.Fixed && s.Mode != VerifyOnly && (d.Free || s.New || s.StreamWins) {
			values = append(values, d)
			continue
		}
		d.Class = cmp.Or(d.Class, s.Class(report.Differs))
		s.Issue(d.Issue)
	}
	return values
}

func (i *Item[T]) count(s *Subject, f Found[T]) {
	switch {
	case i.Count != nil:
		i.Count(f)
	case s.Count != nil:
		s.Count(i.Issue.Kind)
	default:
		s.Wrote(i.Issue.Kind)
	}
}

func (i *Item[T]) write(ctx context.Context, s *Subject, f Found[T]) error {
	write := func(ctx context.Context) error { return i.Write(ctx, f) }
	shows := func() (bool, error) {
		found, err := i.remaining(ctx, f)
		return err == nil && len(found) == 0, err
	}
	switch {
	case i.NoReadBack:
		return write(ctx)
	case i.Once:
		return s.Once(ctx, write, shows)
	}
	return s.Ensure(ctx, func() error { return write(ctx) }, shows)
}

// remaining reads the item back, and returns what is not as it was written.
func (i *Item[T]) remaining(ctx context.Context, f Found[T]) ([]report.Issue, error) {
	have, err := i.read(ctx)
	if err != nil {
		return nil, err
	}
	return Issues(slices.DeleteFunc(i.Compare(have), func(now Difference) bool {
		return now.Fixed || len(f.Values) > 0 && !slices.ContainsFunc(f.Values, func(d Difference) bool {
			return d.Kind == now.Kind && d.Name == now.Name && d.ID == now.ID
		})
	})), nil
}

// ReadBack runs the check of what has just been written, if that is asked for,
// and reports it what does not show.
func (s *Subject) ReadBack(ctx context.Context, check Check) error {
	if !s.Verifies() {
		return nil
	}
	return s.Find(ctx, check)
}

// Find tells what a check finds, again and again where something was written.
func (s *Subject) Find(ctx context.Context, check Check) error {
	var found []report.Issue
	_, err := s.AwaitVisible(ctx, func() (ok bool, err error) {
		found, err = check(ctx)
		return len(found) == 0, err
	})
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, i := range found {
		i.Class = report.Unverified
		s.Issue(i)
	}
	return nil
}
