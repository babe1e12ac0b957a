package stream

import (
	"fmt"
	"slices"
	"strings"
)

// Resources is a set of what the RESOURCE names of FORMAT.md, section 6, stand
// for: what a user selects of experiments, projects and workspaces.
type Resources uint32

// The resources. [ResourceUserMetrics] has no name that selects it alone.
const (
	ResourceMetadata Resources = 1 << iota
	ResourceParameters
	ResourceOthers
	ResourceSystem
	ResourceHTML
	ResourceCode
	ResourceGit
	ResourceOutput
	ResourceGraph
	ResourceRequirements
	ResourceUserMetrics // those that are not sys.*
	ResourceSystemMetrics
	ResourceAssets
	ResourceProjectMetadata
	ResourceProjectNotes
	ResourceArtifacts
	ResourceModels
	ResourcePanels
	ResourceLinks

	AllResources    Resources = 1<<iota - 1
	ResourceMetrics           = ResourceUserMetrics | ResourceSystemMetrics
	ResourceProject           = ResourceProjectMetadata | ResourceProjectNotes
	ResourceRun               = ResourceCode | ResourceGit | ResourceOutput | ResourceGraph | ResourceRequirements
	// ExperimentResources are those that experiments have.
	ExperimentResources = ResourceMetadata | ResourceParameters | ResourceOthers | ResourceSystem | ResourceHTML |
		ResourceRun | ResourceMetrics | ResourceAssets
)

type namedResources struct {
	name string
	set  Resources
}

// resourceNames has the names of FORMAT.md in the order in which a user wants to
// read them.
var resourceNames = []namedResources{
	{"metadata", ResourceMetadata},
	{"parameters", ResourceParameters},
	{"others", ResourceOthers},
	{"system", ResourceSystem},
	{"html", ResourceHTML},
	{"code", ResourceCode},
	{"git", ResourceGit},
	{"output", ResourceOutput},
	{"graph", ResourceGraph},
	{"requirements", ResourceRequirements},
	{"metrics", ResourceMetrics},
	{"system-metrics", ResourceSystemMetrics},
	{"assets", ResourceAssets},
	{"project_metadata", ResourceProjectMetadata},
	{"project_notes", ResourceProjectNotes},
	{"project", ResourceProject},
	{"run", ResourceRun},
	{"artifacts", ResourceArtifacts},
	{"models", ResourceModels},
	{"panels", ResourcePanels},
	{"links", ResourceLinks},
}

// ResourceNames returns all names that [ParseResources] takes.
func ResourceNames() []string {
	names := make([]string, len(resourceNames))
	for i, r := range resourceNames {
		names[i] = r.name
	}
	return names
}

// UnknownResourceError names an argument that is not a RESOURCE name.
type UnknownResourceError struct{ Name string }

// Error lists the valid names.
func (e *UnknownResourceError) Error() string {
	return fmt.Sprintf("unknown RESOURCE %q; the names are %s", e.Name, strings.Join(ResourceNames(), ", "))
}

// ParseResources returns the set that the names select together. No names
// select everything. The error is an [*UnknownResourceError].
func ParseResources(names []string) (Resources, error) {
	if len(names) == 0 {
		return AllResources, nil
	}
	var set Resources
	for _, name := range names {
		i := slices.IndexFunc(resourceNames, func(r namedResources) bool { return r.name == name })
		if i < 0 {
			return 0, &UnknownResourceError{name}
		}
		set |= resourceNames[i].set
	}
	return set, nil
}

// Has reports whether r holds all of want.
func (r Resources) Has(want Resources) bool { return r&want == want }

// HasAny reports whether r holds any of want.
func (r Resources) HasAny(want Resources) bool { return r&want != 0 }

// Others returns the set of all resources that are not in r.
func (r Resources) Others() Resources { return AllResources &^ r }

