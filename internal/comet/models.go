package comet

import (
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Model is a model of an experiment: the model elements with one grouping
// name.
type Model struct {
	Raw  json.RawMessage
	ID   string // experimentModelId
	Key  string // of the experiment
	Name string
}

// Models returns the models of an experiment.
func (c Assets) Models(ctx context.Context, key string) ([]Model, error) {
	return api.ListOf(ctx, c.conn, readModels, api.Query("experimentKey", key), nil, func(data []byte) Model {
		m := Model{Raw: data, Key: key}
		wire.Members(data, func(name string, v []byte) {
			switch name {
			case "experimentModelId":
				m.ID = wire.TextOrEmpty(v)
			case "modelName":
				m.Name = wire.TextOrEmpty(v)
			case "experimentModelName":
				if m.Name == "" {
					m.Name = wire.TextOrEmpty(v)
				}
			}
		})
		return m
	})
}
