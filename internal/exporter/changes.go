package exporter

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/base"
	"github.com/comet-stream/comet-stream/internal/selection"
)

// changes notes what is listed now, for what earlier archives have besides.
type changes struct {
	mu     sync.Mutex
	listed map[string]struct{} // keys
}

// list notes the experiments of a project, if they are to be compared.
func (c *changes) list(with *base.Base, all []listed) {
	if with == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed == nil {
		c.listed = make(map[string]struct{}, len(all))
	}
	for i := range all {
		c.listed[all[i].key] = struct{}{}
	}
}

// inBase returns what a listing tells, as a base has it.
func (l *listed) inBase(p *project) base.Experiment {
	in := p.inStream()
	return base.Experiment{
		Key: l.key, Workspace: in.Workspace, Project: in.Name, Name: l.name, Start: l.start, End: l.end,
		Archived: l.archived, Running: l.running, Crashed: l.crashed,
	}
}

// tellGone tells of the experiments that earlier archives have of what is in scope,
// and that the source lists no more. Where a listing failed or is in doubt, nothing
// is gone.
func (x *Exporter) tellGone(s *scope) {
	if x.o.Base == nil {
		return
	}
	unsure := slices.ContainsFunc(s.projects, func(p *project) bool { return p.err != nil })
	in := func(workspace, name string) bool {
		for _, p := range s.projects {
			if at := p.inStream(); at.Workspace == workspace && at.Name == name {
				return p.all && p.doubt == nil
			}
		}
		return !unsure && slices.Contains(s.workspaces, workspace)
	}
	var keys []string
	for _, e := range x.o.Base.Gone(in, func(key string) bool { _, ok := x.since.listed[key]; return ok }) {
		r := &Result{Key: e.Key, Workspace: e.Workspace, Project: e.Project, Name: strings.Clone(e.Name), Result: ResultGone}
		x.sum.count(r)
		x.o.Observer.Experiment(r)
		keys = append(keys, e.Key)
	}
	if len(keys) > 0 {
		x.o.Observer.Warn(fmt.Sprintf("gone from the source since the archive: %s", selection.QuoteKeys(keys)))
	}
}
