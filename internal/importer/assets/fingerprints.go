package assets

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
)

// An unlisted asset has been written, and its id at the destination is not known
// for sure.
type unlisted struct {
	id          string // at the source
	now         string // that it was written under
	fingerprint uint64
	sum         content.Sum // without a hash if that is not known
}

// fingerprints are the assets of an experiment that are known by their fingerprint.
type fingerprints struct {
	*inventory
	ids     *ids
	uploads *upload.Uploader // which knows whether ids are kept

	mu       sync.Mutex
	claimed  map[string]claim // by ids of the destination
	unlisted []unlisted
	written  map[uint64]int // how many of a fingerprint this import has written
	// writing are the fingerprints of which one is being written: two at a time
	// could not be told from one that was written twice.
	writing flow.Locks[uint64]
}

// A claim is an asset of the stream for which one of the destination was taken
// by its fingerprint.
type claim struct {
	id     string        // at the source
	upload *comet.Upload // how it would have been written
}

func (l *fingerprints) count(fingerprint uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[fingerprint]++
}

// expected returns how many assets of a fingerprint the experiment has, were none
// written but those that are known to be.
func (l *fingerprints) expected(ctx context.Context, fingerprint uint64) (int, error) {
	n := 0
	if l.Existing != nil {
		have, err := l.before(ctx)
		if err != nil {
			return 0, err
		}
		n = len(have.withFingerprint(fingerprint))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return n + l.written[fingerprint], nil
}

// wrote notes an asset that has been written. The first one of all shows
// whether ids are kept.
func (l *fingerprints) wrote(ctx context.Context, a *upload.Asset) error {
	if l.uploads.KeepsIDs() {
		return nil
	}
	u := unlisted{a.Record.ID, a.Upload.ID, a.Fingerprint(a.Upload.Size), content.Sum{Size: a.Upload.Size}}
	if a.Pipe == nil && a.Record.Remote == nil { // a remote one has no bytes to read
		u.sum.SHA256 = a.SHA256
	}
	l.mu.Lock()
	l.unlisted = append(l.unlisted, u)
	l.mu.Unlock()
	return l.uploads.AskIDs(func() error { return l.resolveIDs(ctx) })
}

// resolveIDs finds out which ids the assets have got that were written. A list
// that shows nothing of them, because it lags behind, leaves that open.
func (l *fingerprints) resolveIDs(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unlisted) == 0 || l.uploads.KeepsIDs() {
		return nil
	}
	wanted := make(map[uint64]bool)
	for _, u := range l.unlisted {
		wanted[u.fingerprint], wanted[document.Hash(u.now)] = true, true
	}
	have, err := l.read(ctx, nil, func(t listed) bool { return wanted[t.fingerprint] || wanted[document.Hash(t.id)] })
	if err != nil {
		return err
	}
	for _, u := range l.unlisted {
		if _, ok := have.get(u.now); ok {
			l.uploads.IDKept()
			l.unlisted = nil
			return nil
		}
	}
	var rest []unlisted
	for i, u := range l.unlisted {
		id, ok, err := l.claim(ctx, have, u.fingerprint, u.sum, claim{id: u.id})
		if err != nil {
			l.unlisted = append(rest, l.unlisted[i:]...)
			return err
		}
		if !ok {
			rest = append(rest, u)
			continue
		}
		l.uploads.IDAssigned()
		l.ids.change(u.id, id)
	}
	l.unlisted = rest
	return nil
}

// claim takes an asset of the destination for one of the stream, each once. Where
// there are, or may be, several that are alike the bytes decide; fingerprints.mu is held.
func (l *fingerprints) claim(ctx context.Context, have *listing, fingerprint uint64, want content.Sum, by claim) (id string, ok bool, err error) {
	alike := have.withFingerprint(fingerprint)
	for _, id := range alike {
		if _, ok := l.claimed[id]; ok {
			continue
		}
		if want.SHA256 != "" && (len(alike) > 1 || l.written[fingerprint] > 1 || l.Existing != nil || !l.uploads.AssignsIDs()) {
			existing, err := l.content(ctx, id)
			if err != nil {
				return "", false, err
			}
			if existing != want {
				continue
			}
		}
		l.claimed[id] = by
		return id, true, nil
	}
	return "", false, nil
}

// find looks for an asset at a destination that gives ids of its own, as far
// as that can be said before its bytes have come. In an experiment that is not
// finished what is like it may be another one of the stream.
func (l *fingerprints) find(have *listing, a *upload.Asset, size int64) bool {
	if !l.uploads.AssignsIDs() || l.Unfinished && !l.Dry() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	alike := have.withFingerprint(a.Fingerprint(size))
	if len(alike) != 1 {
		return false
	}
	if _, ok := l.claimed[alike[0]]; ok {
		return false
	}
	l.claimed[alike[0]] = claim{id: a.Record.ID}
	a.Upload.ID = alike[0]
	l.ids.change(a.Record.ID, alike[0])
	return true
}

// mayExist reports whether an asset that the destination has under no id of
// ours may be there all the same, to be known by its bytes.
func (l *fingerprints) mayExist(ctx context.Context, a *upload.Asset, size int64) (bool, error) {
	if l.Existing == nil || l.uploads.KeepsIDs() {
		return false, nil
	}
	have, err := l.before(ctx)
	return err == nil && len(have.withFingerprint(a.Fingerprint(size))) > 0, err
}

// findSame looks for an asset a last time before it is written. One that is like
// it and has the same bytes is taken for it.
func (l *fingerprints) findSame(ctx context.Context, a *upload.Asset) (bool, error) {
	if may, err := l.mayExist(ctx, a, a.Upload.Size); !may || err != nil {
		return false, err
	}
	have, err := l.before(ctx)
	if err != nil {
		return false, err
	}
	want := content.Sum{Size: a.Upload.Size, SHA256: a.SHA256}
	if a.Record.Remote != nil {
		want.SHA256 = ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uploads.KeepsIDs() {
		return false, nil // as has come out meanwhile: what is like it is another one
	}
	by := claim{a.Record.ID, nil}
	if !l.uploads.AssignsIDs() {
		by.upload = a.Upload
	}
	id, ok, err := l.claim(ctx, have, a.Fingerprint(want.Size), want, by)
	if err != nil || !ok {
		return false, err
	}
	l.uploads.IDAssigned()
	taken := *a.Upload
	taken.ID = id
	a.Upload = &taken
	l.ids.change(a.Record.ID, id)
	return true, nil
}

// standsFor looks whether an asset that the destination has under its id was
// taken for another one of the stream, with the same bytes. That one is missing
// then: the asset is written once more, as the other.
func (l *fingerprints) standsFor(a *upload.Asset, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	other, ok := l.claimed[id]
	delete(l.claimed, id)
	if !ok || other.id == a.Record.ID || other.upload == nil {
		return false
	}
	u := *other.upload
	u.Run, u.Open, u.Size = a.Upload.Run, a.Upload.Open, a.Upload.Size
	a.Upload = &u
	l.ids.keep(other.id)
	return true
}
