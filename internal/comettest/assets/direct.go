package assets

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

// directTypes are the types that may go straight to storage.
var directTypes = map[string]bool{store.TypeAsset: true, store.TypeModel: true, "visualization": true, "image": true}

func (c uploadCall) startAssetUpload() error {
	return c.startUpload(func() (*store.Upload, error) { return c.uploadQuery("experimentId") })
}
func (c uploadCall) startImageUpload() error { return c.startUpload(c.imageQuery) }

// startUpload answers with one address for each part. The parameters of a
// plain upload come as fields of the body.
func (c uploadCall) startUpload(read func() (*store.Upload, error)) error {
	var req struct {
		Metadata          *string `json:"metadata"`
		StartUploadParams struct {
			CloudType       string `json:"cloudType"`
			NumOfFileParts  int    `json:"numOfFileParts"`
			PresignTimeoutS int    `json:"preSignUrlTimeoutSec"`
		} `json:"startUploadParams"`
	}
	if !c.Moods.S3Upload {
		return refusal.BadRequest("direct access to storage is not enabled")
	}
	if err := c.Decode(&req); err != nil {
		return err
	}
	n := req.StartUploadParams.NumOfFileParts
	if req.StartUploadParams.CloudType != "AWS" || n < 1 || n > 10000 {
		return refusal.BadRequest("startUploadParams: cloudType is not AWS, or numOfFileParts is not 1 to 10000")
	}
	if err := c.fieldsToQuery(); err != nil {
		return err
	}
	spec, err := read()
	if err != nil {
		return err
	}
	spec.Asset.Metadata = req.Metadata
	// Files of artifacts come without a type.
	if !directTypes[spec.Asset.Type] && c.Query.Has("type") {
		return refusal.BadRequest("type %q does not go to storage directly", spec.Asset.Type)
	}
	if _, err := c.Experiment(spec.ExperimentKey, api.RoleOwner); err != nil {
		return err
	}
	return c.presign(&store.DirectUpload{Spec: spec, Parts: make([]*store.Part, n)})
}

// fieldsToQuery makes the scalar fields of the body parameters of the call.
func (c uploadCall) fieldsToQuery() error {
	var fields map[string]json.RawMessage
	if err := c.Decode(&fields); err != nil {
		return err
	}
	for name, raw := range fields {
		if string(raw) == "null" || raw[0] == '{' || raw[0] == '[' || name == "metadata" {
			continue
		}
		text, err := wire.Text(raw)
		if err != nil {
			return err
		}
		c.Query.Set(name, text)
	}
	return nil
}

func (c uploadCall) presign(up *store.DirectUpload) error {
	host, err := c.StorageURL()
	if err != nil {
		return err
	}
	id := store.NewID()
	c.Store.Lock()
	c.Store.Uploads[id] = up
	c.Store.Unlock()
	urls := make([]string, len(up.Parts))
	for i := range urls {
		object := id + "." + strconv.Itoa(i+1)
		urls[i] = host + "/bucket/" + object + "?" + url.Values{"X-Amz-Signature": {signature(object)}}.Encode()
	}
	return c.Send(map[string]any{"requestId": id, "preSignUrl": urls})
}

type completeRequest struct {
	RequestID         string `json:"requestId"`
	Succeed           bool   `json:"succeed"`
	FileSize          int64  `json:"fileSize"`
	UploadedFileParts []struct {
		ETag       string `json:"ETag"`
		PartNumber int    `json:"PartNumber"`
	} `json:"uploadedFileParts"`
}

// completeUpload joins the parts to an asset, or forgets them.
func (c uploadCall) completeUpload(req *completeRequest) error {
	st := c.Store
	st.Lock()
	up := st.Uploads[req.RequestID]
	delete(st.Uploads, req.RequestID)
	st.Unlock()
	if up == nil {
		return refusal.NotFound("upload %q does not exist", req.RequestID)
	}
	defer up.Remove()
	if !req.Succeed {
		return c.Ack()
	}
	if err := checkParts(up, req); err != nil {
		return err
	}
	parts := make([]*blob.Blob, len(up.Parts))
	for i, p := range up.Parts {
		parts[i] = p.Body
	}
	content, err := c.Store.Bodies.Join(parts, c.UploadLimit(up.Spec.Kind()))
	if err != nil {
		return api.UploadError(err)
	}
	up.Spec.Content, up.Spec.Asset.Parts = content, len(up.Parts)
	a, err := c.store(up.Spec)
	if err != nil {
		content.Remove()
		return err
	}
	return c.sendUploaded(a)
}

