package comet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comettest"
)

// copier copies what belongs to a workspace to the same workspace of another
// server that has its experiments. It stands for no tool: it shows that what
// is read can be written.
type copier struct {
	src, dst  *comet.Client
	workspace string
}

func (c *copier) all(ctx context.Context) error {
	artifacts, err := c.src.Artifacts.List(ctx, c.workspace, "")
	if err != nil {
		return err
	}
	for _, a := range artifacts {
		if err := c.artifact(ctx, a); err != nil {
			return fmt.Errorf("artifact %s: %w", a.Name, err)
		}
	}
	models, err := c.src.Registry.Models(ctx, c.workspace)
	if err != nil {
		return err
	}
	for _, m := range models {
		if err := c.model(ctx, m.Name); err != nil {
			return fmt.Errorf("model %s: %w", m.Name, err)
		}
	}
	panels, err := c.src.Panels.List(ctx, c.workspace)
	if err != nil {
		return err
	}
	for _, p := range panels {
		rc, err := c.src.Panels.File(ctx, p.ID)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(rc)
		rc.Close()
		if err != nil {
			return err
		}
		file := api.TextContent(string(data))
		id, err := c.dst.Panels.Upload(ctx, c.workspace, "", file)
		if err != nil {
			return err
		}
		// Over itself it is still one.
		if again, err := c.dst.Panels.Upload(ctx, c.workspace, id, file); err != nil || again != id {
			return fmt.Errorf("panel %q becomes %q: %w", id, again, err)
		}
	}
	return c.views(ctx)
}

func (c *copier) artifact(ctx context.Context, listed comet.Artifact) error {
	a, err := c.src.Artifacts.Get(ctx, c.workspace, listed.Name)
	if err != nil {
		return err
	}
	for _, row := range a.Versions {
		v, err := c.src.Artifacts.Version(ctx, comet.VersionQuery{ArtifactID: a.ID, VersionOrAlias: row.Version})
		if err != nil {
			return err
		}
		opened, err := c.dst.Artifacts.OpenVersion(ctx, comet.NewArtifactVersion{
			Key: *v.Key, Name: a.Name, Type: a.Type, Version: v.Version, Metadata: v.Metadata,
			Aliases: withoutLatest(v.Aliases), Tags: v.Tags, Description: a.Description, Public: a.Public, Emoji: a.Emoji, Note: v.Note,
		})
		if err != nil {
			return err
		}
		if err := c.files(ctx, a.Name, v, opened.ID); err != nil {
			return err
		}
		if *v.State != comet.ArtifactOpen {
			if err := c.dst.Artifacts.SetState(ctx, opened.ID, *v.Key, *v.State); err != nil {
				return err
			}
		}
		if err := c.dst.Artifacts.Update(ctx, opened.ArtifactID, comet.ArtifactUpdate{Tags: a.Tags}); err != nil {
			return err
		}
		_, err = c.dst.Artifacts.OpenVersion(ctx, comet.NewArtifactVersion{Key: *v.Key, Name: a.Name, Type: a.Type, Version: v.Version})
		if !errors.Is(err, comet.ErrExists) {
			return fmt.Errorf("opened twice: %w", err)
		}
	}
	return nil
}

func withoutLatest(aliases []string) (list []string) {
	for _, a := range aliases {
		if !strings.EqualFold(a, "latest") {
			list = append(list, a)
		}
	}
	return list
}

