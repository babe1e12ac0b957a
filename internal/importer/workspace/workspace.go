package workspace

import (
	"context"
	"fmt"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// Level takes what comes after the projects of a stream: what belongs to
// workspaces and refers to experiments, which are done by then.
type Level struct {
	r      *Services
	source *place.Source

	links   links
	lineage lineage
	Panels  panels
	views   views

	mu        sync.Mutex
	producers map[string]producer   // by the key at the source
	touched   map[string]touched    // by the key at the destination
	runs      map[string]*comet.Run // of producers
	opened    map[string]bool       // producers that may run again
	Groups    sync.WaitGroup        // artifacts and registry models under way
	names     flow.Locks[string]    // of artifacts and models: two workspaces of a stream may meet in one
}

// producer is an experiment that something in a workspace comes from, as it is
// at the destination.
type producer struct {
	key       string // "" if it is not there
	workspace string // "" if it is the target, or not known
}

// touched is an experiment that something may be written on behalf of.
type touched struct {
	place.Experiment
	source string // its key there
	// apart is true of one that the destination has and the stream lacks.
	apart bool
}

// New returns what imports the items of workspaces.
func New(r *Services, src *place.Source) *Level {
	w := &Level{
		r: r, source: src,
		producers: make(map[string]producer), touched: make(map[string]touched), runs: make(map[string]*comet.Run),
		opened: make(map[string]bool),
	}
	w.links = links{w: w, list: make(map[place.Project]map[string]bool)}
	w.lineage = lineage{w: w}
	w.Panels = panels{w: w, lists: make(map[string][]comet.Panel), ids: make(map[string]string), taken: make(map[string]bool)}
	w.views = views{w: w, lists: make(map[viewPlace][]comet.View), taken: make(map[string]bool)}
	return w
}

// begin runs the work on a group of the workspace.
func (w *Level) begin(work func()) {
	t := w.r.Turns.Join()
	w.Groups.Add(1)
	w.r.Working.Go(func() {
		defer w.Groups.Done()
		defer t.Leave()
		defer func() { <-w.r.Open }()
		work()
	})
}

// producer returns the key that an experiment has at the destination, on whose
// behalf something is to be written. The version is created where the experiment
// is, so an experiment in another workspace than the target cannot be used.
func (w *Level) producer(ctx context.Context, key *string, target string) (string, error) {
	p, err := w.experiment(ctx, document.Deref(key))
	if err == nil && p.workspace != "" && p.workspace != target {
		return "", answer.Limitf("its experiment %s is in another workspace of the destination, %q", *key, p.workspace)
	}
	return p.key, err
}

// experiment returns what the destination has of an experiment of the source, in
// whatever workspace.
func (w *Level) experiment(ctx context.Context, key string) (producer, error) {
	if key == "" {
		return producer{}, answer.Limitf("the source does not say which experiment it comes from")
	}
	p, err := w.findProducer(ctx, key)
	if err == nil && p.key == "" {
		err = answer.Limitf("its experiment %s is neither in the stream nor at the destination", key)
	}
	return p, err
}

func (w *Level) findProducer(ctx context.Context, key string) (producer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p, ok := w.producers[key]; ok {
		return p, nil
	}
	var p producer
	if k, ok := w.r.Keys.Get(key); ok {
		p.key = k.Key
		if !k.Unfinished {
			// Times would make it look finished.
			w.touched[k.Key] = touched{k, key, false}
		}
	} else {
		existing, err := w.r.Client.Experiments.Metadata(ctx, key)
		if err == nil && w.source.Same {
			// That is the source's own. An earlier import may have copied it.
			p.key = place.DeriveKey(key, w.r.To.Target(place.Project{Workspace: existing.Workspace, Name: existing.Project}))
			existing, err = w.r.Client.Experiments.Metadata(ctx, p.key)
		}
		switch {
		case err == nil:
			p = producer{existing.Key, existing.Workspace}
			if !existing.Running {
				w.touched[existing.Key] = touched{place.Experiment{Key: existing.Key, Start: existing.Start, End: existing.End, Crashed: document.IsTrue(existing.Crashed)}, key, true}
			}
		case answer.Hidden(err):
			p = producer{}
		default:
			return p, err
		}
	}
	w.producers[key] = p
	return p, nil
}

// run returns the handshake of a producer, which uploads need.
func (w *Level) run(ctx context.Context, key string) (*comet.Run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if run, ok := w.runs[key]; ok {
		return run, nil
	}
	w.opened[key] = true
	if err := w.mark(ctx, key); err != nil {
		return nil, err
	}
	run, err := w.r.Client.Experiments.Open(ctx, key)
	if err == nil {
		w.runs[key] = run
	}
	return run, err
}

// mark marks an experiment of the stream before it is resumed, as one is that is
// completed: an import that is killed before it has ended it again leaves it to
// the next one.
func (w *Level) mark(ctx context.Context, key string) error {
	k, ok := w.touched[key]
	if !ok || k.apart || k.Start == nil {
		return nil
	}
	late := *k.Start + reconcile.OpenMark
	if err := w.r.SetTimes(ctx, key, &late, k.End); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// Finish ends the experiments again on whose behalf something was written, and
// sets their times: servers may have moved their end, or let them run again.
func (w *Level) Finish(ctx context.Context) {
	if w.r.Dry() || !w.r.HasWritten(kindVersion) && len(w.opened) == 0 {
		return
	}
	for _, k := range w.touched {
		run := w.runs[k.Key]
		switch {
		case run == nil && w.opened[k.Key]:
			run = comet.UsualRun(k.Key) // its handshake was not understood
		case run == nil && k.apart:
			continue
		}
		err := w.endAgain(ctx, k.Experiment, run)
		if err != nil {
			// A finished experiment is not left running because of one answer.
			after, cancel := w.r.CleanupContext(ctx)
			err = w.endAgain(after, k.Experiment, run)
			cancel()
		}
		if err != nil {
			w.r.Finished(&report.Outcome{Kind: "times", SourceKey: k.source, Key: k.Key}, err)
		}
	}
}

// endAgain ends one that was resumed, unless run is nil, and sets its times.
func (w *Level) endAgain(ctx context.Context, k place.Experiment, run *comet.Run) error {
	if run != nil {
		if err := w.r.ReportEnd(ctx, run); err != nil {
			return err
		}
		if k.Crashed {
			if err := w.r.UpdateStatus(ctx, k.Key, true); err != nil && !answer.Unsupported(err) {
				return err
			}
		}
	}
	if k.Start == nil && k.End == nil {
		return nil
	}
	return w.r.SetTimes(ctx, k.Key, k.Start, k.End)
}

// Take works on a record that is not a group of its own, once the groups that it may
// refer to are done.
func (w *Level) Take(ctx, workCtx context.Context, rec stream.Record) error {
	if err := flow.WaitFor(ctx, &w.Groups); err != nil {
		return err
	}
	switch rec := rec.(type) {
	case *stream.Link:
		// The plan counts what the source listed, links too.
		w.r.Counters.Planned.Add(-1)
		w.links.write(workCtx, rec)
	case *stream.Lineage:
		w.lineage.write(workCtx, rec)
	case *stream.Panel:
		return w.Panels.take(ctx, workCtx, rec)
	case *stream.View:
		w.views.write(workCtx, rec)
	}
	return nil
}
