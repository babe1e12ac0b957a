package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// keyError says that an experiment cannot have the key that it should have.
type keyError struct {
	key, reason string
}

func (e *keyError) Error() string { return fmt.Sprintf("key %q: %s", e.key, e.reason) }

// ExitCode returns 3: the experiment is missing, and it was told why.
func (e *keyError) ExitCode() int { return 3 }

// open finds or creates the experiment at the destination, and claims it until
// the function it returns is called.
func (e *experiment) open(ctx context.Context) (free func(), err error) {
	if err := readDoc(e.rec.Doc, &e.doc); err != nil {
		return nil, err
	}
	if err := e.project.wait(ctx); err != nil {
		return nil, err
	}
	if err := e.chooseKey(); err != nil {
		return nil, err
	}
	for {
		free, err := e.r.claim(ctx, e.key)
		if err != nil {
			return nil, err
		}
		again, err := e.openKey(ctx)
		if err == nil && !again {
			if e.out.Result != ResultElsewhere {
				e.r.setKey(e.rec.Key, importedKey{
					key: e.key, start: e.rec.Start, end: e.rec.End, crashed: isTrue(e.rec.Crashed),
				})
			}
			return free, nil
		}
		free()
		if err != nil {
			return nil, err
		}
	}
}

// chooseKey chooses the key to try first.
func (e *experiment) chooseKey() error {
	from := Project{e.rec.Workspace, e.rec.Project}
	e.key = e.rec.Key
	switch keep := e.r.o.Keys; {
	case keep == KeysDerive:
		return e.derive("")
	case !validKey(e.key):
		return e.derive("the destination takes keys of 32 to 50 letters and digits only")
	case e.source.same && from != e.project.target:
		return e.derive("the destination is the source itself, where it is taken")
	}
	return nil
}

// derive changes to the derived key, unless keys have to be kept for whatever
// reason.
func (e *experiment) derive(reason string) error {
	if e.r.o.Keys == KeysRequire {
		return &keyError{e.rec.Key, reason}
	}
	e.key, e.derived = deriveKey(e.rec.Key, e.project.target), true
	return nil
}

// deriveFor is derive for a reason that the destination has given.
func (e *experiment) deriveFor(reason string) error {
	e.issue(Issue{Class: Noted, Kind: "key", Name: e.rec.Key, Reason: "another one was derived: " + reason})
	return e.derive(reason)
}

// openKey opens the experiment with the chosen key. again means that another
// key was chosen, to be tried next.
func (e *experiment) openKey(ctx context.Context) (again bool, err error) {
	if e.r.dry() {
		return e.look(ctx)
	}
	run, err := e.newRun(ctx)
	switch {
	case err == nil:
		e.streamWins = true
		e.runs.set(run)
		return false, e.r.c.ReportStatus(ctx, run, true, true)
	case errors.Is(err, comet.ErrExists):
		return e.openTaken(ctx)
	case e.refusesKey(err):
		return e.openRefused(ctx, err)
	}
	return false, fmt.Errorf("handshake: %w", err)
}

// openRefused goes on after a handshake that was refused for no reason that is
// understood: perhaps because there is the experiment.
func (e *experiment) openRefused(ctx context.Context, refusal error) (again bool, err error) {
	there, err := e.r.c.Metadata(ctx, e.key)
	switch {
	case err == nil:
		return e.openThere(ctx, there)
	case isHidden(err):
		return true, e.deriveFor(refusal.Error())
	}
	return false, fmt.Errorf("read metadata: %w", err)
}

// newRun asks for a new experiment under the key; the error is
// [comet.ErrExists] where that is taken. A destination whose handshake does not
// refuse a taken key is asked for the experiment before: else another import
// would take for new what it has written, and write all of it again. The first
// experiment of a run shows which kind the destination is.
func (e *experiment) newRun(ctx context.Context) (*comet.Run, error) {
	var run *comet.Run
	var err error
	first := false
	says, unknown := e.r.saysTaken.get(func() (says bool, unknown error) {
		first = true
		run, says, unknown, err = e.tryHandshake(ctx)
		return says, unknown
	})
	switch {
	case first:
		return run, err
	case unknown == nil && !says:
		if taken, err := e.isTaken(ctx); taken || err != nil {
			return nil, cmp.Or(err, comet.ErrExists)
		}
	}
	return e.handshake(ctx)
}

// tryHandshake is newRun for the first experiment, and finds out whether the
// handshake says that a key is taken: one after the other shows it. Where both
// are answered the key may have been taken before them too.
func (e *experiment) tryHandshake(ctx context.Context) (run *comet.Run, says bool, unknown, err error) {
	run, err = e.handshake(ctx)
	if err != nil {
		says = errors.Is(err, comet.ErrExists)
		if !says {
			unknown = err
		}
		return nil, says, unknown, err
	}
	again, refusal := e.handshake(ctx)
	switch {
	case refusal == nil:
		e.runs.set(again)
		return nil, false, nil, comet.ErrExists
	case errors.Is(refusal, comet.ErrExists):
		return run, true, nil, nil
	}
	return run, false, refusal, nil
}

