package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// assetOptions are what the assets of an experiment are written with.
type assetOptions struct {
	uploads   *upload.Uploader
	spools    *spool.Spooler
	count     *atomic.Int64 // of assets compared or written
	target    place.Project
	whole     bool // the stream has all assets of the experiment
	noRewrite bool
	run       func(context.Context) (*comet.Run, error) // the handshake, which uploads need
}

// assets is the way of an experiment's assets.
type assets struct {
	*session.Experiment
	assetOptions
	refs     *rewrite.References // what becomes of references in their contents
	ahead    flow.Future[assetsThere]
	skipped  map[string]bool            // ids of assets that the stream does not have; "" for some
	want     map[string]upload.Expected // what a verification has to find, by their ids at the source
	findings []report.Issue             // by a verification

	mu      sync.Mutex
	known   map[uint64]struct{} // hashes of the ids at the source
	changed map[string]string   // ids that are others at the destination, beside those that are derived
	derive  func(id string) string
	// histograms are the names of those of single steps that have come. Only the
	// reading uses it.
	histograms map[string]bool
	folders    folders
	likes      likes

	open  *upload.Asset  // whose records come just now
	plain sync.WaitGroup // uploads of assets that others may refer to
}

// newAssets returns the assets of an experiment that goes to a project.
func newAssets(x *session.Experiment, o assetOptions) *assets {
	as := &assets{Experiment: x, assetOptions: o, derive: func(id string) string { return id }}
	as.known, as.changed = make(map[uint64]struct{}), make(map[string]string)
	as.likes.claimed, as.likes.written = make(map[string]claim), make(map[uint64]int)
	as.histograms = make(map[string]bool)
	as.want, as.skipped = make(map[string]upload.Expected), make(map[string]bool)
	return as
}

// begin says that the experiment is open. References in the contents of assets are
// changed as refs says, and to what becomes of the assets themselves.
func (as *assets) begin(refs *rewrite.References) {
	if as.Derived {
		as.derive = func(id string) string { return place.DeriveAsset(id, as.target) }
	}
	refs.Asset = as.idOf
	as.refs = refs
}

// expect notes what a verification has to find of an asset.
func (as *assets) expect(a *upload.Asset) {
	if !as.Verifies {
		return
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	as.want[a.Record.ID] = upload.Expected{Issue: a.Issue(), ID: a.Upload.ID, Sum: content.NewSum(a.Upload.Size, a.SHA256), Remote: a.Record.Remote}
}

// skip notes an asset that the source has and the stream has not, "" for some.
func (as *assets) skip(id string) { as.skipped[id] = true }

// prefetch begins to read the list of the destination.
func (as *assets) prefetch(ctx context.Context) {
	as.ahead.Start(&as.Reading, func() (assetsThere, error) { return as.readAssetsFirst(ctx) })
}

// idOf returns the id that an asset of the experiment has at the destination.
func (as *assets) idOf(id string) (string, bool) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if _, ok := as.known[document.Hash(id)]; !ok {
		return "", false
	}
	if now, ok := as.changed[id]; ok {
		return now, true
	}
	return as.derive(id), true
}

// add notes an asset of the source.
func (as *assets) add(id string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.known[document.Hash(id)] = struct{}{}
}

// derived reports whether the destination makes an asset itself: of the points of
// a metric, or of the histograms of single steps, where the stream has them.
func (as *assets) derived(rec *stream.Asset) bool {
	name, combined, ok := rec.Histogram()
	if ok && !combined {
		as.histograms[name] = true
	}
	return document.Deref(rec.Type) == stream.AssetFullMetric || combined && as.histograms[name]
}

// change notes that an asset has another id at the destination.
func (as *assets) change(id, now string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.changed[id] = now
}

// keep takes a change back.
func (as *assets) keep(id string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.changed, id)
}

// drop forgets the asset that is open.
func (as *assets) drop() {
	if as.open != nil {
		as.open.Drop(flow.ErrDropped)
	}
	as.open = nil
}

// takeAsset begins an asset.
func (as *assets) takeAsset(ctx context.Context, rec *stream.Asset) error {
	a := &upload.Asset{Record: rec, Refers: stream.RefersToAssets(document.Deref(rec.Type)) && rec.Remote == nil && !as.noRewrite}
	as.open = a
	as.add(rec.ID)
	as.count.Add(1)
	if err := document.Read(rec.Doc, &a.Doc); err != nil {
		return err
	}
	if as.derived(rec) {
		a.State = upload.LeftOut
		return nil
	}
	if err := as.describe(a); err != nil {
		return err
	}
	there, err := as.hasAsset(ctx, a)
	switch {
	case err != nil:
		return err
	case there:
		a.State = upload.Present
		return nil
	}
	// Of what may still turn out to be there the limits are checked later.
	if as.Existing == nil || !a.Refers && (as.Dry() || as.uploads.IDs.Get() == upload.IDsKept) {
		err := as.checkLimits(ctx, a, upload.SizeOf(rec))
		if err == nil {
			err = as.uploads.Quotas.Check(as.rooms(a), upload.SizeOf(rec))
		}
		if err != nil {
			a.State = upload.LeftOut
			as.Item(a.Issue(), err)
			return nil
		}
	}
	return as.openContent(ctx, a)
}