// checkParts compares the parts that came with those the client says it sent.
func checkParts(up *store.DirectUpload, req *completeRequest) error {
	if len(req.UploadedFileParts) != len(up.Parts) {
		return refusal.BadRequest("upload has %d parts, not %d", len(up.Parts), len(req.UploadedFileParts))
	}
	size := int64(0)
	for i, said := range req.UploadedFileParts {
		p := up.Parts[i]
		if p == nil || said.PartNumber != i+1 || said.ETag != p.ETag {
			return refusal.BadRequest("part %d did not come, or its ETag differs", i+1)
		}
		size += p.Body.Size
	}
	if size != req.FileSize {
		return refusal.BadRequest("upload has %d bytes, not %d", size, req.FileSize)
	}
	return api.CheckMetadata(up.Spec.Asset.Metadata)
}

type remoteBatchRequest struct {
	Requests []struct {
		Link              string        `json:"link"`
		Type              string        `json:"type"`
		Metadata          *string       `json:"metadata"`
		AssetID           string        `json:"assetId"`
		FileName          string        `json:"fileName"`
		Overwrite         any           `json:"overwrite"`
		Step              *wire.Ordinal `json:"step"`
		ArtifactVersionID string        `json:"artifactVersionId"`
		Extension         string        `json:"extension"`
	} `json:"remoteArtifactAssetRequests"`
}

// remoteBatch stores many remote files at once.
func (c uploadCall) remoteBatch(req *remoteBatchRequest) error {
	if req.Requests == nil {
		return refusal.BadRequest("remoteArtifactAssetRequests is missing")
	}
	for i, r := range req.Requests {
		spec := &store.Upload{
			ExperimentKey: c.Optional("experimentKey"), Overwrite: overwrites(fmt.Sprint(r.Overwrite)), Remote: true, Link: &r.Link,
			Asset: store.Asset{ID: r.AssetID, Name: r.FileName, Type: r.Type, Extension: r.Extension,
				VersionID: r.ArtifactVersionID, Step: (*int64)(r.Step), Metadata: r.Metadata},
		}
		if r.Link == "" {
			return refusal.BadRequest("request %d: link is missing", i)
		}
		if err := checkUpload(spec); err != nil {
			return err
		}
		if _, err := c.store(spec); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	return c.Ack()
}

type logRemoteModelRequest struct {
	ExperimentKey  string `json:"experimentKey"`
	ModelName      string `json:"modelName"`
	RemoteEntities []struct {
		AssetID   string          `json:"assetId"`
		RemoteURL string          `json:"remoteUrl"`
		FileName  string          `json:"fileName"`
		Metadata  json.RawMessage `json:"metadata"`
	} `json:"remoteEntities"`
}

// logRemoteModel makes a model of remote files.
func (c uploadCall) logRemoteModel(req *logRemoteModelRequest) error {
	if req.ModelName == "" || len(req.RemoteEntities) == 0 {
		return refusal.BadRequest("modelName or remoteEntities is missing")
	}
	for _, r := range req.RemoteEntities {
		if r.RemoteURL == "" {
			return refusal.BadRequest("remoteUrl is missing")
		}
		spec := &store.Upload{ExperimentKey: req.ExperimentKey, Remote: true, Link: &r.RemoteURL,
			Asset: store.Asset{ID: r.AssetID, Name: r.FileName, Type: store.TypeModel, Grouping: req.ModelName}}
		var err error
		if spec.Asset.Metadata, err = wire.OptionalText(r.Metadata); err != nil {
			return err
		}
		if _, err := c.store(spec); err != nil {
			return err
		}
	}
	return c.Ack()
}
