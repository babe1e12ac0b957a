package comet

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Model is a model of an experiment: the model elements with one grouping
// name.
type Model struct {
	Raw  json.RawMessage `wire:"."`
	ID   string          `wire:"experimentModelId"` // experimentModelId
	Key  string          // of the experiment
	Name string          `wire:"modelName"`
}

// Models returns the models of an experiment.
func (c Assets) Models(ctx context.Context, key string) ([]Model, error) {
	return api.ListOf(ctx, c.conn, readModels, api.Query("experimentKey", key), nil, func(data []byte) Model {
		m := wire.Parse[Model](data)
		m.Key, m.Name = key, cmp.Or(m.Name, wire.TextOrEmpty(wire.Member(data, "experimentModelName")))
		return m
	})
}
