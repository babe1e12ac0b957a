package importer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// verify reads the experiment back and tells where it is not what the stream
// says.
func (e *experiment) verify(ctx context.Context) error {
	if e.Existing == nil && e.r.Mode == VerifyOnly {
		e.unverified(report.Issue{Kind: report.KindExperiment, Reason: "the destination does not have it"})
		return nil
	}
	if e.r.Mode == DryRun {
		return nil
	}
	v := &verification{e: e, x: e.verified}
	checks := []func(context.Context) error{v.metadata, v.values, v.system}
	checks = append(checks, v.items()...)
	for _, check := range append(checks, v.points, v.assets) {
		// What was written a moment ago may not show yet, so that a finding
		// counts when it is found again.
		if err := v.twice(ctx, check); err != nil {
			return fmt.Errorf("verify: %w", err)
		}
	}
	e.SetVerified()
	return nil
}

func (e *experiment) unverified(i report.Issue) {
	i.Class = report.Unverified
	e.Issue(i)
}

// verification is a verification under way.
type verification struct {
	e     *experiment
	x     *expectation
	found []report.Issue
}

// twice runs a check, and once more after a pause if it finds anything in what
// has just been written.
func (v *verification) twice(ctx context.Context, check func(context.Context) error) error {
	v.found = nil
	err := check(ctx)
	if err == nil && len(v.found) > 0 && v.e.r.Mode == Write {
		v.found = nil
		if err = v.e.WaitSettled(ctx); err == nil {
			err = check(ctx)
		}
	}
	if err != nil {
		return err
	}
	for _, i := range v.found {
		i.Class = report.Unverified
		v.e.Issue(i)
	}
	return nil
}

func (v *verification) finds(kind, name, reason string, args ...any) {
	v.found = append(v.found, report.Issue{Kind: kind, Name: name, Reason: fmt.Sprintf(reason, args...)})
}

func (v *verification) metadata(ctx context.Context) error {
	e := v.e
	there, err := e.r.Client.Experiments.Metadata(ctx, e.Key)
	if err != nil {
		return err
	}
	if e.Record.Start != nil && !reconcile.Equal(e.Record.Start, there.Start) {
		v.finds("start time", "", "%d in the stream, %s at the destination", *e.Record.Start, timeText(there.Start))
	}
	if e.Record.End != nil && !reconcile.Equal(e.Record.End, there.End) && !e.runsThere(there) {
		v.finds("end time", "", "%d in the stream, %s at the destination", *e.Record.End, timeText(there.End))
	}
	if there.Archived != e.Record.Archived {
		v.finds("archived", "", "%v in the stream, %v at the destination", e.Record.Archived, there.Archived)
	}
	v.names(there)
	crashed := e.Record.Crashed != nil && *e.Record.Crashed
	if crashed && there.Crashed == nil {
		v.finds("state", "", "%s", untoldCrash)
	}
	if there.Running && !e.Record.Running || there.Crashed != nil && e.Record.Crashed != nil && *there.Crashed != crashed {
		v.finds("state", "", "%s in the stream, %s at the destination", state(false, &crashed), state(there.Running, there.Crashed))
	}
	return nil
}

// names compares what metadata hold of the contents of an experiment.
func (v *verification) names(there *comet.Experiment) {
	if n := v.x.name; n != nil && document.Deref(there.Name) != *n {
		v.finds("name", *n, "the destination has %q", document.Deref(there.Name))
	}
	if p := v.x.filePath; p != "" && document.Deref(there.FilePath) != p {
		v.finds("file path", p, "the destination has %q", document.Deref(there.FilePath))
	}
}

// contents compares what can be written and replaced at any time.
func (v *verification) contents(ctx context.Context) error {
	if v.x.name != nil || v.x.filePath != "" {
		there, err := v.e.r.Client.Experiments.Metadata(ctx, v.e.Key)
		if err != nil {
			return err
		}
		v.names(there)
	}
	for _, check := range []func(context.Context) error{v.values, v.system} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) values(ctx context.Context) error {
	c := v.e.r.Client
	if err := v.table(ctx, stream.KindParameters, v.x.parameters, c.Parameters.Each); err != nil {
		return err
	}
	return v.table(ctx, stream.KindOthers, v.x.others, c.Others.Each)
}

// table compares parameters or others. Of those that are missing only the
// number is known: their names were not kept.
func (v *verification) table(ctx context.Context, kind stream.Kind, want map[uint64]uint64,
	each func(context.Context, string, func(), func(*comet.Value) error) error,
) error {
	if len(want) == 0 {
		return nil
	}
	found, differ := 0, []string(nil)
	err := each(ctx, v.e.Key, func() { found, differ = 0, nil }, func(x *comet.Value) error {
		value, ok := want[document.Hash(x.Name)]
		if !ok {
			return nil
		}
		found++
		if value != hashThere(x) && len(differ) < report.MaxIssues {
			differ = append(differ, x.Name)
		}
		return nil
	})
	if err != nil && !answer.Absent(err) {
		return err
	}
	for _, name := range differ {
		v.finds(string(kind), name, "the destination has another value")
	}
	if n := len(want) - found; n > 0 {
		v.finds(string(kind), "", "%d of %d are missing at the destination", n, len(want))
	}
	return nil
}

func (v *verification) system(ctx context.Context) error {
	if len(v.x.system) == 0 {
		return nil
	}
	have, err := v.e.systemThere(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(v.x.system)) {
		if !document.SameServer(v.x.system[name], have[name]) && !forgotten(name, have) {
			v.finds(string(stream.KindSystem), name, "the destination has another value")
		} else if n := document.Doubled(v.x.system[name], have[name]); n > 0 {
			v.finds(string(stream.KindSystem), name, isDoubled, n)
		}
	}
	return nil
}

func (v *verification) points(ctx context.Context) (err error) {
	v.found, err = v.e.points.ReadBack(ctx)
	return err
}

func (v *verification) assets(ctx context.Context) (err error) {
	v.found, err = v.e.assets.ReadBack(ctx)
	return err
}
