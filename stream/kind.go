package stream

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/comet-stream/comet-stream/stream/internal/schema"
)

// A Kind names the type of a record. FORMAT.md section 4 lists the kinds and
// their bits.
type Kind string

// The kinds of format 1.0.
const (
	KindHeader          Kind = "header"
	KindPlan            Kind = "plan"
	KindProject         Kind = "project"
	KindExperiment      Kind = "experiment"
	KindParameters      Kind = "parameters"
	KindOthers          Kind = "others"
	KindMetrics         Kind = "metrics"
	KindSystem          Kind = "system"
	KindRequirements    Kind = "requirements"
	KindCode            Kind = "code"
	KindOutput          Kind = "output"
	KindGraph           Kind = "graph"
	KindHTML            Kind = "html"
	KindGit             Kind = "git"
	KindGitPatch        Kind = "git-patch"
	KindAsset           Kind = "asset"
	KindChunk           Kind = "chunk"
	KindAssetEnd        Kind = "asset-end"
	KindExperimentEnd   Kind = "experiment-end"
	KindSkipped         Kind = "skipped"
	KindNotes           Kind = "notes"
	KindLink            Kind = "link"
	KindArtifact        Kind = "artifact"
	KindArtifactVersion Kind = "artifact-version"
	KindArtifactEnd     Kind = "artifact-end"
	KindLineage         Kind = "lineage"
	KindModel           Kind = "model"
	KindModelVersion    Kind = "model-version"
	KindModelEnd        Kind = "model-end"
	KindPanel           Kind = "panel"
	KindView            Kind = "view"
	KindTrailer         Kind = "trailer"
	KindAbort           Kind = "abort"
)

// A kindInfo is what the package knows about a kind.
type kindInfo struct {
	kind     Kind
	bit      uint8     // in the kinds of a label
	resource Resources // that its records belong to, 0 if they always travel
	schema   *schema.Schema
	make     func() Record

	rank    int  // among the items of an experiment, 0 for what is none
	repeats bool // such an item may come again after itself
}

// unknownBit stands in labels for every kind without a bit of its own.
const unknownBit = 63

var kindTable = []kindInfo{
	info[Header](0, KindHeader, 0, func() Record { return new(Header) }),
	info[Plan](1, KindPlan, 0, func() Record { return new(Plan) }),
	info[Project](2, KindProject, 0, func() Record { return new(Project) }),
	info[Experiment](3, KindExperiment, 0, func() Record { return new(Experiment) }),
	info[Values](4, KindParameters, ResourceParameters, func() Record { return &Values{Of: KindParameters} }).items(1),
	info[Values](5, KindOthers, ResourceOthers, func() Record { return &Values{Of: KindOthers} }).items(2),
	info[metricColumns](6, KindMetrics, ResourceMetrics, func() Record { return new(Metrics) }).items(11),
	info[Document](7, KindSystem, ResourceSystem, func() Record { return &Document{Of: KindSystem} }).item(3),
	info[Requirements](8, KindRequirements, ResourceRequirements, func() Record { return new(Requirements) }).items(4),
	info[Text](9, KindCode, ResourceCode, func() Record { return &Text{Of: KindCode} }).item(7),
	info[Text](10, KindOutput, ResourceOutput, func() Record { return &Text{Of: KindOutput} }).item(10),
	info[Text](11, KindGraph, ResourceGraph, func() Record { return &Text{Of: KindGraph} }).item(8),
	info[Text](12, KindHTML, ResourceHTML, func() Record { return &Text{Of: KindHTML} }).item(9),
	info[Document](13, KindGit, ResourceGit, func() Record { return &Document{Of: KindGit} }).item(5),
	info[Text](14, KindGitPatch, ResourceGit, func() Record { return &Text{Of: KindGitPatch} }).item(6),
	info[Asset](15, KindAsset, ResourceAssets, func() Record { return new(Asset) }).items(12),
	info[Chunk](16, KindChunk, ResourceAssets, func() Record { return new(Chunk) }),
	info[AssetEnd](17, KindAssetEnd, ResourceAssets, func() Record { return new(AssetEnd) }),
	info[ExperimentEnd](18, KindExperimentEnd, 0, func() Record { return new(ExperimentEnd) }),
	info[Skipped](19, KindSkipped, 0, func() Record { return new(Skipped) }),
	info[Notes](20, KindNotes, ResourceProjectNotes, func() Record { return new(Notes) }),
	info[Link](21, KindLink, ResourceLinks, func() Record { return new(Link) }),
	info[Artifact](22, KindArtifact, ResourceArtifacts, func() Record { return new(Artifact) }),
	info[ArtifactVersion](23, KindArtifactVersion, ResourceArtifacts, func() Record { return new(ArtifactVersion) }),
	info[ArtifactEnd](24, KindArtifactEnd, ResourceArtifacts, func() Record { return new(ArtifactEnd) }),
	info[Lineage](25, KindLineage, ResourceArtifacts, func() Record { return new(Lineage) }),
	info[Model](26, KindModel, ResourceModels, func() Record { return new(Model) }),
	info[ModelVersion](27, KindModelVersion, ResourceModels, func() Record { return new(ModelVersion) }),
	info[ModelEnd](28, KindModelEnd, ResourceModels, func() Record { return new(ModelEnd) }),
	info[Panel](29, KindPanel, ResourcePanels, func() Record { return new(Panel) }),
	info[View](30, KindView, ResourcePanels, func() Record { return new(View) }),
	info[Trailer](61, KindTrailer, 0, func() Record { return new(Trailer) }),
	info[Abort](62, KindAbort, 0, func() Record { return new(Abort) }),
}

