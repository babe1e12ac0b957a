package importer

import (
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/importer/workspace"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// TestParts finds who works on each kind of record, but for those that belong to no
// experiment, or end one.
func TestParts(t *testing.T) {
	elsewhere := stream.KindSetOf(
		stream.KindHeader, stream.KindPlan, stream.KindProject, stream.KindNotes, stream.KindTrailer, stream.KindAbort,
		stream.KindExperiment, stream.KindExperimentEnd, stream.KindSkipped,
		stream.KindArtifact, stream.KindArtifactVersion, stream.KindArtifactEnd, stream.KindModel, stream.KindModelVersion, stream.KindModelEnd,
		stream.KindLink, stream.KindLineage, stream.KindPanel, stream.KindView,
	)
	d := &reconcile.Destination{Client: new(comet.Client)}
	r := &run{Services: &workspace.Services{Destination: d, Uploads: new(upload.Uploader), Counters: new(progress.Counters)}}
	e := &experiment{ending: &ending{opening: &opening{
		Experiment: &session.Experiment{Destination: d}, r: r, source: new(place.Source), project: new(workspace.Project),
	}}}
	e.setParts()
	for _, kind := range stream.Kinds() {
		if e.parts[kind] == nil && !elsewhere.Has(kind) {
			t.Errorf("nobody works on %s records", kind)
		}
	}
}
