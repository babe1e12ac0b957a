package importer

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"golang.org/x/sync/errgroup"
)

// Direct says which assets go to the storage of the destination in parts, where
// that offers it. The official client does so from the same size on. Tests make
// it smaller.
var Direct = DirectSizes{From: 50 << 20, Part: 8 << 20}

// DirectSizes are the sizes of direct uploads, in bytes.
type DirectSizes struct {
	From int64 // of the smallest asset
	Part int64 // of the smallest part; storage takes none below 5 MiB but the last
}

// part returns how large the parts of an asset are. Small ones keep all
// connections busy to the end, large ones spare requests.
func (d DirectSizes) part(size int64) int64 {
	const some, most = 32, 10_000 // storage takes no more parts than that
	return max(min(max(size/some, d.Part), 2*d.Part), (size+most-1)/most)
}

// unknownType is the type that servers give the files of artifacts which come
// without one.
const unknownType = "unknown"

// goesDirect reports whether an asset may go to storage in parts. Its size must
// be the announced one: the number of parts has to be told before they come.
func (a *asset) goesDirect() bool {
	u := a.upload
	if u.Run == nil || !u.Run.Direct || a.content == nil || a.refers || u.Size < Direct.From || u.Size != sizeOf(a.rec) {
		return false
	}
	switch a.typ() {
	case "", "asset":
		return true
	case "model-element":
		return u.Model != ""
	case unknownType:
		return u.ArtifactVersion != ""
	}
	return a.isImage()
}

// put writes the content of an asset, to storage where that works. arrived looks
// for the asset at the destination, in so many readings if they do not show it.
func (r *run) put(ctx context.Context, a *asset, arrived func(readings int) (bool, error)) error {
	if a.goesDirect() {
		err := r.putDirect(ctx, a, arrived)
		if ctx.Err() != nil || !failsDirect(err) {
			return err
		}
		r.Client.Assets.LeaveDirect(err)
	}
	if a.isImage() {
		return r.Client.Assets.UploadVisualization(ctx, a.upload)
	}
	return r.Client.Assets.Upload(ctx, a.upload)
}

// failsDirect reports whether an error speaks against direct uploads and not
// against the asset: what the API itself has to say of that has a code.
func failsDirect(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.SDKCode == 0 && !errors.Is(err, comet.ErrUnauthorized) && !errors.Is(err, comet.ErrOutage)
}

// putDirect writes an asset to storage. Once it begins again where storage
// refuses a part: addresses expire.
func (r *run) putDirect(ctx context.Context, a *asset, arrived func(int) (bool, error)) error {
	for try := 1; ; try++ {
		part := Direct.part(a.upload.Size)
		up, err := r.startDirect(ctx, a, int((a.upload.Size+part-1)/part))
		if err != nil {
			return err
		}
		err = r.sendParts(ctx, up, a, part)
		if err == nil {
			return r.completeDirect(ctx, up, a, arrived)
		}
		r.abandon(ctx, up)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, comet.ErrStorage) || try == 2 {
			return err
		}
	}
}

func (r *run) startDirect(ctx context.Context, a *asset, parts int) (*comet.DirectUpload, error) {
	if a.isImage() {
		return r.Client.Assets.StartVisualization(ctx, a.upload, parts)
	}
	u := *a.upload
	if u.Type == unknownType {
		u.Type = "" // it is not one of those that go to storage, and comes by itself
	}
	return r.Client.Assets.Start(ctx, &u, parts)
}

// sendParts sends the parts of an asset, each as soon as all of it is there: no
// request waits for the stream. The last one has to wait until the asset has
// been found to be what the stream says.
func (r *run) sendParts(ctx context.Context, up *comet.DirectUpload, a *asset, part int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for n, offset := 0, int64(0); offset < a.upload.Size; n, offset = n+1, offset+part {
			size := min(part, a.upload.Size-offset)
			if err := a.await(ctx, offset+size); err != nil {
				return err
			}
			// Those of all assets together, so that others get their turn.
			if err := r.parts.Acquire(ctx, 1); err != nil {
				return context.Cause(ctx)
			}
			g.Go(func() error {
				defer r.parts.Release(1)
				return up.PutPart(ctx, n, a.content, offset, size)
			})
		}
		return nil
	})
	return g.Wait()
}

// await waits until the first n bytes of the content are there.
func (a *asset) await(ctx context.Context, n int64) error {
	if a.tail == nil {
		return nil
	}
	return a.tail.Await(ctx, n)
}

// completeDirect makes the asset of its parts. After an answer that was lost it
// looks for it first.
func (r *run) completeDirect(ctx context.Context, up *comet.DirectUpload, a *asset, arrived func(int) (bool, error)) error {
	for try := 1; ; try++ {
		err := up.Complete(ctx, a.upload.Size)
		if !answer.Uncertain(err) || try == reconcile.MaxUncertain {
			return err
		}
		there, unread := arrived(mostReadings)
		if unread == nil && there {
			r.Unacknowledged(err)
		}
		if unread != nil || there {
			return unread
		}
	}
}

// abandon gives an upload up. Servers clean up without being told, too.
func (r *run) abandon(ctx context.Context, up *comet.DirectUpload) {
	ctx, cancel := r.After(ctx)
	defer cancel()
	_ = up.Abandon(ctx)
}
