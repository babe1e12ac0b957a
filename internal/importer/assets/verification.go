package assets

import (
	"cmp"
	"context"
	"fmt"
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

// ReadBack compares the list, and the bytes of each asset.
func (as *Assets) ReadBack(ctx context.Context) ([]report.Issue, error) {
	as.findings = nil
	err := as.compare(ctx)
	return as.findings, err
}

func (as *Assets) finds(i report.Issue, reason string, args ...any) {
	as.findings = append(as.findings, report.Issue{Kind: i.Kind, Name: cmp.Or(i.Name, i.ID), Reason: fmt.Sprintf(reason, args...)})
}

func (as *Assets) compare(ctx context.Context) error {
	if len(as.want) == 0 && !as.Whole {
		return nil
	}
	if err := as.settleIDs(ctx); err != nil {
		return err
	}
	have, err := as.readAssets(ctx)
	if err != nil {
		return err
	}
	found := make(map[string]bool)
	for _, id := range slices.Sorted(maps.Keys(as.want)) {
		want := as.want[id]
		if now, ok := as.idOf(id); ok {
			want.ID = now // which may have come to light since it was written
		}
		t, ok := have[want.ID]
		if ok {
			found[want.ID] = true
		}
		switch {
		case !ok:
			as.finds(want.Issue, "the destination has it not")
		case t.remote != (want.Remote != nil):
			as.finds(want.Issue, "remote is %v in the stream, %v at the destination", want.Remote != nil, t.remote)
		case t.linksElsewhere(want.Remote):
			as.finds(want.Issue, otherLink)
		case t.remote:
		case t.size != want.Sum.Size:
			as.finds(want.Issue, "%d bytes in the stream, %d at the destination", want.Sum.Size, t.size)
		default:
			if err := as.bytes(ctx, want); err != nil {
				return err
			}
		}
	}
	return as.strangers(ctx, have, found)
}

// strangers tells of the assets of the destination that are none of the stream.
func (as *Assets) strangers(ctx context.Context, have assetsThere, found map[string]bool) error {
	if len(have) <= len(found) || !as.Whole || as.skipped[""] {
		return nil
	}
	equal := make(map[uint64]bool)
	for id := range found {
		equal[have[id].like] = true
	}
	var others []report.Issue
	err := as.Client.Assets.Each(ctx, as.Key, "", func() { others = nil }, func(a *comet.Asset) error {
		t, listed := have[a.ID]
		made := a.Type == stream.AssetFullMetric || a.Type == stream.AssetCombinedHistogram // by the server, of others
		if !listed || found[a.ID] || as.skipped[a.ID] || made {
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
	as.findings = append(as.findings, others...)
	return err
}

// bytes compares the content of an asset.
func (as *Assets) bytes(ctx context.Context, want upload.Expected) error {
	have, err := as.readSum(ctx, want.ID)
	if err != nil {
		return err
	}
	if have != want.Sum {
		as.finds(want.Issue, "its bytes are not those of the stream")
	}
	return nil
}

// readAssetSum reads an asset of the destination to its end.
func (as *Assets) readSum(ctx context.Context, id string) (content.Sum, error) {
	return as.ReadSum(ctx, func() (io.ReadCloser, error) {
		return as.Client.Assets.Content(ctx, comet.AssetRequest{Key: as.Key, ID: id})
	})
}
