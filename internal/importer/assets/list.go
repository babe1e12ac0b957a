package assets

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// assetsThere are the assets that the destination has, by id.
type assetsThere map[string]assetThere

type assetThere struct {
	size   int64
	remote bool
	link   uint64 // hash, of a remote one
	name   uint64 // hash
	like   uint64
}

// is reports whether it may be an asset of the stream, by its size if that is
// known. The link of a remote one is a matter of its own.
func (t assetThere) is(a *upload.Asset, size int64) bool {
	if a.Record.Remote != nil || t.remote {
		return a.Record.Remote != nil && t.remote
	}
	return size < 0 || t.size == size
}

// linksElsewhere reports whether a remote asset has another link.
func (t assetThere) linksElsewhere(link *string) bool {
	return link != nil && t.remote && t.link != document.Hash(*link)
}

// readAssets reads the list of assets of the destination.
func (as *Assets) readAssets(ctx context.Context) (assetsThere, error) {
	have := make(assetsThere)
	err := as.Client.Assets.Each(ctx, as.Key, "", func() { clear(have) }, func(a *comet.Asset) error {
		have[strings.Clone(a.ID)] = assetThere{a.Size, a.Remote, document.Hash(document.Deref(a.Link)), document.Hash(upload.WrittenName(a)), upload.LikeOf(a)}
		return nil
	})
	if err != nil && !answer.Absent(err) {
		return nil, fmt.Errorf("list assets: %w", err)
	}
	return have, nil
}

// readAssetsFirst reads the list before anything is written. Of an experiment that
// an earlier import has left unfinished, maybe a moment ago, it reads until enough
// readings agree, unless an asset can be written only once.
func (as *Assets) readAssetsFirst(ctx context.Context) (have assetsThere, err error) {
	changes := 0
	_, err = reconcile.Settle(ctx, as.WaitSettled, reconcile.Agreeing, func(int) (int, bool, error) {
		now, err := as.readAssets(ctx)
		if !maps.Equal(now, have) {
			have, changes = now, changes+1
		}
		return changes, !as.Unfinished || as.Dry() || as.Uploads.IDs.Get() == upload.IDsKept, err
	})
	return have, err
}

// hasAsset reports whether the destination has the asset already: under its id
// or under the one it gets where that is taken.
func (as *Assets) hasAsset(ctx context.Context, a *upload.Asset) (bool, error) {
	// What refers to others may have been rewritten, to another size.
	if as.Existing == nil || a.Refers {
		return false, nil
	}
	have, err := as.assetsThere(ctx)
	if err != nil {
		return false, err
	}
	return as.found(have, a, upload.SizeOf(a.Record)), nil
}

func (as *Assets) assetsThere(ctx context.Context) (assetsThere, error) {
	as.Prefetch(ctx)
	return as.ahead.Wait(ctx)
}

const otherLink = "it is remote at the destination by another link"

// found looks for the asset in a list of those that the destination has. A size
// that is not known fits any.
func (as *Assets) found(have assetsThere, a *upload.Asset, size int64) bool {
	for _, id := range []string{a.Upload.ID, place.DeriveAsset(a.Record.ID, as.Target)} {
		t, ok := have[id]
		if ok && t.is(a, size) {
			as.Uploads.IDs.Set(upload.IDsKept)
			if as.standsFor(a, id) {
				return false
			}
			if t.linksElsewhere(a.Record.Remote) && as.Mode != reconcile.VerifyOnly {
				i := a.Issue()
				i.Reason = otherLink
				as.Differs(i)
			}
			if id != a.Upload.ID {
				a.Upload.ID = id
				as.change(a.Record.ID, id)
			}
			return true
		}
	}
	return as.foundLike(have, a, size)
}
