package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// unsavedName is the name of the views that hold what somebody has changed and
// not saved.
const unsavedName = "Unsaved Changes"

// views writes the saved views of projects and experiments.
type views struct {
	w        *workspace
	projects map[Project]*viewProject
}

// viewProject is a project of the destination and its views.
type viewProject struct {
	id   string
	list []comet.View
}

// write writes a view, unless it is there.
func (v *views) write(ctx context.Context, rec *stream.View) {
	if rec.Name == unsavedName {
		return
	}
	r := v.w.r
	to := r.to.target(Project{rec.Workspace, rec.Project})
	o := &ledger{out: Outcome{Kind: string(stream.KindView), Workspace: to.Workspace, Project: to.Name, Name: rec.Name}}
	r.single(o, stream.KindView, rec.Name, v.one(ctx, o, rec, to))
}

func (v *views) one(ctx context.Context, o *ledger, rec *stream.View, to Project) error {
	r := v.w.r
	p, err := v.project(ctx, to)
	if err != nil {
		return err
	}
	key := ""
	if rec.Experiment != nil {
		if key, err = v.w.producer(ctx, rec.Experiment, to.Workspace); err != nil {
			return err
		}
	}
	doc, err := v.rewrite(rec.Doc, p)
	if err != nil {
		return err
	}
	id := ""
	for _, have := range p.list {
		if have.Name != rec.Name || deref(have.Key) != key {
			continue
		}
		if sameView(doc, have.Raw) {
			return nil
		}
		id = have.ID
	}
	if id != "" && !r.fills(false) || r.o.Mode == VerifyOnly {
		reason := "the destination has another one of the name"
		if id == "" {
			reason = notThere
		}
		o.issue(Issue{Class: r.differs(), Kind: string(stream.KindView), Name: rec.Name, Reason: reason})
		return nil
	}
	w := comet.ViewWrite{ProjectID: p.id, Name: rec.Name, ID: id, Key: key, Doc: doc}
	if !r.dry() {
		if err := v.put(ctx, p, w); err != nil {
			return err
		}
	}
	o.wrote(string(stream.KindView))
	r.other(string(stream.KindView))
	return r.confirm(ctx, o, Issue{Kind: string(stream.KindView), Name: rec.Name, Reason: notThere}, func() (bool, error) {
		id, err := v.look(ctx, p, &w)
		return id != "", err
	})
}

// put writes a view once.
func (v *views) put(ctx context.Context, p *viewProject, w comet.ViewWrite) error {
	c := v.w.r.c
	_, err := once(ctx, v.w.r, func() (string, error) {
		_, err := c.WriteView(ctx, w)
		return "", err
	}, func() (string, error) { return v.look(ctx, p, &w) })
	return err
}

// look returns the id of a view of the destination that is as w writes it, "" if
// there is none.
func (v *views) look(ctx context.Context, p *viewProject, w *comet.ViewWrite) (string, error) {
	list, err := v.w.r.c.Views(ctx, p.id, "")
	for _, have := range list {
		if have.Name == w.Name && deref(have.Key) == w.Key && sameView(w.Doc, have.Raw) {
			return have.ID, nil
		}
	}
	return "", err
}

// project finds a project of the destination and lists its views.
func (v *views) project(ctx context.Context, to Project) (*viewProject, error) {
	if p, ok := v.projects[to]; ok {
		return p, nil
	}
	p := new(viewProject)
	there, err := v.w.r.places.project(ctx, to)
	switch {
	case err != nil:
		return nil, err
	case there != nil:
		p.id = there.ID
		p.list, err = v.w.r.c.Views(ctx, p.id, "")
		if err != nil && !isAbsent(err) && !isUnsupported(err) {
			return nil, fmt.Errorf("list views: %w", err)
		}
	case !v.w.r.dry():
		return nil, &limitError{fmt.Sprintf("the destination has no project %q", to)}
	}
	if v.projects == nil {
		v.projects = make(map[Project]*viewProject)
	}
	v.projects[to] = p
	return p, nil
}

// viewIDs is what is used of a view's document besides its states.
type viewIDs struct {
	ProjectID      text `json:"projectId"`
	ProjectIDSnake text `json:"project_id"`
}

// rewrite changes the ids of experiments, panels and the project in a view.
func (v *views) rewrite(d stream.Doc, p *viewProject) (json.RawMessage, error) {
	var ids viewIDs
	if err := readDoc(d, &ids); err != nil {
		return nil, err
	}
	doc, err := d.JSON()
	if err != nil {
		return nil, err
	}
	refs := &references{key: v.w.r.keyOf, asset: func(id string) (string, bool) {
		if id == cmp.Or(ids.ProjectID.V, ids.ProjectIDSnake.V) && p.id != "" {
			return p.id, true
		}
		now, ok := v.w.panels.ids[id]
		return now, ok && now != ""
	}}
	return io.ReadAll(refs.links(bytes.NewReader(doc)))
}

// sameView reports whether two views have the same states.
func sameView(a, b json.RawMessage) bool {
	x, y := comet.ViewStates(a), comet.ViewStates(b)
	other := func(x, y map[string]json.RawMessage) bool {
		for name, v := range x {
			if !(isEmpty(v) && isEmpty(y[name])) && !sameServerJSON(v, y[name]) {
				return true
			}
		}
		return false
	}
	return !other(x, y) && !other(y, x)
}
