package comettest

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/derive"
)

// asset is a file or remote reference. Once it is in the store, nothing of it
// changes but its items, which the lock of its experiment guards.
type asset struct {
	id            string
	experimentKey string
	versionID     string // of an artifact, "" for assets of experiments
	name          string
	typ           string // "" is read as asset
	extension     string
	grouping      string
	step          *int64
	epoch         *int64
	context       *string
	metadata      *string
	created       int64
	remote        bool
	link          string // remote only
	image         bool   // came through visualizations/upload
	body          *blob.Blob
	parts         int      // in which it came to storage, 0 if it did not
	items         []*asset // of a 3D scene
}

const (
	typeAsset      = "asset"
	typeUnknown    = "unknown" // of artifact files
	typeFullMetric = "ASSET_TYPE_FULL_METRIC"
	typeCombined   = "histogram_combined_3d"
	typeModel      = "model-element"
	typeHistogram  = "histogram3d"

	// placeholderName is what clients send as the name of a text sample.
	placeholderName = "auto-generated-in-the-backend"
)

// defaultTypes are those a listing without type gives.
var defaultTypes = map[string]bool{typeAsset: true, "unknown": true, "": true}

func (a *asset) dir() string {
	switch {
	case a.grouping != "":
		return "models/" + a.grouping
	case a.typ == "source_code":
		return "source-code"
	case a.typ == "notebook":
		return "notebooks"
	}
	return "assets"
}

// finalName is the name under which an upload appears, name being what the
// client called it.
func (a *asset) finalName(name string) string {
	short := a.id[:min(8, len(a.id))]
	switch {
	case name == placeholderName:
		return fmt.Sprintf("%s-%s.txt", a.typ, short)
	case name != "":
		return name
	case a.remote:
		if u, err := url.Parse(a.link); err == nil && path.Base(u.Path) != "/" && path.Base(u.Path) != "." {
			return path.Base(u.Path)
		}
		return a.link
	}
	if ext := strings.TrimPrefix(a.extension, "."); ext != "" {
		return a.typ + "-" + short + "." + ext
	}
	return a.typ + "-" + short
}

// assetDoc is an asset as listings give it.
type assetDoc struct {
	AssetID             string   `json:"assetId"`
	ExperimentKey       string   `json:"experimentKey"`
	FileName            string   `json:"fileName"`
	FileSize            int64    `json:"fileSize"`
	Type                string   `json:"type"`
	Dir                 string   `json:"dir"`
	Step                *int64   `json:"step"`
	RunContext          *string  `json:"runContext"`
	CreatedAt           int64    `json:"createdAt"`
	Metadata            *string  `json:"metadata"`
	Tags                []string `json:"tags"`
	Remote              bool     `json:"remote"`
	Link                string   `json:"link"`
	CompressedAssetLink string   `json:"compressedAssetLink"`
	S3Link              *string  `json:"s3Link"`
	CurlDownload        string   `json:"curlDownload"`
	CanView             bool     `json:"canView"`
	Image               bool     `json:"image"`
	Audio               bool     `json:"audio"`
	Video               bool     `json:"video"`
	Histogram           bool     `json:"histogram"`

	Items []sceneItemDoc `json:"items"`
	Etag  *string        `json:"etag"`
}

// doc describes a to a client that reached the server at root.
func (a *asset) doc(root string) assetDoc {
	d := assetDoc{
		AssetID: a.id, ExperimentKey: a.experimentKey, FileName: a.name, Type: a.typ, Dir: a.dir(),
		Step: a.step, RunContext: a.context, CreatedAt: a.created, Metadata: a.metadata,
		Tags: []string{}, Remote: a.remote, Items: []sceneItemDoc{}, Etag: a.etag(),
		Image: a.typ == "image" || a.typ == "figure", Audio: a.typ == "audio", Video: a.typ == "video",
		Histogram: a.typ == typeHistogram || a.typ == typeCombined,
	}
	d.CanView = d.Image || d.Audio || d.Video
	d.Link = a.link
	if !a.remote {
		d.FileSize = a.body.Size
		d.Link = a.webLink(root)
	}
	d.CompressedAssetLink = d.Link
	d.CurlDownload = fmt.Sprintf("curl %q -H\"Authorization: <Your Api Key>\" > %q",
		root+"api/rest/v2/experiment/asset/get-asset?assetId="+a.id+"&experimentKey="+a.experimentKey, path.Base(a.name))
	for _, item := range a.items {
		d.Items = append(d.Items, sceneItemDoc{item.id, item.name, item.typ, item.body.Size, item.webLink(root)})
	}
	return d
}

// etag is what an object store calls the bytes of a, null where it is not known:
// a hash of them or, if they came in parts, of the parts. That of a synthetic body
// would have to be worked out for each listing.
func (a *asset) etag() *string {
	if a.body == nil || a.body.Stored() == "" {
		return nil
	}
	tag := a.body.Stored()[:32]
	if a.parts > 0 {
		tag = derive.ID(tag) + "-" + strconv.Itoa(a.parts)
	}
	return &tag
}

func (a *asset) webLink(root string) string {
	form := "api/asset/download?assetId="
	if a.image || a.typ == "image" || a.typ == "figure" {
		form = "api/image/download?imageId="
	}
	return root + form + url.QueryEscape(a.id) + "&experimentKey=" + a.experimentKey
}
