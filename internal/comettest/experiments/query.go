package experiments

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A queryCall asks for experiments by what they logged.
type queryCall struct{ *api.Call }

func queryRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "project/column-names", Handle: api.In(queryCall.columnNames)},
		{Method: "POST", Path: "project/query", Handle: api.JSON(queryCall.projectQuery)},
		{Method: "POST", Path: "experiments/search", Handle: api.JSON(queryCall.searchExperiments)},
	}
}

// queried are the experiments of a project that are archived, not archived,
// or all (nil).
func (c queryCall) queried(ref api.ProjectRef, archived *bool) ([]*store.Experiment, error) {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	p, err := ref.Find(c.Call, api.RoleViewer)
	if err != nil {
		return nil, err
	}
	var list []*store.Experiment
	for _, e := range slices.Concat(p.Experiments, p.Links) {
		if archived == nil || e.Archived == *archived {
			list = append(list, e)
		}
	}
	return list, nil
}

type projectQueryRequest struct {
	api.ProjectRef
	Archived   bool `json:"archived"`
	Predicates []struct {
		Source string `json:"source"`
		Query  rule   `json:"query"`
	} `json:"predicates"`
}

// projectQuery answers with the experiments that satisfy all predicates, each a
// tree of rules about one source or, where that is "nested", about several.
func (c queryCall) projectQuery(req *projectQueryRequest) error {
	all := rule{Condition: "AND"}
	for _, p := range req.Predicates {
		p.Query.Source = p.Source
		all.Rules = append(all.Rules, p.Query)
	}
	list, err := c.satisfying(req.ProjectRef, req.Archived, &all)
	if err != nil {
		return err
	}
	keys := []string{}
	for _, e := range list {
		keys = append(keys, e.Key)
	}
	return c.Send(map[string]any{"experimentKeys": keys})
}

// satisfying are the experiments of a project that satisfy a rule.
func (c queryCall) satisfying(ref api.ProjectRef, archived bool, r *rule) ([]*store.Experiment, error) {
	if err := r.check(""); err != nil {
		return nil, err
	}
	list, err := c.queried(ref, &archived)
	return slices.DeleteFunc(list, func(e *store.Experiment) bool {
		e.Lock()
		defer e.Unlock()
		return !r.satisfied(c, e)
	}), err
}

type searchExperimentsRequest struct {
	ProjectID string `json:"projectId"`
	RulesTree *rule  `json:"rulesTree"`
	Limit     int    `json:"limit"`
	Page      int    `json:"page"`
	Deleted   bool   `json:"deleted"`
}

// searchExperiments answers the search of the web interface.
func (c queryCall) searchExperiments(req *searchExperimentsRequest) error {
	if req.Limit < 1 || req.Page < 1 {
		return refusal.BadRequest("limit and page must be at least 1")
	}
	if req.RulesTree == nil {
		req.RulesTree = &rule{Condition: "AND"}
	}
	list, err := c.satisfying(api.ProjectRef{ProjectID: req.ProjectID}, req.Deleted, req.RulesTree)
	if err != nil {
		return err
	}
	from := min((req.Page-1)*req.Limit, len(list))
	rows := []map[string]any{}
	for _, e := range list[from:min(from+req.Limit, len(list))] {
		e.Lock()
		rows = append(rows, map[string]any{
			"experimentKey": e.Key, "server_timestamp": e.Start, "experimentName": e.DisplayName(),
		})
		e.Unlock()
	}
	return c.Send(map[string]any{"experiments": rows, "totalCount": len(list)})
}
