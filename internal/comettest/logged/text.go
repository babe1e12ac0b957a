package logged

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func textRoutes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: "write/experiment/html", Handle: api.In(valueCall.writeHTML)},
		{Method: "POST", Path: "write/experiment/code", Handle: api.In(valueCall.writeCode)},
		{Method: "POST", Path: "write/experiment/graph", Handle: api.In(valueCall.writeGraph)},
		{Method: "POST", Path: "write/experiment/output", Handle: api.In(valueCall.writeOutput)},
	}
}

// noText reports whether a request is refused for want of its text.
func (c valueCall) noText(text *string) bool {
	return text == nil || *text == "" && c.Moods.RefuseEmptyTexts
}

func (c valueCall) writeHTML() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		HTML          *string `json:"html"`
		Override      bool    `json:"override"`
		Timestamp     *int64  `json:"timestamp"`
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	if c.noText(req.HTML) {
		return refusal.BadRequest("html is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		if e.HTML != nil && !req.Override {
			text := *e.HTML + *req.HTML
			req.HTML = &text
		}
		e.HTML = req.HTML
		return c.Ack()
	})
}

func (c valueCall) writeCode() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		Code          *string `json:"code"`
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	if c.noText(req.Code) {
		return refusal.BadRequest("code is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Code = req.Code
		return c.Ack()
	})
}

// writeGraph takes text, and objects too, which it keeps as text.
func (c valueCall) writeGraph() error {
	var req struct {
		ExperimentKey string          `json:"experimentKey"`
		Graph         json.RawMessage `json:"graph"`
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	if len(req.Graph) == 0 || string(req.Graph) == "null" {
		return refusal.BadRequest("graph is missing")
	}
	text, err := wire.Text(req.Graph)
	if err != nil {
		return err
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Graph = &text
		return c.Ack()
	})
}

// maxOutputLine is the most bytes of one piece of output.
const maxOutputLine = 20_000_000

func (c valueCall) writeOutput() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		RunContext    *string `json:"runContext"`
		OutputLines   []struct {
			Stderr         bool    `json:"stderr"`
			Output         *string `json:"output"`
			LocalTimestamp int64   `json:"localTimestamp"`
			Offset         *int64  `json:"offset"`
		} `json:"outputLines"`
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	if req.OutputLines == nil {
		return refusal.BadRequest("outputLines is missing")
	}
	for i, l := range req.OutputLines {
		if l.Output == nil || l.Offset == nil || len(*l.Output) > maxOutputLine {
			return refusal.BadRequest("line %d: output or offset is missing, or output is too long", i)
		}
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		for _, l := range req.OutputLines {
			e.Output.Add(store.OutputPiece{Text: *l.Output, Offset: *l.Offset, Stderr: l.Stderr, Time: l.LocalTimestamp})
		}
		return c.Ack()
	})
}
