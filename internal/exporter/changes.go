package exporter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/selection"
)

// reportGone reports the experiments that earlier archives have of what is in
// scope, and that the source lists no more. Where a listing failed or is in
// doubt, nothing is gone.
func (x *Exporter) reportGone(s *find.Scope) {
	if x.o.Base == nil {
		return
	}
	unsure := slices.ContainsFunc(s.Projects, func(p *find.Project) bool { return p.Err != nil })
	in := func(workspace, name string) bool {
		for _, p := range s.Projects {
			if at := p.InStream(); at.Workspace == workspace && at.Name == name {
				return p.All && p.Err == nil && p.Doubt == nil
			}
		}
		return !unsure && slices.Contains(s.Workspaces, workspace)
	}
	var keys []string
	for _, e := range x.o.Base.Gone(in, x.find.HasListed) {
		if !x.o.Selection.Shard.Has(e.Key) {
			continue
		}
		x.finish(&Result{Key: e.Key, Workspace: e.Workspace, Project: e.Project, Name: strings.Clone(e.Name), Result: ResultGone})
		keys = append(keys, e.Key)
	}
	if len(keys) > 0 {
		x.o.Observer.Warn(fmt.Sprintf("no longer at the source: %s", selection.QuoteKeys(keys)))
	}
}
