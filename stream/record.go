package stream

// A Record is one typed message of the stream: a pointer to one of the record
// types of this package, or *[Unknown].
type Record interface {
	// Kind returns the kind of the record.
	Kind() Kind
}

// Header opens a stream.
type Header struct {
	Created  int64    `msgpack:"created"` // ms since the epoch
	Format   string   `msgpack:"format"`  // "comet-stream"; set by the Writer
	ID       string   `msgpack:"id"`      // 32 hex digits; set by the Writer when empty
	Parents  []string `msgpack:"parents"`
	Requires []string `msgpack:"requires"`
	Scope    Scope    `msgpack:"scope"`
	Source   Source   `msgpack:"source"`
	Tool     string   `msgpack:"tool"`
	Version  [2]int   `msgpack:"version"` // set by the Writer
}

// Scope is what a stream was asked to hold.
type Scope struct {
	Paths     []string `msgpack:"paths"`
	Resources []string `msgpack:"resources"`           // sorted; empty = all
	Selection []string `msgpack:"selection,omitempty"` // what else narrows it, as options of the writer
}

// Source is the instance that a stream was read from.
type Source struct {
	URL     string  `msgpack:"url"` // scheme and host alone
	Version *string `msgpack:"version"`
}

// Plan lists the projects in scope before anything of them is read.
type Plan struct {
	Projects   []PlannedProject `msgpack:"projects"`
	Workspaces []string         `msgpack:"workspaces"`
}

// PlannedProject is one line of a [Plan].
type PlannedProject struct {
	Experiments *int64 `msgpack:"experiments"`
	Project     string `msgpack:"project"`
	Workspace   string `msgpack:"workspace"`
}

// Project begins a project. Doc and Public are both left out where
// project_metadata is not in the stream (Doc is nil); ShareLinks then, and where
// the server does not tell (it is nil).
type Project struct {
	Doc         Doc    `msgpack:"doc,omitempty"`
	Experiments int64  `msgpack:"experiments"`
	Name        string `msgpack:"name"`
	Public      *bool  `msgpack:"public,withdoc"`
	ShareLinks  *int64 `msgpack:"share_links,omitempty"`
	Workspace   string `msgpack:"workspace"`
}

// Experiment opens a group. Doc and Tags are both left out where metadata is
// not in the stream (Doc is nil).
type Experiment struct {
	Archived  bool     `msgpack:"archived"`
	Crashed   *bool    `msgpack:"crashed"`
	Doc       Doc      `msgpack:"doc,omitempty"`
	End       *int64   `msgpack:"end"`
	Key       string   `msgpack:"key"`
	Name      *string  `msgpack:"name"`
	Project   string   `msgpack:"project"`
	Running   bool     `msgpack:"running"`
	Start     *int64   `msgpack:"start"`
	Tags      []string `msgpack:"tags,withdoc"`
	Workspace string   `msgpack:"workspace"`
}

// Values carries parameters or others: Of is KindParameters or KindOthers.
type Values struct {
	Of     Kind  `msgpack:"-"`
	Values []Doc `msgpack:"values"`
}

// Document carries one document of an experiment: Of is KindSystem or KindGit.
type Document struct {
	Of  Kind `msgpack:"-"`
	Doc Doc  `msgpack:"doc"`
}

// Requirements lists installed packages; nil is null.
type Requirements struct {
	Installed []string `msgpack:"installed,null"`
	OS        []string `msgpack:"os,null"`
}

// Text carries a piece of a text of an experiment: Of is KindCode, KindOutput,
// KindGraph, KindHTML or KindGitPatch. More says that the next record goes on.
type Text struct {
	Of   Kind   `msgpack:"-"`
	Data []byte `msgpack:"data"`
	More bool   `msgpack:"more"`
}

// Asset opens an asset of an experiment or a file of an artifact version.
type Asset struct {
	Doc    Doc     `msgpack:"doc"`
	ID     string  `msgpack:"id"`
	Name   *string `msgpack:"name"`
	Remote *string `msgpack:"remote"`
	Size   *int64  `msgpack:"size"`
	Type   *string `msgpack:"type"`
}

