package assets

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// sceneItemDoc is a part of a 3D scene, as the listing of its asset gives it. No
// client reads one, so that the names are a guess.
type sceneItemDoc struct {
	AssetID  string `json:"assetId"`
	FileName string `json:"fileName"`
	Type     string `json:"type"`
	FileSize int64  `json:"fileSize"`
	Link     string `json:"link"`
}

func (c Call) sceneLimits() error {
	return c.Send(map[string]any{
		"maxPoints": 1000000, "maxPointsFileSizeInBytes": 0, "maxBoxes": 250000, "maxBoxesFileSizeInBytes": 0,
	})
}

type newSceneRequest struct {
	ExperimentKey string          `json:"experimentKey"`
	UserFileName  string          `json:"userFileName"`
	AssetType     string          `json:"assetType"`
	Step          *wire.Ordinal   `json:"step"`
	Metadata      json.RawMessage `json:"metadata"`
}

// newScene makes an asset without content, whose parts come later.
func (c Call) newScene(req *newSceneRequest) error {
	if req.AssetType == "" || req.UserFileName == "" {
		return refusal.BadRequest("assetType or userFileName is missing")
	}
	spec := &store.Upload{ExperimentKey: req.ExperimentKey, Content: blob.FromBytes(nil),
		Asset: store.Asset{Name: req.UserFileName, Type: req.AssetType, Step: (*int64)(req.Step)}}
	var err error
	if spec.Asset.Metadata, err = wire.OptionalText(req.Metadata); err != nil {
		return err
	}
	a, err := uploadCall(c).store(spec)
	if err != nil {
		return err
	}
	return c.Send(map[string]any{"assetId": a.ID})
}

// sceneForm is the form of a part of a scene. Its key travels there.
type sceneForm struct {
	APIKey        string `json:"apiKey"`
	AssetID       string `json:"assetId"`
	ExperimentKey string `json:"experimentKey"`
	UserFileName  string `json:"userFileName"`
	AssetItemType string `json:"assetItemType"`
	content       *blob.Blob
}

// addSceneItem takes a part of a scene: points or boxes.
func (c Call) addSceneItem() error {
	return c.sceneUpload("assetItemContent", func(form *sceneForm, scene *store.Asset) {
		scene.Items = append(scene.Items, &store.Asset{
			ID: store.NewID(), ExperimentKey: scene.ExperimentKey, Name: form.UserFileName, Type: form.AssetItemType,
			Created: c.Now(), Body: form.content,
		})
	})
}

// sceneThumbnail takes the picture of a scene, which nobody can read, and
// forgets it.
func (c Call) sceneThumbnail() error {
	return c.sceneUpload("thumbnail", func(form *sceneForm, _ *store.Asset) { form.content.Remove() })
}

// sceneUpload reads a form with the file of that name, and calls f with the
// scene it is for and the lock of its experiment held.
func (c Call) sceneUpload(file string, f func(form *sceneForm, scene *store.Asset)) error {
	form, err := c.sceneForm(file)
	if err == nil {
		err = c.toScene(form, f)
	}
	if err != nil {
		form.content.Remove()
	}
	return err
}

func (c Call) toScene(form *sceneForm, f func(form *sceneForm, scene *store.Asset)) error {
	if c.Key = c.LookupKey(form.APIKey); c.Key == nil {
		return api.BadKey(http.StatusUnauthorized)
	}
	id := form.AssetID
	if id == "" {
		id = c.Params["assetId"]
	}
	return c.WriteExperiment(form.ExperimentKey, func(e *store.Experiment) error {
		i := slices.IndexFunc(e.Assets, func(a *store.Asset) bool { return a.ID == id })
		switch {
		case i < 0:
			return refusal.NotFound("asset %q does not exist in experiment %q", id, e.Key)
		case form.content == nil:
			return refusal.BadRequest("the form has no file")
		}
		f(form, e.Assets[i])
		return c.Ack()
	})
}

func (c Call) sceneForm(file string) (*sceneForm, error) {
	form := &sceneForm{}
	parts, err := c.Multipart()
	for err == nil {
		var part *multipart.Part
		part, err = parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return form, nil
		case err != nil:
			err = refusal.BadRequest("form: %v", err)
		case part.FormName() == "requestParams":
			if json.NewDecoder(blob.Limited(part, api.MaxFormText)).Decode(form) != nil {
				err = refusal.BadRequest("requestParams is not the expected JSON")
			}
		case part.FormName() == file && form.content == nil:
			if form.content, err = c.Store.Bodies.Read(part, c.UploadLimit("asset-item")); err != nil {
				err = api.UploadError(err)
			}
		}
	}
	return form, err
}
