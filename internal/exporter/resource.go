package exporter

import (
	"fmt"
	"slices"
	"strings"
)

// Resources is a set of the RESOURCE names of FORMAT.md, section 6. The empty
// set stands for all of them.
type Resources map[string]bool

// The names that stand for one resource.
const (
	resMetadata        = "metadata"
	resParameters      = "parameters"
	resOthers          = "others"
	resSystem          = "system"
	resHTML            = "html"
	resCode            = "code"
	resGit             = "git"
	resOutput          = "output"
	resGraph           = "graph"
	resRequirements    = "requirements"
	resMetrics         = "metrics"
	resSystemMetrics   = "system-metrics"
	resAssets          = "assets"
	resProjectMetadata = "project_metadata"
	resProjectNotes    = "project_notes"
	resArtifacts       = "artifacts"
	resModels          = "models"
	resPanels          = "panels"
	resLinks           = "links"
)

var (
	experimentResources = []string{
		resMetadata, resParameters, resOthers, resSystem, resRequirements, resGit, resCode, resGraph, resHTML, resOutput,
		resMetrics, resSystemMetrics, resAssets,
	}
	projectResources   = []string{resProjectMetadata, resProjectNotes}
	workspaceResources = []string{resArtifacts, resModels, resPanels, resLinks}

	// resourceAliases stand for several resources.
	resourceAliases = map[string][]string{
		"project": {resProjectMetadata, resProjectNotes},
		"run":     {resCode, resGit, resOutput, resGraph, resRequirements},
	}
)

// ResourceNames returns all names that [ParseResources] takes, in the order in
// which a user wants to read them.
func ResourceNames() []string {
	return slices.Concat(experimentResources, projectResources, []string{"project", "run"}, workspaceResources)
}

// UnknownResourceError names an argument that is no RESOURCE name.
type UnknownResourceError struct{ Name string }

// Error lists the names there are.
func (e *UnknownResourceError) Error() string {
	return fmt.Sprintf("unknown RESOURCE %q; the names are %s", e.Name, strings.Join(ResourceNames(), ", "))
}

// ParseResources reads RESOURCE names, with aliases taken apart. No name gives
// the empty set, all resources.
func ParseResources(names []string) (Resources, error) {
	set := make(Resources)
	for _, name := range names {
		members, alias := resourceAliases[name]
		switch {
		case alias:
			for _, m := range members {
				set[m] = true
			}
		case slices.Contains(ResourceNames(), name):
			set[name] = true
		default:
			return nil, &UnknownResourceError{name}
		}
	}
	return set, nil
}

// Has reports whether the set holds the resource.
func (r Resources) Has(name string) bool { return len(r) == 0 || r[name] }

// Names returns the set as it stands in the header of a stream.
func (r Resources) Names() []string {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// any reports whether the set holds one of names.
func (r Resources) any(names []string) bool { return slices.ContainsFunc(names, r.Has) }

// metric reports whether the set holds the metric of this name.
func (r Resources) metric(name string) bool {
	return r.Has(resMetrics) || r[resSystemMetrics] && strings.HasPrefix(name, "sys.")
}
