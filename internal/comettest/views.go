package comettest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// view is a saved arrangement of panels of a project, or of one experiment.
// Its document is kept as clients give it.
type view struct {
	id            string
	name          string
	experimentKey string
	fields        map[string]json.RawMessage
	createdBy     string
	updated       int64
}

// viewFields are those that a client can write, beside name and ids.
var viewFields = []string{
	"experimentQueryState", "dashboardChartState", "reactGridTableState", "v2", "v3", "codePanelTemplateIds",
}

func (p *project) view(id string) *view {
	for _, v := range p.views {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (v *view) doc(p *project) map[string]any {
	source := "dashboard_template"
	var key *string
	if v.experimentKey != "" {
		source, key = "chart_template", &v.experimentKey
	}
	doc := map[string]any{
		"templateId": v.id, "templateName": v.name, "template_id": v.id, "template_name": v.name,
		"projectId": p.id, "experimentKey": key, "viewSource": source, "source": source,
		"current": false, "unsavedView": false, "createdBy": v.createdBy, "createdFromTemplateId": nil,
		"projectDefault": false, "projectPersonalDefault": false, "autoRefreshEnabled": false,
		"lastUpdate": v.updated, "pinnedExperiments": []string{},
	}
	for _, name := range viewFields {
		doc[name] = v.fields[name]
	}
	return doc
}

// views lists the views of a project, those of one experiment with
// experimentKey.
func (c *call) views() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	p, err := c.queryProject().find(c, RoleViewer)
	if err != nil {
		return err
	}
	docs := []map[string]any{}
	for _, v := range p.views {
		if key := c.optional("experimentKey"); key == "" || key == v.experimentKey {
			doc := v.doc(p)
			if c.moods.SnakeViews {
				doc = snakeCase(doc)
			}
			docs = append(docs, doc)
		}
	}
	return c.send(map[string]any{"views": docs})
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

// upsertView makes a view, or changes the one with templateId.
func (c *call) upsertView() error {
	var doc map[string]json.RawMessage
	if err := c.decode(&doc); err != nil {
		return err
	}
	for _, name := range []string{"experimentQueryState", "dashboardChartState", "reactGridTableState"} {
		if raw := doc[name]; raw != nil && raw[0] != '"' && string(raw) != "null" {
			return badRequest("%s is not a text", name)
		}
	}
	for _, name := range []string{"v2", "v3"} {
		if raw := doc[name]; raw != nil && raw[0] != '{' && string(raw) != "null" {
			return badRequest("%s is not an object", name)
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
	return c.putView(ids.ProjectID, ids.TemplateID, ids.TemplateName, ids.ExperimentKey, doc)
}

// dashboardRequest is the older form of a view, in snake case.
type dashboardRequest struct {
	ProjectID    string `json:"project_id"`
	TemplateID   string `json:"template_id"`
	TemplateName string `json:"template_name"`
}

// createDashboard makes a view, as a copy of the one with template_id if that
// is given.
func (c *call) createDashboard() error {
	var req dashboardRequest
	var doc map[string]json.RawMessage
	if err := errorsOf(c.decode(&req), c.decode(&doc)); err != nil {
		return err
	}
	st := c.s.store
	st.mu.RLock()
	for _, p := range st.projects {
		if v := p.view(req.TemplateID); v != nil {
			maps.Copy(doc, v.fields)
		}
	}
	st.mu.RUnlock()
	return c.putView(req.ProjectID, "", req.TemplateName, "", doc)
}

func (c *call) updateDashboard() error {
	var req dashboardRequest
	var doc map[string]json.RawMessage
	if err := errorsOf(c.decode(&req), c.decode(&doc)); err != nil {
		return err
	}
	if req.TemplateID == "" {
		return badRequest("template_id is missing")
	}
	return c.putView(req.ProjectID, req.TemplateID, req.TemplateName, "", doc)
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *call) putView(projectID, id, name, key string, doc map[string]json.RawMessage) error {
	if projectID == "" {
		return badRequest("projectId is missing")
	}
	return c.changeProject(projectRef{ProjectID: projectID}, func(p *project) error {
		if key != "" {
			if _, err := c.experimentLocked(key, RoleOwner); err != nil {
				return err
			}
		}
		v := &view{id: newID(), createdBy: c.key.User, experimentKey: key, fields: make(map[string]json.RawMessage)}
		switch {
		case id != "":
			if v = p.view(id); v == nil {
				return notFound("template %q does not exist in project %q", id, p.name)
			}
		case name == "":
			return badRequest("templateName is missing")
		default:
			p.views = append(p.views, v)
		}
		if name != "" {
			v.name = name
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
