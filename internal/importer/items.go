package importer

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A check reads back one item of those that a verification has to find.
type check struct {
	kind string
	run  func(context.Context) ([]report.Issue, error)
}

// put writes an item beside the others, or notes it for the verification where
// that is all there is to do.
func put[T any](ctx context.Context, e *experiment, i *reconcile.Item[T]) {
	if !e.later(i.Issue.Kind, i.Check) {
		e.Spawn(func() { e.Item(i.Issue, reconcile.Put(ctx, e.Subject(), i)) })
	}
}

// later notes a check of what a verification has to find. It reports whether that
// is all there is to do.
func (e *experiment) later(kind string, run func(context.Context) ([]report.Issue, error)) bool {
	return e.expect(func(x *expectation) { x.checks = append(x.checks, check{kind, run}) })
}

// items returns the checks of items, in the order of their kinds.
func (v *verification) items() (checks []func(context.Context) error) {
	slices.SortStableFunc(v.x.checks, func(a, b check) int { return cmp.Compare(a.kind, b.kind) })
	for _, c := range v.x.checks {
		checks = append(checks, func(ctx context.Context) (err error) {
			v.found, err = c.run(ctx)
			return err
		})
	}
	return checks
}

// tags are added to those that the destination has.
func (e *experiment) tags(want []string) *reconcile.Item[[]string] {
	return &reconcile.Item[[]string]{
		Issue: report.Issue{Kind: "tags"},
		Read:  func(ctx context.Context) ([]string, error) { return e.r.Client.Experiments.Tags(ctx, e.Key) },
		Compare: func(have []string) (lacking []reconcile.Difference) {
			for _, t := range document.Without(want, have) {
				lacking = append(lacking, reconcile.Difference{
					Issue: report.Issue{Kind: "tags", Name: t, Reason: "the destination has it not"}, Free: true,
				})
			}
			return lacking
		},
		Write: func(ctx context.Context, f reconcile.Found[[]string]) error {
			return e.r.Client.Experiments.AddTags(ctx, e.Key, document.Without(want, f.Have))
		},
		Count: func(f reconcile.Found[[]string]) {
			e.Change(func(o *report.Outcome) { o.Written.Tags += int64(len(f.Values)) })
		},
	}
}

// filePath is the path of the main file.
func (e *experiment) filePath(want string) *reconcile.Item[*string] {
	return &reconcile.Item[*string]{
		Issue: report.Issue{Kind: "file path"}, Want: &want,
		Known: func() *string { return e.Existing.FilePath },
		Read: func(ctx context.Context) (*string, error) {
			there, err := e.r.Client.Experiments.Metadata(ctx, e.Key)
			if err != nil {
				return nil, err
			}
			return there.FilePath, nil
		},
		Same: reconcile.Equal[string],
		Free: func(have *string) bool { return document.Deref(have) == "" },
		Write: func(ctx context.Context, _ reconcile.Found[*string]) error {
			return e.r.Client.Texts.WriteFilePath(ctx, e.Key, want)
		},
		Other: func(have *string) string {
			return fmt.Sprintf("%q in the stream, %q at the destination", want, document.Deref(have))
		},
		Blind: want == "", // a reading may not tell it from none
	}
}

// git is the state of the repository.
func (e *experiment) git(want gitDoc) *reconcile.Item[gitDoc] {
	return &reconcile.Item[gitDoc]{
		Issue: report.Issue{Kind: string(stream.KindGit)}, Want: want,
		Read: func(ctx context.Context) (gitDoc, error) {
			have, err := e.r.Client.Origins.Git(ctx, e.Key)
			if err != nil || have == nil {
				return gitDoc{}, err
			}
			return *gitDocOf(have), nil
		},
		Same: func(want, have gitDoc) bool { return want.is(&have) },
		Free: func(have gitDoc) bool { return have.is(new(gitDoc)) },
		Write: func(ctx context.Context, _ reconcile.Found[gitDoc]) error {
			return e.r.Client.Origins.WriteGit(ctx, e.Key, &comet.Git{
				User: want.User.Ptr(), Root: want.Root.Ptr(), Branch: want.Branch.Ptr(), Parent: want.Parent.Ptr(), Origin: want.Origin.Ptr(),
			})
		},
		Other: func(gitDoc) string { return "the destination has other values" },
	}
}

// longText is a text that one request reads and one request replaces.
func (e *experiment) longText(kind stream.Kind, text content.Text) *reconcile.Item[content.Sum] {
	k := textKinds[kind]
	return &reconcile.Item[content.Sum]{
		Issue: report.Issue{Kind: string(kind)}, Want: text.Sum,
		Read: func(ctx context.Context) (content.Sum, error) {
			return e.r.ReadSum(ctx, func() (io.ReadCloser, error) { return k.read(e.r.Client.Texts, ctx, e.Key) })
		},
		Same: func(want, have content.Sum) bool { return want == have },
		Free: func(have content.Sum) bool { return have.Size == 0 },
		Write: func(ctx context.Context, _ reconcile.Found[content.Sum]) error {
			return k.write(e.r.Client.Texts, ctx, e.Key, text.Content())
		},
		Other: func(have content.Sum) string {
			return fmt.Sprintf("%d bytes in the stream, %d other ones at the destination", text.Size, have.Size)
		},
		Differs: "the destination has another one",
		Blind:   text.Size == 0, // a reading may not tell it from none
		Again:   text.Size == 0 && e.Unfinished,
	}
}

// name is the name of an experiment whose others are not in the stream.
func (e *experiment) name(want string) *reconcile.Item[*string] {
	return &reconcile.Item[*string]{
		Issue: report.Issue{Kind: "name", Name: want}, Want: &want,
		Known: func() *string { return e.Existing.Name },
		Same:  reconcile.Equal[string],
		Free:  func(have *string) bool { return document.Deref(have) == "" },
		Write: func(ctx context.Context, _ reconcile.Found[*string]) error {
			return e.writeName(ctx, &valueDoc{Name: nameOther, ValueCurrent: document.NewText(want)})
		},
		Other: func(*string) string { return "the destination has another one" },
		Blind: true, // the writing looks for itself
	}
}
