package exporter

import (
	"context"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/stream"
)

// A visitor is an experiment in the listing of a project that belongs to another one,
// from which it has not been exported so far. It is a link, or has been moved since
// the listing.
type visitor struct {
	p    *find.Project // that lists it
	res  Result
	home string // where it belongs
	in   bool   // the scope has all of that
}

// link notes that the experiment belongs elsewhere.
func (u *experimentUnit) link(m *metadata) {
	_, exported := u.x.seen[u.l.Key]
	if exported || !u.has(stream.ExperimentResources) {
		u.res.Result = ResultLinked
		u.x.addLink(u.p, u.l.Key)
		return
	}
	u.x.visitors = append(u.x.visitors, &visitor{u.p, u.res, m.Workspace + "/" + m.Project, u.x.home(m) != nil})
}

func (x *Exporter) addLink(p *find.Project, key string) {
	x.links = append(x.links, &stream.Link{Experiment: key, Workspace: judge.Valid(p.Workspace), Project: judge.Valid(p.Name)})
}

// settleVisitors tells links from experiments that were moved, once all projects are
// in the stream. What a project still lists is a link. An experiment that was moved may
// have come to a project after that had been listed, so that the stream lacks it.
func (x *Exporter) settleVisitors(ctx context.Context, out *output) error {
	now := make(map[*find.Project]*find.Keys)
	for _, v := range x.visitors {
		_, missing := x.missing[v.res.Key]
		if _, exported := x.seen[v.res.Key]; !exported && !missing && now[v.p] == nil {
			now[v.p] = x.find.ListNow(direct(ctx), v.p)
		}
		if err := x.settle(out, v, now[v.p]); err != nil {
			return err
		}
	}
	x.visitors = nil
	return nil
}

// settle decides about one visitor, by what its project lists now.
func (x *Exporter) settle(out *output, v *visitor, now *find.Keys) error {
	key := v.res.Key
	_, known := x.seen[key]
	if _, missing := x.missing[key]; missing || x.o.Base.Has(key) {
		known = true
	}
	var lost error
	switch {
	case known:
	case now.Err != nil:
		lost = now.Err
	case !now.Has(key) && v.p.ByList:
		lost = judge.ItemErrorf("the list of keys has it in %q, and it is in %q now", v.p.Path(), v.home)
	case !now.Has(key):
		lost = judge.Contradictionf("it was moved from %q to %q while the export ran", v.p.Path(), v.home)
	case v.in && !v.p.ByList:
		lost = judge.Contradictionf("it belongs to %q, which did not list it", v.home)
	case !v.in:
		out.warn("experiment %q of %q belongs to %q, which is not exported: the stream has only a link to it",
			key, v.p.Path(), v.home)
	}
	out.res = &v.res
	defer func() { out.res = nil }()
	v.res.Result = ResultLinked
	if lost == nil {
		x.addLink(v.p, key)
	} else {
		v.res.Result = ResultSkipped
		err := out.skip(judge.Item{Kind: stream.KindExperiment, Experiment: key, Name: v.res.Name, Workspace: v.p.Workspace, Project: v.p.Name}, lost)
		if err != nil {
			return err
		}
	}
	x.finish(&v.res)
	return nil
}

// linkUnits adds the links of experiments that stand in the listings of other
// projects too.
func (x *Exporter) linkUnits(r *fixedRoute) {
	if !x.o.Resources.Has(stream.ResourceLinks) || len(x.links) == 0 {
		return
	}
	slices.SortFunc(x.links, func(a, b *stream.Link) int {
		return strings.Compare(a.Workspace+"/"+a.Project+"/"+a.Experiment, b.Workspace+"/"+b.Project+"/"+b.Experiment)
	})
	r.add(&recordUnit{func(out *output) error {
		for _, l := range x.links {
			if err := out.write(l); err != nil {
				return err
			}
		}
		return nil
	}})
}
