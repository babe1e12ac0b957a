package comettest

import "github.com/comet-stream/comet-stream/internal/comettest/metric"

// valueTable holds parameters or others by name, in order of first arrival.
type valueTable struct {
	order  []string
	byName map[string]*valueSummary
}

// valueSummary is all that a server keeps of a parameter or other.
type valueSummary struct {
	name              string
	min, max, current stamped
	source            string
}

// stamped is one value that was logged, and when.
type stamped struct {
	text    string
	time    int64
	step    *int64
	context *string
}

func (t *valueTable) get(name string) *valueSummary { return t.byName[name] }

// set logs a value: it becomes the current one, and the least or greatest if
// it is less or greater than any before. Numbers come before texts at both ends,
// so that the order in which values arrive makes no difference.
func (t *valueTable) set(name string, v stamped) {
	s := t.byName[name]
	if s == nil {
		if t.byName == nil {
			t.byName = make(map[string]*valueSummary)
		}
		t.byName[name] = &valueSummary{name: name, min: v, max: v, current: v}
		t.order = append(t.order, name)
		return
	}
	value := metric.ParseValue(v.text)
	if value.Compare(metric.ParseValue(s.min.text), -1) < 0 {
		s.min = v
	}
	if value.Compare(metric.ParseValue(s.max.text), 1) > 0 {
		s.max = v
	}
	s.current = v
}

func (t *valueTable) remove(name string) bool {
	if t.byName[name] == nil {
		return false
	}
	delete(t.byName, name)
	t.order = without(t.order, name)
	return true
}

func (t *valueTable) all() []*valueSummary {
	list := make([]*valueSummary, len(t.order))
	for i, name := range t.order {
		list[i] = t.byName[name]
	}
	return list
}
