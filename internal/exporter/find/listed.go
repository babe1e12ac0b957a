package find

import (
	"context"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// Listed are experiments where a list has them that was made before, by the workspace
// and the name of a project.
type Listed map[[2]string][]Experiment

// Add adds an experiment at the path of its project.
func (l Listed) Add(p *Path, e Experiment) {
	at := [2]string{strings.Clone(p.Workspace), strings.Clone(p.Project)}
	l[at] = append(l[at], e)
}

// of returns the experiments of a project.
func (l Listed) of(p *comet.Project) []Experiment { return l[[2]string{p.Workspace, p.Name}] }

// has reports whether an experiment is listed in a project, once useListed has taken
// the list.
func (l Listed) has(p *comet.Project, key string) bool {
	_, ok := slices.BinarySearchFunc(l.of(p), Experiment{Key: key}, byKey)
	return ok
}

func byKey(a, b Experiment) int { return strings.Compare(a.Key, b.Key) }

// useListed lets a list stand for the listings of projects, if nothing but keys is asked
// of a listing, and all of them are in these projects. It sorts what they have, and
// drops what is there twice.
func (x *Finder) useListed(projects []*Project) {
	if len(x.o.Listed) == 0 || x.o.Base != nil || !x.o.Selection.ByKeysAlone() {
		return
	}
	left := len(x.o.Listed)
	for _, p := range projects {
		if !p.All {
			return
		}
		if x.o.Listed.of(&p.Project) != nil {
			left--
		}
	}
	if left > 0 {
		return
	}
	for at, list := range x.o.Listed {
		slices.SortStableFunc(list, byKey)
		x.o.Listed[at] = slices.CompactFunc(list, func(a, b Experiment) bool { return a.Key == b.Key })
	}
	for _, p := range projects {
		p.ByList = true
	}
}

// Moved reports whether a project has an experiment no more that a list places in
// it, and that belongs to home, nil if that is not in scope: it was moved there,
// where it is not a link. The project is asked, once, for what the list does not
// contain.
func (x *Finder) Moved(ctx context.Context, p *Project, key string, home *Project) (bool, error) {
	if !p.ByList || home != nil && x.o.Listed.has(&home.Project, key) {
		return false, nil
	}
	if p.now == nil {
		all, err := x.list(ctx, &p.Project)
		if err != nil {
			return false, err
		}
		p.now = make(map[string]struct{}, len(all))
		for i := range all {
			p.now[all[i].Key] = struct{}{}
		}
	}
	_, linked := p.now[key]
	return !linked, nil
}
