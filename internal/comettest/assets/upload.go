package assets

import (
	"errors"
	"io"
	"mime/multipart"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/artifacts"
	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// An uploadCall brings assets.
type uploadCall struct{ *api.Call }

func uploadRoutes() []api.Route {
	stream := func(path string, handle func(*api.Call) error) api.Route {
		return api.Route{Method: "POST", Family: api.Clientlib, Path: path, Auth: api.AuthQuery, Stream: true, Handle: handle}
	}
	post := func(path string, handle func(*api.Call) error) api.Route {
		return api.Route{Method: "POST", Family: api.Clientlib, Path: path, Auth: api.AuthBody, Handle: handle}
	}
	return []api.Route{
		stream("asset/upload", api.In(uploadCall.uploadAsset)),
		stream("visualizations/upload", api.In(uploadCall.uploadImage)),
		{Method: "POST", Path: "write/experiment/upload-asset", Stream: true, Handle: api.In(uploadCall.restUpload)},
		{Method: "POST", Path: "write/artifact/assets/remote/batch", Since: api.Version{3, 12, 26}, Handle: api.JSON(uploadCall.remoteBatch)},
		post("asset/log-remote-model", api.JSON(uploadCall.logRemoteModel)),
		post("asset/upload-start", api.In(uploadCall.startAssetUpload)),
		post("visualizations/upload-start", api.In(uploadCall.startImageUpload)),
		post("asset/upload-complete", api.JSON(uploadCall.completeUpload)),
		post("visualizations/upload-complete", api.JSON(uploadCall.completeUpload)),
		post("asset", api.JSON(Call.newScene)),
		post("asset/3d-limits", api.In(Call.sceneLimits)),
		{Method: "POST", Family: api.Clientlib, Path: "asset/asset-item", Auth: api.AuthNone, Stream: true, Handle: api.In(Call.addSceneItem)},
		{Method: "PUT", Family: api.Clientlib, Path: "asset/{assetId}/thumbnail", Auth: api.AuthNone, Stream: true, Handle: api.In(Call.sceneThumbnail)},
	}
}

func (c uploadCall) uploadAsset() error {
	spec, err := c.uploadQuery("experimentId")
	if err != nil {
		return err
	}
	return c.upload(spec)
}

// uploadImage takes an image or figure, under the id imageId.
func (c uploadCall) uploadImage() error {
	spec, err := c.imageQuery()
	if err != nil {
		return err
	}
	return c.upload(spec)
}

func (c uploadCall) imageQuery() (*store.Upload, error) {
	c.Query.Set("assetId", c.Optional("imageId"))
	name := c.Optional("figName")
	if name == "" {
		n := c.Optional("figCounter")
		if n == "" {
			return nil, refusal.BadRequest("figName and figCounter are missing")
		}
		name = "figure_" + n
	}
	c.Query.Set("fileName", name)
	spec, err := c.uploadQuery("experimentId")
	if err != nil {
		return nil, err
	}
	spec.Asset.Image = true
	if !c.Query.Has("type") {
		spec.Asset.Type = "image"
	}
	return spec, nil
}

func (c uploadCall) restUpload() error {
	spec, err := c.uploadQuery("experimentKey")
	if err != nil {
		return err
	}
	return c.upload(spec)
}

// uploadQuery reads the parameters of an upload.
func (c uploadCall) uploadQuery(keyParam string) (*store.Upload, error) {
	key, err := c.Param(keyParam)
	if err != nil {
		return nil, err
	}
	step, err := c.Ordinal("step")
	if err != nil {
		return nil, err
	}
	epoch, err := c.Ordinal("epoch")
	if err != nil {
		return nil, err
	}
	remote, err := c.Flag("isRemote")
	if err != nil {
		return nil, err
	}
	spec := &store.Upload{
		ExperimentKey: key, Overwrite: overwrites(c.Optional("overwrite")), Remote: remote != nil && *remote,
		Asset: store.Asset{
			ID: c.Optional("assetId"), Name: c.Optional("fileName"), Type: c.Optional("type"),
			Extension: c.Optional("extension"), Grouping: c.Optional("groupingName"),
			VersionID: c.Optional("artifactVersionId"), Step: step, Epoch: epoch, Context: c.Text("context"),
		},
	}
	return spec, checkUpload(spec)
}

// overwrites reports whether a parameter overwrite says so. An artifact that was
// downloaded and is logged again has a strategy of the download there: FAIL,
// PRESERVE or OVERWRITE. None of them is about the files at the server.
func overwrites(text string) bool { return strings.EqualFold(text, "true") || text == "1" }

func checkUpload(spec *store.Upload) error {
	a := &spec.Asset
	if a.Type == "" {
		a.Type = store.TypeAsset
		if a.VersionID != "" {
			a.Type = store.TypeUnknown
		}
	}
	switch {
	case a.Type == store.TypeModel && a.Grouping == "":
		return refusal.BadRequest("groupingName is missing for type %s", store.TypeModel)
	case a.Type == store.TypeFullMetric:
		return refusal.BadRequest("assets of type %s cannot be uploaded", a.Type)
	}
	return nil
}

// upload reads the form of an upload and stores the asset.
func (c uploadCall) upload(spec *store.Upload) error {
	if _, err := c.Experiment(spec.ExperimentKey, api.RoleOwner); err != nil {
		return err
	}
	if err := c.readForm(spec); err != nil {
		spec.Content.Remove()
		return err
	}
	a, err := c.store(spec)
	if err != nil {
		spec.Content.Remove()
		return err
	}
	return c.sendUploaded(a)
}

type uploadedDoc struct {
	api.Ack
	AssetID       string `json:"assetId"`
	ImageID       string `json:"imageId,omitempty"`
	ExperimentKey string `json:"experimentKey"`
	Link          string `json:"link"`
}

func (c uploadCall) sendUploaded(a *store.Asset) error {
	doc := uploadedDoc{Ack: api.Saved("saved"), AssetID: a.ID, ExperimentKey: a.ExperimentKey, Link: NewDoc(a, c.Root()).Link}
	if a.Image {
		doc.ImageID = a.ID
	}
	return c.Send(doc)
}

// readForm reads the fields file, link and metadata of an upload. The link
// comes as plain field or as a file part.
func (c uploadCall) readForm(spec *store.Upload) error {
	form, err := c.Multipart()
	if err != nil {
		return err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return refusal.BadRequest("form: %v", err)
		}
		if err := c.readPart(spec, part); err != nil {
			return err
		}
	}
	switch {
	case spec.Link == nil && spec.Content == nil:
		return refusal.BadRequest("form field file or link is missing")
	case spec.Link != nil && spec.Content != nil:
		return refusal.BadRequest("form has both file and link")
	case spec.Remote && spec.Link == nil:
		return refusal.BadRequest("form field link is missing for a remote asset")
	}
	return api.CheckMetadata(spec.Asset.Metadata)
}

