package rewrite

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// A rewritten content is that of an asset with its references changed.
type rewritten struct {
	finding
	content.Text
}

// readable is what an asset's bytes are read from.
type readable interface {
	io.ReaderAt
	Open() (io.ReadCloser, error)
}

// Content works out what becomes of an asset's content.
func (r *References) Content(c readable, size int64) (*rewritten, error) {
	head := make([]byte, min(size, 8<<10))
	if _, err := c.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		z, err := r.newZipRewriter(c, size)
		if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) {
			// It only looks like a zip file, or is one that nobody here can
			// read. It is carried as it is.
			return &rewritten{}, nil
		}
		if err != nil {
			return nil, err
		}
		open := func() (io.ReadCloser, error) { return comet.ReadWritten(z.write), nil }
		sum, err := content.SumOf(open)
		return &rewritten{z.found, content.Text{Sum: sum, Open: open}}, err
	}
	var first *rewriter
	text, err := content.Text{Open: c.Open}.Becomes(func(src io.Reader) io.Reader {
		w := r.reader(src, isBinary(head))
		if first == nil {
			first = w
		}
		return w
	})
	if err != nil {
		return nil, err
	}
	return &rewritten{first.found, text}, nil
}

// isBinary tells data from text by its beginning.
func isBinary(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	// The last character may be cut.
	for range utf8.UTFMax {
		if utf8.Valid(head) || len(head) == 0 {
			return false
		}
		head = head[:len(head)-1]
	}
	return true
}

// maxUnzipped bounds what the entries of a zip file may unpack to, against
// those made to fill the disk of whoever opens them.
const maxUnzipped = 64 << 30

// zipRewriter rewrites the entries of a zip file. Entries with nothing to change
// are copied as they are packed.
type zipRewriter struct {
	r       *References
	zip     *zip.Reader
	changed map[*zip.File]bool
	binary  map[*zip.File]bool
	found   finding
}

// newZipRewriter looks through the entries.
func (r *References) newZipRewriter(c readable, size int64) (*zipRewriter, error) {
	zr, err := unpack.OpenZip(c, size)
	if err != nil {
		return nil, err
	}
	z := &zipRewriter{r: r, zip: zr, changed: make(map[*zip.File]bool), binary: make(map[*zip.File]bool)}
	left := uint64(maxUnzipped)
	for _, f := range zr.File {
		if f.UncompressedSize64 > left {
			return nil, fmt.Errorf("entry %q: %w: more than %d bytes in all", f.Name, zip.ErrFormat, int64(maxUnzipped))
		}
		left -= f.UncompressedSize64
		if err := z.look(f); err != nil {
			return nil, fmt.Errorf("entry %q: %w", f.Name, err)
		}
	}
	return z, nil
}

// look finds out whether an entry has anything to change.
func (z *zipRewriter) look(f *zip.File) error {
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	head := make([]byte, 8<<10)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return damagedEntry(err)
	}
	z.binary[f] = isBinary(head[:n])
	found, err := z.r.rewrite(io.Discard, io.MultiReader(bytes.NewReader(head[:n]), src), z.binary[f])
	if err != nil {
		return damagedEntry(err)
	}
	z.changed[f] = found.Changes > 0
	z.found.Changes += found.Changes
	z.found.Blocked += found.Blocked
	for _, id := range found.Unknown {
		z.found.note(id)
	}
	return nil
}

// damagedEntry makes an entry that cannot be unpacked a reason to leave the
// file alone; a failure to read the file itself stays what it is.
func damagedEntry(err error) error {
	if _, ok := errors.AsType[*spool.TempError](err); ok {
		return err
	}
	return fmt.Errorf("%w: %w", zip.ErrFormat, err)
}

// write writes the new file. The same entries give the same bytes.
func (z *zipRewriter) write(dst io.Writer) error {
	zw := zip.NewWriter(dst)
	if err := zw.SetComment(z.zip.Comment); err != nil {
		return err
	}
	for _, f := range z.zip.File {
		if err := z.entry(zw, f); err != nil {
			return fmt.Errorf("entry %q: %w", f.Name, err)
		}
	}
	return zw.Close()
}

func (z *zipRewriter) entry(zw *zip.Writer, f *zip.File) error {
	if !z.changed[f] {
		return zw.Copy(f)
	}
	src, err := f.Open()
	if err != nil {
		return err
	}
	defer src.Close()
	h := f.FileHeader
	w, err := zw.CreateHeader(&h)
	if err != nil {
		return err
	}
	_, err = z.r.rewrite(w, src, z.binary[f])
	return err
}
