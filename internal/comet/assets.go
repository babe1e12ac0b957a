package comet

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Asset is an entry of an asset list.
type Asset struct {
	Raw      json.RawMessage
	ID       string
	Key      string // of its experiment, if the server tells
	Name     string
	Size     int64 // 0 for remote assets
	Type     string
	Dir      string
	Step     *int64
	Epoch    *int64
	Context  *string
	Created  *int64
	Metadata *string // JSON text
	Remote   bool
	Link     *string
}

func parseAsset(data []byte) Asset {
	a := Asset{Raw: data}
	members(data, func(name string, v []byte) {
		switch name {
		case "assetId":
			a.ID = textOrEmpty(v)
		case "experimentKey":
			a.Key = textOrEmpty(v)
		case "fileName":
			a.Name = textOrEmpty(v)
		case "fileSize":
			a.Size = intOrZero(v)
		case "type":
			a.Type = textOrEmpty(v)
		case "dir":
			a.Dir = textOrEmpty(v)
		case "step":
			a.Step = intOf(v)
		case "epoch":
			a.Epoch = intOf(v)
		case "runContext":
			a.Context = textOf(v)
		case "createdAt":
			a.Created = intOf(v)
		case "metadata":
			a.Metadata = textOf(v)
		case "remote":
			a.Remote = isTrue(v)
		case "link":
			a.Link = textOf(v)
		}
	})
	return a
}

func parseAssets(data []byte) []Asset {
	var list []Asset
	elements(member(data, "assets"), func(v []byte) { list = append(list, parseAsset(v)) })
	return list
}

// Assets returns the assets of an experiment: all of them if typ is empty,
// else those of one type.
func (c *Client) Assets(ctx context.Context, key, typ string) ([]Asset, error) {
	if typ == "" {
		// Without a type older servers leave out most.
		typ = "all"
	}
	data, err := c.get(ctx, "experiment/asset/list", "experimentKey", key, "type", typ)
	if err != nil {
		return nil, err
	}
	return parseAssets(data), nil
}

// AssetsByName returns the assets of an experiment with a name. Older servers
// answer [ErrUnsupported].
func (c *Client) AssetsByName(ctx context.Context, key, name string) ([]Asset, error) {
	var list []Asset
	err := c.gated(ctx, featureAssetByName, http.MethodGet, c.experimentExists(ctx, key), func() error {
		data, err := c.get(ctx, featureAssetByName.path, "experimentKey", key, "assetName", name)
		list = parseAssets(data)
		return err
	})
	return list, err
}

// AssetRequest names the bytes of an asset.
type AssetRequest struct {
	Key             string // of the experiment; may be empty for files of an artifact
	ID              string
	ArtifactVersion string // id of the artifact version, for its files
	// Offset and Length ask for a part; Length 0 means up to the end.
	Offset, Length int64
}

// Body is the content of an asset, read as a stream. It must be closed.
// Reading goes on over broken connections, from where it was; that the content
// is still the same is checked. An error is final.
type Body struct {
	// Partial is true when the server gave the part that was asked for.
	// Otherwise the body is the whole asset, whatever was asked for.
	Partial bool
	// Size is the length of this body, Total that of the whole asset, -1 if
	// not known.
	Size, Total int64

	r *resumed
}

// Read implements [io.Reader].
func (b *Body) Read(p []byte) (int, error) { return b.r.Read(p) }

// Close frees the connection.
func (b *Body) Close() error { return b.r.Close() }

// OpenAsset returns the content of an asset.
func (c *Client) OpenAsset(ctx context.Context, ar AssetRequest) (*Body, error) {
	d := &download{c: c, ar: ar}
	cl := d.call(0)
	e := c.retry.begin(cl)
	resp, err := c.doWith(ctx, cl, e)
	if err != nil {
		return nil, err
	}
	b, rc, err := d.first(resp)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	b.r = &resumed{
		rc:       rc,
		failed:   func(err error) error { return c.streamFailed(ctx, e, cl, err) },
		progress: e.progress,
		open: func(offset int64) (io.ReadCloser, int64, error) {
			resp, err := c.doWith(ctx, d.call(offset), e)
			if ae, ok := errors.AsType[*Error](err); ok && ae.Status == http.StatusRequestedRangeNotSatisfiable && !b.Partial {
				// It broke off at the very end, or parts are not served.
				resp, err = c.doWith(ctx, d.call(0), e)
			}
			if err != nil {
				return nil, 0, err
			}
			rc, at, err := d.again(resp, offset)
			if err != nil {
				resp.Body.Close()
			}
			return rc, at, err
		},
	}
	return b, nil
}

