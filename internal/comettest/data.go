package comettest

import (
	"slices"
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

func newSummaryDoc(name string, low, high, current stamped) summaryDoc {
	return summaryDoc{
		Name:     name,
		ValueMax: high.text, ValueMin: low.text, ValueCurrent: current.text,
		TimestampMax: high.time, TimestampMin: low.time, TimestampCurrent: current.time,
		RunContextMax: high.context, RunContextMin: low.context, RunContextCurrent: current.context,
		StepMax: high.step, StepMin: low.step, StepCurrent: current.step,
	}
}

func (t *valueTable) docs() []summaryDoc {
	docs := []summaryDoc{}
	for _, v := range t.all() {
		docs = append(docs, newSummaryDoc(v.name, v.min, v.max, v.current))
	}
	return docs
}

func (c valueCall) parameters() error {
	return c.readExperiment(func(e *experiment) error {
		return c.send(map[string]any{"values": e.params.docs()})
	})
}

func (c valueCall) others() error {
	return c.readExperiment(func(e *experiment) error {
		return c.send(map[string]any{"values": e.otherDocs()})
	})
}

// otherDocs are the others of e. The name that the server made up stands among
// them until one is logged.
func (e *experiment) otherDocs() []summaryDoc {
	docs := e.others.docs()
	if e.generatedName != "" && e.others.get("Name") == nil {
		v := stamped{text: e.generatedName, time: e.start}
		docs = slices.Insert(docs, 0, newSummaryDoc("Name", v, v, v))
	}
	return docs
}

func (c valueCall) tags() error {
	return c.readExperiment(func(e *experiment) error {
		return c.send(map[string]any{"tags": append([]string{}, e.tags...)})
	})
}

func (c valueCall) html() error {
	return c.readExperiment(func(e *experiment) error { return c.send(map[string]any{"html": e.html}) })
}

func (c valueCall) code() error {
	return c.readExperiment(func(e *experiment) error { return c.send(map[string]any{"code": e.code}) })
}

func (c valueCall) graph() error {
	return c.readExperiment(func(e *experiment) error { return c.send(map[string]any{"graph": e.graph}) })
}

func (c valueCall) output() error {
	return c.readExperiment(func(e *experiment) error {
		return c.send(map[string]any{"output": e.output.text()})
	})
}
