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
		{Method: "POST", Path: "write/experiment/html", Handle: api.JSON(valueCall.writeHTML)},
		{Method: "POST", Path: "write/experiment/code", Handle: api.JSON(valueCall.writeCode)},
		{Method: "POST", Path: "write/experiment/graph", Handle: api.JSON(valueCall.writeGraph)},
		{Method: "POST", Path: "write/experiment/output", Handle: api.JSON(valueCall.writeOutput)},
	}
}

// noText reports whether a request is refused for want of its text.
func (c valueCall) noText(text *string) bool {
	return text == nil || *text == "" && c.Moods.RefuseEmptyTexts
}

type writeHTMLRequest struct {
	ExperimentKey string  `json:"experimentKey"`
	HTML          *string `json:"html"`
	Override      bool    `json:"override"`
	Timestamp     *int64  `json:"timestamp"`
}

func (c valueCall) writeHTML(req *writeHTMLRequest) error {
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

type writeCodeRequest struct {
	ExperimentKey string  `json:"experimentKey"`
	Code          *string `json:"code"`
}

func (c valueCall) writeCode(req *writeCodeRequest) error {
	if c.noText(req.Code) {
		return refusal.BadRequest("code is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Code = req.Code
		return c.Ack()
	})
}

type writeGraphRequest struct {
	ExperimentKey string          `json:"experimentKey"`
	Graph         json.RawMessage `json:"graph"`
}

// writeGraph takes text, and objects too, which it keeps as text.
func (c valueCall) writeGraph(req *writeGraphRequest) error {
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

type writeOutputRequest struct {
	ExperimentKey string  `json:"experimentKey"`
	RunContext    *string `json:"runContext"`
	OutputLines   []struct {
		Stderr         bool    `json:"stderr"`
		Output         *string `json:"output"`
		LocalTimestamp int64   `json:"localTimestamp"`
		Offset         *int64  `json:"offset"`
	} `json:"outputLines"`
}

func (c valueCall) writeOutput(req *writeOutputRequest) error {
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