// Chunk is a piece of the bytes of the open asset.
type Chunk struct {
	Data []byte `msgpack:"data"`
}

// AssetEnd closes the open asset.
type AssetEnd struct {
	SHA256 string `msgpack:"sha256"` // 64 hex digits
	Size   int64  `msgpack:"size"`
}

// ExperimentEnd closes a group. Its counts are filled in by the [Writer].
type ExperimentEnd struct {
	AssetBytes int64  `msgpack:"asset_bytes"`
	Counts     Counts `msgpack:"counts"`
	Key        string `msgpack:"key"`
	Points     int64  `msgpack:"points"`
	Skipped    int64  `msgpack:"skipped"`
}

// Skipped names something that the source has and the stream lacks.
type Skipped struct {
	Experiment *string `msgpack:"experiment"`
	ID         *string `msgpack:"id"`
	Of         Kind    `msgpack:"kind"`
	Name       *string `msgpack:"name"`
	Passing    bool    `msgpack:"passing"`
	Project    string  `msgpack:"project,omitempty"`
	Reason     string  `msgpack:"reason"`
	Status     int     `msgpack:"status"`
	Workspace  string  `msgpack:"workspace,omitempty"`
}

// Notes carries a piece of the notes of a project.
type Notes struct {
	Data      []byte `msgpack:"data"`
	More      bool   `msgpack:"more"`
	Project   string `msgpack:"project"`
	Workspace string `msgpack:"workspace"`
}

// Link says that an experiment also appears in another project.
type Link struct {
	Experiment string `msgpack:"experiment"`
	Project    string `msgpack:"project"`
	Workspace  string `msgpack:"workspace"`
}

// Artifact opens an artifact group.
type Artifact struct {
	Doc       Doc    `msgpack:"doc"`
	ID        string `msgpack:"id"`
	Name      string `msgpack:"name"`
	Project   string `msgpack:"project"`
	Type      string `msgpack:"type"`
	Workspace string `msgpack:"workspace"`
}

// ArtifactVersion begins a version of the open artifact; its files follow as
// assets.
type ArtifactVersion struct {
	Alias      []string `msgpack:"alias"`
	Doc        Doc      `msgpack:"doc"`
	Experiment *string  `msgpack:"experiment"`
	ID         string   `msgpack:"id"`
	State      *string  `msgpack:"state"`
	Tags       []string `msgpack:"tags"`
	Version    string   `msgpack:"version"`
}

// ArtifactEnd closes an artifact group. Its counts are filled in by the
// [Writer].
type ArtifactEnd struct {
	AssetBytes int64  `msgpack:"asset_bytes"`
	Counts     Counts `msgpack:"counts"`
	ID         string `msgpack:"id"`
	Skipped    int64  `msgpack:"skipped"`
}

// Lineage says that an experiment consumed an artifact version.
type Lineage struct {
	Artifact   string `msgpack:"artifact"`
	Doc        Doc    `msgpack:"doc,omitempty"`
	Experiment string `msgpack:"experiment"`
	Version    string `msgpack:"version"`
	Workspace  string `msgpack:"workspace"`
}

// Model opens a registry model group.
type Model struct {
	Doc       Doc     `msgpack:"doc"`
	ID        string  `msgpack:"id"`
	Name      string  `msgpack:"name"`
	Notes     *string `msgpack:"notes"`
	Workspace string  `msgpack:"workspace"`
}

// ModelVersion is one version of the open registry model.
type ModelVersion struct {
	Doc        Doc      `msgpack:"doc"`
	Experiment *string  `msgpack:"experiment"`
	ID         string   `msgpack:"id"`
	Metadata   []Doc    `msgpack:"metadata,null"`
	Model      *string  `msgpack:"model"`
	Stages     []string `msgpack:"stages"`
	Status     *string  `msgpack:"status"`
	// StatusConfiguration is the rule for the status, nil where there is none.
	StatusConfiguration Doc    `msgpack:"status_configuration,omitempty"`
	Version             string `msgpack:"version"`
}

