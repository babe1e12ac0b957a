package workspace

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// modelVersion is a version of a registry model.
type modelVersion struct {
	m   *model
	rec *stream.ModelVersion
	doc modelVersionDoc

	key   string // of its experiment at the destination, "" if that has it not
	lacks bool   // the destination does not take all of it, which was told
}

func (v *modelVersion) issue(class report.IssueClass, reason string) report.Issue {
	return report.Issue{Class: class, Kind: kindModelVersion, Name: v.m.rec.Name + ":" + v.rec.Version, Reason: reason}
}

func (v *modelVersion) take(ctx context.Context) error {
	m := v.m
	if err := document.Read(v.rec.Doc, &v.doc); err != nil {
		return err
	}
	there := m.version(v.rec.Version)
	if there == nil && m.r.Mode == reconcile.VerifyOnly {
		m.Issue(v.issue(report.Unverified, notThere))
		return nil
	}
	if there == nil && m.refused != "" {
		m.Issue(v.issue(report.Missing, fmt.Sprintf(waits, m.refused)))
		return nil
	}
	var err error
	v.key, err = m.w.producer(ctx, v.rec.Experiment, m.target)
	if err != nil && (there == nil || !answer.Refused(err)) {
		return err
	}
	if there != nil {
		return v.compare(ctx, there)
	}
	id := ""
	if !m.r.Dry() {
		if id, err = v.create(ctx); err != nil {
			return err
		}
	}
	if m.there == nil {
		m.Out.Result = report.ResultCreated
		m.there = &comet.RegistryModel{Name: m.rec.Name, Description: m.doc.Description.Ptr(), Public: &m.doc.Public.V}
		m.written.description, m.written.public = m.there.Description, m.there.Public
	}
	m.there.Versions = append(m.there.Versions, comet.RegistryVersion{ID: id, Version: v.rec.Version})
	v.wrote()
	for i := range versionParts {
		if _, err := v.writePart(ctx, &versionParts[i], id); err != nil {
			return err
		}
	}
	if !v.lacks {
		m.written.versions = append(m.written.versions, v)
	}
	return nil
}

// missing tells what the destination does not take.
func (v *modelVersion) missing(reason string) {
	v.lacks = true
	v.m.Issue(v.issue(report.Missing, reason))
}

func (v *modelVersion) wrote() {
	v.m.Wrote(kindModelVersion + " " + v.rec.Version)
	v.m.r.CountWritten(kindModelVersion)
}

// create creates the version, and the model with its first one. A status that
// the destination does not know is left out, and told.
func (v *modelVersion) create(ctx context.Context) (string, error) {
	m := v.m
	n := comet.NewRegistryVersion{
		Name: m.rec.Name, Description: m.doc.Description.Ptr(), Public: m.doc.Public.V, Version: v.rec.Version,
		Comment: v.doc.Comment.Ptr(), Stages: v.rec.Stages, Status: v.rec.Status, Key: v.key, Model: document.Deref(v.rec.Model),
	}
	id, err := v.createOnce(ctx, n)
	if err != nil && n.Status != nil && answer.Refused(err) {
		status := *n.Status
		n.Status = nil
		id, second := v.createOnce(ctx, n)
		if second == nil {
			v.missing(fmt.Sprintf("its status %q: %v", status, err))
		}
		if second == nil || !answer.Refused(second) {
			return id, second
		}
	}
	return id, err
}

