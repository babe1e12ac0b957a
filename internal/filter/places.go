package filter

import (
	"fmt"

	"github.com/comet-stream/comet-stream/stream"
)

// plan makes the plan that of what is left.
func (s *sieve) plan(r stream.Raw) (stream.Raw, verdict, error) {
	if s.rules.Renames.empty() && !s.rules.SelectsExperiments() {
		return r, keep, nil
	}
	p, err := stream.DecodeAs[*stream.Plan](r)
	if err != nil {
		return r, drop, err
	}
	for i := range p.Projects {
		at := &p.Projects[i]
		if s.rules.SelectsExperiments() {
			at.Experiments = nil // how many are left, only the end can tell
		}
		to, err := s.move(Place{at.Workspace, at.Project})
		if err != nil {
			return r, drop, err
		}
		at.Workspace, at.Project = to.Workspace, to.Project
	}
	for i, name := range p.Workspaces {
		p.Workspaces[i] = s.place(Place{Workspace: name}).Workspace
	}
	return edited(r, p)
}

// place returns the new place of a project or workspace.
func (s *sieve) place(from Place) Place {
	s.found.place(from)
	return s.rules.Renames.place(from)
}

// move returns the new place of a project, and an error if another project has
// gone there.
func (s *sieve) move(from Place) (Place, error) {
	to := s.place(from)
	if other, ok := s.sourceOf[to]; ok && other != from {
		return to, &MeetError{other, from, to}
	}
	s.sourceOf[to] = from
	return to, nil
}

// A MeetError says that two projects of a stream would get one name.
type MeetError struct {
	A, B, Name Place
}

// Error names both projects and the name.
func (e *MeetError) Error() string {
	return fmt.Sprintf("projects %q and %q would both be %q", e.A, e.B, e.Name)
}

func (s *sieve) project(r stream.Raw) (stream.Raw, verdict, error) {
	bare := s.rules.Without&stream.ResourceProjectMetadata != 0
	once := !s.rules.Shard.First() // the first shard has what an import is to make once
	if !bare && !once && s.rules.Renames.empty() {
		return r, keep, nil
	}
	p, err := stream.DecodeAs[*stream.Project](r)
	if err != nil {
		return r, drop, err
	}
	to, err := s.move(Place{p.Workspace, p.Name})
	if err != nil {
		return r, drop, err
	}
	once = once && p.ShareLinks != nil
	if to == (Place{p.Workspace, p.Name}) && !once && (!bare || p.Doc == nil && p.ShareLinks == nil) {
		return r, keep, nil
	}
	if bare {
		p.Doc, p.Public, p.ShareLinks = nil, nil, nil
	}
	if once {
		p.ShareLinks = nil
	}
	p.Workspace, p.Name = to.Workspace, to.Project
	return edited(r, p)
}

// renamed gives the workspace and project in a record their new names. The
// documents of the server stay as they are: they say where the source had it.
func (s *sieve) renamed(r stream.Raw) (stream.Raw, verdict, error) {
	if s.rules.Renames.empty() {
		return r, keep, nil
	}
	rec, err := r.Decode()
	if err != nil {
		return r, drop, err
	}
	workspace, project := placeIn(rec)
	if workspace == nil {
		return r, keep, nil
	}
	from := Place{Workspace: *workspace}
	if project != nil {
		from.Project = *project
	}
	to := s.place(from)
	if to == from {
		return r, keep, nil
	}
	if skipped, ok := rec.(*stream.Skipped); ok && skipped.Of == stream.KindProject && deref(skipped.Name) == from.Project {
		skipped.Name = &to.Project
	}
	*workspace = to.Workspace
	if project != nil {
		*project = to.Project
	}
	return edited(r, rec)
}

// placeIn returns where a record holds its workspace and its project, nil for
// what it lacks.
func placeIn(rec stream.Record) (workspace, project *string) {
	switch rec := rec.(type) {
	case *stream.Skipped:
		if rec.Workspace == "" {
			return nil, nil
		}
		return &rec.Workspace, &rec.Project
	case *stream.Notes:
		return &rec.Workspace, &rec.Project
	case *stream.Link:
		return &rec.Workspace, &rec.Project
	case *stream.Artifact:
		return &rec.Workspace, &rec.Project
	case *stream.Lineage:
		return &rec.Workspace, nil
	case *stream.Model:
		return &rec.Workspace, nil
	case *stream.Panel:
		return &rec.Workspace, &rec.Project
	case *stream.View:
		return &rec.Workspace, &rec.Project
	}
	return nil, nil
}
