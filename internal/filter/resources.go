package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/stream"
)

// Resources is a set of what the RESOURCE names of stream/FORMAT.md, section 6,
// stand for.
type Resources uint32

const (
	metadata Resources = 1 << iota
	parameters
	others
	system
	html
	code
	git
	output
	graph
	requirements
	userMetrics // those that are not sys.*; no name selects them alone
	systemMetrics
	assets
	projectMetadata
	projectNotes
	artifacts
	models
	panels
	links

	allResources = 1<<iota - 1
)

// A resourceName is a RESOURCE as it is written on the command line.
type resourceName struct {
	name string
	set  Resources
}

// resourceNames has the names of FORMAT.md in the order in which messages list
// them.
var resourceNames = []resourceName{
	{"metadata", metadata},
	{"parameters", parameters},
	{"others", others},
	{"system", system},
	{"html", html},
	{"code", code},
	{"git", git},
	{"output", output},
	{"graph", graph},
	{"requirements", requirements},
	{"metrics", userMetrics | systemMetrics},
	{"system-metrics", systemMetrics},
	{"assets", assets},
	{"project_metadata", projectMetadata},
	{"project_notes", projectNotes},
	{"artifacts", artifacts},
	{"models", models},
	{"panels", panels},
	{"links", links},
	{"project", projectMetadata | projectNotes},
	{"run", code | git | output | graph | requirements},
}

// ResourceNames returns all names that [ParseResources] takes.
func ResourceNames() []string {
	names := make([]string, len(resourceNames))
	for i, r := range resourceNames {
		names[i] = r.name
	}
	return names
}

// ParseResources returns the set that the names select together. No names
// select everything.
func ParseResources(names []string) (Resources, error) {
	if len(names) == 0 {
		return allResources, nil
	}
	var set Resources
	for _, name := range names {
		i := slices.IndexFunc(resourceNames, func(r resourceName) bool { return r.name == name })
		if i < 0 {
			return 0, fmt.Errorf("unknown RESOURCE %q; the names are %s", name, strings.Join(ResourceNames(), ", "))
		}
		set |= resourceNames[i].set
	}
	return set, nil
}

// Others returns the set of all resources that are not in r.
func (r Resources) Others() Resources { return allResources &^ r }

// has reports whether r holds all of want.
func (r Resources) has(want Resources) bool { return r&want == want }

// names returns the shortest list of names, sorted, for the scope of a header.
// User metrics without system metrics have no name; there it says metrics.
func (r Resources) names() []string {
	if r == allResources {
		return []string{}
	}
	names := []string{}
	for _, n := range resourceNames {
		switch {
		case n.name == "project" || n.name == "run":
		case n.set == systemMetrics && r.has(userMetrics):
		case r&n.set != 0 && (r.has(n.set) || r&n.set == userMetrics):
			names = append(names, n.name)
		}
	}
	slices.Sort(names)
	return names
}

// resourceOf has the resource that the records of a kind belong to. The kinds
// that are not in it always travel. Assets belong to the resource of their
// group: to assets in an experiment, to artifacts in an artifact.
var resourceOf = map[stream.Kind]Resources{
	stream.KindParameters:      parameters,
	stream.KindOthers:          others,
	stream.KindMetrics:         userMetrics | systemMetrics,
	stream.KindSystem:          system,
	stream.KindRequirements:    requirements,
	stream.KindCode:            code,
	stream.KindOutput:          output,
	stream.KindGraph:           graph,
	stream.KindHTML:            html,
	stream.KindGit:             git,
	stream.KindGitPatch:        git,
	stream.KindAsset:           assets,
	stream.KindChunk:           assets,
	stream.KindAssetEnd:        assets,
	stream.KindNotes:           projectNotes,
	stream.KindLink:            links,
	stream.KindArtifact:        artifacts,
	stream.KindArtifactVersion: artifacts,
	stream.KindArtifactEnd:     artifacts,
	stream.KindLineage:         artifacts,
	stream.KindModel:           models,
	stream.KindModelVersion:    models,
	stream.KindModelEnd:        models,
	stream.KindPanel:           panels,
	stream.KindView:            panels,
}

// metricResource returns the resource that a metric of that name belongs to.
func metricResource(name string) Resources {
	if strings.HasPrefix(name, "sys.") {
		return systemMetrics
	}
	return userMetrics
}
