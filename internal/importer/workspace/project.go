package workspace

import (
	"context"
	"fmt"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Project is a project of the stream and the one of the destination that it
// goes to.
type Project struct {
	report.Ledger
	r      *Services
	source place.Project
	Target place.Project

	// ready is closed once id and err are known. Without an id and an error the
	// project does not exist, in a run that writes nothing.
	ready chan struct{}
	ID    string
	err   error

	Experiments sync.WaitGroup
	before      *Project      // another one of the stream that goes to the same place
	done        chan struct{} // closed once all of the project is written
	notes       *content.Spooled
	refs        func() *rewrite.References // for links in the notes
	owner       string                     // in the stream, "" if it does not say
	wantLinks   *int64                     // share links in the stream, nil if it does not say
	links       int64                      // share links at the destination, as far as is known
}

// derives reports whether the keys of the project's experiments are derived.
func (p *Project) derives(src *place.Source) bool {
	return p.r.DeriveKeys || src.Same && p.source != p.Target
}

// projectDoc is what is used of a project's document.
type projectDoc struct {
	Description document.Text `json:"projectDescription"`
	Desc        document.Text `json:"projectDesc"`
	Public      document.Bool `json:"public"`
	IsPublic    document.Bool `json:"isPublic"`
	Owner       document.Text `json:"ownerUserName"`
}

// OpenProject sees to it that a project exists at the destination, while the
// reading goes on.
func (r *Services) OpenProject(work context.Context, src *place.Source, rec *stream.Project, before *Project) *Project {
	name := place.Project{Workspace: rec.Workspace, Name: rec.Name}
	p := &Project{
		r: r, source: name, Target: r.To.Target(name), ready: make(chan struct{}), done: make(chan struct{}), wantLinks: rec.ShareLinks,
	}
	p.refs = func() *rewrite.References {
		return r.Keys.LinkReferences(src, r.Client.Root(), p.Target, p.derives(src))
	}
	p.Out = report.Outcome{Kind: string(stream.KindProject), Workspace: p.Target.Workspace, Project: p.Target.Name}
	p.before = before
	r.Working.Go(func() {
		defer close(p.ready)
		// Two projects that meet in one must not both find it missing.
		if p.before != nil {
			<-p.before.ready
		}
		if p.err = p.have(work, rec); p.err != nil {
			p.err = fmt.Errorf("project %q: %w", p.Target, p.err)
		}
	})
	return p
}

// Wait waits until the project is there, and returns the error if it cannot be.
func (p *Project) Wait(ctx context.Context) error {
	select {
	case <-p.ready:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// have creates the project, or compares the one that is there.
func (p *Project) have(ctx context.Context, rec *stream.Project) error {
	var doc projectDoc
	if err := document.Read(rec.Doc, &doc); err != nil {
		return err
	}
	p.owner = doc.Owner.V
	if !doc.Description.OK {
		doc.Description = doc.Desc
	}
	public := rec.Public
	if public == nil {
		for _, b := range []document.Bool{doc.Public, doc.IsPublic} {
			if b.OK {
				public = &b.V
			}
		}
	}
	there, err := p.r.Places.Project(ctx, p.Target)
	if err == nil && p.r.Mode == reconcile.DryRun {
		err = p.r.Places.MayWrite(ctx, p.Target)
	}
	if err != nil {
		return err
	}
	if there == nil {
		there, err = p.create(ctx, doc.Description.Ptr(), public)
		if err != nil || there == nil {
			return err
		}
	}
	p.ID = there.ID
	if rec.Doc == nil {
		return nil
	}
	return p.update(ctx, there, doc.Description.V, public)
}

// create creates the project. It returns the one that is there if someone else
// has just created it, nil if it made a new one or nothing may be written.
func (p *Project) create(ctx context.Context, description *string, public *bool) (*comet.Project, error) {
	if p.r.Mode == reconcile.VerifyOnly {
		p.Issue(report.Issue{Class: report.Unverified, Kind: string(stream.KindProject), Reason: "the destination does not have it"})
		return nil, nil
	}
	if p.r.Dry() {
		p.created()
		return nil, nil
	}
	n := comet.NewProject{Workspace: p.Target.Workspace, Name: p.Target.Name, Description: description}
	n.Public = public != nil && *public
	id := ""
	err := p.r.Sure(ctx, func() (err error) {
		id, err = p.r.Client.Projects.Create(ctx, n)
		return err
	}, func() (bool, error) {
		there, err := p.r.Client.Projects.Get(ctx, n.Workspace, n.Name)
		if err == nil {
			id = there.ID
		} else if answer.Absent(err) {
			err = nil
		}
		return id != "", err
	})
	if answer.Refused(err) {
		// A listing that lags behind, or an answer that was lost: the refusal
		// need not say that the name is taken.
		if there, readErr := p.r.Client.Projects.Get(ctx, n.Workspace, n.Name); readErr == nil {
			return there, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	p.ID = id
	p.created()
	p.r.Places.Add(p.Target, comet.Project{ID: id, Workspace: n.Workspace, Name: n.Name, Description: description, Public: &n.Public})
	return nil, p.verify(ctx, comet.ProjectUpdate{Description: description, Public: &n.Public})
}

func (p *Project) created() {
	p.r.Count(func(s *report.Summary) { s.ProjectsCreated++ })
	p.Change(func(o *report.Outcome) { o.Result = report.ResultCreated })
}

// verify reads back what has been written of the project, if that is asked for.
func (p *Project) verify(ctx context.Context, want comet.ProjectUpdate) error {
	if !p.r.Verifies() {
		return nil
	}
	found, err := p.others(ctx, want)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, i := range found {
		i.Class = report.Unverified
		p.Issue(i)
	}
	return nil
}

// others returns what the project at the destination has in another way than it
// was written.
func (p *Project) others(ctx context.Context, want comet.ProjectUpdate) (found []report.Issue, err error) {
	there, err := p.r.Client.Projects.Get(ctx, p.Target.Workspace, p.Target.Name)
	if err != nil {
		return nil, err
	}
	if want.Description != nil && document.Deref(there.Description) != *want.Description {
		found = append(found, report.Issue{Kind: "description", Reason: "the destination has another one"})
	}
	if want.Public != nil && there.Public != nil && *there.Public != *want.Public {
		found = append(found, report.Issue{Kind: "visibility", Reason: fmt.Sprintf("public is %v in the stream, %v at the destination", *want.Public, *there.Public)})
	}
	return found, nil
}

// update fills in what the project at the destination lacks, and tells what it
// has in another way.
func (p *Project) update(ctx context.Context, there *comet.Project, description string, public *bool) error {
	var u comet.ProjectUpdate
	have := ""
	if there.Description != nil {
		have = *there.Description
	}
	switch {
	case description == "" || description == have:
	case p.r.Fills(have == ""):
		u.Description = &description
	default:
		p.Issue(report.Issue{Class: p.r.DiffersClass(), Kind: "description", Reason: "the destination has another one"})
	}
	switch {
	case public == nil || there.Public == nil || *public == *there.Public:
	case p.r.Fills(false):
		u.Public = public
	default:
		class := p.r.DiffersClass()
		if p.before != nil && p.before.source != p.source {
			// The first of those that meet has decided.
			class = report.Noted
		}
		p.Issue(report.Issue{Class: class, Kind: "visibility", Reason: fmt.Sprintf("public is %v in the stream, %v at the destination", *public, *there.Public)})
	}
	if u == (comet.ProjectUpdate{}) {
		return nil
	}
	p.Wrote("project")
	p.r.CountWritten("project")
	if p.r.Dry() {
		return nil
	}
	err := p.r.Sure(ctx, func() error { return p.r.Client.Projects.Update(ctx, there.ID, u) }, func() (bool, error) {
		found, err := p.others(ctx, u)
		return len(found) == 0, err
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return p.verify(ctx, u)
}

// Close writes the notes, share links and owner of the project once its
// experiments are done.
func (p *Project) Close(work context.Context) {
	p.r.Working.Go(func() {
		defer close(p.done)
		p.Experiments.Wait()
		if p.before != nil {
			<-p.before.done
		}
		// Not only until work ends: what became of it is read below.
		<-p.ready
		err := p.err
		if err == nil && p.notes != nil {
			err = p.writeNotes(work)
		}
		if err == nil {
			err = p.writeShareLinks(work)
		}
		if err == nil {
			// Last: whoever is not the owner any more may be refused the rest.
			err = p.writeOwner(work)
		}
		p.notes.Close()
		if o := &p.Out; err != nil || len(o.Issues) > 0 || o.Result != "" || o.Written.Any() {
			p.r.Finished(o, err)
		}
	})
}

// writeNotes writes the notes of the project if it has none.
func (p *Project) writeNotes(ctx context.Context) error {
	if p.notes.Size == 0 {
		return nil
	}
	notes, err := content.AsUTF8(&p.Ledger, p.notes.Text(), report.Issue{Class: p.r.DiffersClass(), Kind: string(stream.KindNotes)})
	if err == nil && p.r.RewriteLinks {
		notes, err = notes.Becomes(p.refs().Links)
	}
	if err != nil {
		return err
	}
	return p.writeText(ctx, notes)
}

func (p *Project) writeText(ctx context.Context, notes content.Text) error {
	if p.ID == "" {
		p.Wrote("notes")
		return nil
	}
	read := func() (*comet.Text, error) { return p.r.Client.Projects.Notes(ctx, p.ID) }
	same, empty := false, true
	if p.Out.Result != report.ResultCreated {
		var err error
		if same, empty, err = p.r.CompareText(ctx, notes.Sum, read); err != nil {
			return fmt.Errorf("read notes: %w", err)
		}
	}
	switch {
	case same:
		return nil
	case !p.r.Fills(empty):
		p.Issue(report.Issue{Class: p.r.DiffersClass(), Kind: string(stream.KindNotes), Reason: "the destination has other notes"})
		return nil
	}
	p.Wrote("notes")
	p.r.CountWritten("notes")
	if p.r.Dry() {
		return nil
	}
	shows := func() (bool, error) {
		same, _, err := p.r.CompareText(ctx, notes.Sum, read)
		return same, err
	}
	if err := p.r.Sure(ctx, func() error { return p.r.Client.Projects.WriteNotes(ctx, p.ID, notes.Content()) }, shows); err != nil {
		return fmt.Errorf("write notes: %w", err)
	}
	if !p.r.Verifies() {
		return nil
	}
	same, err := shows()
	if err != nil {
		return fmt.Errorf("verify notes: %w", err)
	}
	if !same {
		p.Issue(report.Issue{Class: report.Unverified, Kind: string(stream.KindNotes), Reason: "the destination has other notes"})
	}
	return nil
}

// SetNotes says what the notes of the project are.
func (p *Project) SetNotes(notes *content.Spooled) { p.notes = notes }
