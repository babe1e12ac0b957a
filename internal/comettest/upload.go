package comettest

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

func uploadRoutes() []route {
	stream := func(path string, handle func(*call) error) route {
		return route{method: "POST", family: clientlib, path: path, auth: authQuery, stream: true, handle: handle}
	}
	post := func(path string, handle func(*call) error) route {
		return route{method: "POST", family: clientlib, path: path, auth: authBody, handle: handle}
	}
	return []route{
		stream("asset/upload", in(uploadCall.uploadAsset)),
		stream("visualizations/upload", in(uploadCall.uploadImage)),
		stream("git-patch/upload", func(c *call) error { return originCall{c}.savePatch(c.optional("experimentId")) }),
		{method: "POST", path: "write/experiment/upload-asset", stream: true, handle: in(uploadCall.restUpload)},
		{method: "POST", path: "write/artifact/assets/remote/batch", since: version{3, 12, 26}, handle: in(uploadCall.remoteBatch)},
		post("asset/log-remote-model", in(uploadCall.logRemoteModel)),
		post("asset/upload-start", in(uploadCall.startAssetUpload)),
		post("visualizations/upload-start", in(uploadCall.startImageUpload)),
		post("asset/upload-complete", in(uploadCall.completeUpload)),
		post("visualizations/upload-complete", in(uploadCall.completeUpload)),
		post("asset", in(assetCall.newScene)),
		{method: "POST", family: clientlib, path: "asset/asset-item", auth: authNone, stream: true, handle: in(assetCall.addSceneItem)},
		{method: "PUT", family: clientlib, path: "asset/{assetId}/thumbnail", auth: authNone, stream: true, handle: in(assetCall.sceneThumbnail)},
	}
}

