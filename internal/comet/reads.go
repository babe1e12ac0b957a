package comet

import (
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
)

// The reads of the API. An answer 200 without what is wanted here says nothing,
// also not that there is nothing: see [ErrUnclear].
var (
	readWorkspaces = api.NewRead("workspaces", scan.ListNamed("workspaceNames", "workspaces"), "workspace")

	readProjects     = api.NewRead("projects", scan.ListNamed("projects"), "workspace", "team")
	readProjectsPage = api.NewRead(featureProjects.Path, scan.ListNamed("rows"), "workspace", "team")
	readProject      = api.NewRead("project", scan.ValueNamed("projectId"), "project")
	readProjectNotes = api.NewRead("project/notes", scan.TextNamed("notes"), "note")
	readShareLinks   = api.NewRead(featureShareLinks.Path, scan.ArrayNamed("shareCodes"), "share")
	// The views of projects, and by another path those of experiments.
	readViews = api.NewRead(featureViews.Path, scan.ArrayNamed("views", "templates", "data").OrBare(), "view", "template")

	readExperiments = api.NewRead("experiments", scan.ListNamed("experiments"), "page")
	readMetadata    = api.NewRead("experiment/metadata", scan.ValueNamed("experimentKey"), "experiment", "run")
	readProcessing  = api.NewRead(featureProcessing.Path, scan.ValueNamed("processing"), "experiment", "run")
	readParameters  = api.NewRead("experiment/parameters", scan.ListNamed("values"), "parameter")
	readOthers      = api.NewRead("experiment/log-other", scan.ListNamed("values"), "other")
	readSummary     = api.NewRead("experiment/metrics/summary", scan.ListNamed("values"), "metric")
	readAllPoints   = api.NewRead(featureAllPoints.Path, scan.ListNamed("metrics"), "metric")
	readPoints      = api.NewRead("experiment/metrics/get-metric", scan.ListNamed("metrics"), "metric")
	readTags        = api.NewRead("experiment/tags", scan.ListNamed("tags"), "tag")
	readHTML        = api.NewRead("experiment/html", scan.TextNamed("html"), "html")
	readCode        = api.NewRead("experiment/code", scan.TextNamed("code"), "code", "source", "script")
	readOutput      = api.NewRead("experiment/output", scan.TextNamed("output"), "output", "stdout")
	readGraph       = api.NewRead("experiment/graph", scan.TextNamed("graph"), "graph")
	readGit         = api.NewRead("experiment/git/metadata", scan.TextNamed("user", "root", "branch", "parent", "origin"), "git")
	readGitPatch    = api.Read{Path: "experiment/git/patch", About: []string{"git", "patch", "diff"}}
	// Servers leave out some of these, and of an experiment without details
	// give them as null.
	readSystem = api.NewRead("experiment/system-details", scan.TextNamed("experimentKey", "user", "hostname", "os", "osType", "ip", "pid", "command",
		"executable", "pythonVersion", "installedPackages", "osPackages", "gpuStaticInfoList"), "system", "details")

	// Queries about the experiments of a project, and about several of them.
	readQuery = api.NewRead("project/query", scan.ListNamed("experimentKeys"), "project")
	readChart = api.NewRead("experiments/multi-metric-chart", scan.ValueNamed("experiments"), "experiment", "run")

	readAssets = api.NewRead("experiment/asset/list", scan.ListNamed("assets"), "asset")

	readModels = api.NewRead("experiment/model", scan.ListNamed("models"), "model")

	readRegistry            = api.NewRead("registry-model", scan.ListNamed("registryModels"), "workspace", "team")
	readRegistryModel       = api.NewRead("registry-model/details", scan.ListNamed("versions"), "model")
	readRegistryNotes       = api.NewRead("registry-model/notes", scan.TextNamed("notes"), "note")
	readRegistryItem        = api.NewRead(featureRegistryItem.Path, scan.ValueNamed("registryModelItemId", "version"), "model", "version", "item")
	readRegistryMetadata    = api.NewRead(featureRegistryMetadata.Path, scan.ListNamed("metadata"), "metadata")
	readStatusConfiguration = api.NewRead(featureStatusConfiguration.Path, scan.TextNamed("status"), "configuration")

	readArtifacts       = api.NewRead("artifacts/get-all", scan.ListNamed("artifacts"), "workspace", "team")
	readArtifact        = api.NewRead("artifacts/get", scan.ListNamed("versions"), "artifact")
	readArtifactVersion = api.NewRead("artifacts/version", scan.ValueNamed("artifactVersionId"), "artifact", "version", "alias")
	readArtifactFiles   = api.NewRead("artifacts/version/files", scan.ListNamed("files"), "artifact", "version", "alias")
	readLineage         = api.NewRead("get/artifacts", scan.ArrayNamed("artifacts", "artifactVersions", "versions").OrBare(), "lineage", "input")

	readPanels    = api.NewRead("code-panel/get-all", scan.ListNamed("codePanelTemplateRows"), "workspace", "team")
	readPanelFile = api.Read{Path: "template/{id}/download", About: []string{"panel", "template"}}
)
