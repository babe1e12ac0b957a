package projects

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A pageCall is about panels and views.
type pageCall struct{ *api.Call }

func panelRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "code-panel/get-all", Handle: api.In(pageCall.panels)},
		{Method: "GET", Path: "code-panel/download", Handle: api.In(pageCall.panelCode)},
		{Method: "GET", Path: "template/{templateId}/download", Handle: api.In(pageCall.downloadPanel)},
		{Method: "POST", Path: "write/template/upload", Stream: true, Handle: api.In(pageCall.uploadPanel)},
		{Method: "GET", Path: "views/get-all", Handle: api.In(pageCall.projectViews)},
		{Method: "POST", Path: "write/views/upsert", Handle: api.In(pageCall.upsertProjectView)},
		{Method: "GET", Path: "views/chart-templates", Handle: api.In(pageCall.chartViews)},
		{Method: "POST", Path: "write/chart-templates/upsert", Handle: api.In(pageCall.upsertChartView)},
		{Method: "POST", Path: "write/dashboard-template/create", Handle: api.In(pageCall.createDashboard)},
		{Method: "POST", Path: "dashboard-templates/project/upsert", Handle: api.In(pageCall.updateDashboard)},
	}
}

type panelRow struct {
	TemplateID     string `json:"templateId"`
	TemplateName   string `json:"templateName"`
	Owner          string `json:"owner"`
	TeamID         string `json:"teamId"`
	QueryBuilderID string `json:"queryBuilderId"`
	ScopeType      string `json:"scopeType"`
	RevisionID     int64  `json:"revisionId"`
	CreatedAt      int64  `json:"createdAt"`
}

func (c pageCall) panels() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	w, err := c.WorkspaceFor(c.Optional("workspace"), api.RoleViewer)
	if err != nil {
		return err
	}
	rows := []panelRow{}
	for _, p := range w.Panels {
		rows = append(rows, panelRow{p.ID, p.Name, p.Owner, w.ID, "", "PRIVATE", p.Revision, p.Created})
	}
	return c.Send(map[string]any{"codePanelTemplateRows": rows})
}

// findPanel returns a panel that the key may read.
func (c pageCall) findPanel(id string) (*store.Panel, error) {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	for _, w := range st.Workspaces {
		if p := w.Panel(id); p != nil {
			return p, c.Allow(w, api.RoleViewer, "panel "+id)
		}
	}
	return nil, refusal.NotFound("template %q does not exist", id)
}

func (c pageCall) panelCode() error {
	p, err := c.findPanel(c.Optional("templateId"))
	if err != nil {
		return err
	}
	return c.Send(map[string]any{"templateId": p.ID, "templateName": p.Name, "code": p.Code})
}

func (c pageCall) downloadPanel() error {
	p, err := c.findPanel(c.Params["templateId"])
	if err != nil {
		return err
	}
	c.Writer.Header().Set("Content-Type", "application/octet-stream")
	c.Answer = p.Zip
	return nil
}

// uploadPanel stores a panel, over the one with templateId if that is given.
func (c pageCall) uploadPanel() error {
	data, err := c.FormFile("file", "git-patch")
	if err != nil {
		return err
	}
	name, code, err := store.ReadPanel(data)
	if err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	w, err := c.WorkspaceFor(c.Optional("teamName"), api.RoleOwner)
	if err != nil {
		return err
	}
	now := c.Now()
	p := &store.Panel{ID: store.NewID(), Owner: c.Key.User, Created: now}
	if id := c.Optional("templateId"); id != "" {
		if p = w.Panel(id); p == nil {
			return refusal.NotFound("template %q does not exist in workspace %q", id, w.Name)
		}
		w.Panels = store.Without(w.Panels, p)
		p = &store.Panel{ID: id, Owner: p.Owner, Created: p.Created}
	}
	p.Name, p.Code, p.Zip, p.Revision = name, code, data, now
	w.Panels = append(w.Panels, p)
	return c.Send(struct {
		api.Ack
		TemplateID string `json:"templateId"`
	}{api.Saved("Saved"), p.ID})
}
