package workspace

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/internal/importer/spool"
	"github.com/comet-stream/comet-stream/internal/importer/upload"
	"github.com/comet-stream/comet-stream/internal/progress"
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
	producers map[string]*producer // by the key at the source
	byKey     map[string]*producer // by that at the destination
	Groups    sync.WaitGroup       // artifacts and registry models under way
	names     flow.Locks[string]   // of artifacts and models: two workspaces of a stream may meet in one
}

// A producer is an experiment that something in a workspace comes from, as it is at
// the destination.
type producer struct {
	place.Experiment        // without a key if it is not there
	source           string // its key there
	workspace        string // "" if it is the target, or not known
	alone            bool   // the stream lacks it
	ended            bool   // and so it is to end again, at its time, when something was written on its behalf
	opened           bool   // it may run again
	run              *comet.Run
}

// New returns what imports the items of workspaces.
func New(r *Services, src *place.Source) *Level {
	w := &Level{r: r, source: src, producers: make(map[string]*producer), byKey: make(map[string]*producer)}
	w.links = links{w: w, list: make(map[place.Project]map[string]bool)}
	w.lineage = lineage{w: w}
	w.Panels = panels{w: w, lists: make(map[string][]comet.Panel), ids: make(map[string]string), taken: make(map[string]bool)}
	w.views = views{w: w, lists: make(map[viewPlace][]comet.View), taken: make(map[string]bool)}
	return w
}

// remember returns what m has for a key, which read works out the first time.
func remember[K comparable, V any](m map[K]V, key K, read func() (V, error)) (V, error) {
	if v, ok := m[key]; ok {
		return v, nil
	}
	v, err := read()
	if err == nil {
		m[key] = v
	}
	return v, err
}

// producer returns the key that an experiment has at the destination, on whose
// behalf something is to be written. The version is created where the experiment
// is, so an experiment in another workspace than the target cannot be used.
func (w *Level) producer(ctx context.Context, key *string, target string) (string, error) {
	p, err := w.experiment(ctx, document.Deref(key))
	switch {
	case err != nil:
		return "", err
	case p.workspace != "" && p.workspace != target:
		return "", answer.Limitf("its experiment %s is in another workspace of the destination, %q", *key, p.workspace)
	}
	return p.Key, nil
}

// experiment returns what the destination has of an experiment of the source, in
// whatever workspace.
func (w *Level) experiment(ctx context.Context, key string) (*producer, error) {
	if key == "" {
		return nil, answer.Limitf("the source does not say which experiment it comes from")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := remember(w.producers, key, func() (*producer, error) { return w.findProducer(ctx, key) })
	switch {
	case err != nil:
		return nil, err
	case p.Key == "":
		return nil, answer.Limitf("its experiment %s is neither in the stream nor at the destination", key)
	case w.byKey[p.Key] == nil:
		w.byKey[p.Key] = p
	}
	return p, nil
}

// findProducer looks for an experiment in the stream, then at the destination.
func (w *Level) findProducer(ctx context.Context, key string) (*producer, error) {
	if k, ok := w.r.Keys.Get(key); ok {
		return &producer{Experiment: k, source: key, ended: !k.Unfinished}, nil // times would make it look finished
	}
	existing, err := w.r.Client.Experiments.Metadata(ctx, key)
	if err == nil && w.source.Same {
		// That is the source's own. An earlier import may have copied it.
		copied := place.DeriveKey(key, w.r.To.Target(place.Project{Workspace: existing.Workspace, Name: existing.Project}))
		existing, err = w.r.Client.Experiments.Metadata(ctx, copied)
	}
	switch {
	case answer.Hidden(err):
		return &producer{source: key}, nil
	case err != nil:
		return nil, err
	}
	return &producer{
		Experiment: place.Experiment{Key: existing.Key, Project: existing.Project, Start: existing.Start, End: existing.End, Crashed: document.IsTrue(existing.Crashed)},
		source:     key, workspace: existing.Workspace, alone: true, ended: !existing.Running,
	}, nil
}

// run returns the handshake of a producer, which uploads need.
func (w *Level) run(ctx context.Context, key string) (run *comet.Run, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.byKey[key]
	if p.run != nil {
		return p.run, nil
	}
	p.opened = true
	if p.ended && !p.alone && p.Start != nil {
		// It is marked before it is resumed, as one is that is completed: an import
		// that is killed before it has ended it again leaves it to the next one.
		late := *p.Start + reconcile.OpenMark
		if err := w.r.SetTimes(ctx, key, &late, p.End); err != nil {
			return nil, err
		}
	}
	if run, err = w.r.Client.Experiments.Open(ctx, key); err == nil {
		p.run = run
	}
	return run, err
}

// Finish ends the experiments again on whose behalf something was written, and
// sets their times: servers may have moved their end, or let them run again.
func (w *Level) Finish(ctx context.Context) {
	wrote := w.r.HasWritten(kindVersion)
	for _, p := range w.byKey {
		wrote = wrote || p.opened
	}
	if w.r.Dry() || !wrote {
		return
	}
	for _, p := range w.byKey {
		if !p.ended || p.alone && !p.opened {
			continue
		}
		err := w.endAgain(ctx, p)
		if err != nil {
			// A finished experiment is not left running because of one answer.
			after, cancel := w.r.CleanupContext(ctx)
			err = w.endAgain(after, p)
			cancel()
		}
		if err != nil {
			w.r.Finished(&report.Outcome{Kind: "times", SourceKey: p.source, Key: p.Key}, err)
		}
	}
}

// endAgain ends one that may have been resumed, and sets its times.
func (w *Level) endAgain(ctx context.Context, p *producer) error {
	if p.opened {
		run := p.run
		if run == nil {
			run = comet.UsualRun(p.Key) // its handshake was not understood
		}
		if err := w.r.ReportEnd(ctx, run); err != nil {
			return err
		}
		if p.Crashed {
			if err := w.r.UpdateStatus(ctx, p.Key, true); err != nil && !answer.Unsupported(err) {
				return err
			}
		}
	}
	if p.Start == nil && p.End == nil {
		return nil
	}
	return w.r.SetTimes(ctx, p.Key, p.Start, p.End)
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

// Services are what the things of a workspace are written with.
type Services struct {
	*reconcile.Destination
	*flow.Schedule
	Settings
	To       *place.Mapping
	Places   *place.Places
	Keys     *place.Imported
	Spools   *spool.Spooler
	Uploads  *upload.Uploader
	Counters *progress.Counters
}

// Settings are the options that concern projects and workspaces.
type Settings struct {
	DeriveKeys   bool // of all experiments
	RewriteLinks bool // also change the references in notes
	NoShareLinks bool // make none
	// Owners are the users of the destination who get the projects of users of the
	// source. Without one a project stays with User, who imports.
	Owners map[string]string
	User   string
}
