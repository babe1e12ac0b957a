package workspace

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

const kindOwner = "owner" // in outcomes; it has no record of its own

// writeOwner gives the project to the user who stands for its owner at the
// source.
func (p *Project) writeOwner(ctx context.Context) error {
	r := p.r
	want := r.Owners[p.owner]
	switch {
	case r.Owners == nil || p.owner == "":
		return nil
	case want == "":
		p.noteOwner("nobody stands for %q, who has it at the source", p.owner)
		return nil
	case p.before != nil && p.before.source != p.source:
		p.noteOwner("the first of the projects that meet decides, not %q", p.owner)
		return nil
	case p.ID == "" && r.Mode == reconcile.VerifyOnly:
		return nil // the project itself is missing
	}
	have, err := p.ownerThere(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read owner: %w", err)
	case have == want:
		return nil
	case !r.Fills(have == "" || have == r.User):
		p.Issue(otherOwner(r.DiffersClass(), want, have))
		return nil
	}
	return p.setOwner(ctx, want)
}

// ownerThere returns the owner at the destination, "" where there is none yet or
// the server does not say.
func (p *Project) ownerThere(ctx context.Context) (string, error) {
	if p.ID == "" {
		return "", nil
	}
	there, err := p.r.Client.Projects.ByID(ctx, p.ID)
	if err != nil {
		return "", err
	}
	return there.Owner, nil
}

func (p *Project) setOwner(ctx context.Context, want string) error {
	r := p.r
	if !r.Dry() {
		err := r.Client.Projects.SetOwner(ctx, p.ID, want)
		if answer.Unsupported(err) || answer.Refused(err) {
			p.Issue(report.Issue{Class: report.Missing, Kind: kindOwner, Name: want, Reason: err.Error()})
			return nil
		}
		if err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	p.Wrote(kindOwner)
	r.CountWritten(kindOwner)
	p.noteOwner("%q, who stands for %q of the source", want, p.owner)
	return r.Confirm(ctx, &p.Ledger, otherOwner(report.Unverified, want, ""), func() (bool, error) {
		have, err := p.ownerThere(ctx)
		return have == want || have == "", err
	})
}

func (p *Project) noteOwner(format string, args ...any) {
	p.Issue(report.Issue{Class: report.Noted, Kind: kindOwner, Reason: fmt.Sprintf(format, args...)})
}

func otherOwner(class report.IssueClass, want, have string) report.Issue {
	reason := "the destination has another one"
	if have != "" {
		reason = fmt.Sprintf("the destination has %q", have)
	}
	return report.Issue{Class: class, Kind: kindOwner, Name: want, Reason: reason}
}
