package filter

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// A LossError says that Salvage could not keep everything.
type LossError struct {
	Kept    int64 // experiments
	Lost    int64 // experiments that are known to be lost by their key
	Unnamed int64 // experiments that the totals of the stream know of, and nothing else
	Open    bool  // there may be more, for a stream has lost its totals
	Other   int64 // artifacts, models, notes and panels that are lost
	Cause   error // the first damage
}

// Error gives the numbers.
func (e *LossError) Error() string {
	lost := fmt.Sprint(e.Lost + e.Unnamed)
	if e.Open {
		lost += " or more"
	}
	text := fmt.Sprintf("%s kept, %s lost", progress.Count(e.Kept, "experiment"), lost)
	if e.Unnamed > 0 {
		text += fmt.Sprintf(" (the keys of %d are unknown)", e.Unnamed)
	}
	if e.Other > 0 {
		text += fmt.Sprintf(", and of artifacts, models, notes and panels %d", e.Other)
	}
	return text
}

// Unwrap returns the first damage.
func (e *LossError) Unwrap() error { return e.Cause }

// maxDamages is how many damages Salvage reports one by one.
const maxDamages = 100

// Salvage writes what is good of the damaged streams in r to w: a complete stream
// for each, with every experiment, artifact, model, notes and panel that is whole
// in r, and a skipped record for each that is known to be lost. It reads r twice,
// from where it is: once to find out what is whole, once to write it. So it keeps
// only one bit in memory for each experiment.
//
// Losses are also reported to warn, and the error is then a [*LossError]. Where
// nothing is good the error has the class that the first damage has. A stream
// that needs a newer reader is refused before anything is written.
func Salvage(ctx context.Context, w io.Writer, r io.ReadSeeker, o Options, warn func(format string, args ...any)) error {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	options := o.withDefaults()
	survey := &survey{}
	if err := walk(openInput(ctx, r, new(progress.Counters)), survey); err != nil {
		return err
	}
	if !survey.good {
		return fmt.Errorf("nothing could be salvaged: %w", survey.cause)
	}
	if _, err := r.Seek(start, io.SeekStart); err != nil {
		return err
	}
	s := &salvager{out: w, options: options, warn: warn, whole: &survey.whole}
	if err := walk(openInput(ctx, r, options.Counters), s); err != nil {
		return s.fail(ctx, err)
	}
	if err := s.closeStream(); err != nil {
		return err
	}
	return s.result(survey.cause)
}

// A unit is what is kept or lost as one: a group, or the pieces of notes or of a
// panel.
type unit struct {
	number int         // of the units in the input, from 1; 0 means none
	open   stream.Kind // of the record that opened it
	opens  bool        // the record at hand opened it
	closes bool        // the record at hand closed it
}

// A visitor sees what a salvager of the stream package finds.
type visitor interface {
	// record takes a good record. The unit it belongs to has the number 0 where
	// it is for itself.
	record(r stream.Raw, u unit) error
	// damage takes what lies between two good records.
	damage(*stream.DamageError)
	// left takes a record that is good, and of no use, because the beginning of
	// its group is lost.
	left(r stream.Raw)
}

// walk goes through an input once.
func walk(r io.Reader, v visitor) error {
	records := stream.NewSalvager(r)
	records.Left = v.left
	var u unit
	for {
		record, err := records.Next()
		if damage, ok := errors.AsType[*stream.DamageError](err); ok {
			if errors.Is(damage.Err, stream.ErrVersion) {
				return damage.Err // it is not damaged, but not understood
			}
			if damage.Records != 0 {
				u.open = ""
			}
			v.damage(damage)
			continue
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		u.next(record)
		at := u
		if u.open == "" && !u.closes {
			at.number = 0
		}
		if u.closes {
			u.open = ""
		}
		if err := v.record(record, at); err != nil {
			return err
		}
	}
}

// next goes on to the unit that a record belongs to.
func (u *unit) next(r stream.Raw) {
	u.opens, u.closes = false, false
	switch r.Kind {
	case stream.KindHeader, stream.KindTrailer, stream.KindAbort:
		u.open = ""
	case stream.KindExperiment, stream.KindArtifact, stream.KindModel:
		u.begin(r.Kind)
	case stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd:
		u.closes = u.open != ""
	case stream.KindNotes, stream.KindPanel:
		if u.open == "" {
			u.begin(r.Kind)
		}
		u.closes = !r.More()
	case stream.KindSkipped:
		u.closes = u.open == stream.KindNotes || u.open == stream.KindPanel
	}
}

func (u *unit) begin(kind stream.Kind) {
	u.number++
	u.open, u.opens = kind, true
}

// A survey is the first pass: which units are whole.
type survey struct {
	whole bitset
	good  bool  // there is a good record
	cause error // the first damage
}

func (s *survey) record(r stream.Raw, u unit) error {
	s.good = true
	if u.closes {
		s.whole.set(u.number)
	}
	if r.Kind == stream.KindAbort && s.cause == nil {
		rec, err := stream.DecodeAs[*stream.Abort](r)
		if err != nil {
			return err
		}
		s.cause = &stream.AbortedError{Class: rec.Class, Message: rec.Message, Last: rec.Last, Record: -1, Offset: -1}
	}
	return nil
}

func (s *survey) damage(d *stream.DamageError) {
	if s.cause == nil {
		s.cause = d
	}
}

func (s *survey) left(stream.Raw) {}

// A bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) set(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bitset) has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }
