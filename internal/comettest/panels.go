package comettest

import (
	"errors"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func panelRoutes() []route {
	return []route{
		{method: "GET", path: "code-panel/get-all", handle: in(pageCall.panels)},
		{method: "GET", path: "code-panel/download", handle: in(pageCall.panelCode)},
		{method: "GET", path: "template/{templateId}/download", handle: in(pageCall.downloadPanel)},
		{method: "POST", path: "write/template/upload", stream: true, handle: in(pageCall.uploadPanel)},
		{method: "GET", path: "views/get-all", handle: in(pageCall.projectViews)},
		{method: "POST", path: "write/views/upsert", handle: in(pageCall.upsertProjectView)},
		{method: "GET", path: "views/chart-templates", handle: in(pageCall.chartViews)},
		{method: "POST", path: "write/chart-templates/upsert", handle: in(pageCall.upsertChartView)},
		{method: "POST", path: "write/dashboard-template/create", handle: in(pageCall.createDashboard)},
		{method: "POST", path: "dashboard-templates/project/upsert", handle: in(pageCall.updateDashboard)},
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
	st := c.s.store
	st.RLock()
	defer st.RUnlock()
	w, err := c.workspaceFor(c.optional("workspace"), RoleViewer)
	if err != nil {
		return err
	}
	rows := []panelRow{}
	for _, p := range w.Panels {
		rows = append(rows, panelRow{p.ID, p.Name, p.Owner, w.ID, "", "PRIVATE", p.Revision, p.Created})
	}
	return c.send(map[string]any{"codePanelTemplateRows": rows})
}

// findPanel returns a panel that the key may read.
func (c pageCall) findPanel(id string) (*store.Panel, error) {
	st := c.s.store
	st.RLock()
	defer st.RUnlock()
	for _, w := range st.Workspaces {
		if p := w.Panel(id); p != nil {
			return p, c.allow(w, RoleViewer, "panel "+id)
		}
	}
	return nil, refusal.NotFound("template %q does not exist", id)
}

func (c pageCall) panelCode() error {
	p, err := c.findPanel(c.optional("templateId"))
	if err != nil {
		return err
	}
	return c.send(map[string]any{"templateId": p.ID, "templateName": p.Name, "code": p.Code})
}

func (c pageCall) downloadPanel() error {
	p, err := c.findPanel(c.params["templateId"])
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/octet-stream")
	c.out = p.Zip
	return nil
}

// uploadPanel stores a panel, over the one with templateId if that is given.
func (c pageCall) uploadPanel() error {
	data, err := c.formFile("file")
	if err != nil {
		return err
	}
	name, code, err := store.ReadPanel(data)
	if err != nil {
		return err
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	w, err := c.workspaceFor(c.optional("teamName"), RoleOwner)
	if err != nil {
		return err
	}
	now := c.now()
	p := &store.Panel{ID: store.NewID(), Owner: c.key.User, Created: now}
	if id := c.optional("templateId"); id != "" {
		if p = w.Panel(id); p == nil {
			return refusal.NotFound("template %q does not exist in workspace %q", id, w.Name)
		}
		w.Panels = store.Without(w.Panels, p)
		p = &store.Panel{ID: id, Owner: p.Owner, Created: p.Created}
	}
	p.Name, p.Code, p.Zip, p.Revision = name, code, data, now
	w.Panels = append(w.Panels, p)
	return c.send(struct {
		ack
		TemplateID string `json:"templateId"`
	}{saved("Saved"), p.ID})
}

// formFile reads one file of a multipart form.
func (c pageCall) formFile(field string) ([]byte, error) {
	form, err := uploadCall(c).multipart()
	if err != nil {
		return nil, err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, refusal.BadRequest("form field %s is missing", field)
		}
		if err != nil {
			return nil, refusal.BadRequest("form: %v", err)
		}
		if part.FormName() != field {
			continue
		}
		data, err := io.ReadAll(blob.Limited(part, c.s.uploadLimit("git-patch")))
		if err != nil {
			return nil, uploadError(err)
		}
		return slices.Clip(data), nil
	}
}
