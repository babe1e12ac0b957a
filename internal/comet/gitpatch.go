package comet

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/comet-stream/comet-stream/internal/unpack"
)

// patchName is the entry that holds the patch in the zip files in which it
// travels.
const patchName = "git_diff.patch"

// GitPatch returns the patch of uncommitted changes of an experiment: the
// patch itself, not the zip file in which newer servers wrap it.
func (c *Client) GitPatch(ctx context.Context, key string) (*Text, error) {
	return c.openText(ctx, &call{
		method: http.MethodGet,
		path:   "experiment/git/patch",
		query:  values("experimentKey", key),
		want:   wantBytes,
	}, readPatch)
}

// smallPatch is the size up to which the answer to the request for a patch is
// read whole before it is looked at.
const smallPatch = 1 << 20

// readPatch finds the patch in what a server answers to the request for it: nil
// where there is none.
func readPatch(resp *http.Response) (io.Reader, error) {
	if isHTML(resp, nil) {
		return nil, ErrNotJSON
	}
	head, err := io.ReadAll(io.LimitReader(resp.Body, smallPatch+1))
	whole := len(head) <= smallPatch
	switch {
	case err != nil:
		return nil, err
	case whole && (len(head) == 0 || member(head, "msg") != nil):
		// "Nothing here" comes as status 200. A patch is no JSON.
		return nil, nil
	case !bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return io.MultiReader(bytes.NewReader(head), resp.Body), nil
	case whole:
		return unzipPatch(head)
	}
	return streamPatch(io.MultiReader(bytes.NewReader(head), resp.Body))
}

func unzipPatch(data []byte) (io.Reader, error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip file of the patch: %w", err)
	}
	for _, f := range zr.File {
		if f.Name == patchName || len(zr.File) == 1 {
			rc, err := f.Open()
			if err != nil {
				return nil, err
			}
			return unpack.Bounded(rc, int64(len(data))), nil
		}
	}
	return nil, errors.New("zip file of the patch: it holds no " + patchName)
}

// streamPatch finds the patch in a zip file as it comes.
func streamPatch(r io.Reader) (io.Reader, error) {
	z := unpack.NewZip(r)
	name, entry, err := z.Next()
	if name != patchName && err == nil {
		// The only entry may have another name.
		return io.MultiReader(entry, &lastEntry{z}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("zip file of the patch: %w", err)
	}
	return entry, nil
}

// lastEntry is an end of a text, if no other entry follows.
type lastEntry struct{ z *unpack.Zip }

func (l *lastEntry) Read([]byte) (int, error) {
	_, _, err := l.z.Next()
	if err == nil {
		err = errors.New("zip file of the patch: its first entry is not " + patchName)
	}
	return 0, err
}

// WriteGitPatch sets the patch of uncommitted changes, wrapped in a zip file
// as servers want it.
func (c *Client) WriteGitPatch(ctx context.Context, key string, patch Content) error {
	file, err := zipPatch(patch)
	if err != nil {
		return err
	}
	form := &form{file: file.Open, size: file.Size}
	return c.ack(ctx, &call{
		method: http.MethodPost,
		path:   "write/experiment/git/patch",
		query:  values("experimentKey", key),
		body:   form.body(),
	})
}

// zipPatch wraps a patch as servers want it: in memory where there is little of
// it, else anew each time. The same patch gives the same bytes.
func zipPatch(patch Content) (Content, error) {
	write := func(w io.Writer) error {
		zw := zip.NewWriter(w)
		entry, err := zw.Create(patchName)
		if err != nil {
			return err
		}
		if err := copyTo(entry, patch, func(r io.Reader) io.Reader { return r }); err != nil {
			return err
		}
		return zw.Close()
	}
	kept := &firstBytes{most: smallPatch}
	if err := write(kept); err != nil {
		return Content{}, err
	}
	if kept.n <= kept.most {
		return TextContent(kept.b.String()), nil
	}
	return Content{kept.n, func() (io.ReadCloser, error) { return ReadWritten(write), nil }}, nil
}

// firstBytes counts what is written to it, and keeps it while it is not too
// much.
type firstBytes struct {
	b       strings.Builder
	n, most int64
}

func (f *firstBytes) Write(p []byte) (int, error) {
	if f.n += int64(len(p)); f.n <= f.most {
		f.b.Write(p)
	} else {
		f.b.Reset()
	}
	return len(p), nil
}
