package upload

import (
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"golang.org/x/sync/errgroup"
)

// DirectSizes say which assets go to the storage of the destination in parts,
// where that offers it, in bytes.
type DirectSizes struct {
	From int64 // of the smallest asset; the official client does so from 50 MiB on
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
func (a *Asset) goesDirect(from int64) bool {
	u := a.Upload
	if u.Run == nil || !u.Run.Direct || a.Content == nil || a.Refers || u.Size < from || u.Size != SizeOf(a.Record) {
		return false
	}
	switch a.Type() {
	case "", "asset":
		return true
	case "model-element":
		return u.Model != ""
	case unknownType:
		return u.ArtifactVersion != ""
	}
	return a.isImage()
}

// failsDirect reports whether an error speaks against direct uploads and not
// against the asset: what the API itself has to say of that has a code.
func failsDirect(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.SDKCode == 0 && !errors.Is(err, comet.ErrUnauthorized) && !errors.Is(err, comet.ErrOutage)
}

// putDirect writes an asset to storage. Once it begins again where storage
// refuses a part: addresses expire.
func (u *Uploader) putDirect(ctx context.Context, a *Asset, p Place) error {
	for try := 1; ; try++ {
		part := u.Direct.part(a.Upload.Size)
		up, err := u.startDirect(ctx, a, int((a.Upload.Size+part-1)/part))
		if err != nil {
			return err
		}
		err = u.sendParts(ctx, up, a, part)
		if err == nil {
			return u.completeDirect(ctx, up, a, p)
		}
		u.abandon(ctx, up)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !errors.Is(err, comet.ErrStorage) || try == 2 {
			return err
		}
	}
}

func (u *Uploader) startDirect(ctx context.Context, a *Asset, parts int) (*comet.DirectUpload, error) {
	if a.isImage() {
		return u.Client.Assets.StartVisualization(ctx, a.Upload, parts)
	}
	w := *a.Upload
	if w.Type == unknownType {
		w.Type = "" // it is not one of those that go to storage, and comes by itself
	}
	return u.Client.Assets.Start(ctx, &w, parts)
}

// sendParts sends the parts of an asset, each as soon as all of it is there: no
// request waits for the stream. The last one has to wait until the asset has
// been found to be what the stream says.
func (u *Uploader) sendParts(ctx context.Context, up *comet.DirectUpload, a *Asset, part int64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		for n, offset := 0, int64(0); offset < a.Upload.Size; n, offset = n+1, offset+part {
			size := min(part, a.Upload.Size-offset)
			if err := a.await(ctx, offset+size); err != nil {
				return err
			}
			// Those of all assets together, so that others get their turn.
			if err := u.Parts.Acquire(ctx, 1); err != nil {
				return context.Cause(ctx)
			}
			g.Go(func() error {
				defer u.Parts.Release(1)
				return up.PutPart(ctx, n, a.Content, offset, size)
			})
		}
		return nil
	})
	return g.Wait()
}

// await waits until the first n bytes of the content are there.
func (a *Asset) await(ctx context.Context, n int64) error {
	if a.Tail == nil {
		return nil
	}
	return a.Tail.Await(ctx, n)
}

// completeDirect makes the asset of its parts. After an answer that was lost it
// looks for it first.
func (u *Uploader) completeDirect(ctx context.Context, up *comet.DirectUpload, a *Asset, p Place) error {
	complete := func() error { return up.Complete(ctx, a.Upload.Size) }
	return u.Certain(ctx, complete(), u.lookup(ctx, a, p, reconcile.ManyAgreeing), complete)
}

// abandon gives an upload up. Servers clean up without being told, too.
func (u *Uploader) abandon(ctx context.Context, up *comet.DirectUpload) {
	ctx, cancel := u.CleanupContext(ctx)
	defer cancel()
	_ = up.Abandon(ctx)
}
