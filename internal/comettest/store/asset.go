package store

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/blob"
)

// Asset is a file or remote reference. Once it is in the store, nothing of it
// changes but its items, which the lock of its experiment guards.
type Asset struct {
	ID            string
	ExperimentKey string
	VersionID     string // of an artifact, "" for assets of experiments
	Name          string
	Type          string // "" is read as asset
	Extension     string
	Grouping      string
	Step          *int64
	Epoch         *int64
	Context       *string
	Metadata      *string
	Created       int64
	Remote        bool
	Link          string // remote only
	Image         bool   // came through visualizations/upload
	Body          *blob.Blob
	Parts         int      // in which it came to storage, 0 if it did not
	Items         []*Asset // of a 3D scene
}

// Types of assets that are more than a name to a server.
const (
	TypeAsset      = "asset"
	TypeUnknown    = "unknown" // of artifact files
	TypeFullMetric = "ASSET_TYPE_FULL_METRIC"
	TypeCombined   = "histogram_combined_3d"
	TypeModel      = "model-element"
	TypeHistogram  = "histogram3d"

	// PlaceholderName is what clients send as the name of a text sample.
	PlaceholderName = "auto-generated-in-the-backend"
)

// DefaultTypes are those a listing without type gives.
var DefaultTypes = map[string]bool{TypeAsset: true, "unknown": true, "": true}

// Dir is the folder of a in the web interface.
func (a *Asset) Dir() string {
	switch {
	case a.Grouping != "":
		return "models/" + a.Grouping
	case a.Type == "source_code":
		return "source-code"
	case a.Type == "notebook":
		return "notebooks"
	}
	return "assets"
}

// FinalName is the name under which an upload appears, name being what the
// client called it.
func (a *Asset) FinalName(name string) string {
	short := a.ID[:min(8, len(a.ID))]
	switch {
	case name == PlaceholderName:
		return fmt.Sprintf("%s-%s.txt", a.Type, short)
	case name != "":
		return name
	case a.Remote:
		if u, err := url.Parse(a.Link); err == nil && path.Base(u.Path) != "/" && path.Base(u.Path) != "." {
			return path.Base(u.Path)
		}
		return a.Link
	}
	if ext := strings.TrimPrefix(a.Extension, "."); ext != "" {
		return a.Type + "-" + short + "." + ext
	}
	return a.Type + "-" + short
}

// AddAsset adds an asset, whose model it makes if it names one that is missing. The lock
// of the store is held too.
func (e *Experiment) AddAsset(st *Store, a *Asset) {
	e.Assets = append(e.Assets, a)
	e.PerType[a.Type]++
	e.changes++
	st.AddAsset(a)
	if a.Grouping != "" {
		e.AddModel(a.Grouping)
	}
}

// Replaces reports whether a takes the place of another asset when it may
// overwrite: one of its name, type and model.
func (a *Asset) Replaces(old *Asset) bool {
	return old.Name == a.Name && old.Type == a.Type && old.Grouping == a.Grouping
}

// DropAssets removes the assets that a replaces. The lock of the store is held too.
func (e *Experiment) DropAssets(st *Store, a *Asset) {
	e.Assets = slices.DeleteFunc(e.Assets, func(old *Asset) bool {
		same := a.Replaces(old)
		if same {
			e.Forget(st, old)
		}
		return same
	})
}

// Forget forgets an asset that e does not list any more, and removes its bytes. The lock
// of the store is held too.
func (e *Experiment) Forget(st *Store, a *Asset) {
	st.dropAsset(a)
	e.PerType[a.Type]--
	e.changes++
}

// SceneItems are the parts of the scenes of e.
func (e *Experiment) SceneItems() []*Asset {
	var list []*Asset
	for _, a := range e.Assets {
		list = append(list, a.Items...)
	}
	return list
}
