package assets

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/index"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// A listing is what the destination lists of the assets of an experiment, by the
// hashes of their ids.
type listing struct {
	*index.Index[listed]
	fingerprints []fingerprintEntry // sorted
	sum          uint64             // stands for all of it
}

// listed is an asset in it.
type listed struct {
	id          string
	fingerprint uint64
	size        int64 // of a remote one the hash of its link
	remote      bool
}

// fingerprintEntry leads from a fingerprint to one of the assets that have it.
type fingerprintEntry struct{ fingerprint, id uint64 }

func compareEntries(a, b fingerprintEntry) int {
	return cmp.Or(cmp.Compare(a.fingerprint, b.fingerprint), cmp.Compare(a.id, b.id))
}

func entryOf(a *comet.Asset) listed {
	l := listed{a.ID, upload.FingerprintOf(a), a.Size, a.Remote}
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

func (t listed) linksElsewhere(link *string) bool {
	return link != nil && t.remote && t.size != linkHash(link)
}

func (l *listing) get(id string) (listed, bool) { return l.Get(document.Hash(id)) }

func (l *listing) withFingerprint(of uint64) []string {
	from, _ := slices.BinarySearchFunc(l.fingerprints, fingerprintEntry{of, 0}, compareEntries)
	var ids []string
	for _, k := range l.fingerprints[from:] {
		if k.fingerprint != of {
			break
		}
		t, _ := l.Get(k.id)
		ids = append(ids, t.id)
	}
	slices.Sort(ids)
	return ids
}

// An inventory is what the destination has of the assets of an experiment: as it was
// before anything was written, and as it is.
type inventory struct {
	*session.Experiment
	kept      func() bool // whether the destination keeps the ids that it is given
	readAhead flow.Future[*listing]
}

// each reads the list of the destination, which may have none.
func (v *inventory) each(ctx context.Context, restart func(), yield func(*comet.Asset) error) error {
	err := v.Client.Assets.Each(ctx, v.Key, "", restart, yield)
	if err != nil && !answer.Absent(err) {
		return fmt.Errorf("list assets: %w", err)
	}
	return nil
}

// read reads what the destination has of those that are wanted, of all if
// wanted is nil, and holds it in a share.
func (v *inventory) read(ctx context.Context, share *flow.Share, wanted func(listed) bool) (*listing, error) {
	var l *listing
	restart := func() {
		share.Free()
		l = &listing{Index: index.New[listed](share)}
	}
	restart()
	err := v.each(ctx, restart, func(a *comet.Asset) error {
		t := entryOf(a)
		if wanted != nil && !wanted(t) {
			return nil
		}
		t.id = strings.Clone(t.id)
		return l.Put(document.Hash(t.id), t, len(t.id)+entrySize)
	})
	if err != nil {
		l.Free()
		return nil, err
	}
	l.Seal()
	l.fingerprints = make([]fingerprintEntry, 0, l.Len())
	l.Each(func(id uint64, t listed) {
		l.fingerprints = append(l.fingerprints, fingerprintEntry{t.fingerprint, id})
		l.sum += document.Hash(fmt.Sprint(id, t.fingerprint, t.size, t.remote))
	})
	slices.SortFunc(l.fingerprints, compareEntries)
	return l, nil
}

const entrySize = 16

// readInTurn reads the whole list, when it is the turn of the experiment if there
// is no room for it before.
func (v *inventory) readInTurn(ctx context.Context) (*listing, error) {
	return flow.InTurn(ctx, v.Turn, func() (*listing, error) { return v.read(ctx, v.Share(), nil) })
}

// readFirst reads the list before anything is written. Of an experiment that
// an earlier import has left unfinished, maybe a moment ago, it reads until enough
// readings agree, unless an asset can be written only once.
func (v *inventory) readFirst(ctx context.Context) (have *listing, err error) {
	_, err = reconcile.Settle(ctx, v.WaitSettled, reconcile.Agreeing, func(int) (uint64, bool, error) {
		if have != nil {
			have.Free()
		}
		have, err = v.readInTurn(ctx)
		if err != nil {
			return 0, false, err
		}
		return have.sum, !v.Unfinished || v.Dry() || v.kept(), nil
	})
	return have, err
}

// before returns the list as it was before anything was written.
func (v *inventory) before(ctx context.Context) (*listing, error) {
	v.prefetch(ctx)
	return v.readAhead.Wait(ctx)
}

func (v *inventory) prefetch(ctx context.Context) {
	v.readAhead.Start(&v.Reading, func() (*listing, error) { return v.readFirst(ctx) })
}

func (v *inventory) free() {
	if have, ok := v.readAhead.Peek(); ok {
		have.Free()
	}
	v.readAhead = flow.Future[*listing]{}
}

// lookFor reads the list for an asset: whether its id is listed, and is that of
// this asset, and how many are like it.
func (v *inventory) lookFor(ctx context.Context, a *upload.Asset, fingerprint uint64) (listed, ours bool, alike int, err error) {
	restart := func() { listed, ours, alike = false, false, 0 }
	err = v.each(ctx, restart, func(have *comet.Asset) error {
		t := entryOf(have)
		if t.id == a.Upload.ID {
			listed, ours = true, t.is(a, a.Upload.Size)
		}
		if t.fingerprint == fingerprint {
			alike++
		}
		return nil
	})
	return listed, ours, alike, err
}

func (v *inventory) content(ctx context.Context, id string) (content.Sum, error) {
	return v.ReadSum(ctx, func() (io.ReadCloser, error) {
		return v.Client.Assets.Content(ctx, comet.AssetRequest{Key: v.Key, ID: id})
	})
}
