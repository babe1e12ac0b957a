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
	Items    []string // names of the parts of a 3D scene, which are not assets
}

func parseAsset(data []byte) Asset {
	a := Asset{Raw: data}
	wire.Members(data, func(name string, v []byte) {
		switch name {
		case "assetId":
			a.ID = wire.TextOrEmpty(v)
		case "experimentKey":
			a.Key = wire.TextOrEmpty(v)
		case "fileName":
			a.Name = wire.TextOrEmpty(v)
		case "fileSize":
			a.Size = wire.IntOrZero(v)
		case "type":
			a.Type = wire.TextOrEmpty(v)
		case "dir":
			a.Dir = wire.TextOrEmpty(v)
		case "step":
			a.Step = wire.IntOf(v)
		case "epoch":
			a.Epoch = wire.IntOf(v)
		case "runContext":
			a.Context = wire.TextOf(v)
		case "createdAt":
			a.Created = wire.IntOf(v)
		case "metadata":
			a.Metadata = wire.TextOf(v)
		case "remote":
			a.Remote = wire.IsTrue(v)
		case "link":
			a.Link = wire.TextOf(v)
		case "items":
			wire.Elements(v, func(item []byte) {
				text := func(name string) string { return wire.TextOrEmpty(wire.Member(item, name)) }
				a.Items = append(a.Items, cmp.Or(text("fileName"), text("type"), text("assetId")))
			})
		}
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