// Names returns the shortest list of names, sorted, as it is in the scope of a
// header: none for all of them. User metrics without system metrics have no name;
// there it says metrics.
func (r Resources) Names() []string {
	names := []string{}
	if r == AllResources {
		return names
	}
	for _, n := range resourceNames {
		switch {
		case n.set == ResourceProject || n.set == ResourceRun:
		case n.set == ResourceSystemMetrics && r.Has(ResourceUserMetrics):
		case r.HasAny(n.set) && (r.Has(n.set) || r&n.set == ResourceUserMetrics):
			names = append(names, n.name)
		}
	}
	slices.Sort(names)
	return names
}

// Whole returns the resources that a stream of this scope has completely, as far
// as the scope tells: not assets if its selection leaves some out.
func (s *Scope) Whole() Resources {
	set, err := ParseResources(s.Resources)
	if err != nil {
		return 0 // a later version knows more names
	}
	if s.SelectsAssets() != "" {
		set &^= ResourceAssets
	}
	return set
}

// SelectsAssets returns the options of the selection that leave out assets, "" if
// there is none. Scopes of which it returns the same leave out the same assets.
func (s *Scope) SelectsAssets() string {
	var list []string
	for _, option := range s.Selection {
		if strings.HasPrefix(option, "--asset-") || strings.HasPrefix(option, "--max-asset-size ") {
			list = append(list, option)
		}
	}
	if len(list) > 0 && slices.Contains(s.Selection, "--exclude") {
		list = append(list, "--exclude")
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// Resource returns what the records of the kind belong to, or 0 for kinds that
// always travel and for those that this version does not know. An asset in an
// artifact belongs to that, and not to the assets of experiments.
func (k Kind) Resource() Resources {
	if info := kinds[k]; info != nil {
		return info.resource
	}
	return 0
}

// ResourceOfMetric returns the resource that a metric of that name belongs to.
func ResourceOfMetric(name string) Resources {
	if strings.HasPrefix(name, "sys.") {
		return ResourceSystemMetrics
	}
	return ResourceUserMetrics
}

// RefersToAssets reports whether assets of the type hold ids of other assets of
// their experiment. In a stream they come after those.
func RefersToAssets(assetType string) bool {
	switch assetType {
	case "confusion-matrix", "embeddings", "datagrid":
		return true
	}
	return false
}

// AssetRanks is the number of ranks of assets, see [AssetRank].
const AssetRanks = 3

// AssetRank returns the rank of a type among the assets of an experiment, which come
// in the order of their ranks: those that servers derive from others after these, and
// those that refer to others last.
func AssetRank(assetType string) int {
	switch {
	case RefersToAssets(assetType):
		return 2
	case assetType == AssetCombinedHistogram || assetType == AssetFullMetric:
		return 1
	}
	return 0
}

// Types of assets that servers derive from other data, and the type from which
// histograms over all steps are derived.
const (
	AssetFullMetric        = "ASSET_TYPE_FULL_METRIC" // all points of a metric
	AssetCombinedHistogram = "histogram_combined_3d"  // the histograms of a name, of all steps
	AssetHistogram         = "histogram3d"            // one histogram of a name
)

// Histogram returns the name of the histogram that an asset holds: of one step,
// or, if combined is true, of all steps, which a server derives from the others.
// ok is false for assets of other types.
func (a *Asset) Histogram() (name string, combined, ok bool) {
	if a.Type == nil || *a.Type != AssetHistogram && *a.Type != AssetCombinedHistogram {
		return "", false, false
	}
	if a.Name != nil {
		name = strings.TrimSuffix(*a.Name, ".json")
	}
	return name, *a.Type == AssetCombinedHistogram, true
}

// ModelFile returns the model that an asset is a file of, and its name in that.
// ok is false for other assets. folded says that the asset's own name begins with
// the folder of the model: some servers list all files of a model like that;
// where only some of them have it, it is part of the name that the file was
// given.
func (a *Asset) ModelFile() (model, name string, folded, ok bool) {
	dir, _ := a.Doc.Member("dir").Text()
	model, ok = strings.CutPrefix(dir, "models/")
	if !ok || a.Type == nil || *a.Type != "model-element" {
		return "", "", false, false
	}
	if a.Name != nil {
		name, folded = strings.CutPrefix(*a.Name, dir+"/")
	}
	return model, name, folded, true
}