func (c *copier) files(ctx context.Context, name string, v *comet.ArtifactVersion, id string) error {
	files, err := c.src.Artifacts.Files(ctx, c.workspace, name, v.Version)
	if err != nil {
		return err
	}
	run, err := c.dst.Experiments.Open(ctx, *v.Key)
	if err != nil {
		return err
	}
	var remote []comet.RemoteFile
	for _, f := range files {
		if f.Remote {
			remote = append(remote, comet.RemoteFile{ID: f.ID, Name: f.Name, Link: *f.Link, Type: f.Type, Metadata: f.Metadata})
			continue
		}
		body, err := c.src.Artifacts.FileContent(ctx, comet.AssetRequest{Key: *v.Key, ID: f.ID, ArtifactVersion: v.ID, Size: &f.Size})
		if err != nil {
			return err
		}
		data, err := io.ReadAll(body)
		body.Close()
		if err != nil {
			return err
		}
		u := &comet.Upload{Run: run, ID: f.ID, Name: f.Name, Type: f.Type, ArtifactVersion: id, Size: int64(len(data)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
		if f.Metadata != nil {
			u.Metadata = json.RawMessage(*f.Metadata)
		}
		if err := c.dst.Assets.Upload(ctx, u); err != nil {
			return err
		}
	}
	return c.dst.Artifacts.AddRemoteFiles(ctx, *v.Key, id, remote)
}

func (c *copier) model(ctx context.Context, name string) error {
	m, err := c.src.Registry.Model(ctx, c.workspace, name)
	if err != nil {
		return err
	}
	for _, v := range m.Versions {
		item, err := c.src.Registry.Item(ctx, c.workspace, name, v.Version)
		if err != nil {
			return err
		}
		id, err := c.dst.Registry.CreateItem(ctx, comet.NewRegistryVersion{
			Name: name, Description: m.Description, Public: *m.Public, Version: v.Version, Comment: v.Comment,
			Stages: v.Stages, Status: item.Status, Key: v.Key, Model: v.Model,
		})
		if err != nil {
			return err
		}
		entries, err := c.src.Registry.Metadata(ctx, v.ID)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			if err := c.dst.Registry.WriteMetadata(ctx, id, entries); err != nil {
				return err
			}
		}
		// This changes nothing in the end.
		if err := c.dst.Registry.SetStatus(ctx, id, *item.Status); err != nil {
			return err
		}
	}
	notes, err := textOf(c.src.Registry.Notes(ctx, c.workspace, name))
	if err != nil {
		return err
	}
	return c.dst.Registry.WriteNotes(ctx, c.workspace, name, notes)
}

func (c *copier) views(ctx context.Context) error {
	source, err := c.src.Projects.Get(ctx, c.workspace, "vision")
	if err != nil {
		return err
	}
	target, err := c.dst.Projects.Get(ctx, c.workspace, "vision")
	if err != nil {
		return err
	}
	views, err := c.src.Views.List(ctx, comet.Dashboards, source.ID, "")
	if err != nil {
		return err
	}
	for _, v := range views {
		w, err := c.dst.Views.Write(ctx, comet.ViewWrite{ProjectID: target.ID, Name: v.Name, Doc: v.Raw})
		if err != nil || w.ID == "" || w.ID == v.ID {
			return fmt.Errorf("view %+v: %w", w, err)
		}
	}
	return nil
}

// TestServerWorkspace copies what belongs to a workspace, and compares what
// the two servers have.
func TestServerWorkspace(t *testing.T) {
	source, target := comettest.Start(t, comettest.Options{}), comettest.Start(t, comettest.Options{})
	source.SeedDemo("demo")
	c := &copier{src: newClient(t, source), dst: newClient(t, target), workspace: "demo"}
	ctx := t.Context()
	first, twin := comettest.DemoKey("demo", comettest.DemoFirst), comettest.DemoKey("demo", comettest.DemoTwin)
	target.SeedWorkspace("demo")
	target.SeedExperiment("demo", "vision", comettest.ExperimentSpec{Key: first, Assets: []comettest.AssetSpec{{Name: "w", Type: "model-element", Model: "cnn"}}})
	target.SeedExperiment("demo", "vision", comettest.ExperimentSpec{Key: twin})

	before := source.State()
	lineage, err := c.src.Artifacts.Lineage(ctx, twin)
	if err != nil || len(lineage) != 1 || lineage[0].Name != "digits" || lineage[0].Version != "1.0.0" {
		t.Fatalf("lineage %+v, %v", lineage, err)
	}
	if err := c.all(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, source.State()); diff != "" {
		t.Errorf("reading changed the source (-before +after):\n%s", diff)
	}
	// A consumer is recorded once, however often it is told.
	for range 2 {
		if err := c.dst.Artifacts.AddConsumer(ctx, comet.VersionQuery{Workspace: "demo", Name: "digits", Version: "1.0.0"}, twin); err != nil {
			t.Fatal(err)
		}
	}
	portable := comettest.StateOptions{Portable: true}
	want, got := source.State(portable).Workspace("demo"), target.State(portable).Workspace("demo")
	if len(want.Artifacts) != 1 || len(want.RegistryModels) != 1 || len(want.Panels) != 1 {
		t.Fatalf("the demo is not what it was: %+v", want)
	}
	for name, pair := range map[string][2]any{
		"artifacts": {want.Artifacts, got.Artifacts},
		"models":    {want.RegistryModels, got.RegistryModels},
		"panels":    {want.Panels, got.Panels},
		"views":     {source.State(portable).Project("demo", "vision").Views, target.State(portable).Project("demo", "vision").Views},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s (-source +target):\n%s", name, diff)
		}
	}
}
