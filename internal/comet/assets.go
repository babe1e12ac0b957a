package comet

import (
	"context"
	"encoding/json"
	"net/http"
)

// Asset is an entry of an asset list.
type Asset struct {
	Raw json.RawMessage
	// Cut is true for one that is too large to be held: Raw has its short members
	// alone.
	Cut      bool
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

// Assets returns the assets of an experiment: all of them if typ is empty,
// else those of one type.
func (c *Client) Assets(ctx context.Context, key, typ string) ([]Asset, error) {
	if typ == "" {
		typ = allTypes
	}
	return listOf(ctx, c, readAssets, values("experimentKey", key, "type", typ), nil, parseAsset)
}

// allTypes asks for assets of all types. Without a type older servers leave out
// most.
const allTypes = "all"

// AssetsByName returns the assets of an experiment with a name. Older servers
// answer [ErrUnsupported].
func (c *Client) AssetsByName(ctx context.Context, key, name string) ([]Asset, error) {
	var found []Asset
	err := c.gated(ctx, featureAssetByName, http.MethodGet, c.experimentExists(ctx, key), func() (err error) {
		found, err = listOf(ctx, c, readAssetsByName, values("experimentKey", key, "assetName", name), nil, parseAsset)
		return err
	})
	return found, err
}
