package comettest

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
)

func textRoutes() []route {
	return []route{
		{method: "POST", path: "write/experiment/html", handle: in(valueCall.writeHTML)},
		{method: "POST", path: "write/experiment/code", handle: in(valueCall.writeCode)},
		{method: "POST", path: "write/experiment/graph", handle: in(valueCall.writeGraph)},
		{method: "POST", path: "write/experiment/output", handle: in(valueCall.writeOutput)},
		{method: "POST", path: "write/experiment/git/metadata", handle: in(valueCall.writeGit)},
		{method: "POST", path: "write/experiment/git/patch", stream: true, handle: in(valueCall.writePatch)},
		{method: "POST", path: "write/experiment/system-details", handle: in(valueCall.writeSystem)},
		{method: "POST", path: "write/experiment/cloud-details", handle: in(valueCall.writeCloud)},
		{method: "PUT", path: "write/experiment/dependencies", handle: in(valueCall.writeDependencies)},
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
		return badRequest("html is missing")
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
		return badRequest("code is missing")
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
		return badRequest("graph is missing")
	}
	text, err := textOf(req.Graph)
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
		return badRequest("outputLines is missing")
	}
	for i, l := range req.OutputLines {
		if l.Output == nil || l.Offset == nil || len(*l.Output) > maxOutputLine {
			return badRequest("line %d: output or offset is missing, or output is too long", i)
		}
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		for _, l := range req.OutputLines {
			e.output.add(outputPiece{*l.Output, *l.Offset, l.Stderr, l.LocalTimestamp})
		}
		return c.ack()
	})
}

func (c valueCall) writeGit() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		gitMetadata
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		git := req.gitMetadata
		e.git = &git
		return c.ack()
	})
}

func (c valueCall) writePatch() error { return c.savePatch(c.optional("experimentKey")) }

// savePatch takes the field file of a multipart form as git patch.
func (c valueCall) savePatch(key string) error {
	if _, err := c.experiment(key, RoleOwner); err != nil {
		return err
	}
	form, err := uploadCall(c).multipart()
	if err != nil {
		return err
	}
	var patch []byte
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return badRequest("form: %v", err)
		}
		if part.FormName() != "file" {
			continue
		}
		if patch, err = io.ReadAll(limited(part, c.s.uploadLimit("git-patch"))); err != nil {
			return uploadError(err)
		}
	}
	if patch == nil {
		return badRequest("form field file is missing")
	}
	return c.writeExperiment(key, func(e *experiment) error {
		e.gitPatch = patch
		return c.ack()
	})
}

func (c valueCall) writeSystem() error {
	var doc map[string]json.RawMessage
	if err := c.decode(&doc); err != nil {
		return err
	}
	var key string
	if json.Unmarshal(doc["experimentKey"], &key) != nil {
		return badRequest("experimentKey is missing").withCode(codeNoExperimentKey)
	}
	if err := checkSystem(doc); err != nil {
		return err
	}
	return c.writeExperiment(key, func(e *experiment) error {
		if err := e.system.merge(doc, c.moods.AppendSystem); err != nil {
			return err
		}
		return c.ack()
	})
}

// checkSystem checks the lists among system details.
func checkSystem(doc map[string]json.RawMessage) error {
	for _, name := range systemLists {
		var list []json.RawMessage
		if raw, ok := doc[name]; ok && json.Unmarshal(raw, &list) != nil {
			return badRequest("%s is not a list", name)
		}
	}
	return nil
}

func (c valueCall) writeCloud() error {
	var req struct {
		ExperimentKey string `json:"experimentKey"`
		cloudDetails
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.Provider == "" {
		return badRequest("provider is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.cloud = append(e.cloud, cloudDetails{req.Provider, slices.Clone(req.Metadata)})
		return c.ack()
	})
}

func (c valueCall) writeDependencies() error {
	var req struct {
		ExperimentKey   string       `json:"experimentKey"`
		Timestamp       *int64       `json:"timestamp"`
		LogDependencies []dependency `json:"logDependencies"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.LogDependencies == nil {
		return badRequest("logDependencies is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.deps = append(e.deps, req.LogDependencies...)
		e.system.addPackages(req.LogDependencies)
		return c.ack()
	})
}
