// Package logged has the calls that log to an experiment, and those that read it back:
// parameters, others, tags, texts, metric points, and where the experiment came from.
package logged

import (
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A valueCall is about the parameters, others, tags and texts of an experiment.
type valueCall struct{ *api.Call }

// Routes are the calls of this area.
func Routes() []api.Route {
	return slices.Concat(dataRoutes(), valueRoutes(), textRoutes(), originRoutes(), metricRoutes())
}

func dataRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/parameters", Handle: api.In(valueCall.parameters)},
		{Method: "GET", Path: "experiment/log-other", Handle: api.In(valueCall.others)},
		{Method: "GET", Path: "experiment/tags", Handle: api.In(valueCall.tags)},
		{Method: "GET", Path: "experiment/html", Handle: api.In(valueCall.html)},
		{Method: "GET", Path: "experiment/code", Handle: api.In(valueCall.code)},
		{Method: "GET", Path: "experiment/output", Handle: api.In(valueCall.output)},
		{Method: "GET", Path: "experiment/graph", Handle: api.In(valueCall.graph)},
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

func summaryDocs(list []*store.ValueSummary) []summaryDoc {
	docs := []summaryDoc{}
	for _, v := range list {
		docs = append(docs, newSummaryDoc(v.Name, v.Min, v.Max, v.Current))
	}
	return docs
}

func (c valueCall) parameters() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.Send(map[string]any{"values": summaryDocs(e.Parameters.All())})
	})
}

func (c valueCall) others() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.Send(map[string]any{"values": summaryDocs(e.AllOthers())})
	})
}

func (c valueCall) tags() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.Send(map[string]any{"tags": append([]string{}, e.Tags...)})
	})
}

func (c valueCall) html() error {
	return c.ReadExperiment(func(e *store.Experiment) error { return c.Send(map[string]any{"html": e.HTML}) })
}

func (c valueCall) code() error {
	return c.ReadExperiment(func(e *store.Experiment) error { return c.Send(map[string]any{"code": e.Code}) })
}

func (c valueCall) graph() error {
	return c.ReadExperiment(func(e *store.Experiment) error { return c.Send(map[string]any{"graph": e.Graph}) })
}

func (c valueCall) output() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.Send(map[string]any{"output": e.Output.Text()})
	})
}
