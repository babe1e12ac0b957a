package assets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
)

// writeAsset writes an asset whose bytes are there, in the background.
func (as *Assets) writeAsset(ctx context.Context, a *upload.Asset) {
	if a.Refers {
		// The ids of the others are settled once they are written. They need
		// slots, so that none is to be taken before.
		as.plain.Wait()
	} else {
		as.plain.Add(1)
	}
	as.Spawn(func() {
		defer a.Drop(flow.ErrDropped)
		if a.Refers {
			if err := as.settleIDs(ctx); err != nil {
				as.Item(a.Issue(), err)
				return
			}
		} else {
			defer as.plain.Done()
		}
		as.Item(a.Issue(), as.finishAsset(ctx, a))
	})
}

// follow begins to write a large asset while its bytes come, if there is a slot
// for it and nothing depends on what they are.
func (as *Assets) follow(ctx context.Context, a *upload.Asset) {
	if !a.Content.OnDisk || a.Refers || as.Dry() {
		return
	}
	if may, err := as.knowsByBytes(ctx, a, upload.SizeOf(a.Record)); may || err != nil {
		return
	}
	as.plain.Add(1)
	begun := a.Follow(&as.Tasks, func() error { return as.uploadAsset(ctx, a) }, func(err error) {
		defer as.plain.Done()
		if err == nil {
			as.expect(a)
		}
		as.Item(a.Issue(), err)
	})
	if !begun {
		as.plain.Done()
	}
}

func (as *Assets) finishAsset(ctx context.Context, a *upload.Asset) error {
	if a.Refers && a.Content != nil {
		if err := as.rewriteAsset(a); err != nil {
			return err
		}
		if as.Existing != nil {
			have, err := as.assetsThere(ctx)
			if err != nil {
				return err
			}
			if as.found(have, a, a.Upload.Size) {
				as.expect(a)
				return nil
			}
		}
	}
	there, err := as.foundSame(ctx, a)
	if err == nil && !there {
		err = as.uploadAsset(ctx, a)
	}
	if err == nil {
		as.expect(a)
	}
	return err
}

// rewriteAsset changes the references in an asset, if there are any to change.
func (as *Assets) rewriteAsset(a *upload.Asset) error {
	w, err := as.refs.Content(a.Content, a.Content.Size)
	if err != nil {
		return fmt.Errorf("rewrite references: %w", err)
	}
	if len(w.Unknown) > 0 || w.Blocked > 0 {
		i := a.Issue()
		i.Class = report.Noted
		i.Reason = "refers to what is not in the stream: " + strings.Join(w.Unknown, ", ")
		if len(w.Unknown) == 0 {
			i.Reason = fmt.Sprintf("%d references are in binary data and cannot change their length", w.Blocked)
		}
		as.Issue(i)
	}
	if w.Changes == 0 {
		return nil
	}
	a.Upload.Size, a.Upload.Open, a.SHA256 = w.Size, w.Open, w.SHA256
	as.Change(func(o *report.Outcome) {
		o.Rewritten = append(o.Rewritten, report.Rewriting{
			ID: a.Upload.ID, Name: a.Name(), References: w.Changes, From: a.Content.SHA256(), To: w.SHA256,
		})
	})
	return nil
}

// uploadAsset writes an asset under its id. Where another one has that id, or
// the destination does not take it, it goes under a derived one.
func (as *Assets) uploadAsset(ctx context.Context, a *upload.Asset) error {
	if as.Dry() {
		if as.Mode == reconcile.DryRun {
			as.uploaded(a)
		}
		return nil
	}
	if err := as.checkLimits(ctx, a, a.Upload.Size); err != nil {
		return err
	}
	run, err := as.Run(ctx)
	if err != nil {
		return err
	}
	a.Upload.Run = run
	taken, err := as.upload(ctx, a)
	derived := place.DeriveAsset(a.Record.ID, as.Target)
	switch {
	case !taken && (err == nil || !upload.RefusesID(err, a.Upload.ID)):
		return err
	case derived == a.Upload.ID:
		return as.whyTaken(ctx, a)
	}
	a.Upload.ID = derived
	as.change(a.Record.ID, derived)
	taken, err = as.upload(ctx, a)
	if taken {
		return as.whyTaken(ctx, a)
	}
	return err
}

// whyTaken says why an asset is refused under each id. A server may mean that the
// experiment has another one of its name.
func (as *Assets) whyTaken(ctx context.Context, a *upload.Asset) error {
	why := upload.ErrIDTaken
	err := as.eachAsset(ctx, func() { why = upload.ErrIDTaken }, func(t *comet.Asset) error {
		if upload.WrittenName(t) == a.Upload.Name {
			why = upload.ErrNameTaken
		}
		return nil
	})
	return cmp.Or(err, why)
}