func (c uploadCall) readPart(spec *store.Upload, part *multipart.Part) error {
	switch part.FormName() {
	case "file":
		if spec.Content != nil {
			return refusal.BadRequest("form has two files")
		}
		content, err := c.Store.Bodies.Read(part, c.UploadLimit(spec.Kind()))
		if err != nil {
			return api.UploadError(err)
		}
		spec.Content = content
	case "link", "metadata":
		text, err := io.ReadAll(blob.Limited(part, api.MaxFormText))
		if err != nil {
			return api.UploadError(err)
		}
		s := string(text)
		if part.FormName() == "link" {
			spec.Link = &s
		} else {
			spec.Asset.Metadata = &s
		}
	}
	return nil
}

// store puts the asset of spec where it belongs.
func (c uploadCall) store(spec *store.Upload) (*store.Asset, error) {
	a := spec.Asset
	a.ExperimentKey, a.Created = spec.ExperimentKey, c.Now()
	if a.ID == "" || c.Moods.AssignIDs {
		a.ID = store.NewID()
	}
	a.Body = spec.Content
	if spec.Link != nil {
		a.Remote, a.Link = true, strings.TrimSpace(*spec.Link)
	}
	a.Name = a.FinalName(a.Name)
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(a.ExperimentKey, api.RoleOwner)
	if err != nil {
		return nil, err
	}
	if err := c.checkImmutable(&a); err != nil {
		return nil, err
	}
	if a.VersionID != "" {
		return &a, artifacts.Call(c).AddFile(&a)
	}
	return &a, c.addAsset(e, &a, spec.Overwrite)
}

// checkImmutable reports an asset whose id the experiment has or, as the moods
// say, any of the instance. The lock of the store is held.
func (c uploadCall) checkImmutable(a *store.Asset) error {
	st := c.Store
	switch {
	case st.Asset(a.ExperimentKey, a.ID) == nil && !(c.Moods.InstanceIDs && st.HasID(a.ID)):
		return nil
	case a.Image:
		return refusal.BadRequest("image %s already exists and is immutable", a.ID).WithCode(refusal.CodeImageImmutable)
	}
	return refusal.BadRequest("asset %s already exists and is immutable", a.ID).WithCode(refusal.CodeAssetImmutable)
}

// addAsset adds a to e. The lock of the store is held.
func (c uploadCall) addAsset(e *store.Experiment, a *store.Asset, overwrite bool) error {
	e.Lock()
	defer e.Unlock()
	if overwrite {
		e.DropAssets(c.Store, a)
	}
	if c.Moods.NamesOnce && slices.ContainsFunc(e.Assets, a.Replaces) {
		code := refusal.CodeAssetImmutable
		if a.Image {
			code = refusal.CodeImageImmutable
		}
		return refusal.BadRequest("an asset with the name %q was already uploaded to this experiment", a.Name).WithCode(code)
	}
	if err := c.checkLimit(e, a); err != nil {
		return err
	}
	e.AddAsset(c.Store, a)
	e.Touch(c.Now(), c.Moods.KeepEndTime)
	return nil
}

func (c uploadCall) checkLimit(e *store.Experiment, a *store.Asset) error {
	typ := a.Type
	most := c.Limits.AssetName
	if a.Image {
		most = c.Limits.ImageName
	}
	if n := utf8.RuneCountInString(a.Name); most > 0 && n > most {
		return refusal.BadRequest("name of %d characters is too long", n)
	}
	if a.Grouping != "" && !e.HasModel(a.Grouping) && api.Full(len(e.Models), c.Limits.Models) {
		return refusal.BadRequest("experiment holds the maximum of %d models", len(e.Models)).WithCode(refusal.LimitCodes[store.TypeModel])
	}
	limit, ok := c.Limits.AssetsPerType[typ]
	if !ok || limit < 0 {
		return nil
	}
	if e.PerType[typ] >= limit {
		return refusal.BadRequest("experiment holds the maximum of %d assets of type %s", limit, typ).WithCode(refusal.LimitCodes[typ])
	}
	return nil
}
