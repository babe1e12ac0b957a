package experiments

import (
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

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

func (c queryCall) columnNames() error {
	archived, err := c.Flag("archived")
	if err != nil {
		return err
	}
	list, err := c.queried(c.QueryProject(), archived)
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
	return c.Send(map[string]any{"columns": append(columns, dataColumns(list)...)})
}

// dataColumns are the columns of what was logged, sorted by source and name.
// A column is a number if all its values are.
func dataColumns(list []*store.Experiment) []column {
	types := make(map[[2]string]string)
	note := func(source, name, typ string) {
		id := [2]string{source, name}
		if types[id] != "string" {
			types[id] = typ
		}
	}
	for _, e := range list {
		e.Lock()
		for _, d := range e.AllOthers() {
			note("log_other", d.Name, typeOf(d.Current.Text))
		}
		for _, name := range e.MetricNames {
			note("metrics", name, "double")
		}
		for _, v := range e.Parameters.All() {
			note("params", v.Name, typeOf(v.Current.Text))
		}
		for _, tag := range e.Tags {
			note("tag", tag, "string")
		}
		e.Unlock()
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
	if _, ok := metric.ParseNumber(text); ok {
		return "double"
	}
	return "string"
}
