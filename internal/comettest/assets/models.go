package assets

import (
	"archive/zip"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func modelRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiment/model", Handle: api.In(Call.experimentModels)},
		{Method: "GET", Path: "experiment/model/asset/list", Handle: api.In(Call.modelAssets)},
		{Method: "GET", Path: "experiment/model/download", Handle: api.In(Call.downloadModel)},
	}
}

type experimentModelDoc struct {
	ExperimentModelID   string              `json:"experimentModelId"`
	ExperimentKey       string              `json:"experimentKey"`
	ModelName           string              `json:"modelName"`
	ExperimentModelName string              `json:"experimentModelName"`
	RegistryRecords     []registryRecordDoc `json:"registryRecords"`
}

type registryRecordDoc struct {
	RegistryModelID     string `json:"registryModelId"`
	RegistryModelItemID string `json:"registryModelItemId"`
	RegistryModelName   string `json:"registryModelName"`
	Version             string `json:"version"`
	CreatedAt           int64  `json:"createdAt"`
}

func (c Call) experimentModels() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	docs := []experimentModelDoc{}
	for _, m := range e.Models {
		docs = append(docs, experimentModelDoc{m.ID, e.Key, m.Name, m.Name, registryRecords(e.Project.Workspace, m)})
	}
	return c.Send(map[string]any{"models": docs})
}

// modelElements are the assets of the model that the call names. The lock of
// e is held.
func (c Call) modelElements(e *store.Experiment) ([]*store.Asset, error) {
	name, err := c.Param("modelName")
	if err != nil {
		return nil, err
	}
	list := []*store.Asset{}
	for _, a := range e.Assets {
		if a.Grouping == name {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, refusal.NotFound("model %q does not exist in experiment %q", name, e.Key)
	}
	return list, nil
}

func (c Call) modelAssets() error {
	return c.ReadExperiment(func(e *store.Experiment) error {
		list, err := c.modelElements(e)
		if err != nil {
			return err
		}
		return c.sendAssets(list)
	})
}

func (c Call) downloadModel() error {
	var list []*store.Asset
	err := c.ReadExperiment(func(e *store.Experiment) (err error) {
		list, err = c.modelElements(e)
		return err
	})
	if err != nil {
		return err
	}
	return c.SendZip(list)
}

// SendZip answers with the local files of list as one zip.
func (c Call) SendZip(list []*store.Asset) error {
	c.Writer.Header().Set("Content-Type", "application/octet-stream")
	zw := zip.NewWriter(c.Writer)
	for _, a := range list {
		if a.Remote {
			continue
		}
		if err := addToZip(zw, a); err != nil {
			panic(http.ErrAbortHandler) // the answer has begun
		}
	}
	return zw.Close()
}

func addToZip(zw *zip.Writer, a *store.Asset) error {
	r, err := a.Body.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	// An entry whose name ends in a slash is a folder, and none is over 64 KiB long.
	name := strings.TrimRight(a.Name, "/")
	w, err := zw.Create(name[:min(len(name), math.MaxUint16)])
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// registryRecords are the versions made of a model of an experiment.
func registryRecords(w *store.Workspace, m *store.Model) []registryRecordDoc {
	docs := []registryRecordDoc{}
	for _, r := range w.Registry {
		for _, i := range r.Items {
			if i.Source == m {
				docs = append(docs, registryRecordDoc{r.ID, i.ID, r.Name, i.Version, i.Created})
			}
		}
	}
	return docs
}
