package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
)

// ValueTable holds parameters or others by name, in order of first arrival.
type ValueTable struct {
	order  []string
	byName map[string]*ValueSummary
}

// ValueSummary is all that a server keeps of a parameter or other.
type ValueSummary struct {
	Name              string
	Min, Max, Current Stamped
	Source            string
}

// Stamped is one value that was logged, and when.
type Stamped struct {
	Text    string
	Time    int64
	Step    *int64
	Context *string
}

// Get returns the value of a name, nil if there is none.
func (t *ValueTable) Get(name string) *ValueSummary { return t.byName[name] }

// Set logs a value: it becomes the current one, and the least or greatest if
// it is less or greater than any before. Numbers come before texts at both ends,
// so that the order in which values arrive makes no difference.
func (t *ValueTable) Set(name string, v Stamped) {
	s := t.byName[name]
	if s == nil {
		if t.byName == nil {
			t.byName = make(map[string]*ValueSummary)
		}
		t.byName[name] = &ValueSummary{Name: name, Min: v, Max: v, Current: v}
		t.order = append(t.order, name)
		return
	}
	value := metric.ParseValue(v.Text)
	if value.Compare(metric.ParseValue(s.Min.Text), -1) < 0 {
		s.Min = v
	}
	if value.Compare(metric.ParseValue(s.Max.Text), 1) > 0 {
		s.Max = v
	}
	s.Current = v
}

// Remove deletes a value, and reports whether there was one.
func (t *ValueTable) Remove(name string) bool {
	if t.byName[name] == nil {
		return false
	}
	delete(t.byName, name)
	t.order = Without(t.order, name)
	return true
}

// Len is the number of values.
func (t *ValueTable) Len() int { return len(t.order) }

// All are the values in order of first arrival.
func (t *ValueTable) All() []*ValueSummary {
	list := make([]*ValueSummary, len(t.order))
	for i, name := range t.order {
		list[i] = t.byName[name]
	}
	return list
}

// AllOthers are the others. The name that the server made up stands among them until one
// is logged.
func (e *Experiment) AllOthers() []*ValueSummary {
	if e.GeneratedName == "" || e.Others.Get("Name") != nil {
		return e.Others.All()
	}
	v := Stamped{Text: e.GeneratedName, Time: e.Start}
	return append([]*ValueSummary{{Name: "Name", Min: v, Max: v, Current: v}}, e.Others.All()...)
}

// Stamp is the value of a metric point.
func (e *Experiment) Stamp(p metric.Point) Stamped {
	s := Stamped{Text: p.Value.String(), Time: p.Time, Context: metric.ContextName(e.Contexts, p.Context)}
	if p.HasStep {
		s.Step = &p.Step
	}
	return s
}

// Output is what an experiment printed: pieces of text in the order of
// their offsets, equal offsets in order of arrival.
type Output struct {
	Pieces []OutputPiece
	sorted bool
}

// OutputPiece is a piece of output, which need not be a line.
type OutputPiece struct {
	Text   string
	Offset int64
	Stderr bool
	Time   int64
}

// Add adds a piece.
func (o *Output) Add(p OutputPiece) {
	if n := len(o.Pieces); n > 0 && p.Offset < o.Pieces[n-1].Offset {
		o.sorted = false
	} else if n == 0 {
		o.sorted = true
	}
	o.Pieces = append(o.Pieces, p)
}

// Text is the output as one text.
func (o *Output) Text() string {
	if !o.sorted {
		slices.SortStableFunc(o.Pieces, func(a, b OutputPiece) int { return cmp.Compare(a.Offset, b.Offset) })
		o.sorted = true
	}
	var b strings.Builder
	for _, p := range o.Pieces {
		b.WriteString(p.Text)
	}
	return b.String()
}

// LastOffset is the greatest offset, 0 if there is no piece.
func (o *Output) LastOffset() int64 {
	last := int64(0)
	for _, p := range o.Pieces {
		last = max(last, p.Offset)
	}
	return last
}
