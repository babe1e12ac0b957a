package exporter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// artifactUnit carries an artifact with its versions and their files.
type artifactUnit struct {
	versioned[*artifactDetails, *versionSlot]
	row comet.Artifact // of the list
}

// artifactDetails is an artifact and those of its versions that are in scope.
type artifactDetails struct {
	comet.Artifact
	doc  stream.Doc
	held bool // an earlier archive has all versions
}

// artifactUnits adds the artifacts of a workspace.
func (x *Exporter) artifactUnits(ctx context.Context, w *find.Workspace, r *fixedRoute, out *output) error {
	err := find.EachPicked(ctx, w, &w.Artifacts, x.find.Artifacts, find.ArtifactName, func(row *comet.Artifact, versions []string) error {
		if !x.keptID(stream.KindArtifact, row.ID) && x.o.Selection.Shard.Has(row.Name) {
			r.add(&artifactUnit{versioned[*artifactDetails, *versionSlot]{x: x, workspace: w.Name, named: versions}, *row})
		}
		return nil
	})
	return out.skip(judge.Item{Kind: stream.KindArtifact, Workspace: w.Name}, err)
}

// versionSlot is the slot of a version of an artifact: its details, the list of
// its files, and the slots of their contents.
type versionSlot struct {
	*assetsFetch
	version *comet.ArtifactVersion
	gone    bool // it comes from an experiment that is left out
}

// begin implements unit.
func (u *artifactUnit) begin(q *prefetch.Queue, n int) { u.start(q, n, u.fetch) }

// fetch reads the artifact, and makes slots for its versions.
func (u *artifactUnit) fetch(ctx context.Context, s *prefetch.Slot) (*artifactDetails, error) {
	a, err := u.x.client.Artifacts.Get(ctx, u.workspace, u.row.Name)
	if err != nil {
		return nil, err
	}
	d := &artifactDetails{Artifact: *a}
	if d.doc, err = document(a.Raw); err != nil {
		return nil, err
	}
	d.Raw = nil
	if d.Versions, err = find.InScope(a.Versions, u.named, find.ArtifactLabels); err != nil {
		return nil, err
	}
	listed := len(d.Versions)
	d.Versions = slices.DeleteFunc(d.Versions, func(v comet.ArtifactVersion) bool { return u.x.o.Base.HasVersion(judge.Valid(v.ID)) })
	d.held = listed > 0 && len(d.Versions) == 0
	return d, u.open(s, len(d.Versions), func(at prefetch.Position, i int) *versionSlot { return u.newVersion(at, &d.Versions[i]) })
}

