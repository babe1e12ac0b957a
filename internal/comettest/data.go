package comettest

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func dataRoutes() []route {
	return []route{
		{method: "GET", path: "experiment/parameters", handle: in(valueCall.parameters)},
		{method: "GET", path: "experiment/log-other", handle: in(valueCall.others)},
		{method: "GET", path: "experiment/tags", handle: in(valueCall.tags)},
		{method: "GET", path: "experiment/html", handle: in(valueCall.html)},
		{method: "GET", path: "experiment/code", handle: in(valueCall.code)},
		{method: "GET", path: "experiment/output", handle: in(valueCall.output)},
		{method: "GET", path: "experiment/graph", handle: in(valueCall.graph)},
	}
}

// summaryDoc is the least, the greatest and the current value of a name.
type summaryDoc struct {
	Name              string  `json:"name"`
	ValueMax          string  `json:"valueMax"`
	ValueMin          string  `json:"valueMin"`
	ValueCurrent      string  `json:"valueCurrent"`
	TimestampMax      int64   `json:"timestampMax"`
	TimestampMin      int64   `json:"timestampMin"`
	TimestampCurrent  int64   `json:"timestampCurrent"`
	RunContextMax     *string `json:"runContextMax"`
	RunContextMin     *string `json:"runContextMin"`
	RunContextCurrent *string `json:"runContextCurrent"`
	StepMax           *int64  `json:"stepMax"`
	StepMin           *int64  `json:"stepMin"`
	StepCurrent       *int64  `json:"stepCurrent"`
	Editable          bool    `json:"editable"`
}

func newSummaryDoc(name string, low, high, current store.Stamped) summaryDoc {
	return summaryDoc{
		Name:     name,
		ValueMax: high.Text, ValueMin: low.Text, ValueCurrent: current.Text,
		TimestampMax: high.Time, TimestampMin: low.Time, TimestampCurrent: current.Time,
		RunContextMax: high.Context, RunContextMin: low.Context, RunContextCurrent: current.Context,
		StepMax: high.Step, StepMin: low.Step, StepCurrent: current.Step,
	}
}

func summaryDocs(t *store.ValueTable) []summaryDoc {
	docs := []summaryDoc{}
	for _, v := range t.All() {
		docs = append(docs, newSummaryDoc(v.Name, v.Min, v.Max, v.Current))
	}
	return docs
}

func (c valueCall) parameters() error {
	return c.readExperiment(func(e *store.Experiment) error {
		return c.send(map[string]any{"values": summaryDocs(&e.Parameters)})
	})
}

func (c valueCall) others() error {
	return c.readExperiment(func(e *store.Experiment) error {
		return c.send(map[string]any{"values": otherDocs(e)})
	})
}

// otherDocs are the others of e. The name that the server made up stands among
// them until one is logged.
func otherDocs(e *store.Experiment) []summaryDoc {
	docs := summaryDocs(&e.Others)
	if e.GeneratedName != "" && e.Others.Get("Name") == nil {
		v := store.Stamped{Text: e.GeneratedName, Time: e.Start}
		docs = slices.Insert(docs, 0, newSummaryDoc("Name", v, v, v))
	}
	return docs
}

func (c valueCall) tags() error {
	return c.readExperiment(func(e *store.Experiment) error {
		return c.send(map[string]any{"tags": append([]string{}, e.Tags...)})
	})
}

func (c valueCall) html() error {
	return c.readExperiment(func(e *store.Experiment) error { return c.send(map[string]any{"html": e.HTML}) })
}

func (c valueCall) code() error {
	return c.readExperiment(func(e *store.Experiment) error { return c.send(map[string]any{"code": e.Code}) })
}

func (c valueCall) graph() error {
	return c.readExperiment(func(e *store.Experiment) error { return c.send(map[string]any{"graph": e.Graph}) })
}

func (c valueCall) output() error {
	return c.readExperiment(func(e *store.Experiment) error {
		return c.send(map[string]any{"output": e.Output.Text()})
	})
}
