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
	var patch *Text
	cl.accept = func(resp *http.Response) (err error) {
		patch, err = readPatch(resp)
		return err
	}
	if _, err := c.do(ctx, cl); err != nil {
		return nil, err
	}
	return patch, nil
}

// readPatch finds the patch in what a server answers to the request for it.
func readPatch(resp *http.Response) (*Text, error) {
	if isHTML(resp, nil) {
		return nil, ErrNotJSON
	}
	data, err := readWhole(resp)
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0 || member(data, "msg") != nil:
		// "Nothing here" comes as status 200. A patch is no JSON.
		return &Text{Null: true}, nil
	case !bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return &Text{r: io.NopCloser(bytes.NewReader(data))}, nil
	}
	rc, err := unzipPatch(data)
	if err != nil {
		return nil, err
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
