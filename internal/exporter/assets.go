package exporter

import (
	"cmp"
	"context"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// item is an asset of an experiment, or a file of an artifact version, that is
// to be exported.
type item struct {
	id       string
	name     *string
	typ      *string
	size     *int64
	remote   *string
	created  *int64
	rank     int // of its type
	doc      stream.Doc
	key      string // of the experiment that has the bytes
	artifact string // id of the artifact version whose file it is
}

// request asks for the bytes of an asset.
func (it *item) request() comet.AssetRequest {
	return comet.AssetRequest{Key: it.key, ID: it.id, ArtifactVersion: it.artifact, Size: it.size}
}

// badItem is an entry of a list that no record can hold.
type badItem struct {
	id, name string
	err      error
}

// byUpload orders assets by the rank of their types, then by the time of their
// upload, absent times first, and by id. No server decides on that order.
func byUpload(a, b *item) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), stream.CompareTimes(a.created, b.created), strings.Compare(a.id, b.id))
}

func newItem(a *comet.Asset) (*item, error) {
	doc, err := stream.DocFromJSON(a.Raw)
	if err != nil {
		return nil, judge.ItemErrorf("its description does not fit the stream: %v", err)
	}
	it := &item{id: strings.Clone(a.ID), created: a.Created}
	it.name = docText(doc, "fileName")
	it.typ = docText(doc, "type")
	if doc.Member("fileSize") != nil {
		size := a.Size
		it.size = &size
	}
	it.rank = stream.AssetRank(a.Type)
	dropped := droppedMembers
	if isRemote(a, doc) {
		link := ""
		if a.Link != nil {
			link = *a.Link
		}
		link = judge.Valid(link)
		it.remote = &link
	} else {
		dropped = append([]string{"link"}, droppedMembers...)
	}
	if it.doc, err = doc.Without(dropped...); err != nil {
		return nil, judge.ItemErrorf("its description does not fit the stream: %v", err)
	}
	return it, nil
}

// docText returns a member of a document that is a text, or nil.
func docText(doc stream.Doc, name string) *string {
	text, ok := doc.Member(name).Text()
	if !ok {
		return nil
	}
	return &text
}

// isRemote reports whether the server has a link in place of the bytes. Older
// servers do not say so: there the link tells, which of a stored asset leads to
// the server's own download page.
func isRemote(a *comet.Asset, doc stream.Doc) bool {
	if a.Remote || doc.Member("remote") != nil || a.Link == nil || a.Size > 0 {
		return a.Remote
	}
	u, err := url.Parse(*a.Link)
	if err != nil {
		return false
	}
	if u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https" {
		return !strings.Contains(u.RawQuery, "assetId=") && !strings.Contains(u.RawQuery, "imageId=")
	}
	return true
}

// eachAsset lists assets; see [comet.Assets.Each].
type eachAsset func(ctx context.Context, restart func(), yield func(*comet.Asset) error) error

// assetsFetch is the slot of a list of assets, of an experiment or a version
// of an artifact, and the slots of their contents.
type assetsFetch struct {
	*prefetch.Value[[]*item]
	x        *Exporter
	each     eachAsset
	key      string // of the experiment
	artifact string // id of the artifact version

	bodies    prefetch.Sequence[*prefetch.Body]
	left      int // left out by choice
	leftBytes int64
	bad       []badItem
}

func (x *Exporter) newAssetsFetch(q *prefetch.Queue, at prefetch.Position, each eachAsset) *assetsFetch {
	f := &assetsFetch{x: x, each: each}
	f.Value = prefetch.NewValue(q, at, f.fetch)
	return f
}

// Leave gives back what is held.
func (f *assetsFetch) Leave() {
	f.Slot.Leave()
	f.bodies.Close()
}

// fetch reads the list, and makes slots for the contents.
func (f *assetsFetch) fetch(ctx context.Context, s *prefetch.Slot) ([]*item, error) {
	list, err := f.list(ctx, s)
	if err != nil {
		return nil, err
	}
	local := make([]*item, 0, len(list))
	for _, it := range list {
		if it.remote == nil {
			local = append(local, it)
		}
	}
	return list, s.Fix(func() {
		f.bodies = prefetch.NewSequence(f.Queue(), len(local), func(i int) *prefetch.Body {
			at := s.At
			at.File = i + 1
			return f.x.bodies.Slot(f.Queue(), at, local[i].request())
		})
		f.bodies.Open()
	})
}

