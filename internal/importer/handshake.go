package importer

import (
	"cmp"
	"context"
	"errors"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
)

// newRun asks for a new experiment under the key; the error is
// [comet.ErrExists] where that is taken.
//
// A handshake may resume an experiment that exists, or answer as if it were new:
// another import would then write all of it again. So until a destination is
// known to refuse keys that are taken, it is asked for the experiment before. The
// first new experiment of a run shows which kind the destination is.
func (e *opening) newRun(ctx context.Context) (*comet.Run, error) {
	says, known := e.Client.Server.Known(comet.RefusesTakenKeys)
	if !says {
		if taken, err := e.isTaken(ctx); taken || err != nil {
			return nil, cmp.Or(err, comet.ErrExists)
		}
	}
	if known {
		return e.handshake(ctx)
	}
	var run *comet.Run
	var err error
	first := false
	// The next experiment finds out what is still unknown.
	_, _ = e.Client.Server.Find(comet.RefusesTakenKeys, func() (says bool, unknown error) {
		first = true
		run, says, unknown, err = e.tryHandshake(ctx)
		return says, unknown
	})
	if first {
		return run, err
	}
	return e.handshake(ctx)
}

// tryHandshake is newRun for the first experiment, and finds out whether the
// handshake says that a key is taken: one after the other shows it. Where both
// are answered, or the second one is neither answered nor refused by the server
// itself, the key may have been taken before them too.
func (e *opening) tryHandshake(ctx context.Context) (run *comet.Run, says bool, unknown, err error) {
	run, err = e.handshake(ctx)
	if err != nil {
		if says = saysTaken(err); !says {
			unknown = err
		}
		return nil, says, unknown, err
	}
	again, refusal := e.handshake(ctx)
	if saysTaken(refusal) || answer.Unexplained(refusal) {
		return run, true, nil, nil
	}
	if refusal == nil {
		run = again
	}
	e.runs.Set(run)
	e.resumed.Store(true) // if it was there before
	return nil, false, refusal, comet.ErrExists
}

// saysTaken reports whether a handshake was refused by the server itself, and
// for no other reason than that the key is taken.
func saysTaken(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.SDKCode == comet.CodeExperimentExists
}

// isTaken reports whether there is an experiment with the key. One refusal to show
// it may be that of something before the server, and is not relied on at once: to
// take a free key for another's would make a copy under a derived one.
func (e *opening) isTaken(ctx context.Context) (bool, error) {
	return reconcile.Settle(ctx, e.Pause, maxHandshakes, func(int) (taken, known bool, err error) {
		e.seen, err = e.metadata(ctx, e.Key)
		switch {
		case answer.Absent(err):
			return false, true, nil
		case errors.Is(err, comet.ErrForbidden):
			return true, false, nil
		}
		return err == nil, true, err
	})
}

// maxHandshakes is how often a handshake is made that is refused without a
// reason.
const maxHandshakes = 3

// handshake asks for the experiment under its key. A refusal without a code may
// be one that was garbled on its way, and is not relied on at once.
func (e *opening) handshake(ctx context.Context) (*comet.Run, error) {
	var refusal error
	run, err := reconcile.Settle(ctx, e.Pause, maxHandshakes, func(int) (run *comet.Run, explained bool, _ error) {
		run, refusal = e.Client.Experiments.Start(ctx, comet.Handshake{
			Key: e.Key, Workspace: e.project.Target.Workspace, Project: e.project.Target.Name, Offline: true,
		})
		return run, !answer.Unexplained(refusal), nil
	})
	return run, cmp.Or(err, refusal)
}

// refusesKey reports whether a handshake was refused for no other reason than,
// perhaps, the key.
func (e *opening) refusesKey(err error) bool { return !e.Derived && answer.Unexplained(err) }

// run returns the handshake of the experiment, which uploads need.
func (e *opening) run(ctx context.Context) (*comet.Run, error) {
	return e.runs.Get(func() (*comet.Run, error) {
		if e.Dry() {
			return comet.UsualRun(e.Key), nil
		}
		// It may run again from now on.
		if err := e.Reopen(ctx); err != nil {
			return nil, err
		}
		e.resumed.Store(true)
		return e.Client.Experiments.Open(ctx, e.Key)
	})
}
