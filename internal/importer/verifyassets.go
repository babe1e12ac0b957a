package importer

import (
	"cmp"
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// assets compares the list, and the bytes of each asset.
func (v *verification) assets(ctx context.Context) error {
	if len(v.x.assets) == 0 && !v.e.source.Whole.Has(stream.ResourceAssets) {
		return nil
	}
	if err := v.e.settleIDs(ctx); err != nil {
		return err
	}
	have, err := v.e.readAssets(ctx)
	if err != nil {
		return err
	}
	found := make(map[string]bool)
	for _, id := range slices.Sorted(maps.Keys(v.x.assets)) {
		want := v.x.assets[id]
		if now, ok := v.e.assets.idOf(id); ok {
			want.ID = now // which may have come to light since it was written
		}
		t, ok := have[want.ID]
		if ok {
			found[want.ID] = true
		}
		switch {
		case !ok:
			v.finds(want.Issue.Kind, itemTitle(want.Issue), "the destination has it not")
		case t.remote != (want.Remote != nil):
			v.finds(want.Issue.Kind, itemTitle(want.Issue), "remote is %v in the stream, %v at the destination", want.Remote != nil, t.remote)
		case t.linksElsewhere(want.Remote):
			v.finds(want.Issue.Kind, itemTitle(want.Issue), otherLink)
		case t.remote:
		case t.size != want.Sum.Size:
			v.finds(want.Issue.Kind, itemTitle(want.Issue), "%d bytes in the stream, %d at the destination", want.Sum.Size, t.size)
		default:
			if err := v.bytes(ctx, want); err != nil {
				return err
			}
		}
	}
	return v.strangers(ctx, have, found)
}

// strangers tells of the assets of the destination that are none of the stream.
func (v *verification) strangers(ctx context.Context, have assetsThere, found map[string]bool) error {
	if len(have) <= len(found) || !v.e.source.Whole.Has(stream.ResourceAssets) || v.x.skipped[""] {
		return nil
	}
	equal := make(map[uint64]bool)
	for id := range found {
		equal[have[id].like] = true
	}
	var others []report.Issue
	err := v.e.r.Client.Assets.Each(ctx, v.e.Key, "", func() { others = nil }, func(a *comet.Asset) error {
		t, listed := have[a.ID]
		made := a.Type == stream.AssetFullMetric || a.Type == stream.AssetCombinedHistogram // by the server, of others
		if !listed || found[a.ID] || v.x.skipped[a.ID] || made {
			return nil
		}
		i := report.Issue{Kind: string(stream.KindAsset), Name: strings.Clone(cmp.Or(a.Name, a.ID)), Reason: upload.Stranger}
		if equal[t.like] {
			i.Reason = "an equal one is there too, under another id"
		}
		others = append(others, i)
		return nil
	})
	slices.SortFunc(others, func(a, b report.Issue) int { return strings.Compare(a.Name, b.Name) })
	v.found = append(v.found, others...)
	return err
}

func itemTitle(i report.Issue) string {
	if i.Name != "" {
		return i.Name
	}
	return i.ID
}

// bytes compares the content of an asset.
func (v *verification) bytes(ctx context.Context, want upload.Expected) error {
	have, err := v.e.r.readAssetSum(ctx, v.e.Key, want.ID)
	if err != nil {
		return err
	}
	if have != want.Sum {
		v.finds(want.Issue.Kind, itemTitle(want.Issue), "its bytes are not those of the stream")
	}
	return nil
}

// readAssetSum reads an asset of the destination to its end.
func (r *run) readAssetSum(ctx context.Context, key, id string) (content.Sum, error) {
	return r.ReadSum(ctx, func() (io.ReadCloser, error) {
		return r.Client.Assets.Content(ctx, comet.AssetRequest{Key: key, ID: id})
	})
}
