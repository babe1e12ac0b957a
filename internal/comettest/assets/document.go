package assets

import (
	"fmt"
	"net/url"
	"path"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/derive"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Doc is an asset as listings give it.
type Doc struct {
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

// NewDoc describes a to a client that reached the server at root.
func NewDoc(a *store.Asset, root string) Doc {
	d := Doc{
		AssetID: a.ID, ExperimentKey: a.ExperimentKey, FileName: a.Name, Type: a.Type, Dir: a.Dir(),
		Step: a.Step, RunContext: a.Context, CreatedAt: a.Created, Metadata: a.Metadata,
		Tags: []string{}, Remote: a.Remote, Items: []sceneItemDoc{}, Etag: etag(a),
		Image: a.Type == "image" || a.Type == "figure", Audio: a.Type == "audio", Video: a.Type == "video",
		Histogram: a.Type == store.TypeHistogram || a.Type == store.TypeCombined,
	}
	d.CanView = d.Image || d.Audio || d.Video
	d.Link = a.Link
	if !a.Remote {
		d.FileSize = a.Body.Size
		d.Link = webLink(a, root)
	}
	d.CompressedAssetLink = d.Link
	d.CurlDownload = fmt.Sprintf("curl %q -H\"Authorization: <Your Api Key>\" > %q",
		root+"api/rest/v2/experiment/asset/get-asset?assetId="+a.ID+"&experimentKey="+a.ExperimentKey, path.Base(a.Name))
	for _, item := range a.Items {
		d.Items = append(d.Items, sceneItemDoc{item.ID, item.Name, item.Type, item.Body.Size, webLink(item, root)})
	}
	return d
}

// etag is what an object store calls the bytes of a, null where it is not known:
// a hash of them or, if they came in parts, of the parts. That of a synthetic body
// would have to be worked out for each listing.
func etag(a *store.Asset) *string {
	if a.Body == nil || a.Body.Stored() == "" {
		return nil
	}
	tag := a.Body.Stored()[:32]
	if a.Parts > 0 {
		tag = derive.ID(tag) + "-" + strconv.Itoa(a.Parts)
	}
	return &tag
}

func webLink(a *store.Asset, root string) string {
	form := "api/asset/download?assetId="
	if a.Image || a.Type == "image" || a.Type == "figure" {
		form = "api/image/download?imageId="
	}
	return root + form + url.QueryEscape(a.ID) + "&experimentKey=" + a.ExperimentKey
}
