package assets

import (
	"context"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/report"
)

// streamable reports whether an asset may be written before all of it has come: nothing
// depends on what its bytes are.
func (as *Assets) streamable(ctx context.Context, a *upload.Asset) bool {
	if a.Refers {
		return false
	}
	may, err := as.fingerprints.mayExist(ctx, a, upload.SizeOf(a.Record))
	return !may && err == nil
}

// finish writes an asset whose bytes are there, if the destination does not have it.
func (as *Assets) finish(ctx context.Context, a *upload.Asset) error {
	if a.Refers {
		if err := as.fingerprints.resolveIDs(ctx); err != nil {
			return err
		}
	}
	if a.Refers && a.Content != nil {
		if err := as.rewrite(a); err != nil {
			return err
		}
		if as.Existing != nil {
			have, err := as.inventory.before(ctx)
			if err != nil || as.found(have, a, a.Upload.Size) {
				return err
			}
		}
	}
	found, err := as.fingerprints.findSame(ctx, a)
	switch {
	case err != nil || found:
		return err
	case as.Dry():
		if as.Mode == reconcile.DryRun {
			as.uploaded(a)
		}
		return nil
	}
	return as.Uploads.Write(ctx, a, experimentPlace{as})
}

// has reports whether the destination has the asset already: under its id
// or under the one it gets where that is taken.
func (as *Assets) has(ctx context.Context, a *upload.Asset) (bool, error) {
	if as.Existing == nil {
		return false, nil
	}
	// Those who wait for the list hold nothing that others may wait for.
	have, err := as.inventory.before(ctx)
	// An asset that refers to others may have another size, since its references
	// are rewritten.
	if err != nil || a.Refers {
		return false, err
	}
	return as.found(have, a, upload.SizeOf(a.Record)), nil
}

const otherLink = "the destination has a different link"

// found looks for the asset in a list of those that the destination has. A size
// that is not known fits any.
func (as *Assets) found(have *listing, a *upload.Asset, size int64) bool {
	for _, id := range []string{a.Upload.ID, place.DeriveAsset(a.Record.ID, as.Target)} {
		t, ok := have.get(id)
		if ok && t.is(a, size) {
			as.Uploads.IDKept()
			if as.fingerprints.standsFor(a, id) {
				return false
			}
			if t.linksElsewhere(a.Record.Remote) && as.Mode != reconcile.VerifyOnly {
				i := a.Issue()
				i.Class, i.Reason = report.Differs, otherLink
				as.Issue(i)
			}
			if id != a.Upload.ID {
				a.Upload.ID = id
				as.ids.change(a.Record.ID, id)
			}
			return true
		}
	}
	return as.fingerprints.find(have, a, size)
}

func (as *Assets) rewrite(a *upload.Asset) error {
	w, err := as.refs.Content(a.Content, a.Content.Size)
	if err != nil {
		return fmt.Errorf("rewrite references: %w", err)
	}
	if len(w.Unknown) > 0 || w.Blocked > 0 {
		i := a.Issue()
		i.Class = report.Noted
		i.Reason = "refers to items that are not in the stream: " + strings.Join(w.Unknown, ", ")
		if len(w.Unknown) == 0 {
			i.Reason = fmt.Sprintf("%d references not rewritten, since they are in binary data of fixed length", w.Blocked)
		}
		as.Issue(i)
	}
	if w.Changes == 0 {
		return nil
	}
	a.Upload.Size, a.Upload.Open, a.SHA256 = w.Size, w.Open, w.SHA256
	as.Change(func(o *report.Outcome) {
		o.Rewritten = append(o.Rewritten, report.Rewriting{
			ID: a.Upload.ID, Name: a.Name(), References: w.Changes, From: a.Content.SHA256(), To: w.SHA256,
		})
	})
	return nil
}

func (as *Assets) uploaded(a *upload.Asset) {
	as.Change(func(o *report.Outcome) {
		o.Written.Assets++
		o.Written.AssetBytes += a.Upload.Size
	})
}
