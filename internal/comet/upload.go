package comet

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet/api"
)

// Upload describes an asset to be written.
type Upload struct {
	// Run is the experiment to write to, from a handshake.
	Run *Run
	// ID is the asset's id, chosen by the caller: 32 hexadecimal digits. It
	// makes an upload safe to repeat, unless the server may give the asset an id
	// of its own: then Once has to be set, see [ErrUncertain].
	ID        string
	Once      bool
	Name      string
	Type      string // "" leaves it to the server
	Extension string
	Step      *int64
	Epoch     *int64
	Context   *string
	Overwrite bool
	// Model makes the asset an element of the model of this name.
	Model string
	// ArtifactVersion is the id of the open artifact version to attach to.
	ArtifactVersion string
	SampleRate      *int64          // of audio
	FigureCounter   int             // of visualizations: a running number
	Metadata        json.RawMessage // nil: none

	// Link makes the asset a remote one, if it is not nil; it may be empty.
	Link *string
	// Open returns the content from its start, as often as it is asked; Size
	// is its length. An error of the content's reader ends the upload before
	// the server has taken it, and is returned as it is. Close must end a
	// Read that waits; when the upload returns, all readers are closed.
	Open func() (io.ReadCloser, error)
	Size int64
}

// Upload writes an asset under an id of the caller's choice. If there is an
// asset of this id, or one of this name in the experiment (which of them is not
// documented), the answer is [ErrImmutable], also when an earlier try of the same
// call has put it there.
func (c Assets) Upload(ctx context.Context, u *Upload) error {
	return c.upload(ctx, "asset/upload", u.assetQuery(c.conn.Key), u)
}

func (u *Upload) assetQuery(key string) url.Values {
	q := u.clientQuery(key)
	setText(q, "assetId", u.ID)
	setText(q, "fileName", u.Name)
	// Also where it is the usual one: servers make files of artifacts that come
	// without a type another.
	setText(q, "type", u.Type)
	setInt64(q, "epoch", u.Epoch)
	setInt64(q, "sampleRate", u.SampleRate)
	setText(q, "groupingName", u.Model)
	setText(q, "artifactVersionId", u.ArtifactVersion)
	return q
}

// UploadVisualization writes an image or figure under an id of the caller's
// choice, under the terms of [Assets.Upload].
func (c Assets) UploadVisualization(ctx context.Context, u *Upload) error {
	return c.upload(ctx, "visualizations/upload", u.visualizationQuery(c.conn.Key), u)
}

func (u *Upload) visualizationQuery(key string) url.Values {
	q := u.clientQuery(key)
	setText(q, "imageId", u.ID)
	setText(q, "figName", u.Name)
	q.Set("figCounter", strconv.Itoa(u.FigureCounter))
	return q
}

// clientQuery returns the parameters that all uploads of the client library
// have.
func (u *Upload) clientQuery(key string) url.Values {
	q := url.Values{
		"experimentId": {u.Run.Key},
		"apiKey":       {key},
		"overwrite":    {pythonBool(u.Overwrite)},
	}
	setText(q, "projectId", u.Run.ProjectID)
	setText(q, "runId", u.Run.ID)
	u.setCommon(q)
	return q
}

func (u *Upload) setCommon(q url.Values) {
	setText(q, "extension", u.Extension)
	setInt64(q, "step", u.Step)
	if u.Context != nil {
		q.Set("context", *u.Context)
	}
	if u.Open == nil && u.Link != nil {
		q.Set("isRemote", pythonBool(true))
	}
}

func (c Assets) upload(ctx context.Context, path string, q url.Values, u *Upload) error {
	form := &api.Form{File: u.Open, Size: u.Size, Metadata: u.Metadata}
	switch {
	case u.Link != nil:
		form.Link = *u.Link
	case u.Open == nil:
		return errors.New("comet: an upload needs a content or a link")
	}
	return c.conn.Ack(ctx, &api.Call{
		Method: http.MethodPost,
		Family: api.FamilyClient,
		Path:   path,
		Query:  q,
		Body:   form.Body(),
		Unsafe: u.ID == "" || u.Once,
		Given:  []string{"assetId", "imageId"},
	})
}

func setText(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setInt64(q url.Values, name string, value *int64) {
	if value != nil {
		q.Set(name, strconv.FormatInt(*value, 10))
	}
}

// pythonBool writes a boolean as the Python SDK does.
func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
