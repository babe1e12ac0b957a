package workspace

import (
	"context"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
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

// model is a registry model of the stream on its way to the destination.
type model struct {
	*flow.Group
	report.Ledger
	r      *Services
	w      *Level
	rec    *stream.Model
	doc    modelDoc
	target string // workspace

	there   *comet.RegistryModel // nil if it is new
	refused string               // version that the destination may take another time

	written written        // by this import, to be read back
	found   []report.Issue // by the reading back
}

// written is what an import has written of a registry model.
type written struct {
	versions    []*modelVersion
	parts       []writtenPart // of versions that were there without
	description *string
	public      *bool
	notes       bool
}

// writtenPart is a part of a version that was written by itself.
type writtenPart struct {
	v *modelVersion
	p *versionPart
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
func (w *Level) StartModel(work context.Context, rec *stream.Model) *model {
	m := &model{Group: flow.NewGroup(w.r.Inbox), r: w.r, w: w, rec: rec, target: w.r.To.Workspace(rec.Workspace)}
	m.Out = report.Outcome{Kind: kindModel, Workspace: m.target, Name: rec.Name, Result: report.ResultThere}
	w.begin(func() { m.work(work) })
	return m
}

// Announce does nothing: there is nothing to read ahead.
func (m *model) Announce(stream.Kind) {}

func (m *model) work(ctx context.Context) {
	free, _ := m.w.names.Lock(context.WithoutCancel(ctx), kindModel+" "+m.target+"/"+m.rec.Name) // which cannot end
	defer free()
	err := m.load(ctx)
	if each := m.Each(func(rec stream.Record) error {
		if err != nil {
			return nil
		}
		return m.take(ctx, rec)
	}); err == nil {
		err = each
	}
	if err == nil && m.Whole {
		err = m.finish(ctx)
	}
	if err == nil && m.r.Verifies() {
		err = m.verify(ctx)
	}
	switch {
	case err != nil:
		m.Out.Result = report.ResultFailed
		err = fmt.Errorf("registry model %q: %w", m.target+"/"+m.rec.Name, err)
	case !m.Whole:
		m.Out.Result, m.Out.Error = report.ResultFailed, flow.ErrStreamEnds.Error()
	case m.Out.Result != report.ResultCreated && m.Out.Written.Any():
		m.Out.Result = report.ResultCompleted
	}
	if m.Out.Result != report.ResultThere || len(m.Out.Issues) > 0 {
		m.r.Finished(&m.Out, err)
	}
}

// load reads what the destination has of the model.
func (m *model) load(ctx context.Context) error {
	if err := document.Read(m.rec.Doc, &m.doc); err != nil {
		return err
	}
	there, err := m.r.Client.Registry.Model(ctx, m.target, m.rec.Name)
	m.there = there
	if answer.Absent(err) || answer.Unsupported(err) {
		return nil
	}
	return err
}

// take works on one record.
func (m *model) take(ctx context.Context, rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Skipped:
		m.r.Counters.Skipped.Add(1)
		m.Issue(report.SkippedIssue(rec))
	case *stream.ModelVersion:
		v := &modelVersion{m: m, rec: rec}
		err := v.take(ctx)
		if err == nil || !answer.Refused(err) {
			return err
		}
		m.Issue(v.issue(m.r.MissingClass(), err.Error()))
		if mayBeTaken(err) && m.version(rec.Version) == nil {
			m.refused = rec.Version
		}
	}
	return nil
}

// version returns a version that the destination has, nil if it has it not.
func (m *model) version(version string) *comet.RegistryVersion {
	if m.there == nil {
		return nil
	}
	i := slices.IndexFunc(m.there.Versions, func(v comet.RegistryVersion) bool { return v.Version == version })
	if i < 0 {
		return nil
	}
	return &m.there.Versions[i]
}

// finish writes what belongs to the model as a whole.
func (m *model) finish(ctx context.Context) error {
	if m.there == nil {
		m.IssueEmpty(m.r.MissingClass())
		return nil
	}
	if err := m.part("details", m.update(ctx)); err != nil {
		return err
	}
	return m.part("notes", m.notes(ctx))
}

// part takes the result of a write to the model as a whole: what is refused is
// missing, and no reason to leave the model unfinished.
func (m *model) part(kind string, err error) error {
	if err == nil || !answer.Refused(err) {
		return err
	}
	m.Issue(report.Issue{Class: m.r.MissingClass(), Kind: kind, Name: m.rec.Name, Reason: err.Error()})
	return nil
}

// update fills in description and visibility of a model that was there.
func (m *model) update(ctx context.Context) error {
	var description *string
	if want, have := m.doc.Description.V, document.Deref(m.there.Description); want != "" && want != have {
		if m.r.Fills(have == "") {
			description = &want
		} else {
			m.Issue(m.otherDescription(m.r.DiffersClass()))
		}
	}
	var public *bool
	if want, have := m.doc.Public, m.there.Public; want.OK && have != nil && want.V != *have {
		if m.r.Fills(false) {
			public = &want.V
		} else {
			m.Issue(m.otherVisibility(m.r.DiffersClass(), want.V, *have))
		}
	}
	if description == nil && public == nil {
		return nil
	}
	m.written.description, m.written.public = description, public
	m.Wrote("details")
	m.r.CountWritten(kindModel)
	if m.r.Dry() {
		return nil
	}
	return m.r.Sure(ctx, func() error { return m.r.Client.Registry.UpdateModel(ctx, m.there.ID, description, public) }, func() (bool, error) {
		there, err := m.r.Client.Registry.Model(ctx, m.target, m.rec.Name)
		return err == nil && (description == nil || document.Deref(there.Description) == *description) && (public == nil || reconcile.Equal(there.Public, public)), err
	})
}

// notes writes the notes of the model if it has none.
func (m *model) notes(ctx context.Context) error {
	want := document.Deref(m.rec.Notes)
	if want == "" {
		return nil
	}
	same, empty := false, true
	if m.there.ID != "" || m.Out.Result != report.ResultCreated {
		var err error
		if same, empty, err = m.sameNotes(ctx); err != nil {
			return err
		}
	}
	switch {
	case same:
		return nil
	case !m.r.Fills(empty):
		m.Issue(m.otherNotes(m.r.DiffersClass()))
		return nil
	}
	m.written.notes = true
	m.Wrote("notes")
	m.r.CountWritten(kindModel)
	if m.r.Dry() {
		return nil
	}
	return m.r.Sure(ctx, func() error { return m.r.Client.Registry.WriteNotes(ctx, m.target, m.rec.Name, want) }, func() (bool, error) {
		same, _, err := m.sameNotes(ctx)
		return same, err
	})
}

func (m *model) sameNotes(ctx context.Context) (same, empty bool, err error) {
	read := func() (*comet.Text, error) { return m.r.Client.Registry.Notes(ctx, m.target, m.rec.Name) }
	if same, empty, err = m.r.CompareText(ctx, content.SumOfText(document.Deref(m.rec.Notes)), read); err != nil {
		err = fmt.Errorf("read notes: %w", err)
	}
	return same, empty, err
}

func (m *model) otherDescription(class report.IssueClass) report.Issue {
	return report.Issue{Class: class, Kind: "description", Name: m.rec.Name, Reason: "the destination has another one"}
}

func (m *model) otherVisibility(class report.IssueClass, want, have bool) report.Issue {
	return report.Issue{Class: class, Kind: "visibility", Name: m.rec.Name, Reason: fmt.Sprintf("public is %v in the stream, %v at the destination", want, have)}
}

func (m *model) otherNotes(class report.IssueClass) report.Issue {
	return report.Issue{Class: class, Kind: "notes", Name: m.rec.Name, Reason: "the destination has other notes"}
}
