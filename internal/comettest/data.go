package comettest

import (
	"encoding/json"
	"slices"
	"strings"
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
		{method: "GET", path: "experiment/git/metadata", handle: in(valueCall.gitMetadata)},
		{method: "GET", path: "experiment/git/patch", handle: in(valueCall.gitPatch)},
		{method: "GET", path: "experiment/system-details", handle: in(valueCall.systemDetails)},
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

func (c valueCall) gitMetadata() error {
	return c.readExperiment(func(e *experiment) error {
		git := gitMetadata{}
		if e.git != nil {
			git = *e.git
		}
		return c.send(git)
	})
}

// gitPatch answers with the patch as it was uploaded, or, with status 200,
// that there is none.
func (c valueCall) gitPatch() error {
	return c.readExperiment(func(e *experiment) error {
		if e.gitPatch == nil {
			return c.send(saved("No git patch was found"))
		}
		c.w.Header().Set("Content-Type", "application/octet-stream")
		c.out = e.gitPatch
		return nil
	})
}

// systemDetails answers every field, those never written as null or as an
// empty list.
func (c valueCall) systemDetails() error {
	return c.readExperiment(func(e *experiment) error {
		doc := map[string]any{"experimentKey": nil, "maxTotalMemory": e.maxTotalMemory(), "systemMetricNames": e.systemMetricNames()}
		if len(e.system) > 0 {
			doc["experimentKey"] = e.key
		}
		for _, name := range systemScalars {
			doc[name] = e.system[name]
		}
		for _, name := range systemLists {
			if doc[name] = []string{}; e.system[name] != nil {
				doc[name] = e.system[name]
			}
		}
		return c.send(doc)
	})
}

func (e *experiment) systemMetricNames() []string {
	names := []string{}
	for _, n := range e.names {
		if strings.HasPrefix(n, "sys.") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// maxTotalMemory is the memory of the largest GPU, which the server derives.
func (e *experiment) maxTotalMemory() *float64 {
	var gpus []struct {
		TotalMemory float64 `json:"totalMemory"`
	}
	if json.Unmarshal(e.system["gpuStaticInfoList"], &gpus) != nil || len(gpus) == 0 {
		return nil
	}
	most := 0.0
	for _, g := range gpus {
		most = max(most, g.TotalMemory)
	}
	return &most
}
