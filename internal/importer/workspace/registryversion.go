package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

type modelVersion struct {
	m   *model
	rec *stream.ModelVersion
	doc modelVersionDoc

	key   string // of its experiment at the destination, "" if that lacks it
	lacks bool   // the destination does not take all of it, which was reported
}

func (v *modelVersion) issue(class report.IssueClass, reason string) report.Issue {
	return report.Issue{Class: class, Kind: kindModelVersion, Name: v.m.rec.Name + ":" + v.rec.Version, Reason: reason}
}

// leaveOut leaves the version out for a reason that another try would not mend.
func (v *modelVersion) leaveOut(err error) error {
	waiting := v.m.refused
	err = v.m.leaveOut(v.rec.Version, v.issue("", ""), err)
	if versionOf(v.m.existing, v.rec.Version) != nil {
		v.m.refused = waiting // it is there, so that the others need not wait for it
	}
	return err
}

func (v *modelVersion) take(ctx context.Context) error {
	m := v.m
	if err := document.Read(v.rec.Doc, &v.doc); err != nil {
		return err
	}
	existing := versionOf(m.existing, v.rec.Version)
	if existing == nil && m.r.Mode == reconcile.VerifyOnly {
		m.Issue(v.issue(report.Unverified, missing))
		return nil
	}
	if existing == nil && m.mustWait(v.issue("", "")) {
		return nil
	}
	var err error
	v.key, err = m.w.producer(ctx, v.rec.Experiment, m.target)
	if err != nil && (existing == nil || !answer.Refused(err)) {
		return err
	}
	if existing == nil {
		return v.writeNew(ctx)
	}
	s := m.subject()
	s.Count = func(string) { v.wrote() }
	rows, err := v.rows(existing)
	return eachRow(rows, err, func(r row) error { return r.put(ctx, s) })
}

// writeNew creates the version, and writes what has calls of its own.
func (v *modelVersion) writeNew(ctx context.Context) (err error) {
	m, id := v.m, ""
	if !m.r.Dry() {
		if id, err = v.create(ctx); err != nil {
			return err
		}
	}
	s := m.subject()
	if m.existing == nil {
		m.Out.Result = report.ResultCreated
		m.existing = &comet.RegistryModel{Name: m.rec.Name, Description: m.doc.Description.Ptr(), Public: &m.doc.Public.V}
		_ = s.Written(ctx, m.details().Check) // which only notes it
	}
	existing := comet.RegistryVersion{ID: id, Version: v.rec.Version}
	m.existing.Versions = append(m.existing.Versions, existing)
	v.wrote()
	s.New, s.Written, s.Count = true, nil, func(string) {}
	parts, err := v.parts(&existing)
	if err := eachRow(parts, err, func(r row) error { return r.put(ctx, s) }); err != nil || v.lacks {
		return err
	}
	return m.subject().Written(ctx, v.check)
}