func (v *modelVersion) createOnce(ctx context.Context, n comet.NewRegistryVersion) (string, error) {
	look := func() (string, error) {
		there, err := v.m.r.Client.Registry.Model(ctx, v.m.target, v.m.rec.Name)
		if answer.Absent(err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		for _, x := range there.Versions {
			if x.Version == n.Version {
				return x.ID, nil
			}
		}
		return "", nil
	}
	id, err := reconcile.Once(ctx, v.m.r.Destination, func(ctx context.Context) (string, error) { return v.post(ctx, &n) }, look)
	if errors.Is(err, comet.ErrExists) {
		// A listing that lags behind, or a write of an import that was killed.
		if there, unread := look(); unread == nil && there != "" {
			return there, nil
		}
	}
	return id, err
}

// post makes the request that creates the version: the newer one, or the older
// ones that want the id of the experiment's model.
func (v *modelVersion) post(ctx context.Context, n *comet.NewRegistryVersion) (string, error) {
	c := v.m.r.Client
	id, err := c.Registry.CreateItem(ctx, *n)
	if !errors.Is(err, comet.ErrUnsupported) {
		return id, err
	}
	if s := document.Deref(n.Status); s != "" && s != noStatus {
		v.missing(fmt.Sprintf("its status %q: the destination knows none", s))
		n.Status = nil
	}
	models, err := c.Assets.Models(ctx, n.Key)
	if err != nil {
		return "", err
	}
	for _, x := range models {
		if x.Name == n.Model {
			n.ModelID = x.ID
		}
	}
	if n.ModelID == "" {
		return "", answer.Limitf("experiment %q has no model %q", n.Key, n.Model)
	}
	if v.m.there == nil {
		return c.Registry.CreateModel(ctx, *n)
	}
	return c.Registry.AddVersion(ctx, *n)
}

// writePart writes a part of the version. It reports false where the stream has
// none, or the destination does not take it.
func (v *modelVersion) writePart(ctx context.Context, p *versionPart, id string) (written bool, err error) {
	want, err := p.want(v)
	if err != nil || want == nil || v.m.r.Dry() {
		return err == nil && want != nil, err
	}
	err = v.m.r.Sure(ctx, func() error { return p.write(ctx, v, id, want) }, func() (bool, error) {
		have, err := p.read(ctx, v.m.r.Client, id)
		return err == nil && p.same(want, have), err
	})
	if answer.Unsupported(err) || err != nil && answer.Refused(err) {
		v.missing(fmt.Sprintf("its %s: %v", p.name, err))
		return false, nil
	}
	return err == nil, err
}

// compare tells where a version that exists is another one. Only its parts, which
// an import that was killed may not have come to, are filled in.
func (v *modelVersion) compare(ctx context.Context, there *comet.RegistryVersion) error {
	m := v.m
	if err := v.fillStatus(ctx, there); err != nil {
		return err
	}
	other, err := v.otherFields(ctx, there)
	if err != nil {
		return err
	}
	for i := range versionParts {
		p := &versionParts[i]
		lacks, issues, err := v.comparePart(ctx, p, there)
		switch {
		case err != nil:
			return err
		case !lacks || m.r.Mode == reconcile.VerifyOnly:
			other = append(other, issues...)
			continue
		}
		written, err := v.writePart(ctx, p, there.ID)
		if err != nil {
			return err
		}
		if written {
			v.wrote()
			m.written.parts = append(m.written.parts, writtenPart{v, p})
		}
	}
	for _, i := range other {
		m.Issue(i)
	}
	return nil
}

// others tells what the destination has in another way, and what it has and
// does not tell.
func (v *modelVersion) others(ctx context.Context, there *comet.RegistryVersion) ([]report.Issue, error) {
	other, err := v.otherFields(ctx, there)
	for i := 0; i < len(versionParts) && err == nil; i++ {
		var issues []report.Issue
		_, issues, err = v.comparePart(ctx, &versionParts[i], there)
		other = append(other, issues...)
	}
	return other, err
}

// another is the issue of something that the destination has in another way.
func (v *modelVersion) another(what string) report.Issue {
	return v.issue(v.m.r.DiffersClass(), "the destination has another "+what)
}

// untold is the issue of something that a destination does not give: nobody can
// say whether it is the same.
func (v *modelVersion) untold(what string, err error) report.Issue {
	return v.issue(v.m.r.MissingClass(), fmt.Sprintf("its %s: %v", what, err))
}

// otherFields is others without the parts.
func (v *modelVersion) otherFields(ctx context.Context, there *comet.RegistryVersion) ([]report.Issue, error) {
	var other []report.Issue
	if there.Key != "" && v.key != "" && there.Key != v.key {
		other = append(other, v.another("experiment"))
	}
	if there.Model != "" && v.rec.Model != nil && there.Model != *v.rec.Model {
		other = append(other, v.another("model"))
	}
	if v.doc.Comment.V != document.Deref(there.Comment) {
		other = append(other, v.another("comment"))
	}
	if !sameSet(v.rec.Stages, there.Stages) {
		other = append(other, v.another("stages"))
	}
	status, err := v.statusThere(ctx, there)
	switch want := document.Deref(v.rec.Status); {
	case answer.Unsupported(err) || answer.Absent(err):
		if want != "" && want != noStatus {
			other = append(other, v.untold(fmt.Sprintf("status %q", want), err))
		}
		err = nil
	case err == nil && v.rec.Status != nil && status != nil && want != *status:
		other = append(other, v.another("status"))
	}
	return other, err
}

// fillStatus gives a version that has no status the one of the stream: the import
// that has made it may have had to leave it out.
func (v *modelVersion) fillStatus(ctx context.Context, there *comet.RegistryVersion) error {
	r, want := v.m.r, document.Deref(v.rec.Status)
	if want == "" || want == noStatus || r.Mode == reconcile.VerifyOnly {
		return nil
	}
	have, err := v.statusThere(ctx, there)
	switch {
	case answer.Unsupported(err) || answer.Absent(err):
		return nil // which is told with the rest
	case err != nil:
		return err
	case have == nil || *have != "" && *have != noStatus:
		there.Status = have
		return nil
	}
	if !r.Dry() {
		err = r.Sure(ctx, func() error { return r.Client.Registry.SetStatus(ctx, there.ID, want) }, func() (bool, error) {
			item, err := r.Client.Registry.Item(ctx, v.m.target, v.m.rec.Name, v.rec.Version)
			return err == nil && document.Deref(item.Status) == want, err
		})
	}
	if err != nil {
		if answer.Refused(err) {
			v.missing(fmt.Sprintf("its status %q: %v", want, err))
			return nil
		}
		return err
	}
	there.Status = &want
	v.wrote()
	return nil
}

func (v *modelVersion) statusThere(ctx context.Context, there *comet.RegistryVersion) (*string, error) {
	if there.Status != nil || v.rec.Status == nil {
		return there.Status, nil
	}
	item, err := v.m.r.Client.Registry.Item(ctx, v.m.target, v.m.rec.Name, v.rec.Version)
	if err != nil {
		return nil, err
	}
	return item.Status, nil
}

// comparePart compares a part of a version. lacks says that it is another because
// the destination has none.
func (v *modelVersion) comparePart(ctx context.Context, p *versionPart, there *comet.RegistryVersion) (lacks bool, other []report.Issue, err error) {
	want, err := p.want(v)
	if err != nil || want == nil {
		return false, nil, err
	}
	have, err := p.read(ctx, v.m.r.Client, there.ID)
	switch {
	case answer.Unsupported(err) || answer.Absent(err):
		return false, []report.Issue{v.untold(p.name, err)}, nil
	case err != nil:
		return false, nil, err
	case !p.same(want, have):
		other = []report.Issue{v.another(p.name)}
	}
	return have == nil, other, nil
}
