package store

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"path"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Panel is a custom panel of a workspace: a zip with a description and code.
type Panel struct {
	ID       string
	Name     string
	Owner    string
	Created  int64
	Revision int64
	Code     json.RawMessage
	Zip      []byte
}

// Panel returns the panel of an id, nil if there is none.
func (w *Workspace) Panel(id string) *Panel {
	return first(w.Panels, func(p *Panel) bool { return p.ID == id })
}

// View is a saved arrangement of panels of a project, or of one experiment.
// Its document is kept as clients give it.
type View struct {
	Table         ViewTable
	ID            string
	Name          string
	ExperimentKey string
	Fields        map[string]json.RawMessage
	CreatedBy     string
	Updated       int64
}

// ViewTable is one of the two tables of views. Clients see the first one by
// views/get-all, the second by views/chart-templates, where they put the views
// of an experiment.
type ViewTable string

// The tables of views.
const (
	Dashboards ViewTable = "dashboard_template"
	Charts     ViewTable = "chart_template"
)

// View returns a view of a table, nil if there is none of the id.
func (p *Project) View(table ViewTable, id string) *View {
	return first(p.Views, func(v *View) bool { return v.Table == table && v.ID == id })
}

// maxPanelFile bounds a file of a panel.
const maxPanelFile = 16 << 20

// ReadPanel reads name and code out of a panel's zip. What files there are in
// one is not documented: a JSON file with templateName and code will do, and so
// will one that holds a name beside a file of code.
func ReadPanel(data []byte) (name string, code json.RawMessage, err error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", nil, refusal.BadRequest("panel is no zip: %v", err)
	}
	for _, f := range zr.File {
		r, err := f.Open()
		if err != nil {
			return "", nil, refusal.BadRequest("panel: %v", err)
		}
		text, err := io.ReadAll(blob.Limited(r, maxPanelFile))
		r.Close()
		if err != nil {
			return "", nil, refusal.BadRequest("panel: %s: %v", f.Name, err)
		}
		var doc struct {
			TemplateName, Name string
			Code               json.RawMessage
		}
		switch {
		case path.Ext(f.Name) == ".json" && json.Unmarshal(text, &doc) == nil:
			name = cmp.Or(name, doc.TemplateName, doc.Name)
			if doc.Code != nil {
				code = doc.Code
			}
		case code == nil && path.Ext(f.Name) == ".py":
			code, err = json.Marshal(map[string]string{"type": "py", "pyCode": string(text)})
		case code == nil:
			code, err = json.Marshal(map[string]string{"code": string(text)})
		}
		if err != nil {
			return "", nil, err
		}
	}
	if name == "" || code == nil {
		return "", nil, refusal.BadRequest("panel holds no JSON file with a name, or no code")
	}
	return name, code, nil
}
