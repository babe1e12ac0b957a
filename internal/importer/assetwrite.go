package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/report"
)

// writeAsset writes an asset whose bytes are there, in the background.
func (e *experiment) writeAsset(ctx context.Context, a *asset) {
	if a.refers {
		// The ids of the others are settled once they are written. They need
		// slots, so that none is to be taken before.
		e.assets.plain.Wait()
	} else {
		e.assets.plain.Add(1)
	}
	e.spawn(func() {
		defer a.drop(errDropped)
		if a.refers {
			if err := e.settleIDs(ctx); err != nil {
				e.item(a.issue(), err)
				return
			}
		} else {
			defer e.assets.plain.Done()
		}
		e.item(a.issue(), e.finishAsset(ctx, a))
	})
}

// follow begins to write a large asset while its bytes come, if there is a slot
// for it and nothing depends on what they are.
func (e *experiment) follow(ctx context.Context, a *asset) {
	if !a.content.OnDisk || a.refers || e.r.Dry() {
		return
	}
	if may, err := e.knowsByBytes(ctx, a, sizeOf(a.rec)); may || err != nil {
		return
	}
	e.assets.plain.Add(1)
	begun := a.follow(&e.tasks, func() error { return e.uploadAsset(ctx, a) }, func(err error) {
		defer e.assets.plain.Done()
		if err == nil {
			e.expect(func(x *expectation) { x.asset(a) })
		}
		e.item(a.issue(), err)
	})
	if !begun {
		e.assets.plain.Done()
	}
}

// follow runs an upload that follows the bytes of the asset, and then done with
// its outcome. It reports false where there is no slot for it.
func (a *asset) follow(t *flow.Tasks, upload func() error, done func(error)) bool {
	a.tail = a.content.Follow()
	a.upload.Size, a.upload.Open = sizeOf(a.rec), a.tail.Open
	begun := t.Try(func() {
		err := upload()
		// The upload may be over, one way or the other, before the bytes are.
		end := a.tail.Wait()
		switch {
		case end == spool.ErrOtherSize, end == nil && errors.Is(err, spool.ErrFollowedOnce):
			a.upload.Size, a.upload.Open = a.content.Size, a.content.Open
			err = upload()
		case end != nil:
			err = end
		}
		done(err)
		_ = a.content.Close() // room on disk is all there is to lose
	})
	if !begun {
		a.tail, a.content.Tail = nil, nil
	}
	return begun
}