// isTaken reports whether there is an experiment with the key.
func (e *experiment) isTaken(ctx context.Context) (bool, error) {
	_, err := e.r.c.Metadata(ctx, e.key)
	switch {
	case err == nil:
		return true, nil
	case isHidden(err):
		return false, nil
	}
	return false, fmt.Errorf("read metadata: %w", err)
}

// maxHandshakes is how often a handshake is made that is refused without a
// reason.
const maxHandshakes = 3

// handshake asks for the experiment under its key. A refusal without a code may
// be one that was garbled on its way, and is not believed at once.
func (e *experiment) handshake(ctx context.Context) (*comet.Run, error) {
	for try := 1; ; try++ {
		run, err := e.r.c.AddRun(ctx, comet.Handshake{
			Key: e.key, Workspace: e.project.target.Workspace, Project: e.project.target.Name, Offline: true,
		})
		if !isUnexplained(err) || try == maxHandshakes {
			return run, err
		}
		if err := pause(ctx, e.r.o.Settle); err != nil {
			return nil, err
		}
	}
}

func isUnexplained(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 400 && ce.SDKCode == 0 && !isHidden(err) && !errors.Is(err, comet.ErrExists)
}

// refusesKey reports whether a handshake was refused for no other reason than,
// perhaps, the key.
func (e *experiment) refusesKey(err error) bool { return !e.derived && isUnexplained(err) }

// openTaken opens an experiment that exists already.
func (e *experiment) openTaken(ctx context.Context) (again bool, err error) {
	there, err := e.r.c.Metadata(ctx, e.key)
	if isHidden(err) {
		there, err = e.hidden(ctx)
	}
	switch {
	case isHidden(err) && e.derived:
		return false, &keyError{e.key, hiddenReason}
	case isHidden(err):
		return true, e.deriveFor(hiddenReason)
	case err != nil:
		return false, fmt.Errorf("read metadata: %w", err)
	}
	return e.openThere(ctx, there)
}

const hiddenReason = "it is taken at the destination by an experiment that the API key may not see"

// isHidden reports whether an answer says that an experiment cannot be read.
func isHidden(err error) bool {
	return errors.Is(err, comet.ErrNotFound) || errors.Is(err, comet.ErrForbidden)
}

// hidden finds out more of an experiment that the handshake knows and the
// reading does not: whether it is someone else's, or the reading only lags
// behind. A mistake here would make a second copy of it.
func (e *experiment) hidden(ctx context.Context) (*comet.Experiment, error) {
	run, err := e.r.c.GetRun(ctx, e.key)
	if err != nil {
		return nil, err
	}
	e.runs.set(run)
	for try := 1; ; try++ {
		if err := pause(ctx, e.r.o.Settle); err != nil {
			return nil, err
		}
		there, err := e.r.c.Metadata(ctx, e.key)
		if !isHidden(err) {
			return there, err
		}
		if try == 10 {
			// It can be written to, so it is not hidden.
			return nil, fmt.Errorf("%w (and yet a handshake opens it)", errUnreadable)
		}
	}
}

var errUnreadable = errors.New("it does not come to light")

// openThere takes an experiment that exists for ours if it is in the target
// project.
func (e *experiment) openThere(ctx context.Context, there *comet.Experiment) (again bool, err error) {
	ours, err := e.inTarget(ctx, there)
	if err != nil {
		return false, err
	}
	if !ours {
		return e.elsewhere(there)
	}
	e.there = e.findMark(there)
	e.unfinished = !e.sameTimes() && e.r.o.Mode != VerifyOnly
	e.streamWins = e.unfinished || e.r.o.Update
	if !e.unfinished || e.r.dry() {
		return false, nil
	}
	run, err := e.run(ctx)
	if err != nil {
		return false, fmt.Errorf("handshake: %w", err)
	}
	return false, e.r.c.ReportStatus(ctx, run, true, true)
}

// inTarget reports whether an experiment of the destination is in the target
// project. Servers may leave out where it is.
func (e *experiment) inTarget(ctx context.Context, there *comet.Experiment) (bool, error) {
	target := e.project.target
	switch {
	case there.Workspace != "" && there.Project != "":
		return there.Workspace == target.Workspace && there.Project == target.Name, nil
	case there.ProjectID != "" && e.project.id != "":
		return there.ProjectID == e.project.id, nil
	}
	for x, err := range e.r.c.Experiments(ctx, comet.Listing{Workspace: target.Workspace, Project: target.Name}) {
		if err != nil {
			return false, fmt.Errorf("list experiments of %q: %w", target, err)
		}
		if x.Key == e.key {
			return true, nil
		}
	}
	return false, nil
}

// elsewhere decides on an experiment whose key is taken in another project.
func (e *experiment) elsewhere(there *comet.Experiment) (again bool, err error) {
	where := Project{there.Workspace, there.Project}
	reason := fmt.Sprintf("the destination has its key in %q", where)
	if !e.derived && e.r.o.Elsewhere == ElsewhereDerive && e.r.o.Keys != KeysRequire {
		return true, e.deriveFor(reason)
	}
	e.out.Result = ResultElsewhere
	e.out.URL = e.r.c.ExperimentURL(there.Workspace, there.Project, there.Key, there.Archived)
	e.issue(Issue{Class: Noted, Kind: kindExperiment, Name: e.out.Name, ID: e.key, Reason: reason})
	return false, nil
}

