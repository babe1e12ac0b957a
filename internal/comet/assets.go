package comet

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Assets are the calls of the assets of an experiment.
type Assets struct{ conn *api.Conn }

// Asset is an entry of an asset list.
type Asset struct {
	Raw json.RawMessage `wire:"."`
	// Cut is true for one that is too large to be held: Raw has its short members
	// alone.
	Cut      bool
	ID       string   `wire:"assetId"`
	Key      string   `wire:"experimentKey"` // of its experiment, if the server tells
	Name     string   `wire:"fileName"`
	Size     int64    `wire:"fileSize"` // 0 for remote assets
	Type     string   `wire:"type"`
	Dir      string   `wire:"dir"`
	Step     *int64   `wire:"step"`
	Epoch    *int64   `wire:"epoch"`
	Context  *string  `wire:"runContext"`
	Created  *int64   `wire:"createdAt"`
	Metadata *string  `wire:"metadata"` // JSON text
	Remote   bool     `wire:"remote"`
	Link     *string  `wire:"link"`
	Items    []string // names of the parts of a 3D scene, which are not assets
}

func parseAsset(data []byte) Asset {
	a := wire.Parse[Asset](data)
	wire.Elements(wire.Member(data, "items"), func(item []byte) {
		text := func(name string) string { return wire.TextOrEmpty(wire.Member(item, name)) }
		a.Items = append(a.Items, cmp.Or(text("fileName"), text("type"), text("assetId")))
	})
	return a
}

// allTypes asks for assets of all types. Without a type older servers leave out
// most.
const allTypes = "all"

// Each calls yield for each asset of an experiment as the answer comes,
// under the terms of [Parameters.Each]: all of them if typ is empty, else
// those of one type.
func (c Assets) Each(ctx context.Context, key, typ string, restart func(), yield func(*Asset) error) error {
	if typ == "" {
		typ = allTypes
	}
	q := api.Query("experimentKey", key, "type", typ)
	return c.conn.Each(ctx, readAssets, q, restart, func(v []byte, cut bool) error {
		a := parseAsset(v)
		a.Cut = cut
		return yield(&a)
	})
}

// Content returns the content of an asset.
func (c Assets) Content(ctx context.Context, ar api.AssetRequest) (*api.Body, error) {
	return c.conn.Download(ctx, ar)
}