// download knows what the first answer said of the content, so that further
// ones can be held against it.
type download struct {
	c    *Client
	ar   AssetRequest
	b    *Body
	etag string
}

// call asks for what is missing after the first done bytes of the body.
func (d *download) call(done int64) *call {
	cl := &call{
		method: http.MethodGet,
		path:   "experiment/asset/get-asset",
		query: values("experimentKey", d.ar.Key, "assetId", d.ar.ID,
			"artifactVersionId", d.ar.ArtifactVersion),
		// Lengths and ranges are those of the bytes as they are stored.
		header: http.Header{"Accept-Encoding": {"identity"}},
		want:   wantBytes,
	}
	from := d.ar.Offset + done
	if d.b != nil && !d.b.Partial {
		from = done
	}
	switch {
	case d.ar.Length > 0 && (d.b == nil || d.b.Partial):
		cl.header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.ar.Offset+d.ar.Length-1))
	case from > 0:
		cl.header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	if done > 0 && d.etag != "" {
		cl.header.Set("If-Range", d.etag)
	}
	return cl
}

func (d *download) first(resp *http.Response) (*Body, io.ReadCloser, error) {
	b := &Body{Size: resp.ContentLength, Total: resp.ContentLength}
	if resp.StatusCode == http.StatusPartialContent {
		from, total, ok := contentRange(resp)
		if !ok || from != d.ar.Offset {
			return nil, nil, d.error("the server sends another range than was asked for")
		}
		b.Partial, b.Total = true, total
	}
	rc := resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(rc)
		if err != nil {
			return nil, nil, d.error("the answer is not gzip, as it says")
		}
		rc, b.Size, b.Total = &gunzipped{zr, rc}, -1, -1
	}
	if tag := resp.Header.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		d.etag = tag
	}
	d.b = b
	return b, &sized{rc: rc, left: b.Size}, nil
}

func (d *download) error(msg string) error {
	return &Error{Method: http.MethodGet, Path: d.c.shownPath(d.call(0)), Err: errors.New(msg)}
}

// again takes a later answer to the request for what follows offset.
func (d *download) again(resp *http.Response, offset int64) (io.ReadCloser, int64, error) {
	if resp.StatusCode == http.StatusPartialContent && resp.Header.Get("Content-Encoding") == "" {
		from, total, ok := contentRange(resp)
		start := d.ar.Offset
		if !d.b.Partial {
			start = 0
		}
		if ok && from == start+offset && (d.b.Total < 0 || total < 0 || total == d.b.Total) {
			return &sized{rc: resp.Body, left: d.left(offset)}, offset, nil
		}
		return nil, 0, d.error(errChanged.Error())
	}
	if d.b.Partial {
		return nil, 0, d.error("the server no longer sends parts")
	}
	saved := *d.b
	b, rc, err := d.first(resp)
	if err == nil && saved.Size >= 0 && b.Size != saved.Size {
		err = d.error(errChanged.Error())
	}
	*d.b = saved
	if err != nil {
		return nil, 0, err
	}
	return rc, 0, nil
}

func (d *download) left(offset int64) int64 {
	if d.b.Size < 0 {
		return -1
	}
	return d.b.Size - offset
}

// contentRange reads "bytes from-to/total"; total is -1 when it is not known.
func contentRange(resp *http.Response) (from, total int64, ok bool) {
	v, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, size, ok := strings.Cut(v, "/")
	first, _, ok2 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	if !ok || !ok2 || err != nil {
		return 0, 0, false
	}
	if total, err = strconv.ParseInt(size, 10, 64); err != nil {
		total = -1
	}
	return from, total, true
}

// sized makes an end before the announced length an error, on transports that
// do not.
type sized struct {
	rc   io.ReadCloser
	left int64 // -1 if not known
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.rc.Read(p)
	if s.left < 0 {
		return n, err
	}
	s.left -= int64(n)
	if s.left < 0 {
		return n, errChanged
	}
	if err == io.EOF && s.left > 0 {
		err = errCutShort
	}
	return n, err
}

func (s *sized) Close() error { return s.rc.Close() }

// gunzipped closes the connection beneath a gzip reader.
type gunzipped struct {
	*gzip.Reader
	rc io.Closer
}

func (g *gunzipped) Close() error { return g.rc.Close() }
