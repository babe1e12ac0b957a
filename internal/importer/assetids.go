package importer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
)

// idKeeping is what has turned out about the ids of assets that a destination
// was given.
type idKeeping int

const (
	idsUnknown idKeeping = iota
	// idsKept is what all clients rely on, though no document promises it.
	idsKept
	// idsAssigned: the destination gives assets ids of its own. They are
	// recognised by their likeness.
	idsAssigned
)

// idKeeper finds out, once for all experiments.
type idKeeper struct {
	mu     sync.Mutex
	state  idKeeping
	asking bool
}

func (k *idKeeper) get() idKeeping {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

// set notes what was found out. An id that was kept is proof, likeness is not.
func (k *idKeeper) set(state idKeeping) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != idsKept {
		k.state = state
	}
}

// ask runs f to find out, unless that is known or somebody else is at it.
func (k *idKeeper) ask(f func() error) error {
	k.mu.Lock()
	if k.state != idsUnknown || k.asking {
		k.mu.Unlock()
		return nil
	}
	k.asking = true
	k.mu.Unlock()
	err := f()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking = false
	return err
}

// likeness is the hash of what an asset is recognised by where its id says
// nothing: its name, step, context, and size or link.
func likeness(name string, step document.Int, context document.Text, size int64, link string) uint64 {
	return document.Hash(fmt.Sprintf("%q %v %q %v %d %q", name, step, context.V, context.OK, size, link))
}

// like returns the likeness of the asset as it is written.
func (a *asset) like(size int64) uint64 {
	if a.rec.Remote != nil {
		size = 0
	}
	return likeness(a.upload.Name, a.doc.Step, a.doc.Context, size, a.upload.Link)
}

// likeOf returns the likeness of an asset of the destination.
func likeOf(a *comet.Asset) uint64 {
	size, link := a.Size, ""
	if a.Remote && a.Link != nil {
		size, link = 0, *a.Link
	}
	return likeness(writtenName(a), document.IntOf(a.Step), document.TextOf(a.Context), size, link)
}

// writtenName returns the name that an asset of the destination was written with.
func writtenName(a *comet.Asset) string {
	if strings.HasPrefix(a.Dir, "models/") {
		return strings.TrimPrefix(a.Name, a.Dir+"/")
	}
	return a.Name
}

// An unlisted asset has been written, and its id at the destination is not known
// for sure.
type unlisted struct {
	id   string // at the source
	now  string // that it was written under
	like uint64
	sum  content.Sum // without a hash if that is not known
}

// likes are the assets of an experiment that are known by their likeness.
type likes struct {
	mu       sync.Mutex
	claimed  map[string]claim // by ids of the destination
	unlisted []unlisted
	written  map[uint64]int // how many of a likeness this import has written
	// writing are the likenesses of which one is being written: two at a time
	// could not be told from one that was written twice.
	writing flow.Locks[uint64]
}

// A claim is an asset of the stream for which one of the destination was taken
// by its likeness.
type claim struct {
	id     string        // at the source
	upload *comet.Upload // how it would have been written
}

func (l *likes) count(like uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[like]++
}

// expected returns how many assets of a likeness the experiment has, were none
// written but those that are known to be.
func (e *experiment) expected(ctx context.Context, like uint64) (int, error) {
	n := 0
	if e.there != nil {
		have, err := e.assetsThere(ctx)
		if err != nil {
			return 0, err
		}
		n = len(have.alike(like))
	}
	l := &e.assets.likes
	l.mu.Lock()
	defer l.mu.Unlock()
	return n + l.written[like], nil
}

// wroteAs notes an asset that has been written. The first one of all shows
// whether ids are kept.
func (e *experiment) wroteAs(ctx context.Context, a *asset) error {
	if e.r.ids.get() == idsKept {
		return nil
	}
	u := unlisted{a.rec.ID, a.upload.ID, a.like(a.upload.Size), content.Sum{Size: a.upload.Size}}
	if a.through == nil && a.rec.Remote == nil { // a remote one has no bytes to read
		u.sum.SHA256 = a.sha256
	}
	l := &e.assets.likes
	l.mu.Lock()
	l.unlisted = append(l.unlisted, u)
	l.mu.Unlock()
	return e.r.ids.ask(func() error { return e.settleIDs(ctx) })
}

