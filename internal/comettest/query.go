package comettest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) queryRoutes() []route {
	return []route{
		{method: "GET", path: "project/column-names", handle: (*call).columnNames},
		{method: "POST", path: "project/query", handle: (*call).projectQuery},
		{method: "POST", path: "experiments/search", handle: (*call).searchExperiments},
	}
}

// column is a property of experiments that can be asked for.
type column struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	KeyName string `json:"keyName"`
	Type    string `json:"type"`
	Source  string `json:"source"`
}

func newColumn(name, source, typ string) column {
	return column{Name: name, ID: name + "--" + source, KeyName: name, Type: typ, Source: source}
}

// metadataColumns are those every project has, with their types.
var metadataColumns = [][2]string{
	{"runId", "string"}, {"hasNotes", "boolean"}, {"duration", "timenumber"}, {"codeSHA", "string"},
	{"file_name", "string"}, {"file_path", "string"}, {"hasHtml", "boolean"}, {"hasImages", "boolean"},
	{"experimentKey", "string"}, {"optimizationId", "string"}, {"start_server_timestamp", "datetime"},
	{"end_server_timestamp", "datetime"}, {"installed_packages", "string"}, {"last_message_time", "datetime"},
	{"runActive", "boolean"}, {"user_name", "string"},
}

var environmentColumns = []string{
	"executable", "hostname", "ip", "machine", "os", "osRelease", "osType", "processor", "pythonVersion",
	"pythonVersionVerbose", "user",
}

