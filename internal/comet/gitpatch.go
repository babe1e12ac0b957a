package comet

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// patchName is the entry that holds the patch in the zip files in which it
// travels.
const patchName = "git_diff.patch"

// GitPatch returns the patch of uncommitted changes of an experiment: the
// patch itself, not the zip file in which newer servers wrap it.
func (c *Client) GitPatch(ctx context.Context, key string) (*Text, error) {
	cl := &call{
		method: http.MethodGet,
		path:   "experiment/git/patch",
		query:  values("experimentKey", key),
		want:   wantBytes,
	}
	e := c.retry.begin(cl)
	for {
		resp, err := c.doWith(ctx, cl, e)
		if err != nil {
			return nil, err
		}
		data, err := c.readPatch(resp)
		if err == nil {
			return c.openPatch(cl, data)
		}
		if err := c.streamFailed(ctx, e, cl, err); err != nil {
			return nil, err
		}
	}
}

func (c *Client) readPatch(resp *http.Response) ([]byte, error) {
	if isHTML(resp, nil) {
		resp.Body.Close()
		return nil, ErrNotJSON
	}
	return readWhole(resp)
}

// openPatch finds the patch in what a server answers to the request for it.
func (c *Client) openPatch(cl *call, data []byte) (*Text, error) {
	switch {
	case len(data) == 0 || member(data, "msg") != nil:
		// "Nothing here" comes as status 200. A patch is no JSON.
		return &Text{Null: true}, nil
	case !bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return &Text{r: io.NopCloser(bytes.NewReader(data))}, nil
	}
	rc, err := unzipPatch(data)
	if err != nil {
		return nil, &Error{Method: cl.method, Path: c.shownPath(cl), Err: err}
	}
	return &Text{r: rc}, nil
}

func unzipPatch(data []byte) (io.ReadCloser, error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip file of the patch: %w", err)
	}
	for _, f := range zr.File {
		if f.Name == patchName || len(zr.File) == 1 {
			return f.Open()
		}
	}
	return nil, errors.New("zip file of the patch: it holds no " + patchName)
}

// zipPatch wraps a patch as servers want it.
func zipPatch(patch io.Reader) ([]byte, error) {
	var buf bytes.Buffer
	zw := zip.NewWriter(&buf)
	w, err := zw.Create(patchName)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, patch); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