// upload makes one upload. taken means that something else has the id.
func (as *Assets) upload(ctx context.Context, a *upload.Asset) (taken bool, err error) {
	err = as.putAsset(ctx, a)
	if errors.Is(err, comet.ErrImmutable) {
		ours, err := as.isOurs(ctx, a, upload.ReadingsFor(err))
		return !ours && err == nil, err
	}
	if err != nil {
		return false, err
	}
	as.uploaded(a)
	return false, as.wroteAs(ctx, a)
}

func (as *Assets) putAsset(ctx context.Context, a *upload.Asset) error {
	if err := as.Reopen(ctx); err != nil {
		return err
	}
	return as.Uploads.Quotas.Within(as.rooms(a), a.Upload.Size, func() error { return as.putOnce(ctx, a) })
}

// putOnce writes an asset once, also where the destination may give it an id of
// its own: then it must not be written again after a lost answer, unless it has
// not arrived.
func (as *Assets) putOnce(ctx context.Context, a *upload.Asset) error {
	like := a.Like(a.Upload.Size)
	a.Upload.Once = as.Uploads.IDs.Get() != upload.IDsKept
	if a.Upload.Once {
		free, err := as.likenesses.writing.Lock(ctx, like)
		if err != nil {
			return err
		}
		defer free()
	}
	err := as.Uploads.PutOnce(ctx, a, func(ctx context.Context, readings int) (bool, error) { return as.arrived(ctx, a, readings) })
	if err == nil && a.Upload.Once {
		as.likenesses.count(like)
	}
	return err
}

// rooms returns what an asset takes room of.
func (as *Assets) rooms(a *upload.Asset) []quota.Room {
	to := as.Target.Workspace
	return []quota.Room{{Workspace: to}, {Workspace: to, Experiment: as.Key, Of: cmp.Or(a.Type(), "asset")}}
}

// isOurs counts the asset if it has arrived: then an earlier try has put it there.
func (as *Assets) isOurs(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	ours, err := as.arrived(ctx, a, readings)
	if err != nil || !ours {
		return false, err
	}
	as.likenesses.count(a.Like(a.Upload.Size))
	as.uploaded(a)
	return true, as.wroteAs(ctx, a)
}

// arrived reports whether the experiment has an asset that was, perhaps, written:
// one of the id and the same size, or where ids may not be kept, one more that is
// like it. A list that does not show it may lag behind.
func (as *Assets) arrived(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	like := a.Like(a.Upload.Size)
	expected, err := as.expected(ctx, like)
	if err != nil {
		return false, err
	}
	return reconcile.Settle(ctx, as.WaitSettled, readings, func(int) (ours, listed bool, err error) {
		there, is, alike, err := as.lookFor(ctx, a, like)
		if there {
			return is, true, err
		}
		more := as.Uploads.IDs.Get() != upload.IDsKept && alike > expected
		return more, more, err
	})
}

// lookFor reads the list for an asset: whether its id is listed, and is that of
// this asset, and how many are like it.
func (as *Assets) lookFor(ctx context.Context, a *upload.Asset, like uint64) (there, ours bool, alike int, err error) {
	restart := func() { there, ours, alike = false, false, 0 }
	err = as.eachAsset(ctx, restart, func(have *comet.Asset) error {
		t := entryOf(have)
		if t.id == a.Upload.ID {
			there, ours = true, t.is(a, a.Upload.Size)
		}
		if t.like == like {
			alike++
		}
		return nil
	})
	return there, ours, alike, err
}

// uploaded counts an asset that has been written.
func (as *Assets) uploaded(a *upload.Asset) {
	as.Change(func(o *report.Outcome) {
		o.Written.Assets++
		o.Written.AssetBytes += a.Upload.Size
	})
}

// errKnownByBytes is why an asset is not written that cannot be kept, where one
// like it is there under another id.
var errKnownByBytes = errors.New("the destination has one like it under another id, and there is no room to compare them: raise --temp-max")

// uploadThrough writes an asset while its bytes come.
func (as *Assets) uploadThrough(ctx context.Context, a *upload.Asset) error {
	run, err := as.Run(ctx)
	if err == nil {
		a.Upload.Run = run
		err = as.checkLimits(ctx, a, a.Upload.Size)
	}
	if may, unread := as.knowsByBytes(ctx, a, a.Upload.Size); err == nil && (may || unread != nil) {
		err = cmp.Or(unread, errKnownByBytes)
	}
	err = a.Pipe.Send(ctx, err, func(ctx context.Context) error {
		err := as.putAsset(ctx, a)
		if errors.Is(err, comet.ErrImmutable) {
			if ours, unread := as.arrived(ctx, a, upload.ReadingsFor(err)); ours || unread != nil {
				return unread
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	as.uploaded(a)
	return as.wroteAs(ctx, a)
}
