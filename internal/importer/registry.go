package importer

import (
	"context"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
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
	*group
	ledger
	w      *workspace
	rec    *stream.Model
	doc    modelDoc
	target string // workspace

	there *comet.RegistryModel // nil if it is new

	written   []*modelVersion // by this import, as the stream has them
	verifying bool            // these are read back
}

// differs is the class of what the destination has in another way.
func (m *model) differs() IssueClass {
	if m.verifying {
		return Unverified
	}
	return m.r.differs()
}

// fills is that of run, but for a verification.
func (m *model) fills(empty bool) bool { return !m.verifying && m.r.fills(empty) }

// modelDoc is what is used of a registry model's document.
type modelDoc struct {
	Description text    `json:"description"`
	Public      boolean `json:"isPublic"`
}

// modelVersionDoc is what is used of the document of a version.
type modelVersionDoc struct {
	Comment text `json:"comment"`
}

// startModel begins the work on a registry model.
func (w *workspace) startModel(work context.Context, rec *stream.Model) *model {
	m := &model{group: newGroup(w.r), w: w, rec: rec, target: w.r.to.workspace(rec.Workspace)}
	m.out = Outcome{Kind: kindModel, Workspace: m.target, Name: rec.Name, Result: ResultThere}
	w.begin(func() { m.work(work) })
	return m
}

// announce does nothing: there is nothing to read ahead.
func (m *model) announce(stream.Kind) {}

func (m *model) work(ctx context.Context) {
	defer m.w.claim(kindModel + " " + m.target + "/" + m.rec.Name)()
	err := m.load(ctx)
	if each := m.each(func(rec stream.Record) error {
		if err != nil {
			return nil
		}
		return m.take(ctx, rec)
	}); err == nil {
		err = each
	}
	if err == nil && m.whole {
		err = m.finish(ctx)
	}
	if err == nil && m.r.verifies() {
		err = m.verify(ctx)
	}
	switch {
	case err != nil:
		m.out.Result = ResultFailed
		err = fmt.Errorf("registry model %q: %w", m.target+"/"+m.rec.Name, err)
	case !m.whole:
		m.out.Result, m.out.Error = ResultFailed, errStreamEnds.Error()
	case m.out.Result != ResultCreated && m.out.Written.any():
		m.out.Result = ResultCompleted
	}
	if m.out.Result != ResultThere || len(m.out.Issues) > 0 {
		m.r.finished(&m.out, err)
	}
}

// load reads what the destination has of the model.
func (m *model) load(ctx context.Context) error {
	if err := readDoc(m.rec.Doc, &m.doc); err != nil {
		return err
	}
	there, err := m.r.c.RegistryModel(ctx, m.target, m.rec.Name)
	if err != nil && !isAbsent(err) {
		return err
	}
	if err == nil {
		m.there = there
	}
	return nil
}

// take works on one record.
func (m *model) take(ctx context.Context, rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Skipped:
		m.r.o.Counters.Skipped.Add(1)
		m.issue(skippedIssue(rec))
	case *stream.ModelVersion:
		v := &modelVersion{m: m, rec: rec}
		err := v.take(ctx)
		if err == nil || !refused(err) {
			return err
		}
		m.issue(v.issue(Missing, err.Error()))
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
		return nil
	}
	if err := m.update(ctx); err != nil {
		return err
	}
	return m.notes(ctx)
}

// update fills in description and visibility of a model that was there.
func (m *model) update(ctx context.Context) error {
	var description *string
	if want, have := m.doc.Description.V, deref(m.there.Description); want != "" && want != have {
		if m.fills(have == "") {
			description = &want
		} else {
			m.issue(Issue{Class: m.differs(), Kind: "description", Name: m.rec.Name, Reason: "the destination has another one"})
		}
	}
	var public *bool
	if want, have := m.doc.Public, m.there.Public; want.OK && have != nil && want.V != *have {
		if m.fills(false) {
			public = &want.V
		} else {
			m.issue(Issue{Class: m.differs(), Kind: "visibility", Name: m.rec.Name, Reason: fmt.Sprintf("public is %v in the stream, %v at the destination", want.V, *have)})
		}
	}
	if description == nil && public == nil {
		return nil
	}
	m.wrote("details")
	m.r.other(kindModel)
	if m.r.dry() {
		return nil
	}
	return m.r.c.UpdateRegistryModel(ctx, m.there.ID, description, public)
}

// notes writes the notes of the model if it has none.
func (m *model) notes(ctx context.Context) error {
	want := deref(m.rec.Notes)
	if want == "" {
		return nil
	}
	same, empty := false, true
	if m.there.ID != "" || m.out.Result != ResultCreated {
		var err error
		same, empty, err = m.r.thereText(ctx, want, func() (*comet.Text, error) { return m.r.c.RegistryNotes(ctx, m.target, m.rec.Name) })
		if err != nil {
			return fmt.Errorf("read notes: %w", err)
		}
	}
	switch {
	case same:
		return nil
	case !m.fills(empty):
		m.issue(Issue{Class: m.differs(), Kind: "notes", Name: m.rec.Name, Reason: "the destination has other notes"})
		return nil
	}
	m.wrote("notes")
	m.r.other(kindModel)
	if m.r.dry() {
		return nil
	}
	return m.r.c.WriteRegistryNotes(ctx, m.target, m.rec.Name, want)
}

// verify reads back the versions that have been written, and the model itself if
// that is new.
func (m *model) verify(ctx context.Context) error {
	if len(m.written) == 0 {
		return nil
	}
	m.verifying = true
	if err := m.load(ctx); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, v := range m.written {
		there := m.version(v.rec.Version)
		if there == nil {
			m.issue(v.issue(Unverified, notThere))
			continue
		}
		if err := v.compare(ctx, there, v.key); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	if m.out.Result == ResultCreated && m.whole {
		return m.finish(ctx)
	}
	return nil
}
