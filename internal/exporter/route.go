package exporter

import (
	"context"
	"sync"

	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// A unit is a part of the stream that is fetched ahead and then written: an
// experiment, the notes of a project, an artifact.
type unit interface {
	// begin makes the unit's slots, with n as the first part of their
	// position, and pushes those that can be started at once. It is called
	// with the queue's mu held and must not wait.
	begin(q *prefetch.Queue, n int)
	// write writes the unit's records, in which it waits for the slots.
	write(ctx context.Context, out *output) error
	// end gives back what the slots hold, also of those never read.
	end()
}

// A route yields units one after the other.
type route interface {
	// next returns the next unit, nil if there is none that can be had
	// without waiting.
	Next() unit
	// load does the waiting, and then locks mu to change what next depends on.
	// It reports false at the end of the route.
	load(ctx context.Context, mu sync.Locker) (bool, error)
}

// run fetches and writes the units of a route. Once ctx is done, the unit at
// work is finished, until graceCtx is done.
func (x *Exporter) run(ctx, graceCtx context.Context, r route, out *output) error {
	var ahead []unit // begun and not yet written
	begun := 0
	var q *prefetch.Queue
	more := func() bool {
		// So many units keep all requests busy; more would only take memory.
		if len(ahead) >= 4*x.o.InFlight {
			return false
		}
		u := r.Next()
		if u == nil {
			return false
		}
		u.begin(q, begun)
		begun++
		ahead = append(ahead, u)
		return true
	}
	q = prefetch.NewQueue(graceCtx, x.o.InFlight, more, judge.Fatal)
	defer q.Close()
	out.q = q
	for n := 0; ; n++ {
		u, err := x.nextUnit(ctx, q, r, &ahead)
		if err != nil || u == nil {
			return err
		}
		stop := context.AfterFunc(ctx, func() { q.StopAfter(n) })
		err = u.write(graceCtx, out)
		stop()
		u.end()
		if err != nil {
			return err
		}
	}
}

// nextUnit returns the next unit to be written, nil at the end.
func (x *Exporter) nextUnit(ctx context.Context, q *prefetch.Queue, r route, ahead *[]unit) (unit, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		q.Lock()
		if len(*ahead) == 0 {
			q.More()
		}
		if len(*ahead) > 0 {
			u := (*ahead)[0]
			(*ahead)[0] = nil
			*ahead = (*ahead)[1:]
			q.StartFetches()
			q.Unlock()
			return u, nil
		}
		q.Unlock()
		if more, err := r.load(ctx, q); err != nil || !more {
			return nil, err
		}
	}
}

// projectRoute is the route through the projects: of each the record that begins it,
// its experiments, and its notes.
type projectRoute struct {
	x        *Exporter
	projects []*find.Project
	at       int      // index of the next experiment of projects[0]; -1: before the project
	part     keptPart // of projects[0]
}

func (x *Exporter) newProjectRoute(s *find.Scope) *projectRoute {
	return &projectRoute{x: x, projects: s.Projects, at: -1}
}

func (t *projectRoute) Next() unit {
	for len(t.projects) > 0 {
		p := t.projects[0]
		if p.Err == nil && !p.Kept {
			return nil
		}
		if t.at < 0 {
			t.at, t.part = 0, t.x.keptOf(p)
			if t.part == keptNothing {
				return &projectUnit{x: t.x, p: p}
			}
			t.x.sum.Projects++
		}
		if p.Err == nil && t.x.o.withExperiments() && t.at < len(p.Experiments) {
			l := &p.Experiments[t.at]
			t.at++
			return t.x.experiment(p, l, t.part)
		}
		p.Experiments = nil
		t.projects, t.at = t.projects[1:], -1
		if p.Err == nil && t.part != keptAll && t.x.o.Resources.Has(stream.ResourceProjectNotes) && t.x.o.Selection.Shard.Has(p.Name) {
			return &notesUnit{x: t.x, p: p}
		}
	}
	return nil
}

// experiment returns the unit for an experiment, of which the partial stream
// may have something.
func (x *Exporter) experiment(p *find.Project, l *find.Experiment, part keptPart) unit {
	if part != keptNothing {
		if in, done := x.keptKeys[l.Key]; done && in == p.InStream() {
			return x.kept(p, l, ResultKept)
		} else if x.o.Continue.Skipped[l.Key] {
			return x.kept(p, l, ResultSkipped)
		}
	}
	return &experimentUnit{x: x, p: p, l: l, late: part == keptAll}
}

// kept returns the unit that stands for an experiment that a partial stream has, or
// says that it was skipped.
func (x *Exporter) kept(p *find.Project, l *find.Experiment, result string) unit {
	return &recordUnit{func(out *output) error {
		x.find.Search.MatchAsset() // it may have some
		x.finish(&Result{Key: l.Key, Name: l.Name, Workspace: p.Workspace, Project: p.Name, Archived: l.Archived, Running: l.Running, Result: result})
		return nil
	}}
}

// load reads the listing of the project that is next.
func (t *projectRoute) load(ctx context.Context, mu sync.Locker) (bool, error) {
	if len(t.projects) == 0 {
		return false, nil
	}
	p := t.projects[0]
	selected, left, err := t.x.find.Selected(ctx, p)
	if err != nil && judge.Fatal(err) {
		return false, err
	}
	mu.Lock()
	defer mu.Unlock()
	p.Keep(selected, left, t.x.o.Selection.Shard)
	p.Err = err
	return true, nil
}