func info[T any](bit uint8, kind Kind, of Resources, makeRecord func() Record) kindInfo {
	return kindInfo{kind: kind, bit: bit, resource: of, schema: schema.Of(reflect.TypeFor[T](), schemas), make: makeRecord}
}

// item says where the kind stands among the items of an experiment.
func (i kindInfo) item(rank int) kindInfo {
	i.rank = rank
	return i
}

// items is item for one that may come again after itself.
func (i kindInfo) items(rank int) kindInfo {
	i.repeats = true
	return i.item(rank)
}

// kinds finds a kind of this version by its name.
var kinds = func() map[Kind]*kindInfo {
	m := map[Kind]*kindInfo{}
	for i := range kindTable {
		m[kindTable[i].kind] = &kindTable[i]
	}
	return m
}()

// kindOf finds a kind of this version by its bit.
var kindOf = func() (a [64]*kindInfo) {
	a[unknownBit] = new(kindInfo)
	for _, info := range kinds {
		a[info.bit] = info
	}
	return a
}()

// knownBits are the bits of the kinds of this version.
var knownBits = func() (s KindSet) {
	for _, info := range kinds {
		s |= 1 << info.bit
	}
	return s
}()

func bitOf(k Kind) uint8 {
	if info := kinds[k]; info != nil {
		return info.bit
	}
	return unknownBit
}

// Kinds returns the kinds that this version knows, in the order of their bits.
func Kinds() []Kind {
	all := make([]Kind, len(kindTable))
	for i := range kindTable {
		all[i] = kindTable[i].kind
	}
	return all
}

// TextKinds returns the kinds of the texts of an experiment, in their order.
func TextKinds() []Kind {
	texts := slices.DeleteFunc(Kinds(), func(k Kind) bool {
		_, isText := kinds[k].make().(*Text)
		return !isText
	})
	slices.SortFunc(texts, func(a, b Kind) int { return cmp.Compare(kinds[a].rank, kinds[b].rank) })
	return texts
}

// Known reports whether this version knows the kind.
func (k Kind) Known() bool { return kinds[k] != nil }

// A KindSet is a set of kinds, as a label has it: one bit a kind, and one bit for
// all kinds that this version does not know.
type KindSet uint64

// KindSetOf returns the set of these kinds.
func KindSetOf(kinds ...Kind) KindSet {
	var s KindSet
	for _, k := range kinds {
		s |= 1 << bitOf(k)
	}
	return s
}

// Has reports whether k is in the set. For a kind that this version does not
// know it reports whether any such kind is.
func (s KindSet) Has(k Kind) bool { return s.folded()&(1<<bitOf(k)) != 0 }

// HasAny reports whether the sets have a kind in common.
func (s KindSet) HasAny(other KindSet) bool { return s.folded()&other.folded() != 0 }

// folded returns the set with one bit for all kinds that are unknown here, of which
// a later version may have given some a bit of their own.
func (s KindSet) folded() KindSet {
	if s&^knownBits != 0 {
		return s&knownBits | 1<<unknownBit
	}
	return s
}
