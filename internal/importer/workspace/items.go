package workspace

import (
	"context"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// put writes an item, and names it in an error.
func put[T any](ctx context.Context, s *reconcile.Subject, i *reconcile.Item[T]) error {
	return i.Issue.Wrap(reconcile.Put(ctx, s, i))
}

// missing is the reason of what the destination does not have.
const missing = "missing at the destination"

// otherOfName is that of what it has under its name, or has not.
func otherOfName(have bool) string {
	if have {
		return "the destination has a different one with this name"
	}
	return missing
}

// subject returns a thing of a project or workspace as what items are written of. It
// is read back as soon as it is written.
func (r *Services) subject(l *report.Ledger) *reconcile.Subject {
	s := &reconcile.Subject{Destination: r.Destination, Ledger: l, StreamWins: r.Update}
	s.Written = s.ReadBack
	s.Count = func(kind string) {
		l.Wrote(kind)
		r.CountWritten(kind)
	}
	return s
}

const kindVisibility = "visibility" // in issues

// details are what is written together of a project, and of a registry model.
type details struct {
	description string
	public      *bool // nil where it is not said
}

// compare returns in what the destination has others; name is in the issues.
func (want *details) compare(have details, name string) (differ []reconcile.Difference) {
	if d := want.description; d != "" && d != have.description {
		differ = reconcile.Differs(report.Issue{Kind: "description", Name: name}, have.description == "", "the destination has a different one")
	}
	if want.public != nil && have.public != nil && *want.public != *have.public {
		differ = append(differ, reconcile.Differs(report.Issue{Kind: kindVisibility, Name: name}, false,
			"public is %v in the stream, %v at the destination", *want.public, *have.public)...)
	}
	return differ
}

// of returns what is to be written of them, nil for the rest.
func (want *details) of(f reconcile.Found[details]) (description *string, public *bool) {
	if f.Writes("description") {
		description = &want.description
	}
	if f.Writes(kindVisibility) {
		public = want.public
	}
	return description, public
}

// notesItem are the notes of a project or registry model.
func notesItem(r *Services, name string, notes content.Sum, read func() (*comet.Text, error), write func() error) *reconcile.Item[content.Sum] {
	issue := report.Issue{Kind: string(stream.KindNotes), Name: name}
	return &reconcile.Item[content.Sum]{
		Issue: issue,
		Read: func(ctx context.Context) (content.Sum, error) {
			return r.ReadSum(ctx, func() (io.ReadCloser, error) { return read() })
		},
		Compare: func(have content.Sum) []reconcile.Difference {
			if have == notes {
				return nil
			}
			return reconcile.Differs(issue, have.Size == 0, "the destination has different notes")
		},
		Write: func(context.Context, reconcile.Found[content.Sum]) error { return write() },
	}
}

// putMember writes what is in a set of the destination or not. have is what the set
// holds as far as is known, and read reads it.
func putMember[K comparable](ctx context.Context, s *reconcile.Subject, i report.Issue, member K, have map[K]bool,
	read func(context.Context) (map[K]bool, error), write func() error,
) error {
	err := reconcile.Put(ctx, s, &reconcile.Item[bool]{
		Issue: i,
		Known: func() bool { return have[member] },
		Read: func(ctx context.Context) (bool, error) {
			now, err := read(ctx)
			return now[member], err
		},
		Compare: func(has bool) []reconcile.Difference {
			if has {
				return nil
			}
			return reconcile.Differs(i, true, missing)
		},
		Write: func(context.Context, reconcile.Found[bool]) error { return write() },
	})
	if err == nil {
		have[member] = true
	}
	return err
}

// A row is an item among others.
type row struct {
	put   func(context.Context, *reconcile.Subject) error
	check reconcile.Check
}

func rowOf[T any](i *reconcile.Item[T]) row {
	return row{func(ctx context.Context, s *reconcile.Subject) error { return reconcile.Put(ctx, s, i) }, i.Check}
}

// eachRow calls f for each row, unless there is an error already.
func eachRow(rows []row, err error, f func(row) error) error {
	for i := 0; i < len(rows) && err == nil; i++ {
		err = f(rows[i])
	}
	return err
}
