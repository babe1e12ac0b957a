package workspace

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// What share links are called: in outcomes, since they have no record of their own,
// and in counts.
const (
	KindShareLinks = "share links"
	KindShareLink  = "share-link"
)

// MaxShareLinks is how many share links a project is given at most. A stream has
// nothing but their number, and a wrong one would make requests without end.
const MaxShareLinks = 1000

// writeShareLinks makes as many share links as the project has in the stream,
// those that are there counted. Their codes are the destination's, and nobody has
// them before they are handed out: so nobody gets in whom nobody has let in.
func (p *Project) writeShareLinks(ctx context.Context) error {
	want := p.wantLinks
	if p.before != nil {
		// If several projects are merged, the destination already has the largest
		// number of any of them, even if readings do not show it yet.
		p.links = p.before.links
	}
	if want == nil || *want <= p.links || p.r.NoShareLinks || p.ID == "" && p.r.Mode == reconcile.VerifyOnly {
		return nil
	}
	err := p.fillShareLinks(ctx, *want)
	if answer.Refused(err) || answer.Unsupported(err) {
		p.Issue(report.Issue{Class: p.r.Class(report.Missing), Kind: KindShareLinks, Reason: fmt.Sprintf("%d in the stream: %v", *want, err)})
		return nil
	}
	if err != nil {
		return fmt.Errorf("share links: %w", err)
	}
	return nil
}

// fillShareLinks reads how many share links there are, and makes those that are
// missing.
func (p *Project) fillShareLinks(ctx context.Context, want int64) error {
	have, err := p.existingShareLinks(ctx, want, p.readingsBefore())
	if p.links = max(p.links, have); err != nil || p.links >= want {
		return err
	}
	if p.r.Mode == reconcile.VerifyOnly {
		p.fewShareLinks(report.Unverified, want, have)
		return nil
	}
	if err := p.addShareLinks(ctx, min(want, MaxShareLinks)); err != nil {
		return err
	}
	if p.links < want {
		p.fewShareLinks(report.Missing, want, p.links)
	}
	if !p.r.Verifies() {
		return nil
	}
	have, err = p.existingShareLinks(ctx, p.links, reconcile.Agreeing)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if have < p.links {
		p.fewShareLinks(report.Unverified, want, have)
	}
	return nil
}

func (p *Project) fewShareLinks(class report.IssueClass, want, have int64) {
	p.Issue(report.Issue{Class: class, Kind: KindShareLinks, Reason: fmt.Sprintf("%d in the stream, %d at the destination", want, have)})
}

// readingsBefore is how many readings have to agree before share links are made:
// one that lags behind would make them twice. A new project has none.
func (p *Project) readingsBefore() int {
	if p.r.Dry() || p.Out.Result == report.ResultCreated {
		return 1
	}
	return reconcile.Agreeing
}

// existingShareLinks reads how many share links there are, until there are as many
// as are wanted or enough readings agree.
func (p *Project) existingShareLinks(ctx context.Context, want int64, readings int) (int64, error) {
	if p.ID == "" {
		return 0, nil
	}
	return reconcile.Settle(ctx, p.r.Pause, readings, func(int) (int64, bool, error) {
		have, err := p.r.Client.Projects.ShareLinks(ctx, p.ID)
		return have, have >= want, err
	})
}

// addShareLinks makes share links until there are as many as are wanted, and
// reports those that it has made also where it cannot make them all.
func (p *Project) addShareLinks(ctx context.Context, want int64) error {
	made := 0
	defer func() {
		if made > 0 {
			p.Wrote(KindShareLinks)
			p.Issue(report.Issue{Class: report.Noted, Kind: KindShareLinks, Reason: p.madeShareLinks(made)})
		}
	}()
	for p.links < want {
		if !p.r.Dry() {
			if err := p.addShareLink(ctx); err != nil {
				return err
			}
		}
		made++
		p.links++
		p.r.CountWritten(KindShareLink)
		if err := p.othersShareLinks(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) madeShareLinks(n int) string {
	if p.r.Dry() {
		return fmt.Sprintf("%d would be created, with codes other than the source's", n)
	}
	return fmt.Sprintf("%d created, with codes other than the source's: hand out the new ones", n)
}

// addShareLink makes one share link, once.
func (p *Project) addShareLink(ctx context.Context) error {
	_, err := reconcile.Once(ctx, p.r.Destination, func(ctx context.Context) (string, error) {
		return "", p.r.Client.Projects.AddShareLink(ctx, p.ID)
	}, func() (string, error) {
		have, err := p.r.Client.Projects.ShareLinks(ctx, p.ID)
		if err != nil || have <= p.links {
			return "", err
		}
		return "one more", nil
	})
	return err
}

// othersShareLinks looks again, where more are wanted: an import of other
// experiments of the project may be making them too.
func (p *Project) othersShareLinks(ctx context.Context, want int64) error {
	if p.links >= want || p.r.Dry() {
		return nil
	}
	have, err := p.r.Client.Projects.ShareLinks(ctx, p.ID)
	p.links = max(p.links, have)
	return err
}