// newVersion makes the slot of a version. The caller holds the queue's mu.
func (u *artifactUnit) newVersion(at prefetch.Position, row *comet.ArtifactVersion) *versionSlot {
	v := new(versionSlot)
	v.assetsFetch = u.x.newAssetsFetch(u.details.Queue(), at, func(ctx context.Context, restart func(), yield func(*comet.Asset) error) error {
		c := u.x.client
		var err error
		v.version, err = c.Artifacts.Version(ctx, comet.VersionQuery{Workspace: u.workspace, Name: u.row.Name, Version: row.Version})
		if err != nil {
			return err
		}
		// Files are asked for on behalf of the experiment that made them.
		if v.version.Key != nil {
			v.key = *v.version.Key
		}
		if v.gone = u.x.find.Gone(v.key); v.gone {
			return nil
		}
		list, err := c.Artifacts.Files(ctx, u.workspace, u.row.Name, row.Version)
		if err != nil {
			return err
		}
		for i := range list {
			if err := yield(&list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	v.artifact = row.ID
	return v
}

// write implements unit. An artifact whose versions all come from experiments
// that are left out is left out too.
func (u *artifactUnit) write(ctx context.Context, out *output) error {
	d, err := u.details.Get(ctx)
	if err == nil && d.held {
		return nil
	}
	if err == nil && len(d.Versions) == 0 {
		err = u.openGroup(out, d)
	}
	if err != nil {
		return out.skip(u.item(), err)
	}
	opened := len(d.Versions) == 0
	for i := range d.Versions {
		v := u.versions.Take()
		files, err := v.Get(ctx)
		if !v.gone && !opened {
			if unfit := u.openGroup(out, d); unfit != nil {
				v.Leave()
				return out.skip(u.item(), unfit)
			}
			opened = true
		}
		if !v.gone {
			err = u.writeVersion(ctx, out, &d.Versions[i], v, files, err)
		}
		v.Leave()
		if err != nil {
			return err
		}
	}
	if !opened {
		return nil
	}
	return out.write(&stream.ArtifactEnd{ID: judge.Valid(u.row.ID)})
}

func (u *artifactUnit) item() judge.Item {
	return judge.Item{Kind: stream.KindArtifact, Workspace: u.workspace, ID: u.row.ID, Name: u.row.Name}
}

// openGroup writes the record that opens the group.
func (u *artifactUnit) openGroup(out *output, d *artifactDetails) error {
	return out.write(&stream.Artifact{
		Doc: d.doc, ID: judge.Valid(u.row.ID), Name: judge.Valid(u.row.Name), Project: judge.Valid(cmp.Or(d.Project, u.row.Project)),
		Type: judge.Valid(cmp.Or(d.Type, u.row.Type)), Workspace: judge.Valid(u.workspace),
	})
}

// writeVersion writes a version and its files, which its slot has brought, or err.
func (u *artifactUnit) writeVersion(ctx context.Context, out *output, row *comet.ArtifactVersion, s *versionSlot, files []*item, err error) error {
	label := u.row.Name + ":" + row.Version
	v := s.version
	var doc stream.Doc
	if err == nil {
		doc, err = document(v.Raw)
	}
	if err == nil {
		rec := &stream.ArtifactVersion{
			Alias: validAll(v.Aliases), Doc: doc, Experiment: v.Key, ID: judge.Valid(v.ID), State: v.State, Tags: validAll(v.Tags),
			Version: judge.Valid(row.Version),
		}
		err = out.write(rec)
	}
	if err != nil {
		return out.skip(judge.Item{Kind: stream.KindArtifactVersion, Workspace: u.workspace, ID: row.ID, Name: label}, err)
	}
	if v.State != nil && *v.State != comet.ArtifactClosed {
		out.warn("artifact %q in %q: its state is %s, so it may be incomplete", label, u.workspace, *v.State)
	}
	u.x.reportMissingOrigin(out, v.Key, "artifact "+strconv.Quote(label))
	out.in = "artifact " + strconv.Quote(label)
	defer func() { out.in = "" }()
	return s.write(ctx, out, files, "", func(int64) {})
}

func validAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = judge.Valid(s)
	}
	return out
}

// reportMissingOrigin reports an experiment that something in the stream comes
// from, and that is not in the stream.
func (x *Exporter) reportMissingOrigin(out *output, key *string, what string) {
	if key == nil || *key == "" {
		return
	}
	if _, there := x.seen[*key]; there || x.find.Reported[*key] || !x.o.Selection.Shard.Has(*key) || x.o.Base.Has(*key) {
		return
	}
	x.find.Reported[*key] = true
	if err := x.find.NotAdded[*key]; x.o.WithExperiments && !judge.Missing(err) {
		if err == nil {
			err = judge.Contradictionf("it was not listed when the export began")
		}
		x.wanted = append(x.wanted, wanted{*key, fmt.Errorf("%s comes from it: %w", what, err)})
		return
	}
	out.warn("%s comes from experiment %q, which is not in the stream (--with-experiments adds it)", what, *key)
}

// A wanted experiment is one that something in the stream comes from, and that could
// not be added to the scope.
type wanted struct {
	key string
	err error
}

// skipNotAdded names the experiments that were to be added to the stream and are
// not in it.
func (x *Exporter) skipNotAdded(out *output) error {
	for _, w := range x.wanted {
		if err := out.skip(judge.Item{Kind: stream.KindExperiment, Experiment: w.key}, w.err); err != nil {
			return err
		}
	}
	return nil
}