// uploadSpec is what an upload says about its asset.
type uploadSpec struct {
	experimentKey string
	asset         asset
	overwrite     bool
	remote        bool
	link          *string
	content       *blob.Blob
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

func (c uploadCall) imageQuery() (*uploadSpec, error) {
	c.query.Set("assetId", c.optional("imageId"))
	name := c.optional("figName")
	if name == "" {
		n := c.optional("figCounter")
		if n == "" {
			return nil, refusal.BadRequest("figName and figCounter are missing")
		}
		name = "figure_" + n
	}
	c.query.Set("fileName", name)
	spec, err := c.uploadQuery("experimentId")
	if err != nil {
		return nil, err
	}
	spec.asset.image = true
	if !c.query.Has("type") {
		spec.asset.typ = "image"
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
func (c uploadCall) uploadQuery(keyParam string) (*uploadSpec, error) {
	key, err := c.param(keyParam)
	if err != nil {
		return nil, err
	}
	step, err := c.ordinal("step")
	if err != nil {
		return nil, err
	}
	epoch, err := c.ordinal("epoch")
	if err != nil {
		return nil, err
	}
	remote, err := c.flag("isRemote")
	if err != nil {
		return nil, err
	}
	spec := &uploadSpec{
		experimentKey: key, overwrite: overwrites(c.optional("overwrite")), remote: remote != nil && *remote,
		asset: asset{
			id: c.optional("assetId"), name: c.optional("fileName"), typ: c.optional("type"),
			extension: c.optional("extension"), grouping: c.optional("groupingName"),
			versionID: c.optional("artifactVersionId"), step: step, epoch: epoch, context: c.text("context"),
		},
	}
	return spec, spec.check()
}

// overwrites reports whether a parameter overwrite says so. An artifact that was
// downloaded and is logged again has a strategy of the download there: FAIL,
// PRESERVE or OVERWRITE. None of them is about the files at the server.
func overwrites(text string) bool { return strings.EqualFold(text, "true") || text == "1" }

func (spec *uploadSpec) check() error {
	a := &spec.asset
	if a.typ == "" {
		a.typ = typeAsset
		if a.versionID != "" {
			a.typ = typeUnknown
		}
	}
	switch {
	case a.typ == typeModel && a.grouping == "":
		return refusal.BadRequest("groupingName is missing for type %s", typeModel)
	case a.typ == typeFullMetric:
		return refusal.BadRequest("assets of type %s cannot be uploaded", a.typ)
	}
	return nil
}

// upload reads the form of an upload and stores the asset.
func (c uploadCall) upload(spec *uploadSpec) error {
	if _, err := c.experiment(spec.experimentKey, RoleOwner); err != nil {
		return err
	}
	if err := c.readForm(spec); err != nil {
		spec.content.Remove()
		return err
	}
	a, err := c.store(spec)
	if err != nil {
		spec.content.Remove()
		return err
	}
	return c.sendUploaded(a)
}

type uploadedDoc struct {
	ack
	AssetID       string `json:"assetId"`
	ImageID       string `json:"imageId,omitempty"`
	ExperimentKey string `json:"experimentKey"`
	Link          string `json:"link"`
}

func (c uploadCall) sendUploaded(a *asset) error {
	doc := uploadedDoc{ack: saved("saved"), AssetID: a.id, ExperimentKey: a.experimentKey, Link: a.doc(c.root()).Link}
	if a.image {
		doc.ImageID = a.id
	}
	return c.send(doc)
}

func (c uploadCall) multipart() (*multipart.Reader, error) {
	form, err := c.r.MultipartReader()
	if err != nil {
		return nil, refusal.BadRequest("multipart form: %v", err)
	}
	return form, nil
}

// maxFormText bounds the text fields of an upload.
const maxFormText = 16 << 20

// readForm reads the fields file, link and metadata of an upload. The link
// comes as plain field or as a file part.
func (c uploadCall) readForm(spec *uploadSpec) error {
	form, err := c.multipart()
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
	case spec.link == nil && spec.content == nil:
		return refusal.BadRequest("form field file or link is missing")
	case spec.link != nil && spec.content != nil:
		return refusal.BadRequest("form has both file and link")
	case spec.remote && spec.link == nil:
		return refusal.BadRequest("form field link is missing for a remote asset")
	}
	return checkMetadata(spec.asset.metadata)
}

func (c uploadCall) readPart(spec *uploadSpec, part *multipart.Part) error {
	switch part.FormName() {
	case "file":
		if spec.content != nil {
			return refusal.BadRequest("form has two files")
		}
		content, err := c.s.store.bodies.Read(part, c.s.uploadLimit(spec.kind()))
		if err != nil {
			return uploadError(err)
		}
		spec.content = content
	case "link", "metadata":
		text, err := io.ReadAll(blob.Limited(part, maxFormText))
		if err != nil {
			return uploadError(err)
		}
		s := string(text)
		if part.FormName() == "link" {
			spec.link = &s
		} else {
			spec.asset.metadata = &s
		}
	}
	return nil
}

// kind is the type whose limit of size holds.
func (spec *uploadSpec) kind() string {
	if spec.asset.image {
		return "image"
	}
	return spec.asset.typ
}

// checkMetadata reports metadata that is not a JSON object. None, and an empty
// text, are fine.
func checkMetadata(m *string) error {
	if m == nil || *m == "" {
		return nil
	}
	var doc map[string]json.RawMessage
	if json.Unmarshal([]byte(*m), &doc) != nil {
		return refusal.BadRequest("metadata is not a JSON object")
	}
	return nil
}

// uploadLimit is the most bytes of an asset of a type, negative for no limit.
func (s *Server) uploadLimit(typ string) int64 {
	mb := s.opts.Limits.AssetMB
	switch typ {
	case "image", "figure", "git-patch":
		mb = s.opts.Limits.UploadMB
	case "video":
		mb = s.opts.Limits.VideoMB
	}
	if mb < 0 {
		return -1
	}
	return mb << 20
}

func uploadError(err error) error {
	if errors.Is(err, blob.ErrTooLarge) {
		return refusal.New(http.StatusRequestEntityTooLarge, 0, "upload is over the limit of its type")
	}
	return refusal.BadRequest("form: %v", err)
}

// store puts the asset of spec where it belongs.
func (c uploadCall) store(spec *uploadSpec) (*asset, error) {
	a := spec.asset
	a.experimentKey, a.created = spec.experimentKey, c.now()
	if a.id == "" || c.moods.AssignIDs {
		a.id = newID()
	}
	a.body = spec.content
	if spec.link != nil {
		a.remote, a.link = true, strings.TrimSpace(*spec.link)
	}
	a.name = a.finalName(a.name)
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(a.experimentKey, RoleOwner)
	if err != nil {
		return nil, err
	}
	if err := c.checkImmutable(&a); err != nil {
		return nil, err
	}
	if a.versionID != "" {
		return &a, artifactCall(c).addArtifactFile(&a)
	}
	return &a, c.addAsset(e, &a, spec.overwrite)
}

// checkImmutable reports an asset whose id the experiment has or, as the moods
// say, any of the instance. The lock of the store is held.
func (c uploadCall) checkImmutable(a *asset) error {
	st := c.s.store
	switch {
	case st.assets[a.ref()] == nil && !(c.moods.InstanceIDs && st.hasID(a.id)):
		return nil
	case a.image:
		return refusal.BadRequest("image %s already exists and is immutable", a.id).WithCode(refusal.CodeImageImmutable)
	}
	return refusal.BadRequest("asset %s already exists and is immutable", a.id).WithCode(refusal.CodeAssetImmutable)
}

// addAsset adds a to e. The lock of the store is held.
func (c uploadCall) addAsset(e *experiment, a *asset, overwrite bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if overwrite {
		e.dropAssets(c.s.store, a)
	}
	if c.moods.NamesOnce && slices.ContainsFunc(e.assets, a.replaces) {
		code := refusal.CodeAssetImmutable
		if a.image {
			code = refusal.CodeImageImmutable
		}
		return refusal.BadRequest("an asset with the name %q was already uploaded to this experiment", a.name).WithCode(code)
	}
	if err := c.checkLimit(e, a); err != nil {
		return err
	}
	e.assets = append(e.assets, a)
	e.perType[a.typ]++
	e.changes++
	c.s.store.assets[a.ref()] = a
	if a.grouping != "" {
		e.addModel(a.grouping)
	}
	e.touch(c.now(), c.moods.KeepEndTime)
	return nil
}

// replaces reports whether a takes the place of another asset when it may
// overwrite: one of its name, type and model.
func (a *asset) replaces(old *asset) bool {
	return old.name == a.name && old.typ == a.typ && old.grouping == a.grouping
}

// dropAssets removes the assets that a replaces. The locks of the store and of e
// are held.
func (e *experiment) dropAssets(st *store, a *asset) {
	e.assets = slices.DeleteFunc(e.assets, func(old *asset) bool {
		same := a.replaces(old)
		if same {
			e.dropped(st, old)
		}
		return same
	})
}

// dropped lets go of what belonged to an asset of e. The locks of the store
// and of e are held.
func (e *experiment) dropped(st *store, a *asset) {
	st.dropAsset(a)
	e.perType[a.typ]--
	e.changes++
}

func (c uploadCall) checkLimit(e *experiment, a *asset) error {
	typ := a.typ
	most := c.s.opts.Limits.AssetName
	if a.image {
		most = c.s.opts.Limits.ImageName
	}
	if n := utf8.RuneCountInString(a.name); most > 0 && n > most {
		return refusal.BadRequest("name of %d characters is too long", n)
	}
	if a.grouping != "" && !e.hasModel(a.grouping) && full(len(e.models), c.s.opts.Limits.Models) {
		return refusal.BadRequest("experiment holds the maximum of %d models", len(e.models)).WithCode(refusal.LimitCodes[typeModel])
	}
	limit, ok := c.s.opts.Limits.AssetsPerType[typ]
	if !ok || limit < 0 {
		return nil
	}
	if e.perType[typ] >= limit {
		return refusal.BadRequest("experiment holds the maximum of %d assets of type %s", limit, typ).WithCode(refusal.LimitCodes[typ])
	}
	return nil
}
