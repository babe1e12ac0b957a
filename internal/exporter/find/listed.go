package find

import (
	"context"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/stream"
)

// Listed are experiments where a list has them that was made before, by the workspace
// and the name of a project.
type Listed map[stream.ProjectName][]Experiment

// Add adds an experiment at the path of its project.
func (l Listed) Add(p *Path, e Experiment) {
	at := stream.ProjectName{Workspace: strings.Clone(p.Workspace), Name: strings.Clone(p.Project)}
	l[at] = append(l[at], e)
}

// of returns the experiments of a project.
func (l Listed) of(p *comet.Project) []Experiment { return l[nameOf(p)] }

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

// Keys are the experiments that a project lists.
type Keys struct {
	keys map[string]struct{}
	Err  error // why they are not known
}

// Has reports whether an experiment is among them.
func (k *Keys) Has(key string) bool {
	_, ok := k.keys[key]
	return ok
}

// ListNow lists a project as it is now.
func (x *Finder) ListNow(ctx context.Context, p *Project) *Keys {
	all, err := x.list(ctx, &p.Project)
	k := &Keys{make(map[string]struct{}, len(all)), err}
	for i := range all {
		k.keys[all[i].Key] = struct{}{}
	}
	return k
}
