package comet

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Views are the calls of the views of a project.
type Views struct{ conn *api.Conn }

// ViewTable is one of the two tables in which servers keep views.
type ViewTable int

const (
	// Dashboards are the views of projects. Older clients put those of
	// experiments there, too.
	Dashboards ViewTable = iota
	// ChartTemplates are the views of the pages of experiments: of one of them,
	// or without a key for all of a project. Older servers do not have the table.
	ChartTemplates
)

// The calls that read and write each table.
var (
	viewReads  = [...]api.Feature{Dashboards: featureViews, ChartTemplates: featureChartTemplates}
	viewWrites = [...]api.Feature{Dashboards: featureViewsWrite, ChartTemplates: featureChartTemplatesWrite}
)

// View is a saved arrangement of panels, of a project or of an experiment. Servers
// write the names of members in camel case, in snake case, or both.
type View struct {
	Raw       json.RawMessage `wire:"."`
	Table     ViewTable       // as the server says, or else of the call that listed it
	ID        string          `wire:"templateId template_id"`
	Name      string          `wire:"templateName template_name"`
	ProjectID string          `wire:"projectId project_id"`
	Key       string          `wire:"experimentKey experiment_key"` // of the experiment, "" for a view of the project
	// Unsaved is true for what somebody has changed and not saved.
	Unsaved bool `wire:"unsavedView unsaved_view"`
}

func parseView(table ViewTable, data []byte) View {
	x := wire.Parse[View](data)
	x.Table = table
	for _, name := range []string{"viewSource", "view_source"} {
		if wire.TextOrEmpty(wire.Member(data, name)) == "chart_template" {
			x.Table = ChartTemplates
		}
	}
	return x
}

// List returns the views that a project has in a table; with a key, those of
// one experiment. Whether those of experiments are listed without their keys is
// not known, nor whether those of the project are with one. Not every server has
// the calls: [ErrUnsupported].
func (c Views) List(ctx context.Context, table ViewTable, projectID, key string) ([]View, error) {
	var views []View
	f := viewReads[table]
	exists := func() bool {
		_, err := Projects(c).ByID(ctx, projectID)
		return err == nil
	}
	err := c.conn.Gated(ctx, f, http.MethodGet, exists, func() (err error) {
		rd := readViews
		rd.Path = f.Path
		views, err = api.ListOf(ctx, c.conn, rd, api.Query("projectId", projectID, "experimentKey", key), nil, func(v []byte) View {
			return parseView(table, v)
		})
		return err
	})
	return views, err
}

// viewStates are what a client can write of a view, besides its name and the ids,
// by their names in snake case.
var viewStates = map[string]string{
	"experiment_query_state": "experimentQueryState",
	"dashboard_chart_state":  "dashboardChartState",
	"react_grid_table_state": "reactGridTableState",
	"v2":                     "v2",
	"v3":                     "v3",
}

// ViewStates returns what a client can write of the document of a view, besides
// its name and the ids, by the names in camel case. What is null is left out.
func ViewStates(doc json.RawMessage) map[string]json.RawMessage {
	states := make(map[string]json.RawMessage)
	for snake, camel := range viewStates {
		for _, name := range []string{snake, camel} {
			if v := wire.Member(doc, name); !wire.IsNull(v) {
				states[camel] = v
			}
		}
	}
	return states
}

// ViewWrite describes a view to be written.
type ViewWrite struct {
	Table     ViewTable
	ProjectID string
	Name      string
	// ID is the id of a view to be changed, "" for a new one.
	ID string
	// Key makes it a view of that experiment.
	Key string
	// Doc is the document of the view. Only the states in it are written:
	// what else it holds is the server's. Ids inside the states are the
	// caller's to rewrite.
	Doc json.RawMessage
}

// Write writes a view and returns it as the server has it. Without an id
// the call is not safe to do twice, see [ErrUncertain]. A server without the
// table answers [ErrUnsupported].
func (c Views) Write(ctx context.Context, w ViewWrite) (*View, error) {
	var o wire.Object
	o.Text("projectId", w.ProjectID)
	o.Text("templateName", w.Name)
	if w.ID != "" {
		o.Text("templateId", w.ID)
	}
	if w.Key != "" {
		o.Text("experimentKey", w.Key)
	}
	states := ViewStates(w.Doc)
	for _, name := range slices.Sorted(maps.Keys(states)) {
		o.Raw(name, states[name])
	}
	var v View
	f := viewWrites[w.Table]
	err := c.conn.Gated(ctx, f, http.MethodPost, nil, func() error {
		data, err := c.conn.Document(ctx, &api.Call{
			Method: http.MethodPost,
			Path:   f.Path,
			Body:   api.JSONBody(o.Bytes()),
			Unsafe: w.ID == "",
			Check: func(data []byte) error {
				if parseView(w.Table, data).ID == "" && !api.Acknowledges(data, nil) {
					return api.NotAcknowledged(data)
				}
				return api.HasMembers()(data)
			},
		})
		v = parseView(w.Table, data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &v, nil
}
