package assets

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/index"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// A listing is what the destination lists of the assets of an experiment, by the
// hashes of their ids.
type listing struct {
	*index.Index[listed]
	likenesses []like // sorted
	sum        uint64 // stands for all of it
}

// listed is an asset in it.
type listed struct {
	id     string
	like   uint64
	size   int64 // of a remote one the hash of its link
	remote bool
}

// like leads from a likeness to one of the assets that have it.
type like struct{ like, id uint64 }

func compareLikes(a, b like) int { return cmp.Or(cmp.Compare(a.like, b.like), cmp.Compare(a.id, b.id)) }

// entryOf returns what is held of an asset.
func entryOf(a *comet.Asset) listed {
	l := listed{a.ID, upload.LikeOf(a), a.Size, a.Remote}
	if a.Remote {
		l.size = linkHash(a.Link)
	}
	return l
}

func linkHash(link *string) int64 { return int64(document.Hash(document.Deref(link))) }

// is reports whether it may be an asset of the stream, by its size if that is
// known. The link of a remote one is a matter of its own.
func (t listed) is(a *upload.Asset, size int64) bool {
	if a.Record.Remote != nil || t.remote {
		return a.Record.Remote != nil && t.remote
	}
	return size < 0 || t.size == size
}

// linksElsewhere reports whether a remote asset has another link.
func (t listed) linksElsewhere(link *string) bool {
	return link != nil && t.remote && t.size != linkHash(link)
}

// get returns the asset of an id.
func (l *listing) get(id string) (listed, bool) { return l.Get(document.Hash(id)) }

// alike returns the ids of the assets of a likeness.
func (l *listing) alike(of uint64) []string {
	from, _ := slices.BinarySearchFunc(l.likenesses, like{of, 0}, compareLikes)
	var ids []string
	for _, k := range l.likenesses[from:] {
		if k.like != of {
			break
		}
		t, _ := l.Get(k.id)
		ids = append(ids, t.id)
	}
	slices.Sort(ids)
	return ids
}

// eachAsset reads the list of the destination, which may have none.
func (as *Assets) eachAsset(ctx context.Context, restart func(), yield func(*comet.Asset) error) error {
	err := as.Client.Assets.Each(ctx, as.Key, "", restart, yield)
	if err != nil && !answer.Absent(err) {
		return fmt.Errorf("list assets: %w", err)
	}
	return nil
}

// readAssets reads what the destination has of those that are wanted, of all if
// wanted is nil, and holds it in a share.
func (as *Assets) readAssets(ctx context.Context, share *flow.Share, wanted func(listed) bool) (*listing, error) {
	var l *listing
	restart := func() {
		share.Free()
		l = &listing{Index: index.New[listed](share)}
	}
	restart()
	err := as.eachAsset(ctx, restart, func(a *comet.Asset) error {
		t := entryOf(a)
		if wanted != nil && !wanted(t) {
			return nil
		}
		t.id = strings.Clone(t.id)
		return l.Put(document.Hash(t.id), t, len(t.id)+likeSize)
	})
	if err != nil {
		l.Free()
		return nil, err
	}
	l.Seal()
	l.likenesses = make([]like, 0, l.Len())
	l.Each(func(id uint64, t listed) {
		l.likenesses = append(l.likenesses, like{t.like, id})
		l.sum += document.Hash(fmt.Sprint(id, t.like, t.size, t.remote))
	})
	slices.SortFunc(l.likenesses, compareLikes)
	return l, nil
}

const likeSize = 16

// readInTurn reads the whole list, when it is the turn of the experiment if there
// is no room for it before.
func (as *Assets) readInTurn(ctx context.Context) (*listing, error) {
	return flow.InTurn(ctx, as.Turn, func() (*listing, error) { return as.readAssets(ctx, as.Share(), nil) })
}

// readAssetsFirst reads the list before anything is written. Of an experiment that
// an earlier import has left unfinished, maybe a moment ago, it reads until enough
// readings agree, unless an asset can be written only once.
func (as *Assets) readAssetsFirst(ctx context.Context) (have *listing, err error) {
	_, err = reconcile.Settle(ctx, as.WaitSettled, reconcile.Agreeing, func(int) (uint64, bool, error) {
		if have != nil {
			have.Free()
		}
		have, err = as.readInTurn(ctx)
		if err != nil {
			return 0, false, err
		}
		return have.sum, !as.Unfinished || as.Dry() || as.Uploads.IDs.Get() == upload.IDsKept, nil
	})
	return have, err
}

// hasAsset reports whether the destination has the asset already: under its id
// or under the one it gets where that is taken.
func (as *Assets) hasAsset(ctx context.Context, a *upload.Asset) (bool, error) {
	if as.Existing == nil {
		return false, nil
	}
	// Those who wait for the list hold nothing that others may wait for.
	have, err := as.assetsThere(ctx)
	// What refers to others may have been rewritten, to another size.
	if err != nil || a.Refers {
		return false, err
	}
	return as.found(have, a, upload.SizeOf(a.Record)), nil
}

func (as *Assets) assetsThere(ctx context.Context) (*listing, error) {
	as.Prefetch(ctx)
	return as.ahead.Wait(ctx)
}

const otherLink = "it is remote at the destination by another link"

// found looks for the asset in a list of those that the destination has. A size
// that is not known fits any.
func (as *Assets) found(have *listing, a *upload.Asset, size int64) bool {
	for _, id := range []string{a.Upload.ID, place.DeriveAsset(a.Record.ID, as.Target)} {
		t, ok := have.get(id)
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
