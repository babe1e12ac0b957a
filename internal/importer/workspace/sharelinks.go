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
	if answer.Refused(err) {
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
	readings := reconcile.Agreeing // one that lags behind would make them twice
	if p.r.Dry() || p.Out.Result == report.ResultCreated {
		readings = 1
	}
	have, err := reconcile.Settle(ctx, p.r.Pause, readings, func(int) (int64, bool, error) {
		have, err := p.existingShareLinks(ctx)
		return have, have >= want, err
	})
	if p.links = max(p.links, have); err != nil || p.links >= want {
		return err
	}
	if p.r.Mode == reconcile.VerifyOnly {
		p.Issue(fewShareLinks(report.Unverified, want, have))
		return nil
	}
	if err := p.addShareLinks(ctx, min(want, MaxShareLinks)); err != nil {
		return err
	}
	if p.links < want {
		p.Issue(fewShareLinks(report.Missing, want, p.links))
	}
	return p.subject().ReadBack(ctx, func(ctx context.Context) ([]report.Issue, error) {
		have, err := p.existingShareLinks(ctx)
		if err != nil || have >= p.links {
			return nil, err
		}
		return []report.Issue{fewShareLinks(report.Unverified, want, have)}, nil
	})
}

func fewShareLinks(class report.IssueClass, want, have int64) report.Issue {
	return report.Issue{Class: class, Kind: KindShareLinks, Reason: fmt.Sprintf("%d in the stream, %d at the destination", want, have)}
}

func (p *Project) existingShareLinks(ctx context.Context) (int64, error) {
	if p.ID == "" {
		return 0, nil
	}
	return p.r.Client.Projects.ShareLinks(ctx, p.ID)
}

// addShareLinks makes share links until there are as many as are wanted, and
// reports those that it has made also where it cannot make them all.
func (p *Project) addShareLinks(ctx context.Context, want int64) (err error) {
	made := 0
	for p.links < want && err == nil {
		if err = p.addShareLink(ctx); err != nil {
			break
		}
		made++
		p.links++
		p.r.CountWritten(KindShareLink)
		if p.links < want && !p.r.Dry() {
			// An import of other experiments of the project may be making them too.
			var have int64
			have, err = p.existingShareLinks(ctx)
			p.links = max(p.links, have)
		}
	}
	if made > 0 {
		p.Wrote(KindShareLinks)
		what := "%d created with new codes: hand these out"
		if p.r.Dry() {
			what = "%d would be created, with new codes"
		}
		p.Issue(report.Issue{Class: report.Noted, Kind: KindShareLinks, Reason: fmt.Sprintf(what, made)})
	}
	return err
}

func (p *Project) addShareLink(ctx context.Context) error {
	if p.r.Dry() {
		return nil
	}
	return p.r.Once(ctx, func(ctx context.Context) error { return p.r.Client.Projects.AddShareLink(ctx, p.ID) }, func() (bool, error) {
		have, err := p.existingShareLinks(ctx)
		return have > p.links, err
	})
}
