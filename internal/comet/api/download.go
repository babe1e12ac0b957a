package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/internal/unpack"
)

// AssetRequest names the bytes of an asset.
type AssetRequest struct {
	Key             string // of the experiment; may be empty for files of an artifact
	ID              string
	ArtifactVersion string // id of the artifact version, for its files
	// Offset and Length ask for a part; Length 0 means up to the end.
	Offset, Length int64
	// Size is the size of the whole asset as the list gives it, nil if not
	// known. An answer of another length is asked for again, and is [ErrLength]
	// when several in a row agree on it.
	Size *int64
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

// Download returns the content of an asset.
func (c *Conn) Download(ctx context.Context, ar AssetRequest) (*Body, error) {
	d := &download{c: c, ar: ar}
	cl := d.call(0)
	d.e = c.retry.begin(ctx, cl)
	r := &resumed{
		open:      func(offset int64) (io.ReadCloser, int64, error) { return d.open(ctx, offset) },
		failed:    func(err error) error { return c.streamFailed(ctx, d.e, cl, err) },
		progress:  d.e.progress,
		completed: d.e.completed,
	}
	// The first request is made now, so that a missing asset shows here.
	rc, _, err := r.open(0)
	if err != nil {
		return nil, err
	}
	r.rc = rc
	d.body.r = r
	return d.body, nil
}

// download knows what the first answer said of the content, so that further
// ones can be held against it.
type download struct {
	c    *Conn
	ar   AssetRequest
	e    *callHistory
	body *Body // nil before the first answer

	etag   string
	page   bool  // the content is a page of HTML
	listed bool  // the length of the body is that of the list, answers do not tell
	odd    int64 // a length that is not that of the list
	seen   int   // how often it came in a row
}

// agreeing is how many answers must agree on another length than that of the list
// before that is definite: [ErrLength]. Some gateways cut an answer and set its
// length to match.
const agreeing = 4

// otherLength notes an answer of another length than that of the list.
func (d *download) otherLength(n int64) error {
	if d.odd != n {
		d.odd, d.seen = n, 0
	}
	if d.seen++; d.seen < agreeing {
		return fmt.Errorf("%d bytes came, the list says %d", n, *d.ar.Size)
	}
	return fmt.Errorf("%w: %d bytes came, the list says %d", ErrLength, n, *d.ar.Size)
}

// open asks for what follows the first offset bytes of the body until an
// answer is acceptable. It returns where the answer begins.
func (d *download) open(ctx context.Context, offset int64) (io.ReadCloser, int64, error) {
	rc, at, err := d.ask(ctx, offset, offset)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable && offset > 0 && !d.body.Partial {
		// It broke off at the very end, or parts are not served.
		return d.ask(ctx, 0, offset)
	}
	return rc, at, err
}

// ask makes a request that begins at from, for what follows offset.
func (d *download) ask(ctx context.Context, from, offset int64) (rc io.ReadCloser, at int64, err error) {
	cl := d.call(from)
	cl.accept = func(resp *http.Response) (err error) {
		rc, at, err = d.accept(resp, offset)
		return err
	}
	if _, err := d.c.doWith(ctx, cl, d.e); err != nil {
		return nil, 0, err
	}
	return rc, at, nil
}

// call asks for what is missing after the first done bytes of the body.
func (d *download) call(done int64) *Call {
	cl := readBody.Call(Query("experimentKey", d.ar.Key, "assetId", d.ar.ID, "artifactVersionId", d.ar.ArtifactVersion))
	// Lengths and ranges are those of the bytes as they are stored.
	cl.header, cl.Want = http.Header{"Accept-Encoding": {"identity"}}, WantBytes
	part := d.body == nil || d.body.Partial
	from := done
	if part {
		from += d.ar.Offset
	}
	switch {
	case part && d.ar.Length > 0:
		cl.header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, d.ar.Offset+d.ar.Length-1))
	case from > 0:
		cl.header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	if done > 0 && d.etag != "" {
		cl.header.Set("If-Range", d.etag)
	}
	return cl
}

// offer is what an answer says of its body.
type offer struct {
	rc          io.ReadCloser
	partial     bool
	from        int64 // of a part
	size, total int64 // -1 if not known
	page        bool
}

// ErrPage is a page in the place of an asset.
var ErrPage = errors.New("a page of HTML came instead of the asset")

func describe(resp *http.Response) (offer, error) {
	k := offer{rc: resp.Body, size: resp.ContentLength, total: resp.ContentLength, page: IsHTML(resp, nil)}
	if resp.StatusCode == http.StatusPartialContent {
		var ok bool
		if k.from, k.size, k.total, ok = contentRange(resp); !ok {
			return k, errors.New("the response does not say which part of the asset it is")
		}
		k.partial = true
	}
	if resp.Header.Get("Content-Encoding") == "gzip" && !k.partial {
		var guard unpack.Guard
		zr, err := gzip.NewReader(guard.Packed(resp.Body))
		if err != nil {
			return k, fmt.Errorf("the response is not gzip, although its header says so: %w", err)
		}
		k.rc, k.size, k.total = &joined{guard.Unpacked(zr), resp.Body}, -1, -1
	}
	return k, nil
}

