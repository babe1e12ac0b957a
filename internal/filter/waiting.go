package filter

import "github.com/comet-stream/comet-stream/stream"

// A project, artifact or registry model whose experiments are all dropped is
// dropped too. Its first record comes before them, so it waits, with what follows
// it and is not dropped, until one of them is kept or the end shows that there is
// none.

// maxWaiting bounds what waits: kinds that this version does not know may occur
// there in any number.
const maxWaiting = 1000

// A waiting holds the records of one project, artifact or registry model.
type waiting struct {
	records []stream.Raw // the first one opens it
	dropped bool         // something of it has been dropped
	bare    bool         // it had no experiments to begin with
}

func (w *waiting) open() bool { return len(w.records) > 0 }

// hold makes a record the first of those that wait.
func (w *waiting) hold(r stream.Raw) {
	*w = waiting{records: []stream.Raw{r.Clone()}}
}

// waits takes in a record that is to go on, and reports whether it waits with
// those before it.
func (s *sieve) waits(r stream.Raw) bool {
	if !s.wait.open() {
		return false
	}
	switch r.Kind {
	case stream.KindExperiment, stream.KindArtifactVersion, stream.KindModelVersion:
		s.release()
		return false
	case stream.KindSkipped:
		// A skipped record of the kind project alone does not keep its project.
		if of := text(r, "kind"); of != string(stream.KindProject) {
			s.release()
			return false
		}
	}
	s.wait.records = append(s.wait.records, r.Clone())
	if len(s.wait.records) > maxWaiting {
		s.release()
	}
	return true
}

// release lets what waits go on.
func (s *sieve) release() {
	s.ready = append(s.ready, s.wait.records...)
	s.wait = waiting{}
}

// released returns the records that go on before the one that the sieve was last
// asked about.
func (s *sieve) released() []stream.Raw {
	ready := s.ready
	s.ready = nil
	return ready
}

// settleProject decides about a project whose experiments have all been seen, when
// a record of the given kind shows that.
func (s *sieve) settleProject(kind stream.Kind) error {
	if !afterExperiments.Has(kind) {
		return nil
	}
	w := s.wait
	switch {
	case !w.open():
		return nil
	case !w.dropped && !(w.bare && s.rules.Narrows()):
		s.release()
		return nil
	}
	s.wait = waiting{}
	p, err := stream.DecodeAs[*stream.Project](w.records[0])
	if err != nil {
		return err
	}
	if s.gone == nil {
		s.gone = make(map[Place]bool)
	}
	s.gone[Place{p.Workspace, p.Name}] = true
	for _, r := range w.records {
		if !r.Kind.Known() {
			s.ready = append(s.ready, r)
		} else if err := count(&s.lost, r); err != nil {
			return err
		}
	}
	return nil
}

// afterExperiments are the kinds that come when a project has no more experiments.
var afterExperiments = stream.KindSetOf(
	stream.KindProject, stream.KindNotes, stream.KindLink, stream.KindArtifact, stream.KindLineage,
	stream.KindModel, stream.KindPanel, stream.KindView, stream.KindTrailer)

// projectGone reports whether the project in a record has been dropped.
func (s *sieve) projectGone(r stream.Raw) bool {
	if len(s.gone) == 0 {
		return false
	}
	// The names of gone are those that go on.
	return s.gone[s.rules.Renames.place(Place{text(r, "workspace"), text(r, "project")})]
}

// nothing reports whether the stream has none of the experiments that are to be
// kept. What belongs to its workspaces is not kept for its own sake.
func (s *sieve) nothing() bool { return s.kept == 0 && s.rules.Narrows() }
