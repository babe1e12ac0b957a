package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// Where assets are in an experiment, and the file that describes them.
const (
	assetsDir  = "assets"
	assetsFile = "assets/assets_metadata.jsonl"
	codeDir    = "run/code"
)

// Members of the description of an asset that are not in a stream: what cometx adds,
// and what leads to the bytes at the source.
var notInDoc = []string{"diskFileName", "logAsFileName", "s3Link", "compressedAssetLink", "curlDownload", "restApiUrl"}

// writeAssets writes the assets of the experiment: those that others refer to
// first. The list is read once for each rank, and is not kept.
func (g *group) writeAssets(ctx context.Context) error {
	for rank := range stream.AssetRanks {
		if rank == stream.AssetRanks-1 {
			if err := g.writeCode(ctx); err != nil {
				return err
			}
		}
		var stop error // of the stream, which ends it
		err := eachLine(g.root, assetsFile, func(line []byte, at int64) error {
			if stop = context.Cause(ctx); stop == nil {
				stop = g.writeLine(line, at, rank)
			}
			return stop
		})
		switch {
		case stop != nil:
			return stop
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && rank == 0:
			return g.skipItem(stream.KindAsset, "", path.Base(assetsFile), err)
		}
	}
	return nil
}

// writeLine writes the asset that a line describes, if it is of a rank. What cannot
// be read is reported with the first.
func (g *group) writeLine(line []byte, at int64, rank int) error {
	obj, err := object(line)
	if err != nil {
		if rank > 0 {
			return nil
		}
		return g.skipItem(stream.KindAsset, "", "", fmt.Errorf("%s at byte %d: %w", path.Base(assetsFile), at, err))
	}
	a := &asset{
		id: wire.TextOrEmpty(wire.Member(obj, "assetId")), typ: wire.TextOf(wire.Member(obj, "type")),
		name: wire.TextOf(wire.Member(obj, "fileName")), size: wire.IntOf(wire.Member(obj, "fileSize")),
	}
	if stream.AssetRank(deref(a.typ)) != rank {
		return nil
	}
	file := deref(a.name)
	if disk := wire.TextOf(wire.Member(obj, "diskFileName")); disk != nil {
		file = *disk
	}
	if as := wire.TextOf(wire.Member(obj, "logAsFileName")); as != nil {
		a.name = as
	}
	values := []member{{"fileName", quoted(a.name)}}
	if wire.IsTrue(wire.Member(obj, "remote")) {
		link := wire.TextOrEmpty(wire.Member(obj, "link"))
		a.remote = &link
	} else {
		values = append(values, member{name: "link"})
	}
	for _, name := range notInDoc {
		values = append(values, member{name: name})
	}
	if a.id == "" {
		a.id = madeID(g.dir, deref(a.typ), file)
		values = append(values, member{"assetId", wire.Quote(a.id)})
	}
	if a.doc, err = stream.DocFromJSON(changed(obj, values)); err != nil {
		return g.skipItem(stream.KindAsset, a.id, deref(a.name), err)
	}
	return g.writeAsset(a, func() (*os.File, int64, error) { return g.openAsset(deref(a.typ), file) })
}

// An asset is what a line says of it.
type asset struct {
	id        string
	name, typ *string
	size      *int64
	remote    *string
	doc       stream.Doc
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func quoted(s *string) []byte {
	if s == nil {
		return []byte("null")
	}
	return wire.Quote(*s)
}

// openAsset opens the file of an asset, whose folder has the name of its type, or a
// safe form of it.
func (g *group) openAsset(typ, file string) (*os.File, int64, error) {
	if typ == "" {
		typ = "asset"
	}
	f, size, err := openFile(g.root, assetsDir+"/"+typ+"/"+cleanPath(file))
	if safe := typeFolder(typ); err != nil && safe != typ {
		if f, size, again := openFile(g.root, assetsDir+"/"+safe+"/"+cleanPath(file)); again == nil {
			return f, size, nil
		}
	}
	return f, size, err
}

// writeAsset writes an asset with the bytes of its file.
func (g *group) writeAsset(a *asset, open func() (*os.File, int64, error)) error {
	rec := &stream.Asset{Doc: a.doc, ID: a.id, Name: a.name, Remote: a.remote, Size: a.size, Type: a.typ}
	if a.remote != nil {
		return g.putAsset(rec, nil)
	}
	file, size, err := open()
	switch {
	case errors.Is(err, fs.ErrNotExist) && a.size != nil && *a.size == 0:
		return g.putAsset(rec, nil) // cometx writes no file without bytes
	case err != nil:
		return g.skipItem(stream.KindAsset, a.id, deref(a.name), err)
	}
	defer file.Close()
	switch {
	case a.size == nil:
		rec.Size = &size
	case *a.size != size:
		return g.skipItem(stream.KindAsset, a.id, deref(a.name), fmt.Errorf("its file has %d bytes, want %d: another asset has the same file", size, *a.size))
	}
	return g.putAsset(rec, file)
}

// putAsset writes the records of an asset, with the bytes of file if it is not nil.
func (g *group) putAsset(rec *stream.Asset, file *os.File) error {
	if err := g.w.Write(rec); err != nil {
		if isRefused(err) {
			return g.skipItem(stream.KindAsset, rec.ID, deref(rec.Name), err)
		}
		return err
	}
	if file == nil {
		return g.w.Write(&stream.AssetEnd{})
	}
	buf := make([]byte, pieceSize)
	var got int64
	for {
		n, err := io.ReadFull(file, buf)
		if n > 0 {
			if err := g.w.Write(&stream.Chunk{Data: buf[:n]}); err != nil {
				return err
			}
		}
		got += int64(n)
		switch {
		case err == nil:
		case err != io.EOF && err != io.ErrUnexpectedEOF:
			return g.skipItem(stream.KindAsset, rec.ID, deref(rec.Name), err)
		case got != *rec.Size:
			return g.skipItem(stream.KindAsset, rec.ID, deref(rec.Name), errors.New("its file changed while it was read"))
		default:
			return g.w.Write(&stream.AssetEnd{})
		}
	}
}

// writeCode writes the files that other vendors' folders have as source code.
func (g *group) writeCode(ctx context.Context) error {
	typ := "source_code"
	return fs.WalkDir(g.root.FS(), codeDir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == codeDir:
			return nil
		case err != nil:
			return g.skipItem(stream.KindAsset, "", name, err)
		case d.IsDir():
			return context.Cause(ctx)
		}
		short := name[len(codeDir)+1:]
		a := &asset{id: madeID(g.dir, name), name: &short, typ: &typ}
		var o wire.Object
		o.Text("assetId", a.id)
		o.Text("fileName", short)
		o.Text("type", typ)
		if a.doc, err = stream.DocFromJSON(o.Bytes()); err != nil {
			return err
		}
		return g.writeAsset(a, func() (*os.File, int64, error) { return openFile(g.root, name) })
	})
}
