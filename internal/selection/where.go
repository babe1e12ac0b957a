package selection

import (
	"cmp"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Condition is a comparison of a parameter, an other or the summary of a metric
// with a value, such as "lr<0.01", "other:Name=best" or "metric:loss:min<0.2".
//
// Values that are both numbers are compared as such, others as texts. A value
// that an experiment lacks fulfils no condition.
type Condition struct {
	text, of, name, op, value string
	glob                      Glob // of the operator ~
}

// What a condition is of: parameters where nothing else is said.
const (
	ofParameter  = "parameter"
	ofOther      = "other"
	ofMetric     = "metric" // its last value
	ofMetricLow  = "metric:min"
	ofMetricHigh = "metric:max"
)

var conditionForm = regexp.MustCompile(`^\s*(?:(parameter|other|metric):)?(.+?)\s*(<=|>=|!=|==|=|<|>|~)\s*(.*?)\s*$`)

// ParseCondition reads a condition.
func ParseCondition(text string) (Condition, error) {
	m := conditionForm.FindStringSubmatch(text)
	if m == nil {
		return Condition{}, errors.New(`want a comparison by < <= > >= = != or ~, such as "lr<0.01", "other:Name~best*" or "metric:loss:min<0.2"`)
	}
	c := Condition{text: text, of: cmp.Or(m[1], ofParameter), name: m[2], op: m[3], value: m[4]}
	if c.of == ofMetric {
		for _, end := range []struct{ suffix, of string }{{":min", ofMetricLow}, {":max", ofMetricHigh}, {":last", ofMetric}} {
			if name, ok := strings.CutSuffix(c.name, end.suffix); ok && name != "" {
				c.name, c.of = name, end.of
				break
			}
		}
	}
	if c.op == "~" {
		var err error
		c.glob, err = ParseGlob(c.value)
		return c, err
	}
	return c, nil
}

// String returns the condition as it was given.
func (c *Condition) String() string { return c.text }

// holds reports whether a value fulfils the condition.
func (c *Condition) holds(value string) bool {
	if c.op == "~" {
		return c.glob.Match(value)
	}
	order := strings.Compare(value, c.value)
	a, errA := strconv.ParseFloat(value, 64)
	b, errB := strconv.ParseFloat(c.value, 64)
	switch {
	case errA == nil && errB == nil && (math.IsNaN(a) || math.IsNaN(b)):
		return (c.op == "!=") != (math.IsNaN(a) && math.IsNaN(b)) && (c.op == "=" || c.op == "==" || c.op == "!=")
	case errA == nil && errB == nil:
		order = cmp.Compare(a, b)
	case (errA == nil) != (errB == nil) && strings.ContainsAny(c.op, "<>"):
		return false // a number is neither before nor after a text
	}
	switch c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "!=":
		return order != 0
	}
	return order == 0
}

// Facts are what is known of one experiment for the conditions of a selection.
type Facts struct {
	conditions []Condition
	fulfilled  []bool
}

// Facts returns the facts of an experiment of which nothing is known yet.
func (s *Selection) Facts() *Facts { return &Facts{s.Where, make([]bool, len(s.Where))} }

// Parameter notes the value of a parameter.
func (f *Facts) Parameter(name, value string) { f.note(ofParameter, name, value) }

// Other notes the value of an other.
func (f *Facts) Other(name, value string) { f.note(ofOther, name, value) }

// Metric notes the summary of a metric. A value that is not known is empty.
func (f *Facts) Metric(name, low, high, last string) {
	for of, value := range map[string]string{ofMetricLow: low, ofMetricHigh: high, ofMetric: last} {
		if value != "" {
			f.note(of, name, value)
		}
	}
}

func (f *Facts) note(of, name, value string) {
	for i := range f.conditions {
		if c := &f.conditions[i]; c.of == of && c.name == name {
			f.fulfilled[i] = c.holds(value)
		}
	}
}

// Hold reports whether all conditions are fulfilled.
func (f *Facts) Hold() bool { return !slices.Contains(f.fulfilled, false) }

// Asks reports of which lists the conditions want to know.
func (s *Selection) Asks() (parameters, others, metrics bool) {
	for _, c := range s.Where {
		switch c.of {
		case ofParameter:
			parameters = true
		case ofOther:
			others = true
		default:
			metrics = true
		}
	}
	return parameters, others, metrics
}
