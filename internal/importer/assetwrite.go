package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
)

// writeAsset writes an asset whose bytes are there, in the background.
func (e *experiment) writeAsset(ctx context.Context, a *upload.Asset) {
	if a.Refers {
		// The ids of the others are settled once they are written. They need
		// slots, so that none is to be taken before.
		e.assets.plain.Wait()
	} else {
		e.assets.plain.Add(1)
	}
	e.Spawn(func() {
		defer a.Drop(flow.ErrDropped)
		if a.Refers {
			if err := e.settleIDs(ctx); err != nil {
				e.Item(a.Issue(), err)
				return
			}
		} else {
			defer e.assets.plain.Done()
		}
		e.Item(a.Issue(), e.finishAsset(ctx, a))
	})
}

// follow begins to write a large asset while its bytes come, if there is a slot
// for it and nothing depends on what they are.
func (e *experiment) follow(ctx context.Context, a *upload.Asset) {
	if !a.Content.OnDisk || a.Refers || e.r.Dry() {
		return
	}
	if may, err := e.knowsByBytes(ctx, a, upload.SizeOf(a.Record)); may || err != nil {
		return
	}
	e.assets.plain.Add(1)
	begun := a.Follow(&e.Tasks, func() error { return e.uploadAsset(ctx, a) }, func(err error) {
		defer e.assets.plain.Done()
		if err == nil {
			e.expect(func(x *expectation) { x.asset(a) })
		}
		e.Item(a.Issue(), err)
	})
	if !begun {
		e.assets.plain.Done()
	}
}

func (e *experiment) finishAsset(ctx context.Context, a *upload.Asset) error {
	if a.Refers && a.Content != nil {
		if err := e.rewriteAsset(a); err != nil {
			return err
		}
		if e.Existing != nil {
			have, err := e.assetsThere(ctx)
			if err != nil {
				return err
			}
			if e.found(have, a, a.Upload.Size) {
				e.expect(func(x *expectation) { x.asset(a) })
				return nil
			}
		}
	}
	there, err := e.foundSame(ctx, a)
	if err == nil && !there {
		err = e.uploadAsset(ctx, a)
	}
	if err == nil {
		e.expect(func(x *expectation) { x.asset(a) })
	}
	return err
}

// rewriteAsset changes the references in an asset, if there are any to change.
func (e *experiment) rewriteAsset(a *upload.Asset) error {
	w, err := e.refs.Content(a.Content, a.Content.Size)
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
		e.Issue(i)
	}
	if w.Changes == 0 {
		return nil
	}
	a.Upload.Size, a.Upload.Open, a.SHA256 = w.Size, w.Open, w.SHA256
	e.Change(func(o *report.Outcome) {
		o.Rewritten = append(o.Rewritten, report.Rewriting{
			ID: a.Upload.ID, Name: a.Name(), References: w.Changes, From: a.Content.SHA256(), To: w.SHA256,
		})
	})
	return nil
}

// uploadAsset writes an asset under its id. Where another one has that id, or
// the destination does not take it, it goes under a derived one.
func (e *experiment) uploadAsset(ctx context.Context, a *upload.Asset) error {
	if e.r.Dry() {
		if e.r.Mode == DryRun {
			e.uploaded(a)
		}
		return nil
	}
	if err := e.checkLimits(ctx, a, a.Upload.Size); err != nil {
		return err
	}
	run, err := e.run(ctx)
	if err != nil {
		return err
	}
	a.Upload.Run = run
	taken, err := e.upload(ctx, a)
	derived := place.DeriveAsset(a.Record.ID, e.project.Target)
	switch {
	case !taken && (err == nil || !upload.RefusesID(err, a.Upload.ID)):
		return err
	case derived == a.Upload.ID:
		return e.whyTaken(ctx, a)
	}
	a.Upload.ID = derived
	e.assets.change(a.Record.ID, derived)
	taken, err = e.upload(ctx, a)
	if taken {
		return e.whyTaken(ctx, a)
	}
	return err
}

// whyTaken says why an asset is refused under each id. A server may mean that the
// experiment has another one of its name.
func (e *experiment) whyTaken(ctx context.Context, a *upload.Asset) error {
	have, err := e.readAssets(ctx)
	if err != nil {
		return err
	}
	for _, t := range have {
		if t.name == document.Hash(a.Upload.Name) {
			return upload.ErrNameTaken
		}
	}
	return upload.ErrIDTaken
}