func (v *modelVersion) check(ctx context.Context) (found []report.Issue, err error) {
	model, err := v.m.now(ctx)
	existing := versionOf(model, v.rec.Version)
	if err != nil || existing == nil {
		return []report.Issue{v.issue("", missing)}, err
	}
	rows, err := v.rows(existing)
	err = eachRow(rows, err, func(r row) error {
		more, err := r.check(ctx)
		found = append(found, more...)
		return err
	})
	return found, err
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

func (v *modelVersion) createOnce(ctx context.Context, n comet.NewRegistryVersion) (id string, err error) {
	shows := func() (bool, error) {
		existing, err := v.m.now(ctx)
		if x := versionOf(existing, n.Version); x != nil {
			id = x.ID
		}
		return id != "", err
	}
	err = v.m.r.Once(ctx, func(ctx context.Context) (err error) {
		id, err = v.post(ctx, &n)
		return err
	}, shows)
	if errors.Is(err, comet.ErrExists) {
		// A listing that lags behind, or a write of an import that was killed.
		if found, unread := shows(); found && unread == nil {
			return id, nil
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
		v.missing(fmt.Sprintf("its status %q: the destination does not support statuses", s))
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
	if v.m.existing == nil {
		return c.Registry.CreateModel(ctx, *n)
	}
	return c.Registry.AddVersion(ctx, *n)
}

// rows returns what the version has at the destination: all of it is compared, and
// of what has calls of its own that written which an import that was killed may not
// have come to.
func (v *modelVersion) rows(existing *comet.RegistryVersion) ([]row, error) {
	parts, err := v.parts(existing)
	return append([]row{rowOf(v.fields(existing)), rowOf(v.status(existing))}, parts...), err
}

// differing is a value that the destination has in another way. It is written only
// where it has none, which is free.
func (v *modelVersion) differing(what string, free bool) reconcile.Difference {
	return reconcile.Difference{Issue: v.issue("", "the destination has different "+what), Free: free, Fixed: !free}
}

// notGiven is the issue of one that a destination does not give.
func (v *modelVersion) notGiven(what string, err error) []report.Issue {
	return []report.Issue{v.issue(v.m.r.Class(report.Missing), fmt.Sprintf("its %s: %v", what, err))}
}

// fields are what a version is created with.
func (v *modelVersion) fields(existing *comet.RegistryVersion) *reconcile.Item[*comet.RegistryVersion] {
	read := func(context.Context) (*comet.RegistryVersion, error) { return existing, nil }
	return &reconcile.Item[*comet.RegistryVersion]{Read: read, Compare: func(have *comet.RegistryVersion) (differ []reconcile.Difference) {
		for _, field := range []struct {
			name  string
			other bool
		}{
			{"experiment", have.Key != "" && v.key != "" && have.Key != v.key},
			{"model", have.Model != "" && v.rec.Model != nil && have.Model != *v.rec.Model},
			{"comment", v.doc.Comment.V != document.Deref(have.Comment)},
			{"stages", !sameSet(v.rec.Stages, have.Stages)},
		} {
			if field.other {
				differ = append(differ, v.differing(field.name, false))
			}
		}
		return differ
	}}
}

// status is that of the version. If the version has none, the import that created
// it may have had to leave it out.
func (v *modelVersion) status(existing *comet.RegistryVersion) *reconcile.Item[*string] {
	want, written := document.Deref(v.rec.Status), false
	says := want != "" && want != noStatus
	return &reconcile.Item[*string]{
		Read: func(ctx context.Context) (*string, error) {
			if v.rec.Status == nil || existing.Status != nil && !written {
				return existing.Status, nil
			}
			item, err := v.m.r.Client.Registry.Item(ctx, v.m.target, v.m.rec.Name, v.rec.Version)
			if err != nil {
				return nil, err
			}
			return item.Status, nil
		},
		NotGiven: func(err error) []report.Issue {
			if !says {
				return nil
			}
			return v.notGiven(fmt.Sprintf("status %q", want), err)
		},
		Compare: func(have *string) []reconcile.Difference {
			if v.rec.Status == nil || have == nil || *have == want {
				return nil
			}
			return []reconcile.Difference{v.differing("status", says && (*have == "" || *have == noStatus))}
		},
		Write: func(ctx context.Context, _ reconcile.Found[*string]) error {
			written = true
			return v.m.r.Client.Registry.SetStatus(ctx, existing.ID, want)
		},
		Refused: func(err error) { v.missing(fmt.Sprintf("its status %q: %v", want, err)) },
	}
}

// parts are what has calls of its own: it is written once the version is there.
func (v *modelVersion) parts(existing *comet.RegistryVersion) (rows []row, err error) {
	id, calls := existing.ID, v.m.r.Client.Registry
	entries, err := v.entries()
	if err != nil {
		return nil, err
	}
	if want := metadataDoc(entries); want != nil {
		rows = append(rows, v.part("metadata", func(have json.RawMessage) bool { return document.Same(want, have) },
			func(ctx context.Context) (json.RawMessage, error) {
				entries, err := calls.Metadata(ctx, id)
				return metadataDoc(entries), err
			}, func(ctx context.Context) error { return calls.WriteMetadata(ctx, id, entries) }))
	}
	if v.rec.StatusConfiguration == nil {
		return rows, nil
	}
	doc, err := v.rec.StatusConfiguration.JSON()
	want := comet.ParseStatusConfiguration(doc)
	return append(rows, v.part("status configuration", func(have json.RawMessage) bool { return document.SameServer(want.Doc(), have) },
		func(ctx context.Context) (json.RawMessage, error) {
			rule, err := calls.StatusConfiguration(ctx, id)
			if rule == nil {
				return nil, err
			}
			return rule.Doc(), err
		}, func(ctx context.Context) error { return v.writeStatusConfiguration(ctx, id, &want) })), err
}

func (v *modelVersion) part(name string, same func(have json.RawMessage) bool,
	read func(context.Context) (json.RawMessage, error), write func(context.Context) error,
) row {
	return rowOf(&reconcile.Item[json.RawMessage]{
		Read:     read,
		NotGiven: func(err error) []report.Issue { return v.notGiven(name, err) },
		Compare: func(have json.RawMessage) []reconcile.Difference {
			if same(have) {
				return nil
			}
			return []reconcile.Difference{v.differing(name, have == nil)}
		},
		Write:   func(ctx context.Context, _ reconcile.Found[json.RawMessage]) error { return write(ctx) },
		Refused: func(err error) { v.missing(fmt.Sprintf("its %s: %v", name, err)) },
	})
}

func (v *modelVersion) entries() ([]comet.MetadataEntry, error) {
	var list []comet.MetadataEntry
	for _, d := range v.rec.Metadata {
		var e struct {
			Key   document.Text   `json:"key"`
			Value json.RawMessage `json:"value"`
		}
		if err := document.Read(d, &e); err != nil {
			return nil, err
		}
		list = append(list, comet.MetadataEntry{Key: e.Key.V, Value: e.Value})
	}
	return list, nil
}

// metadataDoc makes an object of entries, nil of none.
func metadataDoc(entries []comet.MetadataEntry) json.RawMessage {
	if len(entries) == 0 {
		return nil
	}
	values := make(map[string]json.RawMessage, len(entries))
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	doc, err := json.Marshal(values)
	if err != nil {
		panic("importer: metadata: " + err.Error()) // they were valid
	}
	return doc
}

// writeStatusConfiguration sets the rule for the status. On some servers that
// sets the status too, which is then set again.
func (v *modelVersion) writeStatusConfiguration(ctx context.Context, id string, rule *comet.StatusConfiguration) error {
	c := v.m.r.Client
	if err := c.Registry.WriteStatusConfiguration(ctx, id, rule); err != nil {
		return err
	}
	status := v.rec.Status
	if status == nil || *status == rule.Status {
		return nil
	}
	item, err := c.Registry.Item(ctx, v.m.target, v.m.rec.Name, v.rec.Version)
	if err != nil || item.Status == nil || *item.Status == *status {
		return err
	}
	return c.Registry.SetStatus(ctx, id, *status)
}
