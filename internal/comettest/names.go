package comettest

import (
	"github.com/comet-stream/comet-stream/internal/comettest/seed"
	"github.com/comet-stream/comet-stream/internal/comettest/state"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// State is what [Server.State] returns, the other types are what it consists of.
type (
	State                = state.State
	StateOptions         = state.Options
	WorkspaceState       = state.Workspace
	ProjectState         = state.Project
	ExperimentState      = state.Experiment
	ValueState           = state.Value
	StampedState         = state.Stamped
	MetricState          = state.Metric
	PointState           = state.Point
	TextState            = state.Text
	AssetState           = state.Asset
	ItemState            = state.Item
	RegistryModelState   = state.RegistryModel
	RegistryItemState    = state.RegistryItem
	ArtifactState        = state.Artifact
	ArtifactVersionState = state.ArtifactVersion
	PanelState           = state.Panel
	ViewState            = state.View
	GitState             = store.GitMetadata
)

// ProjectSpec and the other types say what a server is to be seeded with.
type (
	ProjectSpec         = seed.Project
	ExperimentSpec      = seed.Experiment
	Value               = seed.Value
	MetricPoint         = seed.Point
	SyntheticMetric     = seed.SyntheticMetric
	SyntheticSpec       = seed.Synthetic
	AssetSpec           = seed.Asset
	ItemSpec            = seed.Item
	ArtifactSpec        = seed.Artifact
	ArtifactVersionSpec = seed.ArtifactVersion
	RegistrySpec        = seed.RegistryModel
	RegistryVersionSpec = seed.RegistryVersion
)

// The experiments of the demo; see [seed.Seeds.SeedDemo].
const (
	DemoFirst    = seed.DemoFirst
	DemoTwin     = seed.DemoTwin
	DemoArchived = seed.DemoArchived
	DemoRunning  = seed.DemoRunning
	DemoEmpty    = seed.DemoEmpty
)

// DemoKey is the key of one of the demo's experiments in a workspace.
func DemoKey(workspace, which string) string { return seed.DemoKey(workspace, which) }
