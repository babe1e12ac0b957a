package comet

import (
	"net/http"
	"net/url"
	"strings"
)

// A read is an endpoint that is read: what its answer must have, and what
// servers call the thing that it is about when they say that there is none.
type read struct {
	path  string
	wants wants
	about []string
}

// The reads of the API. An answer 200 without what is wanted here says nothing,
// also not that there is nothing: see [ErrUnclear].
var (
	readAccount    = read{"account-details", valueNamed("userName", "defaultWorkspaceName"), []string{"user", "account"}}
	readWorkspaces = read{"workspaces", listNamed("workspaceNames", "workspaces"), []string{"workspace"}}
	readVersion    = read{path: "isAlive/ver"} // what is no version is no answer of Comet's, and as good as none

	readProjects     = read{"projects", listNamed("projects"), []string{"workspace", "team"}}
	readProjectsPage = read{featureProjects.path, listNamed("rows"), []string{"workspace", "team"}}
	readProject      = read{"project", valueNamed("projectId"), []string{"project"}}
	readProjectNotes = read{"project/notes", textNamed("notes"), []string{"note"}}
	readShareLinks   = read{featureShareLinks.path, arrayNamed("shareCodes"), []string{"share"}}
	// The views of projects, and by another path those of experiments.
	readViews = read{featureViews.path, arrayNamed("views", "templates", "data").orBare(), []string{"view", "template"}}

	readExperiments = read{"experiments", listNamed("experiments"), []string{"page"}}
	readMetadata    = read{"experiment/metadata", valueNamed("experimentKey"), []string{"experiment", "run"}}
	readProcessing  = read{featureProcessing.path, valueNamed("processing"), []string{"experiment", "run"}}
	readParameters  = read{"experiment/parameters", listNamed("values"), []string{"parameter"}}
	readOthers      = read{"experiment/log-other", listNamed("values"), []string{"other"}}
	readSummary     = read{"experiment/metrics/summary", listNamed("values"), []string{"metric"}}
	readAllPoints   = read{featureAllPoints.path, listNamed("metrics"), []string{"metric"}}
	readPoints      = read{"experiment/metrics/get-metric", listNamed("metrics"), []string{"metric"}}
	readTags        = read{"experiment/tags", listNamed("tags"), []string{"tag"}}
	readHTML        = read{"experiment/html", textNamed("html"), []string{"html"}}
	readCode        = read{"experiment/code", textNamed("code"), []string{"code", "source", "script"}}
	readOutput      = read{"experiment/output", textNamed("output"), []string{"output", "stdout"}}
	readGraph       = read{"experiment/graph", textNamed("graph"), []string{"graph"}}
	readGit         = read{"experiment/git/metadata", textNamed("user", "root", "branch", "parent", "origin"), []string{"git"}}
	readGitPatch    = read{path: "experiment/git/patch", about: []string{"git", "patch", "diff"}}
	// Servers leave out some of these, and of an experiment without details
	// give them as null.
	readSystem = read{"experiment/system-details", textNamed("experimentKey", "user", "hostname", "os", "osType", "ip", "pid", "command",
		"executable", "pythonVersion", "installedPackages", "osPackages", "gpuStaticInfoList"), []string{"system", "details"}}

	readAssets       = read{"experiment/asset/list", listNamed("assets"), []string{"asset"}}
	readAssetsByName = read{featureAssetByName.path, listNamed("assets"), []string{"asset"}}
	readBody         = read{path: "experiment/asset/get-asset", about: []string{"asset", "image", "file"}}

	readModels      = read{"experiment/model", listNamed("models"), []string{"model"}}
	readModelAssets = read{"experiment/model/asset/list", listNamed("assets"), []string{"model"}}

	readRegistry            = read{"registry-model", listNamed("registryModels"), []string{"workspace", "team"}}
	readRegistryModel       = read{"registry-model/details", listNamed("versions"), []string{"model"}}
	readRegistryNotes       = read{"registry-model/notes", textNamed("notes"), []string{"note"}}
	readRegistryItem        = read{featureRegistryItem.path, valueNamed("registryModelItemId", "version"), []string{"model", "version", "item"}}
	readRegistryMetadata    = read{featureRegistryMetadata.path, listNamed("metadata"), []string{"metadata"}}
	readStatusConfiguration = read{featureStatusConfiguration.path, textNamed("status"), []string{"configuration"}}
	readRegistryHistory     = read{path: featureRegistryHistory.path, about: []string{"model", "version", "item"}}

	readArtifacts       = read{"artifacts/get-all", listNamed("artifacts"), []string{"workspace", "team"}}
	readArtifact        = read{"artifacts/get", listNamed("versions"), []string{"artifact"}}
	readArtifactVersion = read{"artifacts/version", valueNamed("artifactVersionId"), []string{"artifact", "version", "alias"}}
	readArtifactFiles   = read{"artifacts/version/files", listNamed("files"), []string{"artifact", "version", "alias"}}
	readLineage         = read{"get/artifacts", arrayNamed("artifacts", "artifactVersions", "versions").orBare(), []string{"lineage", "input"}}

	readPanels    = read{"code-panel/get-all", listNamed("codePanelTemplateRows"), []string{"workspace", "team"}}
	readPanelCode = read{"code-panel/download", valueNamed("code"), []string{"panel", "template"}}
	readPanelFile = read{path: "template/{id}/download", about: []string{"panel", "template"}}
)

// call returns the call of a read with a query.
func (r read) call(query url.Values) *call {
	return &call{method: http.MethodGet, path: r.path, query: query, wants: r.wants, about: r.about}
}

// of puts an id in the place that the path has for it.
func (r read) of(id string) read {
	r.path = strings.Replace(r.path, "{id}", url.PathEscape(id), 1)
	return r
}

// wants is a member that an answer must have, by one of its names. The zero
// value wants nothing.
type wants struct {
	kind  wantedKind
	bare  bool // a list that is not empty will do without a name
	names []string
}

type wantedKind uint8

const (
	wantedText  wantedKind = iota // of any type, or null: the server knows that there is none
	wantedValue                   // of any type, but not null
	wantedList                    // an array, or null for one with nothing in it
	wantedArray                   // an array: null would mean that the server does not tell
)

func listNamed(names ...string) wants  { return wants{kind: wantedList, names: names} }
func valueNamed(names ...string) wants { return wants{kind: wantedValue, names: names} }
func arrayNamed(names ...string) wants { return wants{kind: wantedArray, names: names} }
func textNamed(names ...string) wants  { return wants{kind: wantedText, names: names} }

func (w wants) orBare() wants {
	w.bare = true
	return w
}

// String returns what is wanted, as an error says it.
func (w wants) String() string {
	what := strings.Join(w.names, `" or "`)
	if w.kind == wantedList || w.kind == wantedArray {
		return `the list "` + what + `"`
	}
	return `"` + what + `"`
}