// settleIDs finds out which ids the assets have got that were written. A list
// that shows nothing of them, because it lags behind, leaves that open.
func (e *experiment) settleIDs(ctx context.Context) error {
	l := &e.assets.likes
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unlisted) == 0 || e.r.ids.get() == idsKept {
		return nil
	}
	have, err := e.readAssets(ctx)
	if err != nil {
		return err
	}
	for _, u := range l.unlisted {
		if _, ok := have[u.now]; ok {
			e.r.ids.set(idsKept)
			l.unlisted = nil
			return nil
		}
	}
	var rest []unlisted
	for i, u := range l.unlisted {
		id, ok, err := e.claim(ctx, have, u.like, u.sum, claim{id: u.id})
		if err != nil {
			l.unlisted = append(rest, l.unlisted[i:]...)
			return err
		}
		if !ok {
			rest = append(rest, u)
			continue
		}
		e.r.ids.set(idsAssigned)
		e.assets.change(u.id, id)
	}
	l.unlisted = rest
	return nil
}

// claim takes an asset of the destination for one of the stream, each once. Where
// there are, or may be, several that are alike the bytes decide; likes.mu is held.
func (e *experiment) claim(ctx context.Context, have assetsThere, like uint64, want content.Sum, by claim) (id string, ok bool, err error) {
	l := &e.assets.likes
	alike := have.alike(like)
	for _, id := range alike {
		if _, ok := l.claimed[id]; ok {
			continue
		}
		if want.SHA256 != "" && (len(alike) > 1 || l.written[like] > 1 || e.there != nil || e.r.ids.get() != idsAssigned) {
			there, err := e.r.readAssetSum(ctx, e.key, id)
			if err != nil {
				return "", false, err
			}
			if there != want {
				continue
			}
		}
		l.claimed[id] = by
		return id, true, nil
	}
	return "", false, nil
}

// alike returns the ids of the assets of a likeness.
func (t assetsThere) alike(like uint64) []string {
	var ids []string
	for id, a := range t {
		if a.like == like {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// foundLike looks for an asset at a destination that gives ids of its own, as far
// as that can be said before its bytes have come. In an experiment that is not
// finished what is like it may be another one of the stream.
func (e *experiment) foundLike(have assetsThere, a *asset, size int64) bool {
	if e.r.ids.get() != idsAssigned || e.unfinished && !e.r.Dry() {
		return false
	}
	l := &e.assets.likes
	l.mu.Lock()
	defer l.mu.Unlock()
	alike := have.alike(a.like(size))
	if len(alike) != 1 {
		return false
	}
	if _, ok := l.claimed[alike[0]]; ok {
		return false
	}
	l.claimed[alike[0]] = claim{id: a.rec.ID}
	a.upload.ID = alike[0]
	e.assets.change(a.rec.ID, alike[0])
	return true
}

// knowsByBytes reports whether an asset that the destination has under no id of
// ours may be there all the same, to be known by its bytes.
func (e *experiment) knowsByBytes(ctx context.Context, a *asset, size int64) (bool, error) {
	if e.there == nil || e.r.ids.get() == idsKept {
		return false, nil
	}
	have, err := e.assetsThere(ctx)
	return len(have.alike(a.like(size))) > 0, err
}

// foundSame looks for an asset a last time before it is written. One that is like
// it and has the same bytes is taken for it.
func (e *experiment) foundSame(ctx context.Context, a *asset) (bool, error) {
	if may, err := e.knowsByBytes(ctx, a, a.upload.Size); !may || err != nil {
		return false, err
	}
	have, err := e.assetsThere(ctx)
	if err != nil {
		return false, err
	}
	want := content.NewSum(a.upload.Size, a.sha256)
	if a.rec.Remote != nil {
		want.SHA256 = ""
	}
	l := &e.assets.likes
	l.mu.Lock()
	defer l.mu.Unlock()
	by := claim{a.rec.ID, nil}
	if e.r.ids.get() == idsUnknown {
		by.upload = a.upload
	}
	id, ok, err := e.claim(ctx, have, a.like(want.Size), want, by)
	if err != nil || !ok {
		return false, err
	}
	e.r.ids.set(idsAssigned)
	taken := *a.upload
	taken.ID = id
	a.upload = &taken
	e.assets.change(a.rec.ID, id)
	return true, nil
}

// standsFor looks whether an asset that the destination has under its id was
// taken for another one of the stream, with the same bytes. That one is missing
// then: the asset is written once more, as the other.
func (e *experiment) standsFor(a *asset, id string) bool {
	l := &e.assets.likes
	l.mu.Lock()
	defer l.mu.Unlock()
	other, ok := l.claimed[id]
	delete(l.claimed, id)
	if !ok || other.id == a.rec.ID || other.upload == nil {
		return false
	}
	as := *other.upload
	as.Run, as.Open, as.Size = a.upload.Run, a.upload.Open, a.upload.Size
	a.upload = &as
	e.assets.keep(other.id)
	return true
}
