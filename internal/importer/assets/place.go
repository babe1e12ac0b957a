package assets

import (
	"cmp"
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/quota"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// An experimentPlace is an experiment as a place for assets.
type experimentPlace struct{ as *Assets }

// errKnownByBytes is why an asset is not written that cannot be kept, where one
// like it is there under another id.
var errKnownByBytes = errors.New("the destination has a similar asset under another id, and no temporary space is left to compare them: raise --temp-max")

func (s experimentPlace) Check(ctx context.Context, a *upload.Asset) error {
	if err := s.as.checkLimits(ctx, a, a.Upload.Size); err != nil || a.Pipe == nil {
		return err
	}
	if may, err := s.as.fingerprints.mayExist(ctx, a, a.Upload.Size); may || err != nil {
		return cmp.Or(err, errKnownByBytes)
	}
	return nil
}

func (s experimentPlace) Run(ctx context.Context) (*comet.Run, error) { return s.as.Handshake(ctx) }

func (s experimentPlace) QuotaScopes(a *upload.Asset) []quota.Scope {
	to := s.as.Target.Workspace
	return []quota.Scope{{Workspace: to}, {Workspace: to, Experiment: s.as.Key, Of: cmp.Or(a.Type(), "asset")}}
}

// Put writes one asset of a fingerprint at a time where they may be known by that.
func (s experimentPlace) Put(ctx context.Context, a *upload.Asset, put func() error) error {
	if err := s.as.Reopen(ctx); err != nil {
		return err
	}
	if !a.Upload.Once {
		return put()
	}
	like := a.Fingerprint(a.Upload.Size)
	free, err := s.as.fingerprints.writing.Lock(ctx, like)
	if err != nil {
		return err
	}
	defer free()
	if err = put(); err == nil {
		s.as.fingerprints.count(like)
	}
	return err
}

// Arrived looks for one of the id and the same size, or where ids may not be kept,
// for one more that is like it.
func (s experimentPlace) Arrived(ctx context.Context, a *upload.Asset, readings int) (bool, error) {
	like := a.Fingerprint(a.Upload.Size)
	expected, err := s.as.fingerprints.expected(ctx, like)
	if err != nil {
		return false, err
	}
	return reconcile.Settle(ctx, s.as.WaitSettled, readings, func(int) (ours, found bool, err error) {
		listed, is, alike, err := s.as.inventory.lookFor(ctx, a, like)
		if listed {
			return is, true, err
		}
		more := !s.as.Uploads.KeepsIDs() && alike > expected
		return more, more, err
	})
}

func (s experimentPlace) Derive(a *upload.Asset) bool {
	derived := s.as.ids.derived(a.Record.ID)
	if a.Upload.ID == derived {
		return false
	}
	a.Upload.ID = derived
	s.as.ids.change(a.Record.ID, derived)
	return true
}

// NameTaken says why an asset is refused: a server may mean that the experiment has
// another one of its name.
func (s experimentPlace) NameTaken(ctx context.Context, a *upload.Asset) error {
	why := upload.ErrIDTaken
	err := s.as.inventory.each(ctx, func() { why = upload.ErrIDTaken }, func(t *comet.Asset) error {
		if upload.WrittenName(t) == a.Upload.Name {
			why = upload.ErrNameTaken
		}
		return nil
	})
	return cmp.Or(err, why)
}

func (s experimentPlace) Wrote(ctx context.Context, a *upload.Asset) error {
	s.as.uploaded(a)
	return s.as.fingerprints.wrote(ctx, a)
}
