// Package listing has the entries of lists, those of comet-export -l and of
// comet-filter --list: as lines for people and shells, or as JSON, in the same words
// for the same things.
package listing

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// An Entry is one of a list. Its kind is that of the stream, or "workspace".
type Entry struct {
	Kind   string
	Fields []Field
}

// A Field is a named value of an entry: a string, an int64, or nil for none.
type Field struct {
	Name  string
	Value any
}

// Texts returns the values as the columns of a line.
func (e Entry) Texts() []string {
	texts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		if f.Value != nil {
			texts[i] = fmt.Sprint(f.Value)
		}
	}
	return texts
}

// JSON returns the entry as a JSON object, its fields in their order. Those without
// a value are left out.
func (e Entry) JSON() ([]byte, error) {
	kind, err := json.Marshal(e.Kind)
	out := append([]byte(`{"kind":`), kind...)
	for _, f := range e.Fields {
		if f.Value == nil || err != nil {
			continue
		}
		var name, value []byte
		if name, err = json.Marshal(f.Name); err == nil {
			value, err = json.Marshal(f.Value)
		}
		out = append(append(append(append(out, ','), name...), ':'), value...)
	}
	return append(out, '}'), err
}

// Line returns the entry as a line without its end: JSON, or columns that are
// separated by tabs, each escaped.
func (e Entry) Line(asJSON bool, escape func(string) string, escapeJSON func([]byte) []byte) (string, error) {
	if asJSON {
		line, err := e.JSON()
		return string(escapeJSON(line)), err
	}
	texts := e.Texts()
	for i, text := range texts {
		texts[i] = escape(text)
	}
	return strings.Join(texts, "\t"), nil
}

// State returns the state of an experiment in words: finished, running or
// crashed, with ",archived" after it where it is. One that is not known to have
// crashed has not.
func State(running bool, crashed *bool, archived bool) string {
	state := "finished"
	switch {
	case running:
		state = "running"
	case crashed != nil && *crashed:
		state = "crashed"
	}
	if archived {
		state += ",archived"
	}
	return state
}

// IsRunning reports whether a state is that of an experiment that goes on.
func IsRunning(state string) bool { return state == "running" || state == "running,archived" }

// IsArchived reports whether a state is that of an archived experiment.
func IsArchived(state string) bool { return strings.HasSuffix(state, ",archived") }

// Time returns a time in milliseconds as people and programs both read it, nil for
// none.
func Time(ms *int64) any {
	if ms == nil {
		return nil
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// ParseTime reads what [Time] returns, nil for anything else.
func ParseTime(text string) *int64 {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

// Optional returns a text as the value of a field, nil for an empty one.
func Optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}
