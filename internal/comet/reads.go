package comet

import "github.com/comet-stream/comet-stream/internal/comet/scan"

// The reads of the API. An answer 200 without what is wanted here says nothing,
// also not that there is nothing: see [ErrUnclear].
var (
	readWorkspaces = read{"workspaces", scan.ListNamed("workspaceNames", "workspaces"), []string{"workspace"}}

	readProjects     = read{"projects", scan.ListNamed("projects"), []string{"workspace", "team"}}
	readProjectsPage = read{featureProjects.path, scan.ListNamed("rows"), []string{"workspace", "team"}}
	readProject      = read{"project", scan.ValueNamed("projectId"), []string{"project"}}
	readProjectNotes = read{"project/notes", scan.TextNamed("notes"), []string{"note"}}
	readShareLinks   = read{featureShareLinks.path, scan.ArrayNamed("shareCodes"), []string{"share"}}
	// The views of projects, and by another path those of experiments.
	readViews = read{featureViews.path, scan.ArrayNamed("views", "templates", "data").OrBare(), []string{"view", "template"}}

	readExperiments = read{"experiments", scan.ListNamed("experiments"), []string{"page"}}
	readMetadata    = read{"experiment/metadata", scan.ValueNamed("experimentKey"), []string{"experiment", "run"}}
	readProcessing  = read{featureProcessing.path, scan.ValueNamed("processing"), []string{"experiment", "run"}}
	readParameters  = read{"experiment/parameters", scan.ListNamed("values"), []string{"parameter"}}
	readOthers      = read{"experiment/log-other", scan.ListNamed("values"), []string{"other"}}
	readSummary     = read{"experiment/metrics/summary", scan.ListNamed("values"), []string{"metric"}}
	readAllPoints   = read{featureAllPoints.path, scan.ListNamed("metrics"), []string{"metric"}}
	readPoints      = read{"experiment/metrics/get-metric", scan.ListNamed("metrics"), []string{"metric"}}
	readTags        = read{"experiment/tags", scan.ListNamed("tags"), []string{"tag"}}
	readHTML        = read{"experiment/html", scan.TextNamed("html"), []string{"html"}}
	readCode        = read{"experiment/code", scan.TextNamed("code"), []string{"code", "source", "script"}}
	readOutput      = read{"experiment/output", scan.TextNamed("output"), []string{"output", "stdout"}}
	readGraph       = read{"experiment/graph", scan.TextNamed("graph"), []string{"graph"}}
	readGit         = read{"experiment/git/metadata", scan.TextNamed("user", "root", "branch", "parent", "origin"), []string{"git"}}
	readGitPatch    = read{path: "experiment/git/patch", about: []string{"git", "patch", "diff"}}
	// Servers leave out some of these, and of an experiment without details
	// give them as null.
	readSystem = read{"experiment/system-details", scan.TextNamed("experimentKey", "user", "hostname", "os", "osType", "ip", "pid", "command",
		"executable", "pythonVersion", "installedPackages", "osPackages", "gpuStaticInfoList"), []string{"system", "details"}}

	readAssets       = read{"experiment/asset/list", scan.ListNamed("assets"), []string{"asset"}}
	readAssetsByName = read{featureAssetByName.path, scan.ListNamed("assets"), []string{"asset"}}

	readModels      = read{"experiment/model", scan.ListNamed("models"), []string{"model"}}
	readModelAssets = read{"experiment/model/asset/list", scan.ListNamed("assets"), []string{"model"}}

	readRegistry            = read{"registry-model", scan.ListNamed("registryModels"), []string{"workspace", "team"}}
	readRegistryModel       = read{"registry-model/details", scan.ListNamed("versions"), []string{"model"}}
	readRegistryNotes       = read{"registry-model/notes", scan.TextNamed("notes"), []string{"note"}}
	readRegistryItem        = read{featureRegistryItem.path, scan.ValueNamed("registryModelItemId", "version"), []string{"model", "version", "item"}}
	readRegistryMetadata    = read{featureRegistryMetadata.path, scan.ListNamed("metadata"), []string{"metadata"}}
	readStatusConfiguration = read{featureStatusConfiguration.path, scan.TextNamed("status"), []string{"configuration"}}
	readRegistryHistory     = read{path: featureRegistryHistory.path, about: []string{"model", "version", "item"}}

	readArtifacts       = read{"artifacts/get-all", scan.ListNamed("artifacts"), []string{"workspace", "team"}}
	readArtifact        = read{"artifacts/get", scan.ListNamed("versions"), []string{"artifact"}}
	readArtifactVersion = read{"artifacts/version", scan.ValueNamed("artifactVersionId"), []string{"artifact", "version", "alias"}}
	readArtifactFiles   = read{"artifacts/version/files", scan.ListNamed("files"), []string{"artifact", "version", "alias"}}
	readLineage         = read{"get/artifacts", scan.ArrayNamed("artifacts", "artifactVersions", "versions").OrBare(), []string{"lineage", "input"}}

	readPanels    = read{"code-panel/get-all", scan.ListNamed("codePanelTemplateRows"), []string{"workspace", "team"}}
	readPanelCode = read{"code-panel/download", scan.ValueNamed("code"), []string{"panel", "template"}}
	readPanelFile = read{path: "template/{id}/download", about: []string{"panel", "template"}}
)
