package experiments

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// rule is one condition on a column or, with Condition, a group of rules of which
// all (AND) or one (OR) must hold. A rule that names no source, or "nested", has
// that of its group.
type rule struct {
	Source   string          `json:"source"`
	Field    string          `json:"field"`
	Type     string          `json:"type"`
	Operator string          `json:"operator"`
	Value    json.RawMessage `json:"value"`

	Condition string `json:"condition"`
	Rules     []rule `json:"rules"`
}

var querySources = []string{"metadata", "metrics", "params", "log_other", "env_details", "tag"}

// operators are the known ones; those with a value of true take none.
var operators = map[string]bool{
	"equal": false, "not_equal": false, "less": false, "less_or_equal": false, "greater": false,
	"greater_or_equal": false, "between": false, "not_between": false, "contains": false, "not_contains": false,
	"begins_with": false, "not_begins_with": false, "ends_with": false, "not_ends_with": false,
	"is_null": true, "is_not_null": true, "is_empty": true, "is_not_empty": true,
}

// check reports a rule that cannot be answered, and gives each its source, which
// is that of its group if it has none of its own.
func (r *rule) check(source string) error {
	if r.Source == "" || r.Source == "nested" {
		r.Source = source
	}
	source = r.Source
	if r.Condition != "" || r.Rules != nil {
		return r.checkGroup()
	}
	if !slices.Contains(querySources, source) {
		return refusal.BadRequest("source %q is not known", source)
	}
	unary, ok := operators[r.Operator]
	if !ok {
		return refusal.BadRequest("operator %q is not known", r.Operator)
	}
	if r.Field == "" {
		return refusal.BadRequest("field is missing")
	}
	if _, err := r.values(); err != nil && !unary {
		return err
	}
	return nil
}

func (r *rule) checkGroup() error {
	if r.Condition != "" && r.Condition != "AND" && r.Condition != "OR" {
		return refusal.BadRequest("condition %q is not AND or OR", r.Condition)
	}
	for i := range r.Rules {
		if err := r.Rules[i].check(r.Source); err != nil {
			return err
		}
	}
	return nil
}

// satisfied reports whether e satisfies the rule. The lock of e is held.
func (r *rule) satisfied(c queryCall, e *store.Experiment) bool {
	if r.Condition == "" && r.Rules == nil {
		return r.holds(c.cell(e, r.Source, r.Field))
	}
	for i := range r.Rules {
		if or := r.Condition == "OR"; r.Rules[i].satisfied(c, e) == or {
			return or
		}
	}
	return r.Condition != "OR"
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
		return nil, refusal.BadRequest("operator %s of %q wants %d values", r.Operator, r.Field, want)
	}
	texts := make([]string, len(list))
	for i, raw := range list {
		text, err := wire.Text(raw)
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
	cmp := metric.Compare(text, values[0])
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
		return cmp >= 0 && metric.Compare(text, values[1]) <= 0
	case "contains":
		return strings.Contains(text, values[0])
	case "begins_with":
		return strings.HasPrefix(text, values[0])
	case "ends_with":
		return strings.HasSuffix(text, values[0])
	}
	return false
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

// cell is the text of a column for e, and whether it has one. The lock of e
// is held.
func (c queryCall) cell(e *store.Experiment, source, field string) (string, bool) {
	switch source {
	case "metrics":
		if s := e.Metrics[field]; s != nil {
			sum := s.Summary()
			current := sum.Current(c.Moods)
			return current.Value.String(), true
		}
	case "params":
		if v := e.Parameters.Get(field); v != nil {
			return v.Current.Text, true
		}
	case "log_other":
		for _, d := range e.AllOthers() {
			if d.Name == field {
				return d.Current.Text, true
			}
		}
	case "tag":
		return field, slices.ContainsFunc(e.Tags, func(tag string) bool {
			return tag == field || c.Moods.FoldTags && strings.EqualFold(tag, field)
		})
	case "env_details":
		if raw := e.System[field]; raw != nil {
			text, err := wire.Text(raw)
			return text, err == nil
		}
	case "metadata":
		return c.metadataCell(e, field)
	}
	return "", false
}

func (c queryCall) metadataCell(e *store.Experiment, field string) (string, bool) {
	optional := func(s *string) (string, bool) {
		if s == nil {
			return "", false
		}
		return *s, true
	}
	running := e.Running(c.Now(), c.HeartbeatTimeout)
	switch field {
	case "experimentKey", "experiment_key":
		return e.Key, true
	case "runId":
		return e.RunID, true
	case "user_name":
		return e.User, true
	case "file_name":
		return optional(e.FileName())
	case "file_path":
		return optional(e.FilePath)
	case "optimizationId":
		return optional(e.OptimizationID)
	case "start_server_timestamp":
		return utcText(e.Start), true
	case "end_server_timestamp", "last_message_time":
		return utcText(e.End), e.End != 0
	case "duration":
		return strconv.FormatFloat(float64(max(0, e.End-e.Start))/1000, 'f', -1, 64), e.End != 0
	case "runActive", "running":
		return bit(running), true
	case "archived":
		return bit(e.Archived), true
	case "hasHtml":
		return bit(e.HTML != nil && *e.HTML != ""), true
	case "hasImages":
		return bit(e.PerType["image"] > 0), true
	case "hasNotes":
		return bit(false), true
	}
	return "", false
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
