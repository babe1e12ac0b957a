package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
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

	open  *asset         // whose records come just now
	plain sync.WaitGroup // uploads of assets that others may refer to
}

func (a *assets) init(e *experiment) {
	a.known, a.changed = make(map[uint64]struct{}), make(map[string]string)
	a.likes.claimed, a.likes.written = make(map[string]claim), make(map[uint64]int)
	a.histograms = make(map[string]bool)
	a.derive = func(id string) string { return id }
	if e.derived {
		a.derive = func(id string) string { return place.DeriveAsset(id, e.project.target) }
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
	return deref(rec.Type) == stream.AssetFullMetric || combined && a.histograms[name]
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
		a.open.drop(errDropped)
	}
	a.open = nil
}

var errDropped = errors.New("the stream has not the whole of it")

// asset is one asset on its way to the destination.
type asset struct {
	rec    *stream.Asset
	doc    assetDoc
	upload *comet.Upload
	refers bool // its content names other assets

	state   assetState
	content *spool.Spool // where its bytes wait
	tail    *spool.Tail  // and who writes them while they come
	through *passed      // or where they go at once
	sha256  string       // of what is written
	want    *assetSum    // of a file of an artifact: what there is to verify
}

// assetState says what is to be done with an asset.
type assetState int

const (
	assetWanted assetState = iota
	assetThereAlready
	assetLeftOut // of a type that servers make themselves, or told as missing
)

// assetDoc is what is used of an asset's entry in the list.
type assetDoc struct {
	Step     document.Int  `json:"step"`
	Epoch    document.Int  `json:"epoch"`
	Context  document.Text `json:"runContext"`
	Metadata document.Text `json:"metadata"`
}

func (a *asset) drop(err error) {
	if a.tail != nil {
		// Who writes it frees it.
		a.tail.Fail(err)
		return
	}
	if a.through != nil {
		a.through.fail(err)
	}
	if a.content != nil {
		// Room on disk is all there is to lose.
		_ = a.content.Close()
	}
	a.content, a.through = nil, nil
}

func (a *asset) name() string {
	if a.rec.Name != nil {
		return *a.rec.Name
	}
	return ""
}

func (a *asset) typ() string {
	if a.rec.Type != nil {
		return *a.rec.Type
	}
	return ""
}

func (a *asset) issue() report.Issue {
	return report.Issue{Kind: string(stream.KindAsset), Name: a.name(), ID: a.rec.ID}
}

