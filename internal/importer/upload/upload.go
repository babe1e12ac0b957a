package upload

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"golang.org/x/sync/semaphore"
)

// An Uploader writes the bytes of assets and of the files of artifacts. It knows
// what has turned out about a destination by that.
type Uploader struct {
	*reconcile.Destination
	Quotas quota.Quotas
	Parts  *semaphore.Weighted // of direct uploads, that wait for their turn or are under way
	Direct DirectSizes

	askingIDs atomic.Bool // somebody finds out whether ids are kept
}

// A Place is what assets are kept in: an experiment, or a version of an artifact.
type Place interface {
	// Check returns why an asset is not to be written, as far as is known before.
	Check(ctx context.Context, a *Asset) error
	// Run returns the handshake that uploads need.
	Run(ctx context.Context) (*comet.Run, error)
	// QuotaScopes returns the quotas that an asset counts against.
	QuotaScopes(a *Asset) []quota.Scope
	// Put surrounds put, which writes an asset once.
	Put(ctx context.Context, a *Asset, put func() error) error
	// Arrived reports whether there is an asset that was, perhaps, written. A list
	// that does not show it in so many readings does not have it.
	Arrived(ctx context.Context, a *Asset, readings int) (bool, error)
	// Derive gives an asset the id that it gets where its own is taken, and reports
	// false where that is what it has.
	Derive(a *Asset) bool
	// NameTaken says why an asset is refused under each id.
	NameTaken(ctx context.Context, a *Asset) error
	// Wrote notes an asset that has been written.
	Wrote(ctx context.Context, a *Asset) error
}

// Write writes an asset under its id. Where another one has that id, or the
// destination does not take it, it goes under a derived one.
func (u *Uploader) Write(ctx context.Context, a *Asset, p Place) error {
	if err := u.prepare(ctx, a, p); err != nil {
		return err
	}
	taken, err := u.try(ctx, a, p)
	if !taken && (err == nil || !refusesID(err, a.Upload.ID)) {
		return err
	}
	if p.Derive(a) {
		if taken, err = u.try(ctx, a, p); !taken {
			return err
		}
	}
	return p.NameTaken(ctx, a)
}

func (u *Uploader) prepare(ctx context.Context, a *Asset, p Place) (err error) {
	if err := p.Check(ctx, a); err != nil {
		return err
	}
	a.Upload.Run, err = p.Run(ctx)
	return err
}

// try makes one upload. taken means that something else has the id.
func (u *Uploader) try(ctx context.Context, a *Asset, p Place) (taken bool, err error) {
	switch err := u.once(ctx, a, p); {
	case errors.Is(err, comet.ErrImmutable):
		return true, nil
	case err != nil:
		return false, err
	}
	return false, p.Wrote(ctx, a)
}

// writePiped writes an asset while its bytes come, which can be sent only once.
func (u *Uploader) writePiped(ctx context.Context, a *Asset, p Place) error {
	// Whatever happens, the one who passes the bytes on must not wait forever.
	defer a.Pipe.r.Close()
	if err := u.prepare(ctx, a, p); err != nil {
		return err
	}
	if err := u.once(transport.WithHead(ctx, always), a, p); err != nil {
		return brokenOff(ctx, err)
	}
	return p.Wrote(ctx, a)
}

// once puts an asset until it is certain that it has arrived. Where the destination
// may give it an id of its own, it must not be written again after a lost answer,
// unless it has not arrived. The answer that its id exists may be to an earlier try.
func (u *Uploader) once(ctx context.Context, a *Asset, p Place) error {
	item := comet.OneItem(ctx)
	readings := reconcile.Agreeing
	if a.Upload.Once = !u.KeepsIDs(); a.Upload.Once {
		readings = reconcile.ManyAgreeing
	}
	put := func() error { return u.put(item, a, p) }
	return p.Put(ctx, a, func() error {
		err := u.Quotas.Within(p.QuotaScopes(a), a.Upload.Size, func() error {
			return u.Certain(item, put(), u.lookup(item, a, p, readings), put)
		})
		if errors.Is(err, comet.ErrImmutable) {
			if ours, unread := p.Arrived(ctx, a, readingsFor(err)); ours || unread != nil {
				return unread
			}
		}
		return err
	})
}

// lookup returns what looks for an asset. An asset that is not uploaded again is
// looked up less often.
func (u *Uploader) lookup(ctx context.Context, a *Asset, p Place, readings int) func() (reconcile.Extent, error) {
	return func() (reconcile.Extent, error) {
		if u.Client.TimeOver(ctx) {
			readings = reconcile.Agreeing
		}
		ours, err := p.Arrived(ctx, a, readings)
		return reconcile.ExtentOf(ours), err
	}
}

// readingsFor returns how many readings of the list are to show that an asset is
// not of the experiment, after the answer that its id exists. Where the answer to
// an earlier try of the same upload was lost, it most likely is.
func readingsFor(err error) int {
	if ce, ok := errors.AsType[*comet.Error](err); ok && ce.Repeated {
		return reconcile.ManyAgreeing
	}
	return reconcile.Agreeing
}

// refusesID reports whether an upload may have been refused for its id.
func refusesID(err error, id string) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 400 && ce.SDKCode == 0 && (len(id) != 32 || strings.ContainsAny(id, "-_"))
}

// put writes the content of an asset, to storage where that works.
func (u *Uploader) put(ctx context.Context, a *Asset, p Place) error {
	if a.goesDirect(u.Direct.From) {
		err := u.putDirect(ctx, a, p)
		if ctx.Err() != nil || !failsDirect(err) {
			return err
		}
		u.Client.Assets.LeaveDirect(err)
	}
	if a.isImage() {
		return u.Client.Assets.UploadVisualization(ctx, a.Upload)
	}
	return u.Client.Assets.Upload(ctx, a.Upload)
}

var (
	// ErrIDTaken is why an asset has no place left that it can be written to.
	ErrIDTaken = answer.Limitf("its id is taken at the destination, and so is the derived one")
	// ErrNameTaken is why one is not written where names are unique.
	ErrNameTaken = answer.Limitf("the experiment has a different asset with this name at the destination, which allows only one")
)

// KeepsIDs reports whether the destination is known to keep the ids that assets are
// given, on which all clients rely, though no document promises it.
func (u *Uploader) KeepsIDs() bool {
	keeps, known := u.Client.Server.Known(comet.KeepsIDs)
	return known && keeps
}

// AssignsIDs reports whether the destination is known to give assets ids of its own.
// They are recognised by their fingerprint.
func (u *Uploader) AssignsIDs() bool {
	keeps, known := u.Client.Server.Known(comet.KeepsIDs)
	return known && !keeps
}

// IDKept notes that an asset has the id that it was given, which is proof.
func (u *Uploader) IDKept() { u.Client.Server.Learn(comet.KeepsIDs, true) }

// IDAssigned notes that an asset was found by its fingerprint, which is no proof.
func (u *Uploader) IDAssigned() { u.Client.Server.Presume(comet.KeepsIDs, false) }

// AskIDs runs f to find out, unless that is known or somebody else is at it.
func (u *Uploader) AskIDs(f func() error) error {
	if u.KeepsIDs() || u.AssignsIDs() || !u.askingIDs.CompareAndSwap(false, true) {
		return nil
	}
	defer u.askingIDs.Store(false)
	return f()
}
