package comettest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// An assetCall is about assets that are there.
type assetCall struct{ *api.Call }

func assetRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/asset/list", Handle: api.In(assetCall.assetList)},
		{Method: "GET", Path: "experiment/asset/get-by-name", Since: api.Version{4, 3, 385}, Handle: api.In(assetCall.assetByName)},
		{Method: "GET", Path: "experiment/asset/get-asset", Handle: api.In(assetCall.getAsset)},
		{Method: "GET", Path: "write/experiment/asset/delete", Handle: api.In(assetCall.deleteAsset)},
		{Method: "GET", Family: api.Root, Path: "api/asset/download", Auth: api.AuthQuery, Handle: api.In(assetCall.downloadAsset)},
		{Method: "GET", Family: api.Root, Path: "api/image/download", Auth: api.AuthQuery, Handle: api.In(assetCall.downloadImage)},
	}
}

// listed are the assets of e of a type, or of all types, the ones that the
// server derives included. The lock of e is held.
func (c assetCall) listed(e *store.Experiment, typ string) []*store.Asset {
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

func (c assetCall) assetList() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		return c.sendAssets(c.listed(e, c.Optional("type")))
	})
}

func (c assetCall) sendAssets(list []*store.Asset) error {
	docs := make([]assetDoc, len(list))
	for i, a := range list {
		docs[i] = newAssetDoc(a, c.Root())
		if c.Moods.SceneItems == "unlisted" {
			docs[i].Items = []sceneItemDoc{}
		}
	}
	return c.Send(map[string]any{"assets": docs})
}

func (c assetCall) assetByName() error {
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
func (c assetCall) findAsset(id string) (*store.Asset, error) {
	if c.Optional("artifactVersionId") != "" {
		return artifactCall(c).artifactAsset(id)
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

func (c assetCall) getAsset() error {
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

func (c assetCall) downloadAsset() error { return c.getAsset() }

func (c assetCall) downloadImage() error {
	if c.Query.Has("imageId") {
		c.Query.Set("assetId", c.Query.Get("imageId"))
	}
	return c.getAsset()
}

func (c assetCall) sendBody(a *store.Asset) error {
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
func (c assetCall) redirect(a *store.Asset) error {
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

func (c assetCall) deleteAsset() error {
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