// ModelEnd closes a registry model group. Its counts are filled in by the
// [Writer].
type ModelEnd struct {
	Counts  Counts `msgpack:"counts"`
	ID      string `msgpack:"id"`
	Skipped int64  `msgpack:"skipped"`
}

// Panel carries a piece of a custom panel's template zip.
type Panel struct {
	Data      []byte `msgpack:"data"`
	Doc       Doc    `msgpack:"doc"`
	ID        string `msgpack:"id"`
	More      bool   `msgpack:"more"`
	Name      string `msgpack:"name"`
	Project   string `msgpack:"project,omitempty"` // whose view shows it, "" where all panels of the workspace are in scope
	Workspace string `msgpack:"workspace"`
}

// View is a saved view or dashboard of a project or an experiment.
type View struct {
	// ChartTemplate is true of one that the server keeps in its table of chart
	// templates, which newer clients use for the views of experiments.
	ChartTemplate bool    `msgpack:"chart_template,omitempty"`
	Doc           Doc     `msgpack:"doc"`
	Experiment    *string `msgpack:"experiment"`
	Name          string  `msgpack:"name"`
	Project       string  `msgpack:"project"`
	Workspace     string  `msgpack:"workspace"`
}

// Trailer ends a complete stream. Its numbers are filled in by the [Writer].
type Trailer struct {
	AssetBytes  int64  `msgpack:"asset_bytes"`
	Counts      Counts `msgpack:"counts"`
	Experiments int64  `msgpack:"experiments"`
	Points      int64  `msgpack:"points"`
	Projects    int64  `msgpack:"projects"`
	Skipped     int64  `msgpack:"skipped"`
}

// Abort ends a failed stream.
type Abort struct {
	Class   string  `msgpack:"class"`
	Last    *string `msgpack:"last"`
	Message string  `msgpack:"message"`
}

// Unknown is a record of a kind that this version does not know.
type Unknown struct {
	Of   Kind
	Data []byte // the whole record in msgpack
}

func (*Header) Kind() Kind          { return KindHeader }
func (*Plan) Kind() Kind            { return KindPlan }
func (*Project) Kind() Kind         { return KindProject }
func (*Experiment) Kind() Kind      { return KindExperiment }
func (v *Values) Kind() Kind        { return v.Of }
func (d *Document) Kind() Kind      { return d.Of }
func (*Requirements) Kind() Kind    { return KindRequirements }
func (t *Text) Kind() Kind          { return t.Of }
func (*Asset) Kind() Kind           { return KindAsset }
func (*Chunk) Kind() Kind           { return KindChunk }
func (*AssetEnd) Kind() Kind        { return KindAssetEnd }
func (*ExperimentEnd) Kind() Kind   { return KindExperimentEnd }
func (*Skipped) Kind() Kind         { return KindSkipped }
func (*Notes) Kind() Kind           { return KindNotes }
func (*Link) Kind() Kind            { return KindLink }
func (*Artifact) Kind() Kind        { return KindArtifact }
func (*ArtifactVersion) Kind() Kind { return KindArtifactVersion }
func (*ArtifactEnd) Kind() Kind     { return KindArtifactEnd }
func (*Lineage) Kind() Kind         { return KindLineage }
func (*Model) Kind() Kind           { return KindModel }
func (*ModelVersion) Kind() Kind    { return KindModelVersion }
func (*ModelEnd) Kind() Kind        { return KindModelEnd }
func (*Panel) Kind() Kind           { return KindPanel }
func (*View) Kind() Kind            { return KindView }
func (*Trailer) Kind() Kind         { return KindTrailer }
func (*Abort) Kind() Kind           { return KindAbort }
func (u *Unknown) Kind() Kind       { return u.Of }
