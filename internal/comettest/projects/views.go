package projects

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// viewFields are those that a client can write, beside name and ids.
var viewFields = []string{
	"experimentQueryState", "dashboardChartState", "reactGridTableState", "v2", "v3", "codePanelTemplateIds",
}

func newViewDoc(v *store.View, p *store.Project) map[string]any {
	var key *string
	if v.ExperimentKey != "" {
		key = &v.ExperimentKey
	}
	doc := map[string]any{
		"templateId": v.ID, "templateName": v.Name, "template_id": v.ID, "template_name": v.Name,
		"projectId": p.ID, "experimentKey": key, "viewSource": v.Table, "source": v.Table,
		"current": false, "unsavedView": false, "createdBy": v.CreatedBy, "createdFromTemplateId": nil,
		"projectDefault": false, "projectPersonalDefault": false, "autoRefreshEnabled": false,
		"lastUpdate": v.Updated, "pinnedExperiments": []string{},
	}
	for _, name := range viewFields {
		doc[name] = v.Fields[name]
	}
	return doc
}

func (c pageCall) projectViews() error { return c.views(store.Dashboards) }

func (c pageCall) chartViews() error { return c.views(store.Charts) }

// views lists the views that a project has in a table: those of one experiment
// with experimentKey, and those of the other projects of its workspace too with
// includeWorkspaceViews.
func (c pageCall) views(table store.ViewTable) error {
	everywhere, err := c.Flag("includeWorkspaceViews")
	if err != nil {
		return err
	}
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return err
	}
	projects := []*store.Project{p}
	if everywhere != nil && *everywhere {
		projects = append(projects, store.Without(p.Workspace.Projects, p)...)
	}
	docs := []map[string]any{}
	for _, p := range projects {
		docs = append(docs, c.viewDocs(p, table)...)
	}
	return c.Send(map[string]any{"views": docs})
}

func (c pageCall) viewDocs(p *store.Project, table store.ViewTable) []map[string]any {
	var docs []map[string]any
	for _, v := range p.Views {
		if key := c.Optional("experimentKey"); v.Table != table || key != "" && key != v.ExperimentKey {
			continue
		}
		doc := newViewDoc(v, p)
		if c.Moods.SnakeViews {
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

func (c pageCall) upsertProjectView() error { return c.upsertView(store.Dashboards) }

func (c pageCall) upsertChartView() error { return c.upsertView(store.Charts) }

// upsertView makes a view, or changes the one with templateId.
func (c pageCall) upsertView(table store.ViewTable) error {
	var doc map[string]json.RawMessage
	if err := c.Decode(&doc); err != nil {
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
	if err := c.Decode(&ids); err != nil {
		return err
	}
	if table == store.Charts && ids.ExperimentKey != "" {
		doc["v2"] = withKey(doc["v2"], ids.ExperimentKey)
	}
	return c.putView(store.View{Table: table, ID: ids.TemplateID, Name: ids.TemplateName, ExperimentKey: ids.ExperimentKey}, ids.ProjectID, doc)
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
	if err := cmp.Or(c.Decode(&req), c.Decode(&doc)); err != nil {
		return err
	}
	st := c.Store
	st.RLock()
	for _, p := range st.Projects {
		if v := p.View(store.Dashboards, req.TemplateID); v != nil {
			maps.Copy(doc, v.Fields)
		}
	}
	st.RUnlock()
	return c.putView(store.View{Table: store.Dashboards, Name: req.TemplateName}, req.ProjectID, doc)
}

func (c pageCall) updateDashboard() error {
	var req dashboardRequest
	var doc map[string]json.RawMessage
	if err := cmp.Or(c.Decode(&req), c.Decode(&doc)); err != nil {
		return err
	}
	if req.TemplateID == "" {
		return refusal.BadRequest("template_id is missing")
	}
	return c.putView(store.View{Table: store.Dashboards, ID: req.TemplateID, Name: req.TemplateName}, req.ProjectID, doc)
}

// putView changes the view with the id of want, or makes one like it, and gives
// it the fields of doc.
func (c pageCall) putView(want store.View, projectID string, doc map[string]json.RawMessage) error {
	if projectID == "" {
		return refusal.BadRequest("projectId is missing")
	}
	return Call(c).changeProject(api.ProjectRef{ProjectID: projectID}, func(p *store.Project) error {
		if want.ExperimentKey != "" {
			if _, err := c.ExperimentLocked(want.ExperimentKey, api.RoleOwner); err != nil {
				return err
			}
		}
		v := p.View(want.Table, want.ID)
		switch {
		case want.ID != "" && v == nil:
			return refusal.NotFound("template %q does not exist in project %q", want.ID, p.Name)
		case v == nil && want.Name == "":
			return refusal.BadRequest("templateName is missing")
		case v == nil:
			v = &want
			v.ID, v.CreatedBy, v.Fields = store.NewID(), c.Key.User, make(map[string]json.RawMessage)
			p.Views = append(p.Views, v)
		}
		if want.Name != "" {
			v.Name = want.Name
		}
		for _, field := range viewFields {
			if raw := doc[field]; raw != nil {
				v.Fields[field] = slices.Clone(raw)
			}
		}
		v.Updated = c.Now()
		return c.Send(newViewDoc(v, p))
	})
}
