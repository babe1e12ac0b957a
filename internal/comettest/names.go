package comettest

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/registry"
	"github.com/comet-stream/comet-stream/internal/comettest/seed"
	"github.com/comet-stream/comet-stream/internal/comettest/state"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// The names of the packages below that tests use.

type (
	// State is everything that a server has stored.
	State = state.State
	// StateOptions choose what [Server.State] tells.
	StateOptions = state.Options
	// WorkspaceState is a workspace in a [State].
	WorkspaceState = state.Workspace
	// ProjectState is a project in a [State].
	ProjectState = state.Project
	// ExperimentState is an experiment in a [State].
	ExperimentState = state.Experiment
	// ValueState is a parameter or other in a [State].
	ValueState = state.Value
	// StampedState is one value and when it was logged in a [State].
	StampedState = state.Stamped
	// MetricState is a metric in a [State].
	MetricState = state.Metric
	// PointState is one metric point in a [State].
	PointState = state.Point
	// TextState is a text in a [State].
	TextState = state.Text
	// AssetState is an asset in a [State].
	AssetState = state.Asset
	// ItemState is a part of a 3D scene in a [State].
	ItemState = state.Item
	// RegistryModelState is a model of the registry in a [State].
	RegistryModelState = state.RegistryModel
	// RegistryItemState is a version of a registry model in a [State].
	RegistryItemState = state.RegistryItem
	// ArtifactState is an artifact in a [State].
	ArtifactState = state.Artifact
	// ArtifactVersionState is a version of an artifact in a [State].
	ArtifactVersionState = state.ArtifactVersion
	// PanelState is a custom panel in a [State].
	PanelState = state.Panel
	// ViewState is a view in a [State].
	ViewState = state.View
)

type (
	// ProjectSpec is a project to be seeded.
	ProjectSpec = seed.Project
	// ExperimentSpec is an experiment to be seeded.
	ExperimentSpec = seed.Experiment
	// Value is a parameter or other to be seeded.
	Value = seed.Value
	// MetricPoint is a metric point to be seeded.
	MetricPoint = seed.Point
	// SyntheticMetric is a metric to be seeded, whose points are made when they are read.
	SyntheticMetric = seed.SyntheticMetric
	// SyntheticSpec is a number of experiments with such metrics to be seeded.
	SyntheticSpec = seed.Synthetic
	// AssetSpec is an asset to be seeded.
	AssetSpec = seed.Asset
	// ItemSpec is a part of a 3D scene to be seeded.
	ItemSpec = seed.Item
	// GitSpec is the git metadata of an experiment to be seeded.
	GitSpec = store.GitMetadata
	// ArtifactSpec is an artifact to be seeded.
	ArtifactSpec = seed.Artifact
	// ArtifactVersionSpec is a version of an artifact to be seeded.
	ArtifactVersionSpec = seed.ArtifactVersion
	// RegistrySpec is a registry model to be seeded.
	RegistrySpec = seed.RegistryModel
	// RegistryVersionSpec is a version of a registry model to be seeded.
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

// Key is an API key and what its user may do.
type Key = api.Key

// Role is what a user may do in a workspace.
type Role = api.Role

// The roles, from the strongest to none.
const (
	RoleOwner  = api.RoleOwner  // reads and writes
	RoleViewer = api.RoleViewer // reads
	RoleNone   = api.RoleNone   // does not see the workspace
)

// Limits are the limits of an instance.
type Limits = api.Limits

// DefaultStatuses are the statuses a version of a registry model may have on a server
// whose options name none.
var DefaultStatuses = registry.DefaultStatuses