// describe works out how the asset is written.
func (as *assets) describe(a *upload.Asset) error {
	u := &comet.Upload{
		ID: as.derive(a.Record.ID), Name: a.Name(), Type: a.Type(), Extension: upload.Extension(a.Name()),
		Step: a.Doc.Step.Ptr(), Epoch: a.Doc.Epoch.Ptr(), Context: a.Doc.Context.Ptr(),
		Link: document.Deref(a.Record.Remote),
	}
	if m := a.Doc.Metadata.V; m != "" {
		if !json.Valid([]byte(m)) {
			i := a.Issue()
			i.Class, i.Reason = report.Missing, "its metadata is no JSON"
			as.Issue(i)
		} else {
			u.Metadata = json.RawMessage(m)
		}
	}
	if model, name, folded, ok := a.Record.ModelFile(); ok {
		u.Model, u.Name = model, name
		as.folders.note(model, folded, a.Issue())
	}
	a.Upload = u
	return nil
}

// checkLimits returns an error for an asset that is over a limit which the
// destination has announced.
func (as *assets) checkLimits(ctx context.Context, a *upload.Asset, size int64) error {
	if as.Mode == VerifyOnly {
		return nil
	}
	run, err := as.run(ctx)
	if err != nil {
		return err
	}
	err = a.OverLimit(run, size)
	if err != nil && as.Mode == DryRun {
		// Without a handshake, which would write, only the usual limits are known.
		i := a.Issue()
		i.Class, i.Reason = report.Noted, "may be refused: if the destination has the usual limits, "+err.Error()
		as.Issue(i)
		return nil
	}
	return err
}

// openContent makes a place for the bytes of an asset.
func (as *assets) openContent(ctx context.Context, a *upload.Asset) error {
	// Who writes nothing needs the content only to rewrite it.
	if a.Record.Remote != nil || as.Dry() && !a.Refers {
		return nil
	}
	size := upload.SizeOf(a.Record)
	sp, err := as.spools.Open(ctx, size)
	switch {
	case err == nil:
		a.Content = sp
		as.follow(ctx, a)
		return nil
	case !errors.Is(err, spool.ErrOverBudget):
		return err
	case as.Dry():
		return nil
	}
	a.Pipe = upload.NewPipe()
	a.Upload.Size, a.Upload.Open = size, a.Pipe.Open
	as.plain.Add(1)
	// It takes no slot of the tasks: those may wait for records that come only
	// after this asset.
	as.Tasks.Beyond(func() {
		defer as.plain.Done()
		as.Item(a.Issue(), as.uploadThrough(ctx, a))
	})
	return nil
}

// takeChunk takes a piece of the open asset.
func (as *assets) takeChunk(rec *stream.Chunk) error {
	a := as.open
	switch {
	case a == nil || a.State == upload.LeftOut:
	case a.Pipe != nil:
		a.Pipe.Write(rec.Data)
	case a.Content != nil:
		_, err := a.Content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			a.Drop(flow.ErrDropped)
			a.State = upload.LeftOut
			as.Failure.Note(fmt.Errorf("%s: %w: raise --temp-max", a.Issue().Item(), err), false)
			return nil
		}
		if err != nil {
			as.ConcernsAll(err)
		}
		return err
	}
	return nil
}

// takeAssetEnd ends the open asset and writes it.
func (as *assets) takeAssetEnd(ctx context.Context, rec *stream.AssetEnd) error {
	a := as.open
	as.open = nil
	if a == nil || a.State == upload.LeftOut {
		return nil
	}
	a.SHA256 = rec.SHA256
	switch {
	case a.Pipe != nil:
		a.Pipe.End(rec.Size, rec.SHA256)
		as.expect(a)
		return nil
	case a.Content != nil:
		if a.Content.Size != rec.Size || a.Content.SHA256() != rec.SHA256 {
			a.Drop(flow.ErrDropped)
			return &InputError{Err: fmt.Errorf("%s: %w", a.Issue().Item(), upload.ErrBadHash)}
		}
		a.Content.Shrink()
		if a.Tail != nil {
			a.Tail.End(a.Upload.Size)
			return nil
		}
		a.Upload.Open = a.Content.Open
	}
	if a.Record.Remote == nil {
		a.Upload.Size = rec.Size
	}
	if a.State == upload.Present {
		as.expect(a)
		return nil
	}
	as.writeAsset(ctx, a)
	return nil
}
