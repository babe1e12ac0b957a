package comet

import (
	"context"
	"encoding/json"
	"net/http"
)

// Asset is an entry of an asset list.
type Asset struct {
	Raw      json.RawMessage
	ID       string
	Key      string // of its experiment, if the server tells
	Name     string
	Size     int64 // 0 for remote assets
	Type     string
	Dir      string
	Step     *int64
	Epoch    *int64
	Context  *string
	Created  *int64
	Metadata *string // JSON text
	Remote   bool
	Link     *string
}

func parseAsset(data []byte) Asset {
	a := Asset{Raw: data}
	members(data, func(name string, v []byte) {
		switch name {
		case "assetId":
			a.ID = textOrEmpty(v)
		case "experimentKey":
			a.Key = textOrEmpty(v)
		case "fileName":
			a.Name = textOrEmpty(v)
		case "fileSize":
			a.Size = intOrZero(v)
		case "type":
			a.Type = textOrEmpty(v)
		case "dir":
			a.Dir = textOrEmpty(v)
		case "step":
			a.Step = intOf(v)
		case "epoch":
			a.Epoch = intOf(v)
		case "runContext":
			a.Context = textOf(v)
		case "createdAt":
			a.Created = intOf(v)
		case "metadata":
			a.Metadata = textOf(v)
		case "remote":
			a.Remote = isTrue(v)
		case "link":
			a.Link = textOf(v)
		}
	})
	return a
}

func parseAssets(data []byte) []Asset {
	var list []Asset
	elements(member(data, "assets"), func(v []byte) { list = append(list, parseAsset(v)) })
	return list
}

// Assets returns the assets of an experiment: all of them if typ is empty,
// else those of one type.
func (c *Client) Assets(ctx context.Context, key, typ string) ([]Asset, error) {
	if typ == "" {
		// Without a type older servers leave out most.
		typ = "all"
	}
	data, err := c.get(ctx, readAssets, "experimentKey", key, "type", typ)
	if err != nil {
		return nil, err
	}
	return parseAssets(data), nil
}

// AssetsByName returns the assets of an experiment with a name. Older servers
// answer [ErrUnsupported].
func (c *Client) AssetsByName(ctx context.Context, key, name string) ([]Asset, error) {
	var list []Asset
	err := c.gated(ctx, featureAssetByName, http.MethodGet, c.experimentExists(ctx, key), func() error {
		data, err := c.get(ctx, readAssetsByName, "experimentKey", key, "assetName", name)
		list = parseAssets(data)
		return err
	})
	return list, err
}
