package workspace

import (
	"cmp"
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
	"github.com/comet-stream/comet-stream/internal/importer/spool"
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

	// ready is closed once ID and err are known. Without an ID and an error the
	// project does not exist, in a run that writes nothing.
	ready chan struct{}
	ID    string
	err   error
	// Planned is how many experiments of it the stream says it has, and Has how many
	// the destination counted before.
	Planned, Has int64

	Experiments sync.WaitGroup
	before      *Project      // another one of the stream that goes to the same place
	done        chan struct{} // closed once all of the project is written
	notes       *spool.Spool
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
func (r *Services) OpenProject(workCtx context.Context, src *place.Source, rec *stream.Project, before *Project) *Project {
	name := place.Project{Workspace: rec.Workspace, Name: rec.Name}
	p := &Project{
		r: r, source: name, Target: r.To.Target(name), ready: make(chan struct{}), done: make(chan struct{}), wantLinks: rec.ShareLinks, Planned: rec.Experiments,
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
		if p.err = p.have(workCtx, rec); p.err != nil {
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
	public := cmp.Or(rec.Public, doc.IsPublic.Ptr(), doc.Public.Ptr())
	existing, err := p.r.Places.Project(ctx, p.Target)
	if err == nil && p.r.Mode == reconcile.DryRun {
		err = p.r.Places.MayWrite(ctx, p.Target)
	}
	if err != nil {
		return err
	}
	if existing == nil {
		existing, err = p.create(ctx, doc.Description.Ptr(), public)
		if err != nil || existing == nil {
			return err
		}
	}
	p.ID = existing.ID
	if existing.Experiments != nil {
		p.Has = *existing.Experiments
	}
	if rec.Doc == nil {
		return nil
	}
	if err := reconcile.Put(ctx, p.subject(), p.details(existing, details{doc.Description.V, public})); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// create creates the project. It returns the one that is there if someone else
// has just created it, nil if it made a new one or nothing may be written.
func (p *Project) create(ctx context.Context, description *string, public *bool) (*comet.Project, error) {
	if p.r.Mode == reconcile.VerifyOnly {
		p.Issue(report.Issue{Class: report.Unverified, Kind: string(stream.KindProject), Reason: "missing at the destination"})
		return nil, nil
	}
	if p.r.Dry() {
		p.created()
		return nil, nil
	}
	n := comet.NewProject{Workspace: p.Target.Workspace, Name: p.Target.Name, Description: description}
	n.Public = public != nil && *public
	id := ""
	err := p.r.Ensure(ctx, func() (err error) {
		id, err = p.r.Client.Projects.Create(ctx, n)
		return err
	}, func() (bool, error) {
		existing, err := p.r.Client.Projects.Get(ctx, n.Workspace, n.Name)
		if err == nil {
			id = existing.ID
		} else if answer.Absent(err) {
			err = nil
		}
		return id != "", err
	})
	if answer.Refused(err) {
		// A listing that lags behind, or an answer that was lost: the refusal
		// need not say that the name is taken.
		if existing, readErr := p.r.Client.Projects.Get(ctx, n.Workspace, n.Name); readErr == nil {
			p.r.Places.Add(p.Target, *existing)
			return existing, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	p.ID = id
	p.created()
	p.r.Places.Add(p.Target, comet.Project{ID: id, Workspace: n.Workspace, Name: n.Name, Description: description, Public: &n.Public})
	return nil, p.subject().ReadBack(ctx, p.details(nil, details{document.Deref(description), &n.Public}).Check)
}

func (p *Project) created() {
	p.r.Count(func(s *report.Summary) { s.ProjectsCreated++ })
	p.Change(func(o *report.Outcome) { o.Result = report.ResultCreated })
}

func (p *Project) subject() *reconcile.Subject {
	s := p.r.subject(&p.Ledger)
	s.New = p.ID == "" || p.Out.Result == report.ResultCreated
	return s
}

// details are description and visibility. existing, if not nil, is what is known of
// them before.
func (p *Project) details(existing *comet.Project, want details) *reconcile.Item[details] {
	read := func(p *comet.Project) details { return details{document.Deref(p.Description), p.Public} }
	return &reconcile.Item[details]{
		Issue: report.Issue{Kind: "project"},
		Known: func() details { return read(existing) },
		Read: func(ctx context.Context) (details, error) {
			existing, err := p.r.Client.Projects.Get(ctx, p.Target.Workspace, p.Target.Name)
			if err != nil {
				return details{}, err
			}
			return read(existing), nil
		},
		Compare: func(have details) []reconcile.Difference {
			differ := want.compare(have, "")
			for i := range differ {
				if d := &differ[i]; d.Kind == kindVisibility && p.before != nil && p.before.source != p.source {
					d.Class = report.Noted // the first of those that meet has decided
				}
			}
			return differ
		},
		Write: func(ctx context.Context, f reconcile.Found[details]) error {
			description, public := want.of(f)
			return p.r.Client.Projects.Update(ctx, existing.ID, comet.ProjectUpdate{Description: description, Public: public})
		},
	}
}

// Close writes the notes, share links and owner of the project once its
// experiments are done.
func (p *Project) Close(workCtx context.Context) {
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
			err = p.writeNotes(workCtx)
		}
		if err == nil {
			err = p.writeShareLinks(workCtx)
		}
		if err == nil {
			// Last: whoever is not the owner any more may be refused the rest.
			err = p.writeOwner(workCtx)
		}
		p.notes.Close()
		if o := &p.Out; err != nil || len(o.Issues) > 0 || o.Result != "" || o.Written.Any() {
			p.r.Finished(o, err)
		}
	})
}

func (p *Project) writeNotes(ctx context.Context) error {
	if p.notes.Size == 0 {
		return nil
	}
	notes, err := content.AsUTF8(&p.Ledger, content.TextOf(p.notes), report.Issue{Class: p.r.Class(report.Differs), Kind: string(stream.KindNotes)})
	if err == nil && p.r.RewriteLinks {
		notes, err = notes.Becomes(p.refs().Links)
	}
	if err != nil {
		return err
	}
	if p.ID == "" { // there is no project, which is told
		if p.r.Mode == reconcile.DryRun {
			p.Wrote("notes")
		}
		return nil
	}
	return put(ctx, p.subject(), notesItem(p.r, "", notes.Sum,
		func() (*comet.Text, error) { return p.r.Client.Projects.Notes(ctx, p.ID) },
		func() error { return p.r.Client.Projects.WriteNotes(ctx, p.ID, notes.Content()) }))
}

// SetNotes says what the notes of the project are.
func (p *Project) SetNotes(notes *spool.Spool) { p.notes = notes }