func (c *call) columnNames() error {
	archived, err := c.flag("archived")
	if err != nil {
		return err
	}
	list, err := c.queried(c.queryProject(), archived)
	if err != nil {
		return err
	}
	columns := []column{}
	for _, m := range metadataColumns {
		columns = append(columns, newColumn(m[0], "metadata", m[1]))
	}
	for _, name := range environmentColumns {
		columns = append(columns, newColumn(name, "env_details", "string"))
	}
	return c.send(map[string]any{"columns": append(columns, dataColumns(list)...)})
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

// dataColumns are the columns of what was logged, sorted by source and name.
// A column is a number if all its values are.
func dataColumns(list []*experiment) []column {
	types := make(map[[2]string]string)
	note := func(source, name, typ string) {
		id := [2]string{source, name}
		if types[id] != "string" {
			types[id] = typ
		}
	}
	for _, e := range list {
		e.mu.Lock()
		for _, d := range e.otherDocs() {
			note("log_other", d.Name, typeOf(d.ValueCurrent))
		}
		for _, name := range e.names {
			note("metrics", name, "double")
		}
		for _, v := range e.params.all() {
			note("params", v.name, typeOf(v.current.text))
		}
		for _, tag := range e.tags {
			note("tag", tag, "string")
		}
		e.mu.Unlock()
	}
	columns := make([]column, 0, len(types))
	for id, typ := range types {
		columns = append(columns, newColumn(id[1], id[0], typ))
	}
	slices.SortFunc(columns, func(a, b column) int {
		return strings.Compare(a.Source+"\x00"+a.Name, b.Source+"\x00"+b.Name)
	})
	return columns
}

func typeOf(text string) string {
	if _, ok := textNumber(text); ok {
		return "double"
	}
	return "string"
}

type predicate struct {
	Source string `json:"source"`
	Query  struct {
		Condition string `json:"condition"`
		Rules     []rule `json:"rules"`
	} `json:"query"`
}

// rule is one condition on a column.
type rule struct {
	Field    string          `json:"field"`
	Type     string          `json:"type"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`
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

// cell is the text of a column for e, and whether it has one. The lock of e
// is held.
func (c *call) cell(e *experiment, source, field string) (string, bool) {
	switch source {
	case "metrics":
		if s := e.metrics[field]; s != nil {
			return s.summary().current.value.String(), true
		}
	case "params":
		if v := e.params.get(field); v != nil {
			return v.current.text, true
		}
	case "log_other":
		for _, d := range e.otherDocs() {
			if d.Name == field {
				return d.ValueCurrent, true
			}
		}
	case "tag":
		return field, slices.Contains(e.tags, field)
	case "env_details":
		if raw := e.system[field]; raw != nil {
			text, err := textOf(raw)
			return text, err == nil
		}
	case "metadata":
		return c.metadataCell(e, field)
	}
	return "", false
}

func (c *call) metadataCell(e *experiment, field string) (string, bool) {
	optional := func(s *string) (string, bool) {
		if s == nil {
			return "", false
		}
		return *s, true
	}
	running := e.running(c.now(), c.s.opts.HeartbeatTimeout)
	switch field {
	case "experimentKey", "experiment_key":
		return e.key, true
	case "runId":
		return e.runID, true
	case "user_name":
		return e.user, true
	case "file_name":
		return optional(e.fileName())
	case "file_path":
		return optional(e.filePath)
	case "optimizationId":
		return optional(e.optimizationID)
	case "start_server_timestamp":
		return utcText(e.start), true
	case "end_server_timestamp", "last_message_time":
		return utcText(e.end), e.end != 0
	case "duration":
		return strconv.FormatFloat(float64(max(0, e.end-e.start))/1000, 'f', -1, 64), e.end != 0
	case "runActive", "running":
		return bit(running), true
	case "archived":
		return bit(e.archived), true
	case "hasHtml":
		return bit(e.html != nil && *e.html != ""), true
	case "hasImages":
		return bit(e.perType["image"] > 0), true
	case "hasNotes":
		return bit(false), true
	}
	return "", false
}

// isBool reports whether text is that of a boolean that was logged.
func isBool(text string) bool { return text == "true" || text == "false" }

// isBit reports whether the value of a rule is what clients send for a boolean,
// whatever type the column has.
func isBit(raw json.RawMessage) bool {
	switch string(raw) {
	case "0", "1", "true", "false":
		return true
	}
	return false
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// utcText writes a time as queries do.
func utcText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000000")
}

var querySources = []string{"metadata", "metrics", "params", "log_other", "env_details", "tag"}

// operators are the known ones; those with a value of true take none.
var operators = map[string]bool{
	"equal": false, "not_equal": false, "less": false, "less_or_equal": false, "greater": false,
	"greater_or_equal": false, "between": false, "not_between": false, "contains": false, "not_contains": false,
	"begins_with": false, "not_begins_with": false, "ends_with": false, "not_ends_with": false,
	"is_null": true, "is_not_null": true, "is_empty": true, "is_not_empty": true,
}

func (r *rule) check(source string) error {
	if !slices.Contains(querySources, source) {
		return badRequest("source %q is not known", source)
	}
	unary, ok := operators[r.Operator]
	if !ok {
		return badRequest("operator %q is not known", r.Operator)
	}
	if r.Field == "" {
		return badRequest("field is missing")
	}
	if _, err := r.values(); err != nil && !unary {
		return err
	}
	return nil
}

// values are the texts of the value, one, or two of a range.
func (r *rule) values() ([]string, error) {
	var list []json.RawMessage
	if json.Unmarshal(r.Value, &list) != nil {
		list = []json.RawMessage{r.Value}
	}
	want := 1
	if strings.HasSuffix(r.Operator, "between") {
		want = 2
	}
	if len(list) != want {
		return nil, badRequest("operator %s of %q wants %d values", r.Operator, r.Field, want)
	}
	texts := make([]string, len(list))
	for i, raw := range list {
		text, err := textOf(raw)
		if err != nil {
			return nil, err
		}
		if isBool(text) && raw[0] != '"' {
			text = bit(text == "true")
		}
		texts[i] = text
	}
	return texts, nil
}

// holds reports whether a cell satisfies the rule. A missing cell satisfies
// only what is negative.
func (r *rule) holds(text string, have bool) bool {
	op, negative := strings.CutPrefix(r.Operator, "not_")
	switch r.Operator {
	case "is_null":
		return !have
	case "is_not_null":
		return have
	case "is_empty":
		return !have || text == ""
	case "is_not_empty":
		return have && text != ""
	}
	if !have {
		return negative
	}
	values, err := r.values()
	if err != nil {
		return false
	}
	if isBool(text) && isBit(r.Value) {
		text = bit(text == "true")
	}
	return r.compare(op, text, values) != negative
}

func (r *rule) compare(op, text string, values []string) bool {
	cmp := compareValues(text, values[0])
	switch op {
	case "equal":
		return cmp == 0
	case "less":
		return cmp < 0
	case "less_or_equal":
		return cmp <= 0
	case "greater":
		return cmp > 0
	case "greater_or_equal":
		return cmp >= 0
	case "between":
		return cmp >= 0 && compareValues(text, values[1]) <= 0
	case "contains":
		return strings.Contains(text, values[0])
	case "begins_with":
		return strings.HasPrefix(text, values[0])
	case "ends_with":
		return strings.HasSuffix(text, values[0])
	}
	return false
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
