package comettest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// view is a saved arrangement of panels of a project, or of one experiment.
// Its document is kept as clients give it.
type view struct {
	table         viewTable
	id            string
	name          string
	experimentKey string
	fields        map[string]json.RawMessage
	createdBy     string
	updated       int64
}

// viewTable is one of the two tables of views. Clients see the first one by
// views/get-all, the second by views/chart-templates, where they put the views
// of an experiment.
type viewTable string

const (
	dashboards viewTable = "dashboard_template"
	charts     viewTable = "chart_template"
)

// viewFields are those that a client can write, beside name and ids.
var viewFields = []string{
	"experimentQueryState", "dashboardChartState", "reactGridTableState", "v2", "v3", "codePanelTemplateIds",
}

func (p *project) view(table viewTable, id string) *view {
	for _, v := range p.views {
		if v.table == table && v.id == id {
			return v
		}
	}
	return nil
}

func (v *view) doc(p *project) map[string]any {
	var key *string
	if v.experimentKey != "" {
		key = &v.experimentKey
	}
	doc := map[string]any{
		"templateId": v.id, "templateName": v.name, "template_id": v.id, "template_name": v.name,
		"projectId": p.id, "experimentKey": key, "viewSource": v.table, "source": v.table,
		"current": false, "unsavedView": false, "createdBy": v.createdBy, "createdFromTemplateId": nil,
		"projectDefault": false, "projectPersonalDefault": false, "autoRefreshEnabled": false,
		"lastUpdate": v.updated, "pinnedExperiments": []string{},
	}
	for _, name := range viewFields {
		doc[name] = v.fields[name]
	}
	return doc
}

func (c pageCall) projectViews() error { return c.views(dashboards) }

func (c pageCall) chartViews() error { return c.views(charts) }

// views lists the views that a project has in a table: those of one experiment
// with experimentKey, and those of the other projects of its workspace too with
// includeWorkspaceViews.
func (c pageCall) views(table viewTable) error {
	everywhere, err := c.flag("includeWorkspaceViews")
	if err != nil {
		return err
	}
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return err
	}
	projects := []*project{p}
	if everywhere != nil && *everywhere {
		projects = append(projects, without(p.workspace.projects, p)...)
	}
	docs := []map[string]any{}
	for _, p := range projects {
		docs = append(docs, c.viewDocs(p, table)...)
	}
	return c.send(map[string]any{"views": docs})
}

func (c pageCall) viewDocs(p *project, table viewTable) []map[string]any {
	var docs []map[string]any
	for _, v := range p.views {
		if key := c.optional("experimentKey"); v.table != table || key != "" && key != v.experimentKey {
			continue
		}
		doc := v.doc(p)
		if c.moods.SnakeViews {
			doc = snakeCase(doc)
		}
		docs = append(docs, doc)
	}
	return docs
}

// snakeCase returns an object with the names of its fields in snake case.
func snakeCase(doc map[string]any) map[string]any {
	snake := make(map[string]any, len(doc))
	for name, v := range doc {
		var b strings.Builder
		for _, r := range name {
			if unicode.IsUpper(r) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		snake[b.String()] = v
	}
	return snake
}

func (c pageCall) upsertProjectView() error { return c.upsertView(dashboards) }

func (c pageCall) upsertChartView() error { return c.upsertView(charts) }

// upsertView makes a view, or changes the one with templateId.
func (c pageCall) upsertView(table viewTable) error {
	var doc map[string]json.RawMessage
	if err := c.decode(&doc); err != nil {
		return err
	}
	for _, name := range []string{"experimentQueryState", "dashboardChartState", "reactGridTableState"} {
		if raw := doc[name]; raw != nil && raw[0] != '"' && string(raw) != "null" {
			return refusal.BadRequest("%s is not a text", name)
		}
	}
	for _, name := range []string{"v2", "v3"} {
		if raw := doc[name]; raw != nil && raw[0] != '{' && string(raw) != "null" {
			return refusal.BadRequest("%s is not an object", name)
		}
	}
	var ids struct {
		ProjectID     string `json:"projectId"`
		TemplateID    string `json:"templateId"`
		TemplateName  string `json:"templateName"`
		ExperimentKey string `json:"experimentKey"`
	}
	if err := c.decode(&ids); err != nil {
		return err
	}
	if table == charts && ids.ExperimentKey != "" {
		doc["v2"] = withKey(doc["v2"], ids.ExperimentKey)
	}
	return c.putView(view{table: table, id: ids.TemplateID, name: ids.TemplateName, experimentKey: ids.ExperimentKey}, ids.ProjectID, doc)
}

// withKey is the object v2 of a view of an experiment: the server puts the key
// into one that has none.
func withKey(raw json.RawMessage, key string) json.RawMessage {
	var v2 map[string]json.RawMessage
	if json.Unmarshal(raw, &v2) != nil || v2 == nil || v2["experimentKey"] != nil {
		return raw
	}
	v2["experimentKey"] = wire.AppendString(nil, key)
	doc, err := json.Marshal(v2)
	if err != nil {
		panic("comettest: view: " + err.Error()) // it was valid
	}
	return doc
}

// dashboardRequest is the older form of a view, in snake case.
type dashboardRequest struct {
	ProjectID    string `json:"project_id"`
	TemplateID   string `json:"template_id"`
	TemplateName string `json:"template_name"`
}

// createDashboard makes a view, as a copy of the one with template_id if that
// is given.
func (c pageCall) createDashboard() error {
	var req dashboardRequest
	var doc map[string]json.RawMessage
	if err := errorsOf(c.decode(&req), c.decode(&doc)); err != nil {
		return err
	}
	st := c.s.store
	st.mu.RLock()
	for _, p := range st.projects {
		if v := p.view(dashboards, req.TemplateID); v != nil {
			maps.Copy(doc, v.fields)
		}
	}
	st.mu.RUnlock()
	return c.putView(view{table: dashboards, name: req.TemplateName}, req.ProjectID, doc)
}

func (c pageCall) updateDashboard() error {
	var req dashboardRequest
	var doc map[string]json.RawMessage
	if err := errorsOf(c.decode(&req), c.decode(&doc)); err != nil {
		return err
	}
	if req.TemplateID == "" {
		return refusal.BadRequest("template_id is missing")
	}
	return c.putView(view{table: dashboards, id: req.TemplateID, name: req.TemplateName}, req.ProjectID, doc)
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// putView changes the view with the id of want, or makes one like it, and gives
// it the fields of doc.
func (c pageCall) putView(want view, projectID string, doc map[string]json.RawMessage) error {
	if projectID == "" {
		return refusal.BadRequest("projectId is missing")
	}
	return projectCall(c).changeProject(projectRef{ProjectID: projectID}, func(p *project) error {
		if want.experimentKey != "" {
			if _, err := c.experimentLocked(want.experimentKey, RoleOwner); err != nil {
				return err
			}
		}
		v := p.view(want.table, want.id)
		switch {
		case want.id != "" && v == nil:
			return refusal.NotFound("template %q does not exist in project %q", want.id, p.name)
		case v == nil && want.name == "":
			return refusal.BadRequest("templateName is missing")
		case v == nil:
			v = &want
			v.id, v.createdBy, v.fields = newID(), c.key.User, make(map[string]json.RawMessage)
			p.views = append(p.views, v)
		}
		if want.name != "" {
			v.name = want.name
		}
		for _, field := range viewFields {
			if raw := doc[field]; raw != nil {
				v.fields[field] = slices.Clone(raw)
			}
		}
		v.updated = c.now()
		return c.send(v.doc(p))
	})
}
