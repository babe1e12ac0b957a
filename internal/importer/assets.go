package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// assets is the way of an experiment's assets.
type assets struct {
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

func (a *assets) init(e *experiment) {
	a.known, a.changed = make(map[uint64]struct{}), make(map[string]string)
	a.likes.claimed, a.likes.written = make(map[string]claim), make(map[uint64]int)
	a.histograms = make(map[string]bool)
	a.derive = func(id string) string { return id }
	if e.Derived {
		a.derive = func(id string) string { return place.DeriveAsset(id, e.project.Target) }
	}
}

// idOf returns the id that an asset of the experiment has at the destination.
func (a *assets) idOf(id string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.known[document.Hash(id)]; !ok {
		return "", false
	}
	if now, ok := a.changed[id]; ok {
		return now, true
	}
	return a.derive(id), true
}

// add notes an asset of the source.
func (a *assets) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[document.Hash(id)] = struct{}{}
}

// derived reports whether the destination makes an asset itself: of the points of
// a metric, or of the histograms of single steps, where the stream has them.
func (a *assets) derived(rec *stream.Asset) bool {
	name, combined, ok := rec.Histogram()
	if ok && !combined {
		a.histograms[name] = true
	}
	return document.Deref(rec.Type) == stream.AssetFullMetric || combined && a.histograms[name]
}

// change notes that an asset has another id at the destination.
func (a *assets) change(id, now string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed[id] = now
}

// keep takes a change back.
func (a *assets) keep(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.changed, id)
}

// drop forgets the asset that is open.
func (a *assets) drop() {
	if a.open != nil {
		a.open.Drop(flow.ErrDropped)
	}
	a.open = nil
}

// takeAsset begins an asset.
func (e *experiment) takeAsset(ctx context.Context, rec *stream.Asset) error {
	a := &upload.Asset{Record: rec, Refers: stream.RefersToAssets(document.Deref(rec.Type)) && rec.Remote == nil && !e.r.o.NoRewrite}
	e.assets.open = a
	e.assets.add(rec.ID)
	e.r.o.Counters.Assets.Add(1)
	if err := document.Read(rec.Doc, &a.Doc); err != nil {
		return err
	}
	if e.assets.derived(rec) {
		a.State = upload.LeftOut
		return nil
	}
	if err := e.describe(a); err != nil {
		return err
	}
	there, err := e.hasAsset(ctx, a)
	switch {
	case err != nil:
		return err
	case there:
		a.State = upload.Present
		return nil
	}
	// Of what may still turn out to be there the limits are checked later.
	if e.Existing == nil || !a.Refers && (e.r.Dry() || e.r.Uploads.IDs.Get() == upload.IDsKept) {
		err := e.checkLimits(ctx, a, upload.SizeOf(rec))
		if err == nil {
			err = e.r.Uploads.Quotas.Check(e.rooms(a), upload.SizeOf(rec))
		}
		if err != nil {
			a.State = upload.LeftOut
			e.Item(a.Issue(), err)
			return nil
		}
	}
	return e.openContent(ctx, a)
}

// describe works out how the asset is written.
func (e *experiment) describe(a *upload.Asset) error {
	u := &comet.Upload{
		ID: e.assets.derive(a.Record.ID), Name: a.Name(), Type: a.Type(), Extension: upload.Extension(a.Name()),
		Step: a.Doc.Step.Ptr(), Epoch: a.Doc.Epoch.Ptr(), Context: a.Doc.Context.Ptr(),
		Link: document.Deref(a.Record.Remote),
	}
	if m := a.Doc.Metadata.V; m != "" {
		if !json.Valid([]byte(m)) {
			i := a.Issue()
			i.Class, i.Reason = report.Missing, "its metadata is no JSON"
			e.Issue(i)
		} else {
			u.Metadata = json.RawMessage(m)
		}
	}
	if model, name, folded, ok := a.Record.ModelFile(); ok {
		u.Model, u.Name = model, name
		e.assets.folders.note(model, folded, a.Issue())
	}
	a.Upload = u
	return nil
}

// checkLimits returns an error for an asset that is over a limit which the
// destination has announced.
func (e *experiment) checkLimits(ctx context.Context, a *upload.Asset, size int64) error {
	if e.r.Mode == VerifyOnly {
		return nil
	}
	run, err := e.run(ctx)
	if err != nil {
		return err
	}
	err = a.OverLimit(run, size)
	if err != nil && e.r.Mode == DryRun {
		// Without a handshake, which would write, only the usual limits are known.
		i := a.Issue()
		i.Class, i.Reason = report.Noted, "may be refused: if the destination has the usual limits, "+err.Error()
		e.Issue(i)
		return nil
	}
	return err
}

// openContent makes a place for the bytes of an asset.
func (e *experiment) openContent(ctx context.Context, a *upload.Asset) error {
	// Who writes nothing needs the content only to rewrite it.
	if a.Record.Remote != nil || e.r.Dry() && !a.Refers {
		return nil
	}
	size := upload.SizeOf(a.Record)
	sp, err := e.r.Spools.Open(ctx, size)
	switch {
	case err == nil:
		a.Content = sp
		e.follow(ctx, a)
		return nil
	case !errors.Is(err, spool.ErrOverBudget):
		return err
	case e.r.Dry():
		return nil
	}
	a.Pipe = upload.NewPipe()
	a.Upload.Size, a.Upload.Open = size, a.Pipe.Open
	e.assets.plain.Add(1)
	// It takes no slot of the tasks: those may wait for records that come only
	// after this asset.
	e.Tasks.Beyond(func() {
		defer e.assets.plain.Done()
		e.Item(a.Issue(), e.uploadThrough(ctx, a))
	})
	return nil
}

// takeChunk takes a piece of the open asset.
func (e *experiment) takeChunk(rec *stream.Chunk) error {
	a := e.assets.open
	switch {
	case a == nil || a.State == upload.LeftOut:
	case a.Pipe != nil:
		a.Pipe.Write(rec.Data)
	case a.Content != nil:
		_, err := a.Content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			a.Drop(flow.ErrDropped)
			a.State = upload.LeftOut
			e.Failure.Note(fmt.Errorf("%s: %w: raise --temp-max", a.Issue().Item(), err), false)
			return nil
		}
		if err != nil {
			e.r.ConcernsAll(err)
		}
		return err
	}
	return nil
}

// takeAssetEnd ends the open asset and writes it.
func (e *experiment) takeAssetEnd(ctx context.Context, rec *stream.AssetEnd) error {
	a := e.assets.open
	e.assets.open = nil
	if a == nil || a.State == upload.LeftOut {
		return nil
	}
	a.SHA256 = rec.SHA256
	switch {
	case a.Pipe != nil:
		a.Pipe.End(rec.Size, rec.SHA256)
		e.expect(func(x *expectation) { x.asset(a) })
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
		e.expect(func(x *expectation) { x.asset(a) })
		return nil
	}
	e.writeAsset(ctx, a)
	return nil
}
