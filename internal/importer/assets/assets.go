package assets

import (
	"context"
	"encoding/hex"
	"sync/atomic"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
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
	Handshake func(context.Context) (*comet.Run, error) // which uploads need
}

// Assets is the way of an experiment's assets.
type Assets struct {
	*session.Experiment
	Options
	intake       upload.Intake
	ids          ids
	inventory    inventory
	fingerprints fingerprints
	refs         *rewrite.References // what becomes of references in their contents
	skipped      map[string]bool     // ids of assets that the stream does not have; "" for some
	want         []expected          // what a verification has to find
	findings     report.Findings     // by a verification

	// histograms are the names of those of single steps that have come. Only the
	// reading uses it.
	histograms map[string]bool
	folders    folders
}

// New returns the assets of an experiment that goes to a project.
func New(x *session.Experiment, o Options) *Assets {
	as := &Assets{Experiment: x, Options: o, histograms: make(map[string]bool), skipped: make(map[string]bool)}
	as.ids = ids{target: o.Target, known: make(map[uint64]struct{}), changed: make(map[string]string)}
	as.inventory = inventory{Experiment: x, kept: func() bool { return o.Uploads.KeepsIDs() }}
	as.fingerprints = fingerprints{
		inventory: &as.inventory, ids: &as.ids, uploads: o.Uploads, claimed: make(map[string]claim), written: make(map[uint64]int),
	}
	as.intake = upload.Intake{
		Uploads: o.Uploads, Spools: o.Spools, Tasks: &x.Tasks, Failure: &x.Failure, Place: experimentPlace{as},
		Streamable: as.streamable, Finish: as.finish, Expect: as.expect,
		Done: func(a *upload.Asset, err error) {
			if err == nil {
				as.expect(a)
			}
			as.Item(a.Issue(), err)
		},
	}
	return as
}

// Start says that the experiment is open. References in the contents of assets are
// changed as refs says, and to what becomes of the assets themselves.
func (as *Assets) Start(refs *rewrite.References) {
	as.ids.derives = as.Derived
	refs.Asset = as.ids.now
	as.refs = refs
}

func (as *Assets) expect(a *upload.Asset) {
	if !as.Expecting {
		return
	}
	x := expected{id: a.Record.ID, name: a.Name(), size: a.Upload.Size, remote: a.Record.Remote}
	if sum, err := hex.DecodeString(a.SHA256); err == nil {
		copy(x.sha256[:], sum)
	}
	as.Change(func(*report.Outcome) { as.want = append(as.want, x) })
}

// Skip notes an asset that the source has and the stream lacks, "" for some.
func (as *Assets) Skip(id string) { as.skipped[id] = true }

// Free releases the space for what the destination has.
func (as *Assets) Free() { as.inventory.free() }

// Prefetch begins to read the list of the destination.
func (as *Assets) Prefetch(ctx context.Context) { as.inventory.prefetch(ctx) }

// derived reports whether the destination makes an asset itself: of the points of
// a metric, or of the histograms of single steps, where the stream has them.
func (as *Assets) derived(rec *stream.Asset) bool {
	name, combined, ok := rec.Histogram()
	if ok && !combined {
		as.histograms[name] = true
	}
	return document.Deref(rec.Type) == stream.AssetFullMetric || combined && as.histograms[name]
}

// Abandon forgets the asset that is open.
func (as *Assets) Abandon() { as.intake.Drop() }

// Chunk takes a piece of the open asset.
func (as *Assets) Chunk(rec *stream.Chunk) error { return as.intake.Chunk(rec) }

// End ends the open asset and writes it.
func (as *Assets) End(ctx context.Context, rec *stream.AssetEnd) error {
	return as.intake.End(ctx, rec)
}

// Begin begins an asset.
func (as *Assets) Begin(ctx context.Context, rec *stream.Asset) error {
	as.ids.add(rec.ID)
	as.Count.Add(1)
	a, err := as.intake.Begin(rec)
	if err != nil {
		return err
	}
	a.Refers = stream.RefersToAssets(document.Deref(rec.Type)) && rec.Remote == nil && !as.NoRewrite
	if as.derived(rec) {
		a.State = upload.LeftOut
		return nil
	}
	as.describe(a)
	existing, err := as.has(ctx, a)
	switch {
	case err != nil:
		return err
	case existing:
		a.State = upload.Present
		return nil
	}
	// For assets that may still be found at the destination the limits are
	// checked later.
	if as.Existing == nil || !a.Refers && (as.Dry() || as.Uploads.KeepsIDs()) {
		err := as.checkLimits(ctx, a, upload.SizeOf(rec))
		if err == nil {
			err = as.Uploads.Quotas.Check(experimentPlace{as}.QuotaScopes(a), upload.SizeOf(rec))
		}
		if err != nil {
			a.State = upload.LeftOut
			as.Item(a.Issue(), err)
			return nil
		}
	}
	return as.intake.Keep(ctx)
}

func (as *Assets) describe(a *upload.Asset) {
	if !a.Describe(as.ids.own(a.Record.ID)) {
		as.Issue(a.BadMetadata())
	}
	u := a.Upload
	u.Epoch, u.Context = a.Doc.Epoch.Ptr(), a.Doc.Context.Ptr()
	if model, name, folded, ok := a.Record.ModelFile(); ok {
		u.Model, u.Name = model, name
		as.folders.note(model, folded, a.Issue())
	}
	a.Record.Doc = nil // it may be long
}

// checkLimits returns an error for an asset that is over a limit which the
// destination has announced.
func (as *Assets) checkLimits(ctx context.Context, a *upload.Asset, size int64) error {
	if as.Mode == reconcile.VerifyOnly {
		return nil
	}
	run, err := as.Handshake(ctx)
	if err != nil {
		return err
	}
	err = a.OverLimit(run, size)
	if err != nil && as.Mode == reconcile.DryRun {
		// Without a handshake, which would write, only the usual limits are known.
		i := a.Issue()
		i.Class, i.Reason = report.Noted, "may be refused, if the destination has the default limits: "+err.Error()
		as.Issue(i)
		return nil
	}
	return err
}
