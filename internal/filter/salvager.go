package filter

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/stream"
)

// A salvager is the second pass: it writes what is whole.
type salvager struct {
	out     io.Writer
	options *Options
	warn    func(string, ...any)
	whole   *bitset
	loss    LossError
	damages int
	harmed  bool // something is lost, or may be

	// Of the current stream:
	w        *stream.Writer
	planned  bool // the plan has been written
	totals   bool // the trailer has come
	plan     map[Place]int64
	place    Place  // of the last project record
	lostKey  string // of the last experiment that was lost
	kept     int64
	lost     int64
	writeErr error
}

func (s *salvager) damage(d *stream.DamageError) {
	if d.Records != 0 {
		s.harmed = true
	}
	if s.damages++; s.damages <= maxDamages {
		s.warn("%v", d)
	} else if s.damages == maxDamages+1 {
		s.warn("further damage is not reported")
	}
}

func (s *salvager) left(r stream.Raw) {
	if r.Kind != stream.KindExperimentEnd {
		return
	}
	if key := text(r, "key"); key != s.lostKey && s.writeErr == nil {
		s.writeErr = s.lose(&stream.Skipped{Experiment: &key, Of: stream.KindExperiment})
	}
}

func (s *salvager) record(r stream.Raw, u unit) error {
	if s.writeErr != nil {
		return s.writeErr
	}
	switch r.Kind {
	case stream.KindHeader:
		return s.header(r)
	case stream.KindTrailer:
		return s.trailer(r)
	case stream.KindAbort:
		return s.abort(r)
	}
	if u.number == 0 || s.whole.has(u.number) {
		return s.keep(r)
	}
	if u.opens {
		return s.loseUnit(r)
	}
	return nil
}

// header begins a stream.
func (s *salvager) header(r stream.Raw) error {
	if err := s.closeStream(); err != nil {
		return err
	}
	header, err := newHeader(r, s.options.Tool)
	if err != nil {
		return err
	}
	s.openStream()
	return s.w.WriteRaw(header)
}

func (s *salvager) openStream() {
	s.w = stream.NewWriter(s.out, stream.WriterOptions{})
	s.planned, s.totals, s.plan, s.place, s.lostKey = false, false, make(map[Place]int64), Place{}, ""
}

// closeStream ends the stream that is open, if one is.
func (s *salvager) closeStream() error {
	if s.w != nil {
		s.count(nil)
	}
	if s.writeErr != nil || s.w == nil {
		return s.writeErr
	}
	if err := s.ready(stream.KindTrailer); err != nil {
		return err
	}
	w := s.w
	s.w = nil
	return w.Close()
}

// ready makes up what must come before a record of the given kind and is lost:
// the header, the plan.
func (s *salvager) ready(kind stream.Kind) error {
	if s.w == nil {
		s.warn("the header is lost, and with it where the stream comes from")
		s.harmed = true
		s.openStream()
		if err := s.w.Write(bareHeader(s.options.Tool)); err != nil {
			return err
		}
	}
	if s.planned || kind == stream.KindPlan || !kind.Known() {
		return nil
	}
	s.planned = true
	return s.w.Write(&stream.Plan{})
}

// keep writes a record.
func (s *salvager) keep(r stream.Raw) error {
	if err := s.ready(r.Kind); err != nil {
		return err
	}
	switch r.Kind {
	case stream.KindPlan:
		s.planned = true
		if err := s.notePlan(r); err != nil {
			return err
		}
	case stream.KindProject:
		s.place = Place{text(r, "workspace"), text(r, "name")}
	case stream.KindExperiment, stream.KindNotes:
		if err := s.enter(Place{text(r, "workspace"), text(r, "project")}); err != nil {
			return err
		}
	case stream.KindExperimentEnd:
		s.kept++
		s.options.Counters.Experiments.Add(1)
	}
	return s.w.WriteRaw(r)
}

func (s *salvager) notePlan(r stream.Raw) error {
	plan, err := stream.DecodeAs[*stream.Plan](r)
	if err != nil {
		return err
	}
	for _, p := range plan.Projects {
		if p.Experiments != nil {
			s.plan[Place{p.Workspace, p.Project}] = *p.Experiments
		}
	}
	return nil
}

// enter makes up the record of a project that is lost. The plan may know how
// many experiments the project had.
func (s *salvager) enter(p Place) error {
	if p == s.place {
		return nil
	}
	s.place = p
	s.harmed = true
	s.warn("project %q: its description and visibility are lost", p)
	return s.w.Write(&stream.Project{Name: p.Project, Workspace: p.Workspace, Experiments: s.plan[p]})
}

