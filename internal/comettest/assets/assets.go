// Package assets has the calls about assets: their lists, contents and uploads, whole and
// in parts to a second host, and the models that they make up.
package assets

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/artifacts"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// An Call is about assets that are there.
type Call struct{ *api.Call }

// Routes are the calls of this area.
func Routes() []api.Route { return slices.Concat(assetRoutes(), modelRoutes(), uploadRoutes()) }

func assetRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/asset/list", Handle: api.In(Call.assetList)},
		{Method: "GET", Path: "experiment/asset/get-by-name", Since: api.Version{4, 3, 385}, Handle: api.In(Call.assetByName)},
		{Method: "GET", Path: "experiment/asset/get-asset", Handle: api.In(Call.getAsset)},
		{Method: "GET", Path: "write/experiment/asset/delete", Handle: api.In(Call.deleteAsset)},
		{Method: "GET", Family: api.Root, Path: "api/asset/download", Auth: api.AuthQuery, Handle: api.In(Call.downloadAsset)},
		{Method: "GET", Family: api.Root, Path: "api/image/download", Auth: api.AuthQuery, Handle: api.In(Call.downloadImage)},
	}
}

// listed are the assets of e of a type, or of all types, the ones that the
// server derives included. The lock of e is held.
func (c Call) listed(e *store.Experiment, typ string) []*store.Asset {
	var list []*store.Asset
	for _, a := range e.Assets {
		if typ == "all" || a.Type == typ || typ == "" && store.DefaultTypes[a.Type] {
			list = append(list, a)
		}
	}
	if typ == "all" || typ == store.TypeCombined {
		list = append(list, e.CombinedHistograms()...)
	}
	files := c.Moods.FullMetricFiles
	if typ == store.TypeFullMetric && files != "" || typ == "all" && files == "listed" {
		list = append(list, e.FullMetricFiles(c.Moods)...)
	}
	return list
}

func (c Call) assetList() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.sendAssets(c.listed(e, c.Optional("type")))
	})
}

func (c Call) sendAssets(list []*store.Asset) error {
	docs := make([]Doc, len(list))
	for i, a := range list {
		docs[i] = NewDoc(a, c.Root())
		if c.Moods.SceneItems == "unlisted" {
			docs[i].Items = []sceneItemDoc{}
		}
	}
	return c.Send(map[string]any{"assets": docs})
}

func (c Call) assetByName() error {
	name, err := c.Param("assetName")
	if err != nil {
		return err
	}
	typ := c.Optional("type")
	if typ == "" {
		typ = "all"
	}
	return c.ReadExperiment(func(e *store.Experiment) error {
		var found []*store.Asset
		for _, a := range c.listed(e, typ) {
			if a.Name == name {
				found = append(found, a)
			}
		}
		return c.sendAssets(found)
	})
}

// findAsset returns the asset with the given id that the call names: of an
// experiment, or of an artifact version.
func (c Call) findAsset(id string) (*store.Asset, error) {
	if c.Optional("artifactVersionId") != "" {
		return artifacts.Call(c).File(id)
	}
	e, err := c.Experiment(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return nil, err
	}
	c.Store.RLock()
	a := c.Store.Asset(e.Key, id)
	c.Store.RUnlock()
	if a != nil && a.VersionID == "" {
		return a, nil
	}
	e.Lock()
	defer e.Unlock()
	made := e.CombinedHistograms()
	if c.Moods.SceneItems == "" {
		made = append(e.SceneItems(), made...)
	}
	if c.Moods.FullMetricFiles != "" {
		made = slices.Concat(made, e.FullMetricFiles(c.Moods))
	}
	for _, a := range made {
		if a.ID == id {
			return a, nil
		}
	}
	return nil, refusal.NotFound("asset %q does not exist in experiment %q", id, e.Key)
}

func (c Call) getAsset() error {
	id, err := c.Param("assetId")
	if err != nil {
		return err
	}
	if _, err := c.Flag("allow301"); err != nil {
		return err
	}
	a, err := c.findAsset(id)
	if err != nil {
		return err
	}
	if a.Remote {
		return refusal.BadRequest("asset %q is remote, it is at its link", id)
	}
	if c.Moods.RedirectDownloads {
		return c.redirect(a)
	}
	return c.sendBody(a)
}

func (c Call) downloadAsset() error { return c.getAsset() }

func (c Call) downloadImage() error {
	if c.Query.Has("imageId") {
		c.Query.Set("assetId", c.Query.Get("imageId"))
	}
	return c.getAsset()
}

func (c Call) sendBody(a *store.Asset) error {
	return sendBody(c.Writer, c.Request, a, c.Moods.Ranges)
}

// sendBody answers with the bytes of a, in part if ranges are honoured and
// one was asked for.
func sendBody(w http.ResponseWriter, r *http.Request, a *store.Asset, ranges bool) error {
	body, err := a.Body.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	if ranges {
		w.Header().Set("Etag", strconv.Quote(a.ID))
		http.ServeContent(w, r, "", time.Time{}, body)
		return nil
	}
	w.Header().Set("Content-Length", strconv.FormatInt(a.Body.Size, 10))
	w.WriteHeader(http.StatusOK)
	_, err = io.CopyBuffer(onlyWriter{w}, body, make([]byte, 256<<10))
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone, or the file
	}
	return nil
}

// onlyWriter hides ReadFrom of a writer, so that the buffer of a copy is used.
type onlyWriter struct{ io.Writer }

// redirect answers with the place of a on the second host.
func (c Call) redirect(a *store.Asset) error {
	host, err := c.StorageURL()
	if err != nil {
		return err
	}
	u := fmt.Sprintf("%s/bucket/%s?X-Amz-Signature=%s&experimentKey=%s&artifactVersionId=%s", host,
		url.PathEscape(a.ID), signature(a.ID), a.ExperimentKey, a.VersionID)
	c.Writer.Header().Set("Location", u)
	c.Writer.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func (c Call) deleteAsset() error {
	id, err := c.Param("assetId")
	if err != nil {
		return err
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	a := st.Asset(e.Key, id)
	if a == nil || !slices.Contains(e.Assets, a) {
		return refusal.NotFound("asset %q does not exist in experiment %q", id, e.Key)
	}
	e.Assets = store.Without(e.Assets, a)
	e.Forget(st, a)
	e.Touch(c.Now(), c.Moods.KeepEndTime)
	return c.Ack()
}
