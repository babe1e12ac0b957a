package comettest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func textRoutes() []route {
	return []route{
		{method: "POST", path: "write/experiment/html", handle: in(valueCall.writeHTML)},
		{method: "POST", path: "write/experiment/code", handle: in(valueCall.writeCode)},
		{method: "POST", path: "write/experiment/graph", handle: in(valueCall.writeGraph)},
		{method: "POST", path: "write/experiment/output", handle: in(valueCall.writeOutput)},
	}
}

// noText reports whether a request is refused for want of its text.
func (c valueCall) noText(text *string) bool {
	return text == nil || *text == "" && c.moods.RefuseEmptyTexts
}

func (c valueCall) writeHTML() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		HTML          *string `json:"html"`
		Override      bool    `json:"override"`
		Timestamp     *int64  `json:"timestamp"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if c.noText(req.HTML) {
		return refusal.BadRequest("html is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		if e.html != nil && !req.Override {
			text := *e.html + *req.HTML
			req.HTML = &text
		}
		e.html = req.HTML
		return c.ack()
	})
}

func (c valueCall) writeCode() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		Code          *string `json:"code"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if c.noText(req.Code) {
		return refusal.BadRequest("code is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.code = req.Code
		return c.ack()
	})
}

// writeGraph takes text, and objects too, which it keeps as text.
func (c valueCall) writeGraph() error {
	var req struct {
		ExperimentKey string          `json:"experimentKey"`
		Graph         json.RawMessage `json:"graph"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if len(req.Graph) == 0 || string(req.Graph) == "null" {
		return refusal.BadRequest("graph is missing")
	}
	text, err := wire.Text(req.Graph)
	if err != nil {
		return err
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.graph = &text
		return c.ack()
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
	if err := c.decode(&req); err != nil {
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
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		for _, l := range req.OutputLines {
			e.output.add(outputPiece{*l.Output, *l.Offset, l.Stderr, l.LocalTimestamp})
		}
		return c.ack()
	})
}

// outputLog is what an experiment printed: pieces of text in the order of
// their offsets, equal offsets in order of arrival.
type outputLog struct {
	pieces []outputPiece
	sorted bool
}

type outputPiece struct {
	text   string
	offset int64
	stderr bool
	time   int64
}

func (o *outputLog) add(p outputPiece) {
	if n := len(o.pieces); n > 0 && p.offset < o.pieces[n-1].offset {
		o.sorted = false
	} else if n == 0 {
		o.sorted = true
	}
	o.pieces = append(o.pieces, p)
}

func (o *outputLog) text() string {
	if !o.sorted {
		slices.SortStableFunc(o.pieces, func(a, b outputPiece) int { return cmp.Compare(a.offset, b.offset) })
		o.sorted = true
	}
	var b strings.Builder
	for _, p := range o.pieces {
		b.WriteString(p.text)
	}
	return b.String()
}