func (e *experiment) finishAsset(ctx context.Context, a *asset) error {
	if a.refers && a.content != nil {
		if err := e.rewriteAsset(a); err != nil {
			return err
		}
		if e.there != nil {
			have, err := e.assetsThere(ctx)
			if err != nil {
				return err
			}
			if e.found(have, a, a.upload.Size) {
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
func (e *experiment) rewriteAsset(a *asset) error {
	w, err := e.refs.Content(a.content, a.content.Size)
	if err != nil {
		return fmt.Errorf("rewrite references: %w", err)
	}
	if len(w.Unknown) > 0 || w.Blocked > 0 {
		i := a.issue()
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
	a.upload.Size, a.upload.Open, a.sha256 = w.Size, w.Open, w.SHA256
	e.Change(func(o *report.Outcome) {
		o.Rewritten = append(o.Rewritten, report.Rewriting{
			ID: a.upload.ID, Name: a.name(), References: w.Changes, From: a.content.SHA256(), To: w.SHA256,
		})
	})
	return nil
}

// uploadAsset writes an asset under its id. Where another one has that id, or
// the destination does not take it, it goes under a derived one.
func (e *experiment) uploadAsset(ctx context.Context, a *asset) error {
	if e.r.Dry() {
		if e.r.Mode == DryRun {
			e.uploaded(a)
		}
		return nil
	}
	if err := e.checkLimits(ctx, a, a.upload.Size); err != nil {
		return err
	}
	run, err := e.run(ctx)
	if err != nil {
		return err
	}
	a.upload.Run = run
	taken, err := e.upload(ctx, a)
	derived := place.DeriveAsset(a.rec.ID, e.project.target)
	switch {
	case !taken && (err == nil || !refusesID(err, a.upload.ID)):
		return err
	case derived == a.upload.ID:
		return e.whyTaken(ctx, a)
	}
	a.upload.ID = derived
	e.assets.change(a.rec.ID, derived)
	taken, err = e.upload(ctx, a)
	if taken {
		return e.whyTaken(ctx, a)
	}
	return err
}

// whyTaken says why an asset is refused under each id. A server may mean that the
// experiment has another one of its name.
func (e *experiment) whyTaken(ctx context.Context, a *asset) error {
	have, err := e.readAssets(ctx)
	if err != nil {
		return err
	}
	for _, t := range have {
		if t.name == document.Hash(a.upload.Name) {
			return errNameTaken
		}
	}
	return errIDTaken
}

// refusesID reports whether an upload may have been refused for its id.
func refusesID(err error, id string) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 400 && ce.SDKCode == 0 && (len(id) != 32 || strings.ContainsAny(id, "-_"))
}

var (
	errIDTaken   = answer.Limitf("its id is taken at the destination, and so is the derived one")
	errNameTaken = answer.Limitf("the experiment has another asset of its name at the destination, which takes no second one")
)

// upload makes one upload. taken means that something else has the id.
func (e *experiment) upload(ctx context.Context, a *asset) (taken bool, err error) {
	err = e.putAsset(ctx, a)
	if errors.Is(err, comet.ErrImmutable) {
		ours, err := e.isOurs(ctx, a, readingsFor(err))
		return !ours && err == nil, err
	}
	if err != nil {
		return false, err
	}
	e.uploaded(a)
	return false, e.wroteAs(ctx, a)
}

func (e *experiment) putAsset(ctx context.Context, a *asset) error {
	if err := e.reopen(ctx); err != nil {
		return err
	}
	return e.r.quotas.Within(e.rooms(a), a.upload.Size, func() error { return e.putOnce(ctx, a) })
}

// putOnce writes an asset once, also where the destination may give it an id of
// its own: then it must not be written again after a lost answer, unless it has
// not arrived.
func (e *experiment) putOnce(ctx context.Context, a *asset) error {
	like := a.like(a.upload.Size)
	a.upload.Once = e.r.ids.get() != idsKept
	if a.upload.Once {
		free, err := e.assets.likes.writing.Lock(ctx, like)
		if err != nil {
			return err
		}
		defer free()
	}
	err := e.r.putOnce(ctx, a, func(readings int) (bool, error) { return e.arrived(ctx, a, readings) })
	if err == nil && a.upload.Once {
		e.assets.likes.count(like)
	}
	return err
}

// putOnce puts an asset until it is certain that it has arrived.
func (r *run) putOnce(ctx context.Context, a *asset, arrived func(readings int) (bool, error)) error {
	readings := reconcile.Agreeing
	if a.upload.Once {
		readings = mostReadings
	}
	for try := 1; ; try++ {
		err := r.put(ctx, a, arrived)
		if !answer.Uncertain(err) {
			return err
		}
		ours, unread := arrived(readings)
		if ours && unread == nil {
			r.Unacknowledged(err)
		}
		// What may be repeated has been, by the client.
		switch {
		case ours, unread != nil:
			return unread
		case try == reconcile.MaxUncertain, errors.Is(err, comet.ErrServer):
			return err
		}
	}
}

// rooms returns what an asset takes room of.
func (e *experiment) rooms(a *asset) []quota.Room {
	to := e.project.target.Workspace
	return []quota.Room{{Workspace: to}, {Workspace: to, Experiment: e.key, Of: cmp.Or(a.typ(), "asset")}}
}

// mostReadings is how many readings are to show that an asset is not of the
// experiment whose upload may have come through.
const mostReadings = 4 * reconcile.Agreeing

// readingsFor returns how many readings of the list are to show that an asset is
// not of the experiment, after the answer that its id exists. Where the answer to
// an earlier try of the same upload was lost, it most likely is.
func readingsFor(err error) int {
	if ce, ok := errors.AsType[*comet.Error](err); ok && ce.Repeated {
		return mostReadings
	}
	return reconcile.Agreeing
}

// isOurs counts the asset if it has arrived: then an earlier try has put it there.
func (e *experiment) isOurs(ctx context.Context, a *asset, readings int) (bool, error) {
	ours, err := e.arrived(ctx, a, readings)
	if err != nil || !ours {
		return false, err
	}
	e.assets.likes.count(a.like(a.upload.Size))
	e.uploaded(a)
	return true, e.wroteAs(ctx, a)
}

// arrived reports whether the experiment has an asset that was, perhaps, written:
// one of the id and the same size, or where ids may not be kept, one more that is
// like it. A list that does not show it may lag behind.
func (e *experiment) arrived(ctx context.Context, a *asset, readings int) (bool, error) {
	like := a.like(a.upload.Size)
	expected, err := e.expected(ctx, like)
	if err != nil {
		return false, err
	}
	for n := 1; ; n++ {
		have, err := e.readAssets(ctx)
		if err != nil {
			return false, err
		}
		t, ok := have[a.upload.ID]
		switch {
		case ok:
			return t.is(a, a.upload.Size), nil
		case e.r.ids.get() != idsKept && len(have.alike(like)) > expected:
			return true, nil
		case n == readings:
			return false, nil
		}
		if err := e.settle(ctx); err != nil {
			return false, err
		}
	}
}

// uploaded counts an asset that has been written.
func (e *experiment) uploaded(a *asset) {
	e.Change(func(o *report.Outcome) {
		o.Written.Assets++
		o.Written.AssetBytes += a.upload.Size
	})
}
