package comet

import (
	"context"
	"encoding/json"
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
func (c *Client) Models(ctx context.Context, key string) ([]Model, error) {
	data, err := c.get(ctx, readModels, "experimentKey", key)
	if err != nil {
		return nil, err
	}
	var list []Model
	elements(member(data, "models"), func(v []byte) {
		m := Model{Raw: v, Key: key}
		members(v, func(name string, v []byte) {
			switch name {
			case "experimentModelId":
				m.ID = textOrEmpty(v)
			case "modelName":
				m.Name = textOrEmpty(v)
			case "experimentModelName":
				if m.Name == "" {
					m.Name = textOrEmpty(v)
				}
			}
		})
		list = append(list, m)
	})
	return list, nil
}

// ModelAssets returns the assets of one model of an experiment.
func (c *Client) ModelAssets(ctx context.Context, key, model string) ([]Asset, error) {
	data, err := c.get(ctx, readModelAssets, "experimentKey", key, "modelName", model)
	if err != nil {
		return nil, err
	}
	return parseAssets(data), nil
}
