package comettest

import (
	"encoding/json"
	"slices"
)

func (s *Server) queryRoutes() []route {
	return []route{
		{method: "GET", path: "project/column-names", handle: (*call).columnNames},
		{method: "POST", path: "project/query", handle: (*call).projectQuery},
		{method: "POST", path: "experiments/search", handle: (*call).searchExperiments},
	}
}

// queried are the experiments of a project that are archived, not archived,
// or all (nil).
func (c *call) queried(ref projectRef, archived *bool) ([]*experiment, error) {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	p, err := ref.find(c, RoleViewer)
	if err != nil {
		return nil, err
	}
	var list []*experiment
	for _, e := range slices.Concat(p.experiments, p.links) {
		if archived == nil || e.archived == *archived {
			list = append(list, e)
		}
	}
	return list, nil
}

type predicate struct {
	Source string `json:"source"`
	Query  struct {
		Condition string `json:"condition"`
		Rules     []rule `json:"rules"`
	} `json:"query"`
}

func (c *call) projectQuery() error {
	var req struct {
		projectRef
		Archived   bool        `json:"archived"`
		Predicates []predicate `json:"predicates"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	for _, p := range req.Predicates {
		for _, r := range p.Query.Rules {
			if err := r.check(p.Source); err != nil {
				return err
			}
		}
	}
	list, err := c.queried(req.projectRef, &req.Archived)
	if err != nil {
		return err
	}
	keys := []string{}
	for _, e := range list {
		if c.satisfies(e, req.Predicates) {
			keys = append(keys, e.key)
		}
	}
	return c.send(map[string]any{"experimentKeys": keys})
}

func (c *call) satisfies(e *experiment, predicates []predicate) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range predicates {
		for _, r := range p.Query.Rules {
			if text, have := c.cell(e, p.Source, r.Field); !r.holds(text, have) {
				return false
			}
		}
	}
	return true
}

// searchExperiments answers the search of the web interface, without rules.
func (c *call) searchExperiments() error {
	var req struct {
		ProjectID string          `json:"projectId"`
		RulesTree json.RawMessage `json:"rulesTree"`
		Limit     int             `json:"limit"`
		Page      int             `json:"page"`
		Deleted   bool            `json:"deleted"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if len(req.RulesTree) > 0 && string(req.RulesTree) != "null" {
		return badRequest("rulesTree is not supported")
	}
	if req.Limit < 1 || req.Page < 1 {
		return badRequest("limit and page must be at least 1")
	}
	list, err := c.queried(projectRef{ProjectID: req.ProjectID}, &req.Deleted)
	if err != nil {
		return err
	}
	from := min((req.Page-1)*req.Limit, len(list))
	rows := []map[string]any{}
	for _, e := range list[from:min(from+req.Limit, len(list))] {
		e.mu.Lock()
		rows = append(rows, map[string]any{
			"experimentKey": e.key, "server_timestamp": e.start, "experimentName": e.displayName(),
		})
		e.mu.Unlock()
	}
	return c.send(map[string]any{"experiments": rows, "totalCount": len(list)})
}
