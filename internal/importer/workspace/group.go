package workspace

import (
	"context"
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/importer/answer"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/report"
	"github.com/comet-stream/comet-stream/stream"
)

// A group is an artifact or a registry model of the stream on its way to the
// destination. Its versions are written one after the other, since their order is
// what makes one the latest.
type group struct {
	*flow.Group
	report.Ledger
	r       *Services
	w       *Level
	target  string // workspace
	refused string // version that the destination may take another time
}

func (w *Level) newGroup(kind stream.Kind, workspace, name string) *group {
	g := &group{Group: flow.NewGroup(w.r.Records), r: w.r, w: w, target: w.r.To.Workspace(workspace)}
	g.Out = report.Outcome{Kind: string(kind), Workspace: g.target, Name: name, Result: report.ResultAlreadyThere}
	return g
}

// Announce does nothing: there is nothing to read ahead.
func (g *group) Announce(stream.Kind) {}

// start runs work, for one group of a name at a time, and reports what became of it.
func (g *group) start(ctx context.Context, work func(context.Context) error) {
	turn := g.r.Turns.Join()
	g.w.Groups.Add(1)
	g.r.Working.Go(func() {
		defer g.w.Groups.Done()
		defer turn.Leave()
		defer func() { <-g.r.Open }()
		free, _ := g.w.names.Lock(context.WithoutCancel(ctx), g.Out.Kind+" "+g.target+"/"+g.Out.Name) // which cannot end
		defer free()
		g.finished(work(ctx))
	})
}

func (g *group) finished(err error) {
	o := &g.Out
	if err == nil && !g.Complete {
		err = flow.ErrStreamEnds
	}
	switch {
	case errors.Is(err, flow.ErrStreamEnds):
		// The end of the input is reported once, by the reading.
		o.Result, o.Error, err = report.ResultFailed, err.Error(), nil
	case err != nil:
		o.Result, err = report.ResultFailed, fmt.Errorf("%s %q: %w", groupNames[o.Kind], g.target+"/"+o.Name, err)
	case o.Result != report.ResultCreated && o.Written.Any():
		o.Result = report.ResultCompleted
	}
	if o.Result != report.ResultAlreadyThere || len(o.Issues) > 0 {
		g.r.Finished(o, err)
	}
}

var groupNames = map[string]string{kindArtifact: "artifact", kindModel: "registry model"}

// leaveOut reports a version that the destination refuses, and returns another error.
// Where another run may bring it, those after it wait.
func (g *group) leaveOut(version string, i report.Issue, err error) error {
	if err == nil || !answer.Refused(err) {
		return err
	}
	i.Class, i.Reason = g.r.Class(report.Missing), err.Error()
	g.Issue(i)
	if _, limit := errors.AsType[*answer.Limit](err); !limit { // no request was made for it
		g.refused = version
	}
	return nil
}

// mustWait reports a version that is not written before another one which was
// refused: the destination would keep them in the wrong order, and the last to come
// is the latest.
func (g *group) mustWait(i report.Issue) bool {
	if g.refused == "" {
		return false
	}
	i.Class, i.Reason = report.Missing, fmt.Sprintf("not written: the preceding version %s was refused", g.refused)
	g.Issue(i)
	return true
}
