package importer

import (
	"context"
	"fmt"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
)

// checkMetadata reads back all that the metadata show.
func (e *ending) checkMetadata(ctx context.Context) ([]report.Issue, error) {
	have, err := e.Client.Experiments.Metadata(ctx, e.Key)
	if err != nil {
		return nil, err
	}
	return reconcile.Issues(e.compareMetadata(have)), nil
}

// compareMetadata returns in what the metadata of the destination differ.
func (e *ending) compareMetadata(have *comet.Experiment) []reconcile.Difference {
	differ := slices.Concat(e.compareTimes(have), e.compareArchived(have), e.compareName(have))
	if e.doc.FilePath.V != "" { // a reading may not tell an empty one from none
		differ = append(differ, e.comparePath(have)...)
	}
	return append(differ, e.compareState(have)...)
}

// metadataItem returns an item that the metadata show. Before it is written it is
// compared with what was known when the experiment was opened.
func (e *ending) metadataItem(kind string, compare func(*comet.Experiment) []reconcile.Difference,
	write func(context.Context, reconcile.Found[*comet.Experiment]) error,
) *reconcile.Item[*comet.Experiment] {
	return &reconcile.Item[*comet.Experiment]{
		Issue: report.Issue{Kind: kind},
		Known: func() *comet.Experiment { return e.Existing },
		Read: func(ctx context.Context) (*comet.Experiment, error) {
			return e.Client.Experiments.Metadata(ctx, e.Key)
		},
		Compare: func(have *comet.Experiment) []reconcile.Difference {
			if have == nil {
				have = new(comet.Experiment)
			}
			return compare(have)
		},
		Write: write,
	}
}

func differs(kind string, free bool, reason string, args ...any) []reconcile.Difference {
	return reconcile.Differs(report.Issue{Kind: kind}, free, reason, args...)
}

func (e *ending) putPath(ctx context.Context) error {
	want := e.doc.FilePath.V
	i := e.metadataItem("file path", e.comparePath, func(ctx context.Context, _ reconcile.Found[*comet.Experiment]) error {
		return e.Client.Texts.WriteFilePath(ctx, e.Key, want)
	})
	i.NoReadBack = want == ""
	return reconcile.Put(ctx, e.Subject(), i)
}

func (e *ending) comparePath(have *comet.Experiment) []reconcile.Difference {
	want, path := e.doc.FilePath, document.Deref(have.FilePath)
	if !want.OK || reconcile.Equal(want.Ptr(), have.FilePath) {
		return nil
	}
	return differs("file path", path == "", "%q in the stream, %q at the destination", want.V, path)
}

// nameItem is the name of an experiment whose others are not in the stream. It is
// written with the others.
func (e *ending) nameItem() *reconcile.Item[*comet.Experiment] {
	return e.metadataItem("name", e.compareName, nil)
}

func (e *ending) compareName(have *comet.Experiment) []reconcile.Difference {
	name := document.Deref(have.Name)
	if e.name == "" || name == e.name {
		return nil
	}
	return reconcile.Differs(report.Issue{Kind: "name", Name: e.name}, name == "", "the destination has %q", name)
}

// putTimes sets the times of an experiment that was finished before: what was
// written has moved its end.
func (e *ending) putTimes(ctx context.Context) error {
	i := e.metadataItem("times", e.compareTimes, func(ctx context.Context, f reconcile.Found[*comet.Experiment]) error {
		end := e.Existing.End
		if f.Writes(endTime) {
			end = e.Record.End
		}
		return e.SetTimes(ctx, e.Key, e.Existing.Start, end)
	})
	i.Always = e.Reopened() || e.Out.Written.Any()
	i.NoReadBack = true // times are read back where they are set
	return reconcile.Put(ctx, e.last(), i)
}

const endTime = "end time"

func (e *ending) compareTimes(have *comet.Experiment) (differ []reconcile.Difference) {
	if start := e.Record.Start; start != nil && !reconcile.Equal(start, have.Start) {
		differ = differs("start time", false, "%d in the stream, %s at the destination", *start, timeText(have.Start))
	}
	if end := e.Record.End; end != nil && !reconcile.Equal(end, have.End) && !e.runsStill(have) {
		differ = append(differ, differs(endTime, false, "%d in the stream, %s at the destination", *end, timeText(have.End))...)
	}
	return differ
}

func timeText(t *int64) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprint(*t)
}

// putState sets whether an experiment that was finished before has ended, and how.
func (e *ending) putState(ctx context.Context) error {
	err := reconcile.Put(ctx, e.Subject(), e.metadataItem("state", e.compareState, func(ctx context.Context, _ reconcile.Found[*comet.Experiment]) error {
		return e.Client.Experiments.UpdateStatus(ctx, e.Key, comet.Status{Crashed: document.IsTrue(e.Record.Crashed)})
	}))
	if err != nil {
		return fmt.Errorf("set state: %w", err)
	}
	return nil
}

func (e *ending) compareState(have *comet.Experiment) []reconcile.Difference {
	crashed := document.IsTrue(e.Record.Crashed)
	switch {
	case e.runsStill(have):
		return nil
	case crashed && have.Crashed == nil && !have.Running:
		d := differs("state", false, "crashed in the stream, unknown at the destination")
		d[0].Class, d[0].Fixed = report.Missing, true
		return d
	case have.Running, e.Record.Crashed != nil && have.Crashed != nil && *have.Crashed != crashed:
		return differs("state", false, "%s in the stream, %s at the destination", state(false, &crashed), state(have.Running, have.Crashed))
	}
	return nil
}

func state(running bool, crashed *bool) string {
	switch {
	case running:
		return "running"
	case crashed != nil && *crashed:
		return "crashed"
	}
	return "finished"
}

// runsStill reports whether an experiment of the stream that runs does so at the
// destination too, as where that is the source.
func (e *ending) runsStill(have *comet.Experiment) bool { return e.Record.Running && have.Running }

// putArchived archives the experiment where the stream has it archived.
func (e *ending) putArchived(ctx context.Context) error {
	if e.Existing == nil && !e.Record.Archived {
		return nil
	}
	i := e.metadataItem("archived", e.compareArchived, func(ctx context.Context, _ reconcile.Found[*comet.Experiment]) error {
		if e.Record.Archived {
			return e.Client.Experiments.Archive(ctx, e.Key)
		}
		return e.Client.Experiments.Restore(ctx, e.Key)
	})
	if err := reconcile.Put(ctx, e.last(), i); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func (e *ending) compareArchived(have *comet.Experiment) []reconcile.Difference {
	want := e.Record.Archived
	if have.Archived == want {
		return nil
	}
	return differs("archived", want, "%v in the stream, %v at the destination", want, have.Archived)
}

// last is the subject of what comes when all else is done: the experiment is not
// marked for it.
func (e *ending) last() *reconcile.Subject {
	s := e.Subject()
	s.Reopen = nil
	return s
}
