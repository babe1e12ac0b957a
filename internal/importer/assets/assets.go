package assets

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/rewrite"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Options are what the assets of an experiment are written with.
type Options struct {
	Uploads   *upload.Uploader
	Spools    *spool.Spooler
	Count     *atomic.Int64 // of assets compared or written
	Target    place.Project
	Whole     bool // the stream has all assets of the experiment
	NoRewrite bool
	Run       func(context.Context) (*comet.Run, error) // the handshake, which uploads need
}

// Assets is the way of an experiment's assets.
type Assets struct {
	*session.Experiment
	Options
	refs     *rewrite.References // what becomes of references in their contents
	ahead    flow.Future[*listing]
	skipped  map[string]bool // ids of assets that the stream does not have; "" for some
	want     []expected      // what a verification has to find
	findings report.Findings // by a verification

	mu      sync.Mutex
	known   map[uint64]struct{} // hashes of the ids at the source
	changed map[string]string   // ids that are others at the destination, beside those that are derived
	derive  func(id string) string
	// histograms are the names of those of single steps that have come. Only the
	// reading uses it.
	histograms map[string]bool
	folders    folders
	likenesses likenesses

	open  *upload.Asset  // whose records come just now
	plain sync.WaitGroup // uploads of assets that others may refer to
}

// New returns the assets of an experiment that goes to a project.
func New(x *session.Experiment, o Options) *Assets {
	as := &Assets{Experiment: x, Options: o, derive: func(id string) string { return id }}
	as.known, as.changed = make(map[uint64]struct{}), make(map[string]string)
	as.likenesses.claimed, as.likenesses.written = make(map[string]claim), make(map[uint64]int)
	as.histograms = make(map[string]bool)
	as.skipped = make(map[string]bool)
	return as
}

// Start says that the experiment is open. References in the contents of assets are
// changed as refs says, and to what becomes of the assets themselves.
func (as *Assets) Start(refs *rewrite.References) {
	if as.Derived {
		as.derive = func(id string) string { return place.DeriveAsset(id, as.Target) }
	}
	refs.Asset = as.idOf
	as.refs = refs
}

// expect notes what a verification has to find of an asset.
func (as *Assets) expect(a *upload.Asset) {
	if !as.Verifies {
		return
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	x := expected{id: a.Record.ID, name: a.Name(), size: a.Upload.Size, remote: a.Record.Remote}
	if sum, err := hex.DecodeString(a.SHA256); err == nil {
		copy(x.sha256[:], sum)
	}
	as.want = append(as.want, x)
}

// Skip notes an asset that the source has and the stream lacks, "" for some.
func (as *Assets) Skip(id string) { as.skipped[id] = true }

// Free gives back the room for what the destination has.
func (as *Assets) Free() {
	if have, ok := as.ahead.Peek(); ok {
		have.Free()
	}
	as.ahead = flow.Future[*listing]{}
}

// Prefetch begins to read the list of the destination.
func (as *Assets) Prefetch(ctx context.Context) {
	as.ahead.Start(&as.Reading, func() (*listing, error) { return as.readAssetsFirst(ctx) })
}

// idOf returns the id that an asset of the experiment has at the destination.
func (as *Assets) idOf(id string) (string, bool) {
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
func (as *Assets) add(id string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.known[document.Hash(id)] = struct{}{}
}

// derived reports whether the destination makes an asset itself: of the points of
// a metric, or of the histograms of single steps, where the stream has them.
func (as *Assets) derived(rec *stream.Asset) bool {
	name, combined, ok := rec.Histogram()
	if ok && !combined {
		as.histograms[name] = true
	}
	return document.Deref(rec.Type) == stream.AssetFullMetric || combined && as.histograms[name]
}

// change notes that an asset has another id at the destination.
func (as *Assets) change(id, now string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.changed[id] = now
}

// keep takes a change back.
func (as *Assets) keep(id string) {
	as.mu.Lock()
	defer as.mu.Unlock()
	delete(as.changed, id)
}

// Abandon forgets the asset that is open.
func (as *Assets) Abandon() {
	if as.open != nil {
		as.open.Drop(flow.ErrDropped)
	}
	as.open = nil
}

// Begin begins an asset.
func (as *Assets) Begin(ctx context.Context, rec *stream.Asset) error {
	a := &upload.Asset{Record: rec, Refers: stream.RefersToAssets(document.Deref(rec.Type)) && rec.Remote == nil && !as.NoRewrite}
	as.open = a
	as.add(rec.ID)
	as.Count.Add(1)
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
	if as.Existing == nil || !a.Refers && (as.Dry() || as.Uploads.IDs.Get() == upload.IDsKept) {
		err := as.checkLimits(ctx, a, upload.SizeOf(rec))
		if err == nil {
			err = as.Uploads.Quotas.Check(as.rooms(a), upload.SizeOf(rec))
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
func (as *Assets) describe(a *upload.Asset) error {
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
func (as *Assets) checkLimits(ctx context.Context, a *upload.Asset, size int64) error {
	if as.Mode == reconcile.VerifyOnly {
		return nil
	}
	run, err := as.Run(ctx)
	if err != nil {
		return err
	}
	err = a.OverLimit(run, size)
	if err != nil && as.Mode == reconcile.DryRun {
		// Without a handshake, which would write, only the usual limits are known.
		i := a.Issue()
		i.Class, i.Reason = report.Noted, "may be refused: if the destination has the usual limits, "+err.Error()
		as.Issue(i)
		return nil
	}
	return err
}

// openContent makes a place for the bytes of an asset.
func (as *Assets) openContent(ctx context.Context, a *upload.Asset) error {
	// Who writes nothing needs the content only to rewrite it.
	if a.Record.Remote != nil || as.Dry() && !a.Refers {
		return nil
	}
	size := upload.SizeOf(a.Record)
	sp, err := as.Spools.Open(ctx, size)
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

// Chunk takes a piece of the open asset.
func (as *Assets) Chunk(rec *stream.Chunk) error {
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
			as.Failure.Note(fmt.Errorf("%s: %w", a.Issue().Item(), err), false)
			return nil
		}
		if err != nil {
			as.ConcernsAll(err)
		}
		return err
	}
	return nil
}

// End ends the open asset and writes it.
func (as *Assets) End(ctx context.Context, rec *stream.AssetEnd) error {
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
			return &flow.InputError{Err: fmt.Errorf("%s: %w", a.Issue().Item(), upload.ErrBadHash)}
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
