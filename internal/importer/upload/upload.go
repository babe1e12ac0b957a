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
func (u *Uploader) PutOnce(ctx context.Context, a *Asset, arrived func(readings int) (bool, error)) error {
	readings := reconcile.Agreeing
	if a.Upload.Once {
		readings = mostReadings
	}
	for try := 1; ; try++ {
		err := u.put(ctx, a, arrived)
		if !answer.Uncertain(err) {
			return err
		}
		ours, unread := arrived(readings)
		if ours && unread == nil {
			u.Unacknowledged(err)
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

// mostReadings is how many readings are to show that an asset is not of the
// experiment whose upload may have come through.
const mostReadings = 4 * reconcile.Agreeing

// ReadingsFor returns how many readings of the list are to show that an asset is
// not of the experiment, after the answer that its id exists. Where the answer to
// an earlier try of the same upload was lost, it most likely is.
func ReadingsFor(err error) int {
	if ce, ok := errors.AsType[*comet.Error](err); ok && ce.Repeated {
		return mostReadings
	}
	return reconcile.Agreeing
}

// RefusesID reports whether an upload may have been refused for its id.
func RefusesID(err error, id string) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 400 && ce.SDKCode == 0 && (len(id) != 32 || strings.ContainsAny(id, "-_"))
}

// put writes the content of an asset, to storage where that works. arrived looks
// for the asset at the destination, in so many readings if they do not show it.
func (u *Uploader) put(ctx context.Context, a *Asset, arrived func(readings int) (bool, error)) error {
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
