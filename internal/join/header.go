package join

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/filter"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// header returns the header of the new stream. A stream has one source.
func (c *contents) header(tool string) (*stream.Header, error) {
	h := &stream.Header{Created: time.Now().UnixMilli(), Tool: tool, Parents: []string{}, Requires: []string{}}
	var resources stream.Resources
	everywhere := stream.ExperimentResources // in all streams that have experiments
	for i, from := range c.headers {
		if i == 0 {
			h.Source = from.Source
		}
		if from.Source.URL != h.Source.URL {
			return nil, &ConflictError{fmt.Sprintf("source %q", h.Source.URL), c.sources[0].Name, c.sources[i].Name}
		}
		if from.Source.Version == nil || h.Source.Version != nil && *from.Source.Version != *h.Source.Version {
			h.Source.Version = nil // it has changed meanwhile
		}
		h.Parents = union(h.Parents, append([]string{from.ID}, from.Parents...))
		h.Requires = union(h.Requires, from.Requires)
		h.Scope.Paths = union(h.Scope.Paths, from.Scope.Paths)
		h.Scope.Selection = union(h.Scope.Selection, from.Scope.Selection)
		set, err := stream.ParseResources(from.Scope.Resources)
		if err != nil {
			set = stream.AllResources // a later version knows more names
		}
		resources |= set
		if set.HasAny(stream.ExperimentResources) {
			everywhere &= set
		}
	}
	// It is not to tell that an experiment has what is in others alone.
	if least := resources&^stream.ExperimentResources | resources&everywhere; least != 0 {
		resources = least
	}
	h.Scope.Resources = resources.Names()
	return h, nil
}

// A MissingError says that some shards of a source are among the inputs, and others
// are not.
type MissingError struct {
	First []selection.Shard // of those that are missing
	More  uint64            // how many there are besides
}

// Error names the first of them.
func (e *MissingError) Error() string {
	names := make([]string, len(e.First))
	for i, s := range e.First {
		names[i] = s.String()
	}
	text := "no input has shard " + strings.Join(names, ", ")
	if e.More > 0 {
		text += fmt.Sprintf(" and %d more", e.More)
	}
	return text
}

// missing returns a [*MissingError] if the options of a scope name shards of a source,
// and not all.
func missing(options []string) error {
	given, have := make(map[selection.Shard]bool), make(map[uint64]uint64)
	for _, option := range options {
		text, ok := strings.CutPrefix(option, "--shard ")
		if s, err := selection.ParseShard(text); ok && err == nil && !given[s] {
			given[s] = true
			have[s.N]++
		}
	}
	e := &MissingError{}
	const most = 10
	for _, n := range slices.Sorted(maps.Keys(have)) {
		before := len(e.First)
		for s := (selection.Shard{N: n}); s.K < n && len(e.First) < most; s.K++ {
			if !given[s] {
				e.First = append(e.First, s)
			}
		}
		e.More += n - have[n] - uint64(len(e.First)-before)
	}
	if len(e.First) == 0 {
		return nil
	}
	return e
}

// union adds to a list what it lacks.
func union(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// plan returns the plan of the new stream.
func (c *contents) plan() *stream.Plan {
	plan := &stream.Plan{Workspaces: slices.Compact(slices.Sorted(slices.Values(c.spaces)))}
	for at, n := range c.planned {
		if p := c.projects[at]; n != nil && p != nil {
			left := *n - p.twice
			n = &left
		}
		plan.Projects = append(plan.Projects, stream.PlannedProject{Workspace: at.Workspace, Project: at.Name, Experiments: n})
	}
	slices.SortFunc(plan.Projects, func(a, b stream.PlannedProject) int {
		return stream.ProjectName{Workspace: a.Workspace, Name: a.Project}.Compare(stream.ProjectName{Workspace: b.Workspace, Name: b.Project})
	})
	return plan
}

// record returns the record of a project, with what any input reports it.
func (p *project) record() (stream.Raw, error) {
	base := p.raw[0]
	var sum, links int64
	reported := false
	for _, raw := range p.raw {
		rec, err := stream.DecodeAs[*stream.Project](raw)
		if err != nil {
			return raw, err
		}
		if sum += rec.Experiments; rec.ShareLinks != nil {
			links, reported = max(links, *rec.ShareLinks), true
		}
		if base.Field("doc") == nil && rec.Doc != nil {
			base = raw
		}
	}
	rec, err := stream.DecodeAs[*stream.Project](base)
	if err != nil {
		return base, err
	}
	if rec.Experiments = sum - p.twice; reported {
		rec.ShareLinks = &links
	}
	return base.With(rec)
}

// sameProject reports whether a project is as one that was read before: what a
// server changes by itself, and what only one of them tells, aside.
func sameProject(before stream.Raw, now *stream.Project) (bool, error) {
	rec, err := stream.DecodeAs[*stream.Project](before)
	if err != nil || rec.Doc == nil || now.Doc == nil {
		return true, err
	}
	if rec.Public != nil && now.Public != nil && *rec.Public != *now.Public {
		return false, nil
	}
	a, b := written(rec.Doc), written(now.Doc)
	if len(a) != len(b) {
		return false, nil
	}
	for name, value := range a {
		if !bytes.Equal(value, b[name]) {
			return false, nil
		}
	}
	return true, nil
}

// written returns the members of a project's document that a server does not give
// by itself.
func written(doc stream.Doc) map[string]stream.Doc {
	assigned := filter.Assigned()[stream.KindProject]
	members := make(map[string]stream.Doc)
	for name, value := range doc.Members() {
		if !slices.Contains(assigned, "doc."+name) {
			members[name] = value
		}
	}
	return members
}
