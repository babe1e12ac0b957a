package workspace

import (
	"cmp"
	"context"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

const (
	kindModel        = string(stream.KindModel)
	kindModelVersion = string(stream.KindModelVersion)
)

// noStatus is the status of a version that was given none.
const noStatus = "None"

// model is a registry model of the stream.
type model struct {
	*group
	rec *stream.Model
	doc modelDoc

	existing *comet.RegistryModel // nil if it is new

	written []reconcile.Check // of what this import has written, to be read back
	reading bool              // there is what a reading back shows
}

// modelDoc is what is used of a registry model's document.
type modelDoc struct {
	Description document.Text `json:"description"`
	Public      document.Bool `json:"isPublic"`
}

// modelVersionDoc is what is used of the document of a version.
type modelVersionDoc struct {
	Comment document.Text `json:"comment"`
}

// StartModel begins the work on a registry model.
func (w *Level) StartModel(workCtx context.Context, rec *stream.Model) *model {
	m := &model{group: w.newGroup(stream.KindModel, rec.Workspace, rec.Name), rec: rec}
	m.start(workCtx, m.work)
	return m
}

func (m *model) work(ctx context.Context) error {
	err := document.Read(m.rec.Doc, &m.doc)
	if err == nil {
		err = m.read(ctx)
	}
	each := m.Each(func(rec stream.Record) error {
		if err != nil {
			return nil
		}
		return m.take(ctx, rec)
	})
	err = cmp.Or(err, each)
	if err == nil && m.Complete {
		err = m.finish(ctx)
	}
	if err == nil && len(m.written) > 0 {
		err = m.readBack(ctx)
	}
	return err
}

// read reads what the destination has of the model.
func (m *model) read(ctx context.Context) (err error) {
	m.existing, err = m.r.Client.Registry.Model(ctx, m.target, m.rec.Name)
	if answer.Absent(err) || answer.Unsupported(err) {
		return nil
	}
	return err
}

// now returns what the destination has of the model, nil for nothing.
func (m *model) now(ctx context.Context) (*comet.RegistryModel, error) {
	if m.reading {
		return m.existing, nil
	}
	existing, err := m.r.Client.Registry.Model(ctx, m.target, m.rec.Name)
	if answer.Absent(err) {
		return nil, nil
	}
	return existing, err
}

// readBack reads what has been written of the model, at once.
func (m *model) readBack(ctx context.Context) error {
	m.reading = true
	return m.subject().ReadBack(ctx, func(ctx context.Context) (found []report.Issue, err error) {
		err = m.read(ctx)
		for i := 0; i < len(m.written) && err == nil; i++ {
			var more []report.Issue
			more, err = m.written[i](ctx)
			found = append(found, more...)
		}
		return found, err
	})
}

// subject is the model, or a version of it, as what items are written of. It is
// read back at the end, all at once.
func (m *model) subject() *reconcile.Subject {
	s := m.r.subject(&m.Ledger)
	s.Count = func(kind string) {
		m.Wrote(kind)
		m.r.CountWritten(kindModel)
	}
	s.Written = func(_ context.Context, check reconcile.Check) error {
		if m.r.Verifies() {
			m.written = append(m.written, check)
		}
		return nil
	}
	return s
}

func (m *model) take(ctx context.Context, rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Skipped:
		m.r.Counters.Skipped.Add(1)
		m.Issue(report.SkippedIssue(rec))
	case *stream.ModelVersion:
		v := &modelVersion{m: m, rec: rec}
		return v.leaveOut(v.take(ctx))
	}
	return nil
}

// versionOf returns a version of a model of the destination, nil if that lacks it.
func versionOf(m *comet.RegistryModel, version string) *comet.RegistryVersion {
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.Versions, func(v comet.RegistryVersion) bool { return v.Version == version })
	if i < 0 {
		return nil
	}
	return &m.Versions[i]
}

// finish writes what belongs to the model as a whole.
func (m *model) finish(ctx context.Context) error {
	if m.existing == nil {
		m.IssueEmpty(m.r.Class(report.Missing))
		return nil
	}
	if err := m.part("details", reconcile.Put(ctx, m.subject(), m.details())); err != nil {
		return err
	}
	return m.part("notes", m.writeNotes(ctx))
}

// part takes the result of a write to the model as a whole: what is refused is
// missing, and no reason to leave the model unfinished.
func (m *model) part(kind string, err error) error {
	if err == nil || !answer.Refused(err) {
		return err
	}
	m.Issue(report.Issue{Class: m.r.Class(report.Missing), Kind: kind, Name: m.rec.Name, Reason: err.Error()})
	return nil
}

// details are description and visibility of a model.
func (m *model) details() *reconcile.Item[details] {
	want := details{m.doc.Description.V, m.doc.Public.Ptr()}
	read := func(existing *comet.RegistryModel) (have details) {
		if existing != nil {
			have = details{document.Deref(existing.Description), existing.Public}
		}
		return have
	}
	return &reconcile.Item[details]{
		Issue: report.Issue{Kind: "details"},
		Known: func() details { return read(m.existing) },
		Read: func(ctx context.Context) (details, error) {
			existing, err := m.now(ctx)
			return read(existing), err
		},
		Compare: func(have details) []reconcile.Difference { return want.compare(have, m.rec.Name) },
		Write: func(ctx context.Context, f reconcile.Found[details]) error {
			description, public := want.of(f)
			return m.r.Client.Registry.UpdateModel(ctx, m.existing.ID, description, public)
		},
	}
}

func (m *model) writeNotes(ctx context.Context) error {
	notes := document.Deref(m.rec.Notes)
	if notes == "" {
		return nil
	}
	s := m.subject()
	s.New = m.Out.Result == report.ResultCreated && m.existing.ID == ""
	return put(ctx, s, notesItem(m.r, m.rec.Name, content.SumOfText(notes),
		func() (*comet.Text, error) { return m.r.Client.Registry.Notes(ctx, m.target, m.rec.Name) },
		func() error { return m.r.Client.Registry.WriteNotes(ctx, m.target, m.rec.Name, notes) }))
}
