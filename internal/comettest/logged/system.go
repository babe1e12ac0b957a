package logged

import (
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// systemDetails answers every field, those never written as null or as an
// empty list.
func (c originCall) systemDetails() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		doc := map[string]any{"experimentKey": nil, "maxTotalMemory": e.MaxTotalMemory(), "systemMetricNames": e.SystemMetricNames()}
		if len(e.System) > 0 {
			doc["experimentKey"] = e.Key
		}
		for _, name := range store.SystemScalars {
			doc[name] = e.System[name]
		}
		for _, name := range store.SystemLists {
			if doc[name] = []string{}; e.System[name] != nil {
				doc[name] = e.System[name]
			}
		}
		return c.Send(doc)
	})
}

func (c originCall) writeSystem() error {
	var doc map[string]json.RawMessage
	if err := c.Decode(&doc); err != nil {
		return err
	}
	var key string
	if json.Unmarshal(doc["experimentKey"], &key) != nil {
		return refusal.BadRequest("experimentKey is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	if err := checkSystem(doc); err != nil {
		return err
	}
	return c.WriteExperiment(key, func(e *store.Experiment) error {
		if err := e.System.Merge(doc, c.Moods.AppendSystem); err != nil {
			return err
		}
		return c.Ack()
	})
}

// checkSystem checks the lists among system details.
func checkSystem(doc map[string]json.RawMessage) error {
	for _, name := range store.SystemLists {
		var list []json.RawMessage
		if raw, ok := doc[name]; ok && json.Unmarshal(raw, &list) != nil {
			return refusal.BadRequest("%s is not a list", name)
		}
	}
	return nil
}