// takeAsset begins an asset.
func (e *experiment) takeAsset(ctx context.Context, rec *stream.Asset) error {
	a := &asset{rec: rec, refers: stream.RefersToAssets(deref(rec.Type)) && rec.Remote == nil && !e.r.o.NoRewrite}
	e.assets.open = a
	e.assets.add(rec.ID)
	e.r.o.Counters.Assets.Add(1)
	if err := document.Read(rec.Doc, &a.doc); err != nil {
		return err
	}
	if e.assets.derived(rec) {
		a.state = assetLeftOut
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
		a.state = assetThereAlready
		return nil
	}
	// Of what may still turn out to be there the limits are checked later.
	if e.there == nil || !a.refers && (e.r.Dry() || e.r.ids.get() == idsKept) {
		err := e.checkLimits(ctx, a, sizeOf(rec))
		if err == nil {
			err = e.r.quotas.Check(e.rooms(a), sizeOf(rec))
		}
		if err != nil {
			a.state = assetLeftOut
			e.item(a.issue(), err)
			return nil
		}
	}
	return e.openContent(ctx, a)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// describe works out how the asset is written.
func (e *experiment) describe(a *asset) error {
	u := &comet.Upload{
		ID: e.assets.derive(a.rec.ID), Name: a.name(), Type: a.typ(), Extension: extension(a.name()),
		Step: a.doc.Step.Ptr(), Epoch: a.doc.Epoch.Ptr(), Context: a.doc.Context.Ptr(),
		Link: deref(a.rec.Remote),
	}
	if m := a.doc.Metadata.V; m != "" {
		if !json.Valid([]byte(m)) {
			i := a.issue()
			i.Class, i.Reason = report.Missing, "its metadata is no JSON"
			e.Issue(i)
		} else {
			u.Metadata = json.RawMessage(m)
		}
	}
	if model, name, folded, ok := a.rec.ModelFile(); ok {
		u.Model, u.Name = model, name
		e.assets.folders.note(model, folded, a.issue())
	}
	a.upload = u
	return nil
}

// extension returns that of a file name, without its dot, if it looks like one.
func extension(name string) string {
	ext := strings.TrimPrefix(path.Ext(name), ".")
	if len(ext) > 16 {
		return ""
	}
	return ext
}

func sizeOf(rec *stream.Asset) int64 {
	if rec.Size == nil {
		return -1
	}
	return *rec.Size
}

// checkLimits returns an error for an asset that is over a limit which the
// destination has announced.
func (e *experiment) checkLimits(ctx context.Context, a *asset, size int64) error {
	if e.r.Mode == VerifyOnly {
		return nil
	}
	run, err := e.run(ctx)
	if err != nil {
		return err
	}
	err = a.overLimit(run, size)
	if err != nil && e.r.Mode == DryRun {
		// Without a handshake, which would write, only the usual limits are known.
		i := a.issue()
		i.Class, i.Reason = report.Noted, "may be refused: if the destination has the usual limits, "+err.Error()
		e.Issue(i)
		return nil
	}
	return err
}

// overLimit returns a *limitError if the asset is over a limit of the handshake.
func (a *asset) overLimit(run *comet.Run, size int64) error {
	limit, name := run.MaxAsset, run.MaxAssetName
	switch {
	case a.isImage():
		limit, name = run.MaxUpload, run.MaxImageName
	case a.typ() == "video":
		limit = run.MaxVideo
	}
	if n := utf8.RuneCountInString(a.upload.Name); name > 0 && n > name {
		return answer.Limitf("its name of %d characters is over the limit of the destination, %d", n, name)
	}
	if a.rec.Remote == nil && limit > 0 && size > limit {
		return answer.Limitf("its %d bytes are over the limit of the destination, %d", size, limit)
	}
	return nil
}

// isImage reports whether the asset goes to the endpoint for images. That one
// keeps neither epochs nor any type but image, and names what has no name. It
// knows no artifacts.
func (a *asset) isImage() bool {
	return a.upload.ArtifactVersion == "" && a.typ() == "image" && a.rec.Remote == nil && a.rec.Name != nil && *a.rec.Name != "" && !a.doc.Epoch.OK
}

// openContent makes a place for the bytes of an asset.
func (e *experiment) openContent(ctx context.Context, a *asset) error {
	// Who writes nothing needs the content only to rewrite it.
	if a.rec.Remote != nil || e.r.Dry() && !a.refers {
		return nil
	}
	size := sizeOf(a.rec)
	sp, err := e.r.spools.Open(ctx, size)
	switch {
	case err == nil:
		a.content = sp
		e.follow(ctx, a)
		return nil
	case !errors.Is(err, spool.ErrOverBudget):
		return err
	case e.r.Dry():
		return nil
	}
	a.through = newPassed()
	a.upload.Size, a.upload.Open = size, a.through.open
	e.assets.plain.Add(1)
	// It takes no slot of the tasks: those may wait for records that come only
	// after this asset.
	e.tasks.Beyond(func() {
		defer e.assets.plain.Done()
		e.item(a.issue(), e.uploadThrough(ctx, a))
	})
	return nil
}

// takeChunk takes a piece of the open asset.
func (e *experiment) takeChunk(rec *stream.Chunk) error {
	a := e.assets.open
	switch {
	case a == nil || a.state == assetLeftOut:
	case a.through != nil:
		a.through.write(rec.Data)
	case a.content != nil:
		_, err := a.content.Write(rec.Data)
		if errors.Is(err, spool.ErrOverBudget) {
			a.drop(errDropped)
			a.state = assetLeftOut
			e.failure.Note(fmt.Errorf("%s: %w: raise --temp-max", itemName(a.issue()), err), false)
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
	if a == nil || a.state == assetLeftOut {
		return nil
	}
	a.sha256 = rec.SHA256
	switch {
	case a.through != nil:
		a.through.End(rec.Size, rec.SHA256)
		e.expect(func(x *expectation) { x.asset(a) })
		return nil
	case a.content != nil:
		if a.content.Size != rec.Size || a.content.SHA256() != rec.SHA256 {
			a.drop(errDropped)
			return &InputError{Err: fmt.Errorf("%s: %w", itemName(a.issue()), errBadHash)}
		}
		a.content.Shrink()
		if a.tail != nil {
			a.tail.End(a.upload.Size)
			return nil
		}
		a.upload.Open = a.content.Open
	}
	if a.rec.Remote == nil {
		a.upload.Size = rec.Size
	}
	if a.state == assetThereAlready {
		e.expect(func(x *expectation) { x.asset(a) })
		return nil
	}
	e.writeAsset(ctx, a)
	return nil
}

var errBadHash = errors.New("its bytes have not the SHA-256 that the stream says")
