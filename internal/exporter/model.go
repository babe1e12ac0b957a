package exporter

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// modelUnit carries a registry model with its versions. Their files are assets
// of the experiments that they come from.
type modelUnit struct {
	versioned[*modelDetails, *prefetch.Value[*modelVersion]]
	row comet.RegistryModel // of the list
}

// modelDetails is a registry model and those of its versions that are in
// scope.
type modelDetails struct {
	comet.RegistryModel
	doc   stream.Doc
	notes *string
	gone  bool // all versions in scope come from experiments that are left out
}

// modelVersion is what newer servers know of a version besides.
type modelVersion struct {
	status        *string
	metadata      []stream.Doc // nil = not known
	configuration stream.Doc   // of the status; nil = none
}

// modelUnits adds the registry models of a workspace.
func (x *Exporter) modelUnits(ctx context.Context, w *find.Workspace, r *fixedRoute, out *output) error {
	err := find.EachPicked(ctx, w, &w.Models, x.find.Models, find.ModelName, func(row *comet.RegistryModel, versions []string) error {
		if !x.keptID(stream.KindModel, row.ID) && x.o.Selection.Shard.Has(row.Name) {
			r.add(&modelUnit{versioned[*modelDetails, *prefetch.Value[*modelVersion]]{x: x, workspace: w.Name, named: versions}, *row})
		}
		return nil
	})
	return out.skip(judge.Item{Kind: stream.KindModel, Workspace: w.Name}, err)
}

// begin implements unit.
func (u *modelUnit) begin(q *prefetch.Queue, n int) { u.start(q, n, u.fetch) }

// fetch reads the model, and makes slots for its versions.
func (u *modelUnit) fetch(ctx context.Context, s *prefetch.Slot) (*modelDetails, error) {
	m, err := u.x.client.Registry.Model(ctx, u.workspace, u.row.Name)
	if err != nil {
		return nil, err
	}
	d := &modelDetails{RegistryModel: *m}
	// The latest version is among the versions.
	if d.doc, err = document(m.Raw, "latestVersion"); err != nil {
		return nil, err
	}
	d.Raw = nil
	if d.notes, err = u.fetchNotes(ctx); err != nil {
		return nil, err
	}
	if d.Versions, err = find.InScope(m.Versions, u.named, find.ModelLabels); err != nil {
		return nil, err
	}
	listed := len(d.Versions)
	d.Versions = slices.DeleteFunc(d.Versions, func(v comet.RegistryVersion) bool { return u.x.find.Gone(v.Key) })
	d.gone = listed > 0 && len(d.Versions) == 0
	return d, u.open(s, len(d.Versions), func(at prefetch.Position, i int) *prefetch.Value[*modelVersion] {
		return prefetch.NewValue(s.Queue(), at, u.fetchVersion(&d.Versions[i]))
	})
}

// maxNotes bounds the notes of a registry model, which go into its record.
const maxNotes = 4 << 20

func (u *modelUnit) fetchNotes(ctx context.Context) (*string, error) {
	text, err := u.x.client.Registry.Notes(ctx, u.workspace, u.row.Name)
	switch {
	case judge.Absence(stream.KindNotes, err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer text.Close()
	if text.Null {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(text, maxNotes+1))
	if len(data) > maxNotes {
		return nil, judge.ItemErrorf("its notes are over %d MiB, which no record holds", maxNotes>>20)
	}
	notes := judge.Valid(string(data))
	return &notes, err
}

func (u *modelUnit) fetchVersion(row *comet.RegistryVersion) func(context.Context, *prefetch.Slot) (*modelVersion, error) {
	return func(ctx context.Context, s *prefetch.Slot) (*modelVersion, error) {
		v := new(modelVersion)
		item, err := u.x.client.Registry.Item(ctx, u.workspace, u.row.Name, row.Version)
		switch {
		case err == nil:
			v.status = item.Status
		case !judge.Unsupported(err):
			return nil, err
		}
		configuration, err := u.x.client.Registry.StatusConfiguration(ctx, row.ID)
		switch {
		case err == nil && configuration != nil:
			if v.configuration, err = document(configuration.Raw, "modelItemId"); err != nil {
				return nil, err
			}
		case err != nil && !judge.Unsupported(err) && !judge.Absence(stream.KindModelVersion, err):
			return nil, err
		}
		entries, err := u.x.client.Registry.Metadata(ctx, row.ID)
		switch {
		case judge.Unsupported(err), judge.Absence(stream.KindModelVersion, err):
			return v, nil
		case err != nil:
			return nil, err
		}
		v.metadata = make([]stream.Doc, len(entries))
		for i, e := range entries {
			if v.metadata[i], err = stream.DocFromJSON(e.Raw); err != nil {
				return nil, judge.ItemErrorf("its metadata do not fit the stream: %v", err)
			}
		}
		return v, nil
	}
}

// write implements unit.
func (u *modelUnit) write(ctx context.Context, out *output) error {
	d, err := u.details.Get(ctx)
	if err == nil && d.gone {
		return nil
	}
	if err == nil {
		err = out.write(&stream.Model{
			Doc: d.doc, ID: judge.Valid(u.row.ID), Name: judge.Valid(u.row.Name), Notes: d.notes, Workspace: judge.Valid(u.workspace),
		})
	}
	if err != nil {
		return out.skip(judge.Item{Kind: stream.KindModel, Workspace: u.workspace, ID: u.row.ID, Name: u.row.Name}, err)
	}
	for i := range d.Versions {
		s := u.versions.Take()
		err := u.writeVersion(ctx, out, &d.Versions[i], s)
		s.Leave()
		if err != nil {
			return err
		}
	}
	return out.write(&stream.ModelEnd{ID: judge.Valid(u.row.ID)})
}

// writeVersion writes a version.
func (u *modelUnit) writeVersion(ctx context.Context, out *output, row *comet.RegistryVersion, s *prefetch.Value[*modelVersion]) error {
	label := u.row.Name + ":" + row.Version
	v, err := s.Get(ctx)
	var doc stream.Doc
	if err == nil {
		doc, err = document(row.Raw, "assets")
	}
	if err == nil {
		err = out.write(&stream.ModelVersion{
			Doc: doc, Experiment: judge.TextOrNil(row.Key), ID: judge.Valid(row.ID), Metadata: v.metadata, Model: judge.TextOrNil(row.Model),
			Stages: validAll(row.Stages), Status: cmp.Or(v.status, row.Status), StatusConfiguration: v.configuration,
			Version: judge.Valid(row.Version),
		})
	}
	if err != nil {
		return out.skip(judge.Item{Kind: stream.KindModelVersion, Workspace: u.workspace, ID: row.ID, Name: label}, err)
	}
	u.x.reportMissingOrigin(out, judge.TextOrNil(row.Key), "registry model "+strconv.Quote(label))
	return nil
}
