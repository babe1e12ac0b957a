package origins

import (
	"context"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

type git struct {
	User   document.Text `json:"user"`
	Root   document.Text `json:"root"`
	Branch document.Text `json:"branch"`
	Parent document.Text `json:"parent"`
	Origin document.Text `json:"origin"`
}

// is reports whether two states are the same. No text and an empty one are the
// same here: servers may turn one into the other.
func (g git) is(o git) bool {
	return g.User.V == o.User.V && g.Root.V == o.Root.V && g.Branch.V == o.Branch.V && g.Parent.V == o.Parent.V && g.Origin.V == o.Origin.V
}

func putGit(ctx context.Context, s *session.Experiment, rec *stream.Document) error {
	var want git
	if err := document.Read(rec.Doc, &want); err != nil || want == (git{}) {
		return err
	}
	issue := report.Issue{Kind: string(stream.KindGit)}
	session.Put(ctx, s, &reconcile.Item[git]{
		Issue: issue,
		Read: func(ctx context.Context) (git, error) {
			g, err := s.Client.Origins.Git(ctx, s.Key)
			if err != nil || g == nil {
				return git{}, err
			}
			return git{document.TextOf(g.User), document.TextOf(g.Root), document.TextOf(g.Branch), document.TextOf(g.Parent), document.TextOf(g.Origin)}, nil
		},
		Compare: func(have git) []reconcile.Difference {
			if have.is(want) {
				return nil
			}
			return reconcile.Differs(issue, have.is(git{}), "the destination has different values")
		},
		Write: func(ctx context.Context, _ reconcile.Found[git]) error {
			return s.Client.Origins.WriteGit(ctx, s.Key, &comet.Git{
				User: want.User.Ptr(), Root: want.Root.Ptr(), Branch: want.Branch.Ptr(), Parent: want.Parent.Ptr(), Origin: want.Origin.Ptr(),
			})
		},
	})
	return nil
}