// look finds the experiment without a handshake, which would create it.
func (e *experiment) look(ctx context.Context) (again bool, err error) {
	there, err := e.r.c.Metadata(ctx, e.key)
	switch {
	case err == nil:
		return e.openThere(ctx, there)
	case errors.Is(err, comet.ErrForbidden) && !e.derived:
		return true, e.deriveFor(hiddenReason)
	case !isHidden(err):
		return false, fmt.Errorf("read metadata: %w", err)
	}
	if e.derived || e.r.o.Keys != KeysKeep {
		return false, nil
	}
	return e.lookDerived(ctx)
}

// lookDerived looks for the experiment under the key that an earlier import may
// have had to derive.
func (e *experiment) lookDerived(ctx context.Context) (again bool, err error) {
	derived := deriveKey(e.rec.Key, e.project.target)
	there, err := e.r.c.Metadata(ctx, derived)
	switch {
	case isHidden(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read metadata: %w", err)
	}
	ours, err := e.inTarget(ctx, there)
	if err != nil || !ours {
		return false, err
	}
	e.key, e.derived = derived, true
	return true, nil
}

// sameTimes reports whether the experiment at the destination has the times of
// the stream. They are the last that an import sets, so that an experiment with
// another start has never been finished.
func (e *experiment) sameTimes() bool {
	switch {
	case e.rec.Start != nil:
		return equal(e.rec.Start, e.there.Start)
	case e.rec.End != nil:
		return equal(e.rec.End, e.there.End)
	}
	return !e.there.Running
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// run returns the handshake of the experiment, which uploads need.
func (e *experiment) run(ctx context.Context) (*comet.Run, error) {
	return e.runs.get(func() (*comet.Run, error) {
		if e.r.dry() {
			return comet.UsualRun(e.key), nil
		}
		// It may run again from now on.
		if err := e.reopen(ctx); err != nil {
			return nil, err
		}
		e.resumed.Store(true)
		return e.r.c.GetRun(ctx, e.key)
	})
}

func (l *lazy[T]) set(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v, l.done = v, true
}

// pause waits, for something to come to rest at the destination.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin starts with what the experiment record itself holds.
func (e *experiment) begin(ctx context.Context) error {
	e.assets.init(e)
	e.refs = e.references()
	if e.there != nil && e.r.o.Mode != VerifyOnly {
		e.reads.begin(func(kind stream.Kind) { e.prefetch(ctx, kind) })
	}
	if e.derived {
		if err := e.originOther(ctx); err != nil {
			return err
		}
	}
	if e.rec.Doc == nil {
		return nil
	}
	if tags := e.rec.Tags; len(tags) > 0 && !e.expect(func(x *expectation) { x.tags = tags }) {
		e.spawn(func() { e.item(Issue{Kind: "tags"}, e.writeTags(ctx, tags)) })
	}
	if path := e.doc.FilePath; path.OK && !e.expect(func(x *expectation) { x.filePath = path.V }) {
		e.spawn(func() { e.item(Issue{Kind: "file path"}, e.writeFilePath(ctx, path.V)) })
	}
	return nil
}

// writeTags adds the tags that are missing.
func (e *experiment) writeTags(ctx context.Context, tags []string) error {
	missing := tags
	if e.there != nil {
		have, err := e.r.c.Tags(ctx, e.key)
		if err != nil && !isAbsent(err) {
			return err
		}
		if missing = without(tags, have); len(missing) == 0 {
			return nil
		}
	}
	if !e.r.dry() {
		if err := e.reopen(ctx); err != nil {
			return err
		}
		if err := e.r.c.AddTags(ctx, e.key, missing); err != nil {
			return err
		}
	}
	e.change(func(o *Outcome) { o.Written.Tags += int64(len(missing)) })
	return nil
}

// without returns the elements of a that are not in b.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	var rest []string
	for _, s := range a {
		if !in[s] {
			rest = append(rest, s)
		}
	}
	return rest
}

// writeFilePath sets the path of the main file.
func (e *experiment) writeFilePath(ctx context.Context, path string) error {
	if e.there != nil {
		switch have := e.there.FilePath; {
		case have != nil && *have == path:
			return nil
		case have != nil && *have != "" && !e.streamWins:
			e.differs(Issue{Kind: "file path", Reason: fmt.Sprintf("%q in the stream, %q at the destination", path, *have)})
			return nil
		}
	}
	return e.write(ctx, "file path", func() error { return e.r.c.WriteFilePath(ctx, e.key, path) })
}

// references says what becomes of the references in the experiment's assets.
func (e *experiment) references() *references {
	refs := &references{key: e.r.keyOf, asset: e.assets.idOf}
	refs.setAddress(e.source, e.r.c.Root())
	return refs
}
