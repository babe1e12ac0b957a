package workspace

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

const kindOwner = "owner" // in outcomes; it has no record of its own

// writeOwner gives the project to the user who corresponds to its owner at the
// source.
func (p *Project) writeOwner(ctx context.Context) error {
	r := p.r
	want := r.Owners[p.owner]
	switch {
	case r.Owners == nil || p.owner == "":
		return nil
	case want == "":
		p.noteOwner("--owner has no user for %q, its owner at the source", p.owner)
		return nil
	case p.before != nil && p.before.source != p.source:
		p.noteOwner("the owner of the first merged project is kept, not %q", p.owner)
		return nil
	case p.ID == "" && r.Mode == reconcile.VerifyOnly:
		return nil // the project itself is missing
	}
	s := p.subject()
	s.New = p.ID == "" // it may be the right one already
	return put(ctx, s, p.ownerItem(want))
}

func (p *Project) ownerItem(want string) *reconcile.Item[string] {
	issue, written := report.Issue{Kind: kindOwner, Name: want}, false
	return &reconcile.Item[string]{
		Issue: issue,
		Read: func(ctx context.Context) (string, error) {
			have, err := p.ownerAtDestination(ctx)
			if have == "" && written {
				have = want // not every server says
			}
			return have, err
		},
		Compare: func(have string) []reconcile.Difference {
			if have == want {
				return nil
			}
			return reconcile.Differs(issue, have == "" || have == p.r.User, "the destination has %q", have)
		},
		Write: func(ctx context.Context, _ reconcile.Found[string]) error {
			written = true
			return p.r.Client.Projects.SetOwner(ctx, p.ID, want)
		},
		NoReadBack: true, // an owner who is no more may be refused a reading
		Count: func(reconcile.Found[string]) {
			p.Wrote(kindOwner)
			p.r.CountWritten(kindOwner)
			p.noteOwner("%q, as --owner maps %q of the source", want, p.owner)
		},
		Refused: func(err error) {
			issue.Class, issue.Reason = report.Missing, err.Error()
			p.Issue(issue)
		},
	}
}

// ownerAtDestination returns the owner at the destination, "" where there is none yet or
// the server does not say.
func (p *Project) ownerAtDestination(ctx context.Context) (string, error) {
	if p.ID == "" {
		return "", nil
	}
	existing, err := p.r.Client.Projects.ByID(ctx, p.ID)
	if err != nil {
		return "", err
	}
	return existing.Owner, nil
}

func (p *Project) noteOwner(format string, args ...any) {
	p.Issue(report.Issue{Class: report.Noted, Kind: kindOwner, Reason: fmt.Sprintf(format, args...)})
}