// upload makes one upload. taken means that something else has the id.
func (e *experiment) upload(ctx context.Context, a *upload.Asset) (taken bool, err error) {
	err = e.putAsset(ctx, a)
	if errors.Is(err, comet.ErrImmutable) {
		ours, err := e.isOurs(ctx, a, upload.ReadingsFor(err))
		return !ours && err == nil, err
	}
	if err != nil {
		return false, err
	}
	e.uploaded(a)
	return false, e.wroteAs(ctx, a)
}

func (e *experiment) putAsset(ctx context.Context, a *upload.Asset) error {
	if err := e.Reopen(ctx); err != nil {
		return err
	}
	return e.r.Uploads.Quotas.Within(e.rooms(a), a.Upload.Size, func() error { return e.putOnce(ctx, a) })
}

// putOnce writes an asset once, also where the destination may give it an id of
// its own: then it must not be written again after a lost answer, unless it has
// not arrived.
func (e *experiment) putOnce(ctx context.Context, a *upload.Asset) error {
	like := a.Like(a.Upload.Size)
	a.Upload.Once = e.r.Uploads.IDs.Get() != upload.IDsKept
	if a.Upload.Once {
		free, err := e.assets.likes.writing.Lock(ctx, like)
		if err != nil {
			return err
		}
		defer free()
	}
	err := e.r.Uploads.PutOnce(ctx, a, func(readings int) (bool, error) { return e.arrived(ctx, a, readings) })
	if err == nil && a.Upload.Once {
		e.assets.likes.count(like)
	}
	return err
}

// rooms returns what an asset takes room of.
func (e *experiment) rooms(a *upload.Asset) []quota.Room {
	to := e.project.Target.Workspace
	return []quota.Room{{Workspace: to}, {Workspace: to, Experiment: e.Key, Of: cmp.Or(a.Type(), "asset")}}
}

// isOurs counts the asset if it has arrived: then an earlier try has put it there.
func (e *experiment) isOurs(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	ours, err := e.arrived(ctx, a, readings)
	if err != nil || !ours {
		return false, err
	}
	e.assets.likes.count(a.Like(a.Upload.Size))
	e.uploaded(a)
	return true, e.wroteAs(ctx, a)
}

// arrived reports whether the experiment has an asset that was, perhaps, written:
// one of the id and the same size, or where ids may not be kept, one more that is
// like it. A list that does not show it may lag behind.
func (e *experiment) arrived(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	like := a.Like(a.Upload.Size)
	expected, err := e.expected(ctx, like)
	if err != nil {
		return false, err
	}
	for n := 1; ; n++ {
		have, err := e.readAssets(ctx)
		if err != nil {
			return false, err
		}
		t, ok := have[a.Upload.ID]
		switch {
		case ok:
			return t.is(a, a.Upload.Size), nil
		case e.r.Uploads.IDs.Get() != upload.IDsKept && len(have.alike(like)) > expected:
			return true, nil
		case n == readings:
			return false, nil
		}
		if err := e.WaitSettled(ctx); err != nil {
			return false, err
		}
	}
}

// uploaded counts an asset that has been written.
func (e *experiment) uploaded(a *upload.Asset) {
	e.Change(func(o *report.Outcome) {
		o.Written.Assets++
		o.Written.AssetBytes += a.Upload.Size
	})
}

// errKnownByBytes is why an asset is not written that cannot be kept, where one
// like it is there under another id.
var errKnownByBytes = errors.New("the destination has one like it under another id, and there is no room to compare them: raise --temp-max")

// uploadThrough writes an asset while its bytes come.
func (e *experiment) uploadThrough(ctx context.Context, a *upload.Asset) error {
	run, err := e.run(ctx)
	if err == nil {
		a.Upload.Run = run
		err = e.checkLimits(ctx, a, a.Upload.Size)
	}
	if may, unread := e.knowsByBytes(ctx, a, a.Upload.Size); err == nil && (may || unread != nil) {
		err = cmp.Or(unread, errKnownByBytes)
	}
	err = a.Pipe.Send(ctx, err, func(ctx context.Context) error {
		err := e.putAsset(ctx, a)
		if errors.Is(err, comet.ErrImmutable) {
			if ours, unread := e.arrived(ctx, a, upload.ReadingsFor(err)); ours || unread != nil {
				return unread
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	e.uploaded(a)
	return e.wroteAs(ctx, a)
}