// list reads the list of assets, in the order of the stream.
func (f *assetsFetch) list(ctx context.Context, s *prefetch.Slot) ([]*item, error) {
	var list []*item
	var size int64
	growth := prefetch.NewGrowth(s)
	restart := func() {
		list, size = nil, 0
		f.left, f.leftBytes, f.bad = 0, 0, nil
		growth.Reset()
	}
	restart()
	err := f.each(ctx, restart, func(a *comet.Asset) error {
		switch {
		case a.ID == "" && !a.Cut:
			f.bad = append(f.bad, badItem{err: judge.ItemErrorf("the server lists it without an id")})
			return nil
		case f.artifact == "" && !f.x.find.Search.Asset(&a.Type, &a.Name, &a.Size):
			f.left++
			f.leftBytes += a.Size
			return nil
		}
		if a.Cut {
			f.bad = append(f.bad, badItem{strings.Clone(a.ID), strings.Clone(a.Name), judge.ItemErrorf("its description is %v", comet.ErrTooLarge)})
			return nil
		}
		it, err := newItem(a)
		if err != nil {
			f.bad = append(f.bad, badItem{strings.Clone(a.ID), strings.Clone(a.Name), err})
			return nil
		}
		it.key, it.artifact = f.key, f.artifact
		list = append(list, it)
		for _, part := range a.Items {
			f.bad = append(f.bad, badItem{it.id, strings.Clone(a.Name) + "/" + part, errScenePart})
		}
		size += int64(len(it.doc)) + 400
		return growth.To(ctx, size)
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, byUpload)
	// An id can be in the stream but once.
	known := make(map[string]struct{}, len(list))
	return slices.DeleteFunc(list, func(it *item) bool {
		_, twice := known[it.id]
		known[it.id] = struct{}{}
		return twice
	}), nil
}

// errScenePart is why the parts of a 3D scene are not in a stream. They have ids
// and links, and yet no client reads one, nor says what it would get.
var errScenePart = judge.ItemErrorf("no known call reads this part of a 3D scene; the scene itself is exported")

// write writes the assets of a list, and what is missing of them. It calls
// done with the size of each that is whole.
func (f *assetsFetch) write(ctx context.Context, out *output, list []*item, key string, done func(size int64)) error {
	for _, b := range f.bad {
		if err := out.skip(judge.Item{Kind: stream.KindAsset, Experiment: key, ID: b.id, Name: b.name}, b.err); err != nil {
			return err
		}
	}
	for i, it := range list {
		list[i] = nil
		n, err := writeItem(ctx, out, it, &f.bodies, key)
		if err != nil {
			return err
		}
		if n >= 0 {
			done(n)
			out.counters.Assets.Add(1)
		}
	}
	return nil
}

// writeAssets writes the assets of the experiment.
func (u *experimentUnit) writeAssets(ctx context.Context, out *output) error {
	if u.assets == nil {
		return nil
	}
	list, err := u.assets.Get(ctx)
	if err != nil {
		return u.absentOrSkip(ctx, out, stream.KindAsset, "", err)
	}
	u.res.LeftOut, u.res.LeftOutBytes = u.assets.left, u.assets.leftBytes
	return u.assets.write(ctx, out, list, u.l.Key, func(size int64) {
		u.res.Assets++
		u.res.AssetBytes += size
	})
}

// writeItem writes an asset with its contents, which come next in bodies. It
// returns how many bytes it has, -1 if it was skipped.
func writeItem(ctx context.Context, out *output, it *item, bodies *prefetch.Sequence[*prefetch.Body], key string) (int64, error) {
	rec := &stream.Asset{Doc: it.doc, ID: it.id, Name: it.name, Remote: it.remote, Size: it.size, Type: it.typ}
	if it.remote != nil {
		err := out.write(rec)
		if err == nil {
			return 0, out.write(&stream.AssetEnd{})
		}
		return -1, out.skip(it.of(key), err)
	}
	b := bodies.Take()
	defer b.Leave()
	n, err := writeBody(ctx, out, b, rec)
	if err != nil {
		return -1, out.skip(it.of(key), err)
	}
	return n, nil
}

// of names the item as one of an experiment.
func (it *item) of(key string) judge.Item {
	i := judge.Item{Kind: stream.KindAsset, Experiment: key, ID: it.id}
	if it.name != nil {
		i.Name = *it.name
	}
	return i
}

// writeBody writes the asset rec with its contents.
func writeBody(ctx context.Context, out *output, b *prefetch.Body, rec *stream.Asset) (int64, error) {
	// The first piece comes before the record that opens the asset: one that
	// cannot be had at all need not be opened.
	p, err := b.Next(ctx)
	if err != nil && err != io.EOF {
		return 0, err
	}
	if err := out.write(rec); err != nil {
		return 0, err
	}
	var n int64
	for err == nil {
		if werr := out.write(&stream.Chunk{Data: p}); werr != nil {
			return 0, werr
		}
		n += int64(len(p))
		b.Recycle(p)
		p, err = b.Next(ctx)
	}
	if err != io.EOF {
		return 0, err
	}
	return n, out.write(&stream.AssetEnd{})
}
