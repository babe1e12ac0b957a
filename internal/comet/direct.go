package comet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// A DirectUpload takes the content of an asset past the server to its storage, in
// parts that may be sent concurrently and again. The asset appears with
// [DirectUpload.Complete], not before.
type DirectUpload struct {
	c     *api.Conn
	path  string // of its calls: "asset/" or "visualizations/"
	id    string
	parts []directPart
}

type directPart struct {
	address *url.URL // with a signature
	tag     string   // that storage gave what it has
}

// directExpiry is how long the addresses of a direct upload are asked to be
// good for, in seconds; the official client asks for the same.
const directExpiry = 10800

var errOddStart = fmt.Errorf("%w: it is not one address for each part", api.ErrNotAcknowledged)

// Start begins what [Assets.Upload] does as a direct upload in so many
// parts, where [Run.Direct] allows it. It is harmless to begin one again; if the
// id exists the answer may be [ErrImmutable]. After [Assets.LeaveDirect] it is
// [ErrUnsupported].
func (c Assets) Start(ctx context.Context, u *Upload, parts int) (*DirectUpload, error) {
	return c.startDirect(ctx, "asset/", u.assetQuery(c.conn.Key), u.Metadata, parts)
}

// StartVisualization is [Assets.Start] for what goes by
// [Assets.UploadVisualization].
func (c Assets) StartVisualization(ctx context.Context, u *Upload, parts int) (*DirectUpload, error) {
	return c.startDirect(ctx, "visualizations/", u.visualizationQuery(c.conn.Key), u.Metadata, parts)
}

func (c Assets) startDirect(ctx context.Context, path string, q url.Values, metadata json.RawMessage, parts int) (*DirectUpload, error) {
	cl := &api.Call{Method: http.MethodPost, Family: api.FamilyClient, Path: path + "upload-start", Prepares: true}
	if c.conn.Server.Lacks(featureDirect) {
		return nil, c.conn.Missing(cl)
	}
	o := fieldsOf(q)
	if metadata != nil {
		o.Text("metadata", string(metadata))
	}
	var params wire.Object
	params.Text("cloudType", "AWS")
	params.Int("preSignUrlTimeoutSec", directExpiry)
	params.Int("numOfFileParts", int64(parts))
	o.Raw("startUploadParams", params.Bytes())
	cl.Body = api.JSONBody(o.Bytes())
	d := &DirectUpload{c: c.conn, path: path}
	cl.Check = func(data []byte) error { return d.begin(data, parts) }
	if _, err := c.conn.Document(ctx, cl); err != nil {
		return nil, err
	}
	return d, nil
}

// begin reads the addresses of the parts.
func (d *DirectUpload) begin(data []byte, parts int) error {
	d.id, d.parts = wire.TextOrEmpty(wire.Member(data, "requestId")), nil
	wire.Elements(wire.Member(data, "preSignUrl"), func(v []byte) {
		if u, err := url.Parse(wire.TextOrEmpty(v)); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
			d.parts = append(d.parts, directPart{address: u})
		}
	})
	if d.id == "" || len(d.parts) != parts || api.HasMembers("requestId")(data) != nil {
		return errOddStart
	}
	return nil
}

// fieldsOf makes members of a JSON object of the parameters of a plain upload,
// with the types that the official client gives them.
func fieldsOf(q url.Values) *wire.Object {
	o := new(wire.Object)
	for _, name := range slices.Sorted(maps.Keys(q)) {
		value := q.Get(name)
		switch name {
		case "step", "epoch", "sampleRate", "figCounter":
			o.Raw(name, []byte(value))
		case "overwrite":
			o.Bool(name, value == pythonBool(true))
		default:
			o.Text(name, value)
		}
	}
	return o
}

// PutPart sends the n-th part, from 0. Parts may be sent concurrently, each by
// one goroutine at a time. [ErrStorage] says that it was refused.
func (d *DirectUpload) PutPart(ctx context.Context, n int, content io.ReaderAt, offset, size int64) error {
	p := &d.parts[n]
	tag, err := d.c.PutPart(ctx, p.address, content, offset, size)
	p.tag = tag
	return err
}

// Complete makes the asset of the parts, all of which have been sent. It is not
// safe to do twice, see [ErrUncertain].
func (d *DirectUpload) Complete(ctx context.Context, size int64) error {
	n := int64(0)
	o := d.end(true, size)
	o.Raw("uploadedFileParts", wire.List(d.parts, func(o *wire.Object, p directPart) {
		n++
		o.Text("ETag", p.tag)
		o.Int("PartNumber", n)
	}))
	cl := d.completion(o)
	cl.Unsafe, cl.Given = true, []string{"assetId", "imageId"}
	return d.c.Ack(ctx, cl)
}

// Abandon tells the server that the upload will not be completed, so that it
// need not keep the parts. It is tried once.
func (d *DirectUpload) Abandon(ctx context.Context) error {
	cl := d.completion(d.end(false, -1))
	cl.Want = api.WantBytes
	resp, err := d.c.Try(ctx, cl)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func (d *DirectUpload) end(succeed bool, size int64) *wire.Object {
	o := new(wire.Object)
	o.Text("requestId", d.id)
	o.Bool("succeed", succeed)
	o.Int("fileSize", size)
	o.Text("apiKey", d.c.Key)
	return o
}

func (d *DirectUpload) completion(o *wire.Object) *api.Call {
	return &api.Call{Method: http.MethodPost, Family: api.FamilyClient, Path: d.path + "upload-complete", Body: api.JSONBody(o.Bytes())}
}

// LeaveDirect notes that direct uploads do not work at this server, and why.
// None is begun any more.
func (c Assets) LeaveDirect(why error) {
	c.conn.Server.Leave(featureDirect, "direct uploads do not work here, assets go through the server", why)
}
