package upload

import (
	"context"
	"errors"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"golang.org/x/sync/semaphore"
)

// An Uploader writes the bytes of assets and of the files of artifacts. It knows
// what has turned out about a destination by that.
type Uploader struct {
	*reconcile.Destination
	IDs    idKeeper
	Quotas quota.Quotas
	Parts  *semaphore.Weighted // of direct uploads, that wait for their turn or are under way
	Direct DirectSizes
}

// PutOnce puts an asset until it is certain that it has arrived.
func (u *Uploader) PutOnce(ctx context.Context, a *Asset, arrived Arrived) error {
	ctx = comet.OneItem(ctx)
	readings := reconcile.Agreeing
	if a.Upload.Once {
		readings = reconcile.ManyAgreeing
	}
	put := func() error { return u.put(ctx, a, arrived) }
	return u.Certain(ctx, put(), u.shows(ctx, arrived, readings), put)
}

// Arrived looks for an asset at the destination, in so many readings if they do not
// show it.
type Arrived func(ctx context.Context, readings int) (bool, error)

// shows returns what looks for an asset. What is not put again need not be looked
// for so often.
func (u *Uploader) shows(ctx context.Context, arrived Arrived, readings int) func() (reconcile.Extent, error) {
	return func() (reconcile.Extent, error) {
		if u.Client.TimeOver(ctx) {
			readings = reconcile.Agreeing
		}
		ours, err := arrived(ctx, readings)
		return reconcile.ExtentOf(ours), err
	}
}

// ReadingsFor returns how many readings of the list are to show that an asset is
// not of the experiment, after the answer that its id exists. Where the answer to
// an earlier try of the same upload was lost, it most likely is.
func ReadingsFor(err error) int {
	if ce, ok := errors.AsType[*comet.Error](err); ok && ce.Repeated {
		return reconcile.ManyAgreeing
	}
	return reconcile.Agreeing
}

// RefusesID reports whether an upload may have been refused for its id.
func RefusesID(err error, id string) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 400 && ce.SDKCode == 0 && (len(id) != 32 || strings.ContainsAny(id, "-_"))
}

// put writes the content of an asset, to storage where that works. arrived looks
// for it at the destination.
func (u *Uploader) put(ctx context.Context, a *Asset, arrived Arrived) error {
	if a.goesDirect(u.Direct.From) {
		err := u.putDirect(ctx, a, arrived)
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
	ErrNameTaken = answer.Limitf("the experiment has another asset of its name at the destination, which takes no second one")
)
