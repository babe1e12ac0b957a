package workspace

import (
	"context"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/report"
)

// verify reads back what has been written of the model.
func (m *model) verify(ctx context.Context) error {
	w := &m.written
	if len(w.versions)+len(w.parts) == 0 && w.description == nil && w.public == nil && !w.notes {
		return nil
	}
	_, err := m.r.Shows(ctx, func() (bool, error) {
		m.found = nil
		err := m.readBack(ctx)
		return len(m.found) == 0, err
	})
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	for _, i := range m.found {
		m.Issue(i)
	}
	return nil
}

func (m *model) finds(i report.Issue) { m.found = append(m.found, i) }

// readBack compares what the destination has with what was written.
func (m *model) readBack(ctx context.Context) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	if m.there == nil {
		m.there = new(comet.RegistryModel)
	}
	w := &m.written
	if w.description != nil && *w.description != document.Deref(m.there.Description) {
		m.finds(m.otherDescription(report.Unverified))
	}
	if have := m.there.Public; w.public != nil && have != nil && *w.public != *have {
		m.finds(m.otherVisibility(report.Unverified, *w.public, *have))
	}
	if w.notes {
		same, _, err := m.sameNotes(ctx)
		if err != nil {
			return err
		}
		if !same {
			m.finds(m.otherNotes(report.Unverified))
		}
	}
	for _, v := range w.versions {
		if err := v.readBack(ctx, v.others); err != nil {
			return err
		}
	}
	for _, w := range w.parts {
		err := w.v.readBack(ctx, func(ctx context.Context, there *comet.RegistryVersion) ([]report.Issue, error) {
			_, other, err := w.v.comparePart(ctx, w.p, there)
			return other, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readBack finds what others tells of the version at the destination.
func (v *modelVersion) readBack(ctx context.Context, others func(context.Context, *comet.RegistryVersion) ([]report.Issue, error)) error {
	there := v.m.version(v.rec.Version)
	if there == nil {
		v.m.finds(v.issue(report.Unverified, notThere))
		return nil
	}
	list, err := others(ctx, there)
	for _, i := range list {
		i.Class = report.Unverified
		v.m.finds(i)
	}
	return err
}
