package store

import "encoding/json"

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
