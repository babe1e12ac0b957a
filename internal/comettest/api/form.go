package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Multipart returns the form of the request.
func (c *Call) Multipart() (*multipart.Reader, error) {
	form, err := c.Request.MultipartReader()
	if err != nil {
		return nil, refusal.BadRequest("multipart form: %v", err)
	}
	return form, nil
}

// MaxFormText bounds the text fields of a form.
const MaxFormText = 16 << 20

// FormFile returns the content of the last file of that name in the form of the request,
// which may be as large as an asset of a type.
func (c *Call) FormFile(field, typ string) ([]byte, error) {
	form, err := c.Multipart()
	if err != nil {
		return nil, err
	}
	var content []byte
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && content != nil:
			return slices.Clip(content), nil
		case errors.Is(err, io.EOF):
			return nil, refusal.BadRequest("form field %s is missing", field)
		case err != nil:
			return nil, refusal.BadRequest("form: %v", err)
		case part.FormName() != field:
			continue
		}
		if content, err = io.ReadAll(blob.Limited(part, c.UploadLimit(typ))); err != nil {
			return nil, UploadError(err)
		}
	}
}

// UploadLimit is the most bytes of an asset of a type, negative for no limit.
func (in *Instance) UploadLimit(typ string) int64 {
	mb := in.Limits.AssetMB
	switch typ {
	case "image", "figure", "git-patch":
		mb = in.Limits.UploadMB
	case "video":
		mb = in.Limits.VideoMB
	}
	if mb < 0 {
		return -1
	}
	return mb << 20
}

// UploadError is the answer for a form that cannot be read to its end.
func UploadError(err error) error {
	if errors.Is(err, blob.ErrTooLarge) {
		return refusal.New(http.StatusRequestEntityTooLarge, 0, "upload is over the limit of its type")
	}
	return refusal.BadRequest("form: %v", err)
}

// CheckMetadata reports metadata that is not a JSON object. None, and an empty
// text, are fine.
func CheckMetadata(m *string) error {
	if m == nil || *m == "" {
		return nil
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal([]byte(*m), &doc) != nil {
		return refusal.BadRequest("metadata is not a JSON object")
	}
	return nil
}