// loseUnit reports a unit that is not whole, by the record that opened it.
func (s *salvager) loseUnit(r stream.Raw) error {
	rec, err := r.Decode()
	if err != nil {
		return err
	}
	skipped := &stream.Skipped{Of: r.Kind}
	switch rec := rec.(type) {
	case *stream.Experiment:
		skipped.Experiment, skipped.Name = &rec.Key, rec.Name
		skipped.Project, skipped.Workspace = rec.Project, rec.Workspace
	case *stream.Artifact:
		skipped.ID, skipped.Name, skipped.Project, skipped.Workspace = &rec.ID, &rec.Name, rec.Project, rec.Workspace
	case *stream.Model:
		skipped.ID, skipped.Name, skipped.Workspace = &rec.ID, &rec.Name, rec.Workspace
	case *stream.Notes:
		skipped.Project, skipped.Workspace = rec.Project, rec.Workspace
	case *stream.Panel:
		skipped.ID, skipped.Name, skipped.Workspace = &rec.ID, &rec.Name, rec.Workspace
	}
	if r.Kind == stream.KindExperiment || r.Kind == stream.KindNotes {
		if err := s.ready(r.Kind); err != nil {
			return err
		}
		if err := s.enter(Place{skipped.Workspace, skipped.Project}); err != nil {
			return err
		}
	}
	return s.lose(skipped)
}

// lose reports something that is lost, in the stream too.
func (s *salvager) lose(skipped *stream.Skipped) error {
	s.harmed = true
	what := string(skipped.Of)
	if skipped.Name != nil {
		what += fmt.Sprintf(" %q", *skipped.Name)
	} else if skipped.Of == stream.KindNotes {
		what += fmt.Sprintf(" of %q", Place{skipped.Workspace, skipped.Project})
	}
	if skipped.Experiment != nil {
		s.lostKey = *skipped.Experiment
		s.lost++
		what += fmt.Sprintf(" (%s)", quoted(s.lostKey))
	} else {
		s.loss.Other++
	}
	s.warn("%s: lost: incomplete", what)
	if err := s.ready(stream.KindSkipped); err != nil {
		return err
	}
	skipped.Reason = "damaged in the stream that this one was salvaged from"
	return s.w.Write(skipped)
}

// trailer takes the totals that the stream had, and ends the new one.
func (s *salvager) trailer(r stream.Raw) error {
	t, err := stream.DecodeAs[*stream.Trailer](r)
	if err != nil {
		return err
	}
	if err := s.ready(r.Kind); err != nil {
		return err
	}
	s.count(t)
	return s.closeStream()
}

// count adds the numbers of the stream, which had the totals t once, to those of
// all. It is called once for each stream with its trailer, if it has one, and
// then without.
func (s *salvager) count(t *stream.Trailer) {
	switch {
	case t != nil:
		s.totals = true
		s.loss.Unnamed += max(0, t.Experiments-s.kept-s.lost)
	case !s.totals:
		s.loss.Open = true
	}
	s.loss.Kept += s.kept
	s.loss.Lost += s.lost
	s.kept, s.lost = 0, 0
}

// abort ends the new stream well: what is in it is whole.
func (s *salvager) abort(r stream.Raw) error {
	a, err := stream.DecodeAs[*stream.Abort](r)
	if err != nil {
		return err
	}
	s.harmed = true
	s.warn("the stream was aborted by its writer: %s: %q", a.Class, a.Message)
	if err := s.ready(stream.KindTrailer); err != nil {
		return err
	}
	return s.closeStream()
}

// fail ends a run that could not go on.
func (s *salvager) fail(ctx context.Context, err error) error {
	if s.w == nil {
		return err
	}
	w := s.w
	s.w = nil
	class := abortClass(err)
	if ctx.Err() != nil {
		class, err = "interrupted", context.Cause(ctx)
	}
	if more := w.Abort(class, err.Error()); more != nil && !errors.Is(err, more) {
		return errors.Join(err, more)
	}
	return err
}

// result returns what was lost as an error, nil where nothing was.
func (s *salvager) result(cause error) error {
	if !s.harmed && s.loss.Unnamed == 0 {
		return nil
	}
	loss := s.loss
	loss.Cause = cause
	return &loss
}