// accept takes an answer that fits. at is where it begins in the body.
func (d *download) accept(resp *http.Response, offset int64) (rc io.ReadCloser, at int64, err error) {
	k, err := describe(resp)
	if err != nil {
		return nil, 0, err
	}
	if d.body == nil {
		if err := d.first(resp, &k); err != nil {
			return nil, 0, err
		}
		if tag := resp.Header.Get("Etag"); !strings.HasPrefix(tag, "W/") {
			d.etag = tag
		}
		return d.sized(k.rc, d.body.Size), 0, nil
	}
	start := int64(0)
	if d.body.Partial {
		start = d.ar.Offset
	}
	switch {
	case k.page && !d.page:
		return nil, 0, ErrPage
	case k.partial && (k.from != start+offset || differ(k.total, d.body.Total)):
		return nil, 0, ErrChanged
	case k.partial:
		left := d.body.Size
		if left >= 0 {
			left -= offset
		}
		return d.sized(k.rc, left), offset, nil
	case d.body.Partial:
		return nil, 0, errors.New("the whole asset came instead of a part")
	case differ(k.size, d.body.Size):
		return nil, 0, fmt.Errorf("%d bytes came, %d before", k.size, d.body.Size)
	}
	return d.sized(k.rc, d.body.Size), 0, nil
}

// first takes the first answer, which says what the body is.
func (d *download) first(resp *http.Response, k *offer) error {
	if k.partial && k.from != d.ar.Offset {
		return errors.New("the response has another part of the asset than the requested one")
	}
	if d.ar.Size != nil && differ(k.total, *d.ar.Size) {
		if k.page {
			return ErrPage
		}
		return d.otherLength(k.total)
	}
	if d.ar.Size == nil {
		if err := errorInstead(resp, k); err != nil {
			return err
		}
	}
	d.page = k.page
	d.body = &Body{Partial: k.partial, Size: k.size, Total: k.total}
	if d.ar.Size != nil && k.total < 0 {
		// The answer does not say how long it is, the list does.
		d.body.Total = *d.ar.Size
		if !k.partial {
			d.body.Size, d.listed = *d.ar.Size, true
		}
	}
	return nil
}

// maxError is the length of the longest error that is looked for in the place of
// an asset.
const maxError = 4 << 10

// errorInstead returns an error if what came in the place of an asset of unknown
// size is an error of the server, or nothing.
func errorInstead(resp *http.Response, k *offer) error {
	l := &scan.Lack{Status: resp.StatusCode, Why: "an error came instead of the asset"}
	if resp.StatusCode == http.StatusNoContent {
		return l
	}
	mt, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mt != "application/json" || k.partial || k.size < 0 || k.size > maxError {
		return nil
	}
	data, err := io.ReadAll(k.rc)
	if err != nil {
		return err
	}
	k.rc = &joined{bytes.NewReader(data), k.rc}
	if code := wire.IntOrZero(wire.Member(data, "code")); code != 0 && code != http.StatusOK && isOwn(data) {
		l.Own = true
		l.Words, _ = serverWords(resp, data)
		return l
	}
	return nil
}

// sized returns a reader of an answer that has left bytes of the content, -1 if
// that is not known.
func (d *download) sized(rc io.ReadCloser, left int64) *sized {
	s := &sized{rc: rc, left: left}
	if d.listed {
		s.short = func(missing int64) error { return d.otherLength(*d.ar.Size - missing) }
		s.over = fmt.Errorf("%w: more than %d bytes came, the list says %d", ErrLength, *d.ar.Size, *d.ar.Size)
	}
	return s
}

// differ compares two lengths that may be unknown.
func differ(a, b int64) bool { return a >= 0 && b >= 0 && a != b }

// contentRange reads "bytes first-last/total"; total is -1 if not known.
func contentRange(resp *http.Response) (from, size, total int64, ok bool) {
	v, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	span, whole, ok2 := strings.Cut(v, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, 0, false
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err != nil || err2 != nil || from < 0 || to < from {
		return 0, 0, 0, false
	}
	if total, err = strconv.ParseInt(whole, 10, 64); err != nil {
		total = -1
	}
	return from, to - from + 1, total, true
}

// sized makes an end before the announced length an error, and reports the end
// together with the last bytes, on transports that do not.
type sized struct {
	rc   io.ReadCloser
	left int64 // -1 if not known
	// Where the length is not that of the answer itself, over is the error of one
	// that is longer, and short returns that of one with so many bytes missing.
	over  error
	short func(missing int64) error
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.rc.Read(p)
	if s.left < 0 {
		return n, err
	}
	if s.left -= int64(n); s.left == 0 && err == nil {
		var more [1]byte
		var k int
		k, err = s.rc.Read(more[:])
		s.left -= int64(k)
	}
	if s.left < 0 {
		if s.over != nil {
			return 0, s.over
		}
		// The length of a part that goes on beyond what was asked for.
		return 0, ErrChanged
	}
	if err == io.EOF && s.left > 0 {
		err = scan.ErrCutShort
		if s.short != nil {
			err = s.short(s.left)
		}
	}
	return n, err
}

func (s *sized) Close() error { return s.rc.Close() }

var readBody = Read{Path: "experiment/asset/get-asset", About: []string{"asset", "image", "file"}}
