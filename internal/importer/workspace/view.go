package workspace

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// UnsavedName is the name of the views that hold what somebody has changed and
// not saved.
const UnsavedName = "Unsaved Changes"

// views writes the saved views of projects and experiments.
type views struct {
	w     *Level
	lists map[viewPlace][]comet.View
	taken map[string]bool // ids of the destination that stand for a view of the stream
}

// viewPlace is where the destination keeps a view.
type viewPlace struct {
	project string // its id; "" where it does not exist, in a run that writes nothing
	table   comet.ViewTable
	key     string // of the experiment, "" for a view of the project
}

func (v *views) write(ctx context.Context, rec *stream.View) {
	if rec.Name == UnsavedName {
		return
	}
	r := v.w.r
	to := r.To.Target(place.Project{Workspace: rec.Workspace, Name: rec.Project})
	o := &report.Ledger{Out: report.Outcome{Kind: string(stream.KindView), Workspace: to.Workspace, Project: to.Name, Name: rec.Name}}
	r.Single(o, rec.Name, v.importView(ctx, o, rec, to))
}

func (v *views) importView(ctx context.Context, o *report.Ledger, rec *stream.View, to place.Project) error {
	r := v.w.r
	at, list, err := v.find(ctx, rec, to)
	if err != nil {
		return err
	}
	doc, err := v.rewrite(rec.Doc, at.project)
	if err != nil {
		return err
	}
	w := comet.ViewWrite{Table: at.table, ProjectID: at.project, Name: rec.Name, Key: at.key, Doc: doc}
	return reconcile.Put(ctx, r.subject(o), &reconcile.Item[existingView]{
		Issue: report.Issue{Kind: string(stream.KindView), Name: rec.Name},
		Known: func() existingView {
			have := v.known(list, &w)
			if have.id != "" {
				v.taken[have.id] = true
			}
			return have
		},
		Read: func(ctx context.Context) (existingView, error) {
			list, err := r.Client.Views.List(ctx, at.table, at.project, at.key)
			return existingView{id: v.known(list, &w).id}, err
		},
		Compare: func(have existingView) []reconcile.Difference {
			if have.id != "" {
				return nil
			}
			// Which of several is to be changed nobody can say.
			return []reconcile.Difference{{
				Issue: report.Issue{Kind: string(stream.KindView), Name: rec.Name, Reason: otherOfName(len(have.others) > 0)},
				Free:  len(have.others) == 0, Fixed: len(have.others) > 1,
			}}
		},
		Write: func(ctx context.Context, f reconcile.Found[existingView]) error {
			if len(f.Have.others) == 1 {
				w.ID = f.Have.others[0]
			}
			_, err := r.Client.Views.Write(ctx, w)
			return err
		},
		Once: true,
	})
}

// existingView are the views of the destination that have the name of one of the stream.
type existingView struct {
	id     string // of one that is the same
	others []string
}

// known looks for a view in a list of the destination, among those that stand for no
// other of the stream.
func (v *views) known(list []comet.View, w *comet.ViewWrite) (have existingView) {
	for _, x := range list {
		switch {
		case x.Name != w.Name || x.Key != w.Key || v.taken[x.ID]:
		case sameView(w.Doc, x.Raw, w.Key):
			return existingView{id: x.ID}
		default:
			have.others = append(have.others, x.ID)
		}
	}
	return have
}

// find returns where a view goes, and what the destination has there. A
// destination that has no table of chart templates keeps the views of
// experiments with those of projects.
func (v *views) find(ctx context.Context, rec *stream.View, to place.Project) (at viewPlace, list []comet.View, err error) {
	existing, err := v.w.r.Places.Project(ctx, to)
	switch {
	case err != nil:
		return at, nil, err
	case existing != nil:
		at.project = existing.ID
	case !v.w.r.Dry():
		return at, nil, answer.Limitf("the destination has no project %q", to)
	}
	if rec.ChartTemplate {
		at.table = comet.ChartTemplates
	}
	if rec.Experiment != nil {
		if at.key, err = v.w.producer(ctx, rec.Experiment, to.Workspace); err != nil {
			return at, nil, err
		}
	}
	if list, err = v.list(ctx, at); answer.Unsupported(err) && rec.ChartTemplate {
		if at.key == "" {
			return at, nil, answer.Limitf("the destination has no views for the pages of experiments (views/chart-templates)")
		}
		at.table = comet.Dashboards
		list, err = v.list(ctx, at)
	}
	if err != nil && !answer.Absent(err) && !answer.Unsupported(err) {
		return at, nil, fmt.Errorf("list views: %w", err)
	}
	return at, list, nil
}

func (v *views) list(ctx context.Context, at viewPlace) ([]comet.View, error) {
	if at.project == "" {
		return nil, nil
	}
	return remember(v.lists, at, func() ([]comet.View, error) { return v.w.r.Client.Views.List(ctx, at.table, at.project, at.key) })
}

// viewIDs is what is used of a view's document besides its states.
type viewIDs struct {
	ProjectID      document.Text `json:"projectId"`
	ProjectIDSnake document.Text `json:"project_id"`
}

// rewrite changes the ids of experiments, panels and the project in a view.
func (v *views) rewrite(d stream.Doc, project string) (json.RawMessage, error) {
	var ids viewIDs
	if err := document.Read(d, &ids); err != nil {
		return nil, err
	}
	doc, err := d.JSON()
	if err != nil {
		return nil, err
	}
	refs := &rewrite.References{Key: v.w.r.Keys.KeyOf, Asset: func(id string) (string, bool) {
		if id == cmp.Or(ids.ProjectID.V, ids.ProjectIDSnake.V) && project != "" {
			return project, true
		}
		now, ok := v.w.Panels.ids[id]
		return now, ok && now != ""
	}}
	return io.ReadAll(refs.Links(bytes.NewReader(doc)))
}

// sameView reports whether two views have the same states. Servers put the key
// of the experiment into the newer states of its views.
func sameView(a, b json.RawMessage, key string) bool {
	x, y := viewStates(a, key), viewStates(b, key)
	other := func(x, y map[string]json.RawMessage) bool {
		for name, v := range x {
			if !(document.Empty(v) && document.Empty(y[name])) && !document.SameServer(v, y[name]) {
				return true
			}
		}
		return false
	}
	return !other(x, y) && !other(y, x)
}

func viewStates(doc json.RawMessage, key string) map[string]json.RawMessage {
	states := comet.ViewStates(doc)
	for _, name := range []string{"v2", "v3"} {
		var members map[string]json.RawMessage
		var own string
		if json.Unmarshal(states[name], &members) != nil || json.Unmarshal(members["experimentKey"], &own) != nil || own != key {
			continue
		}
		delete(members, "experimentKey")
		rest, err := json.Marshal(members)
		if err != nil {
			panic("importer: view: " + err.Error()) // it was valid
		}
		states[name] = rest
	}
	return states
}
