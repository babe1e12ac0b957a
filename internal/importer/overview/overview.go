// Package overview knows what single answers of a destination say of many of the
// experiments of a project: its listing, the experiments that have a tag, the
// parameters of several. With an import once more of what is there already they
// stand for an answer each.
//
//	x := o.Project(name, planned, has).Take(ctx, key)
//	if x.HasTags(ctx, tags) { ... } // nothing is missing
//
// Only that something is there counts, and only where it is said of that
// experiment. What is not listed, or could not be read, has to be read from the
// experiment itself, as has everything of an experiment that the same import has
// written to before. An overview may be used by many goroutines.
package overview

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/flow"
	"github.com/comet-stream/comet-stream/internal/importer/place"
	"github.com/comet-stream/comet-stream/stream"
)

const (
	// pageSize is how many experiments a page of a listing has.
	pageSize = 1000
	// maxListed is how many experiments are held of a listing.
	maxListed = 100_000
	// maxTags is for how many tags of a project the experiments are asked for.
	maxTags = 32
	// maxKeys and maxValues bound what is asked for of several experiments at once.
	maxKeys, maxValues = 100, 10_000
)

// An Overview is of a destination.
type Overview struct {
	client *comet.Client
	// failed are the queries that are not made any more: the server may lack them, or
	// take no notice of what it is asked for.
	failed struct{ tags, parameters atomic.Bool }

	mu       sync.Mutex
	projects map[place.Project]*Project
}

// New returns an overview, which asks when it is asked.
func New(client *comet.Client) *Overview {
	return &Overview{client: client, projects: make(map[place.Project]*Project)}
}

// Project returns the overview of a project that has so many experiments, of which
// so many are to be looked at; nil where asking for each takes no more requests.
func (o *Overview) Project(name place.Project, planned, has int64) *Project {
	requests := 3 + 2*(has/pageSize)
	if has == 0 || has > maxListed || planned <= 2*requests {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.projects[name]
	if p == nil {
		p = &Project{o: o, name: name, tagged: make(map[tagKey]*flow.Lazy[[]uint64]), values: make(map[string]*values)}
		o.projects[name] = p
	}
	return p
}

// Project is the overview of a project; nil says nothing.
type Project struct {
	o      *Overview
	name   place.Project
	listed flow.Lazy[map[string]*Experiment]
	order  []string // keys by start, as in a stream; once listed, "" where used

	mu     sync.Mutex
	tagged map[tagKey]*flow.Lazy[[]uint64]
	values map[string]*values // by key
}

// An Experiment is what is said of one; nil says nothing.
type Experiment struct {
	comet.Experiment
	p  *Project
	at int // in order
}

// Take returns what the listing says of an experiment, the first time that it is
// asked for, and nil if it has none.
func (p *Project) Take(ctx context.Context, key string) *Experiment {
	if p == nil {
		return nil
	}
	// What fails is not tried again: the experiments are there to be asked.
	listed, _ := p.listed.Get(func() (map[string]*Experiment, error) {
		list, err := p.list(ctx)
		if err != nil {
			list = nil
		}
		return list, nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	x := listed[key]
	delete(listed, key)
	return x
}

func (p *Project) list(ctx context.Context) (map[string]*Experiment, error) {
	var all []*Experiment
	for e, err := range p.o.client.Experiments.List(ctx, comet.Listing{Workspace: p.name.Workspace, Project: p.name.Name, PageSize: pageSize}) {
		if err != nil {
			return nil, err
		}
		// Only what is compared is held, for up to a hundred thousand
		// experiments.
		e.User, e.FileName, e.Duration, e.ProjectID = nil, nil, nil, ""
		if e.Workspace == p.name.Workspace && e.Project == p.name.Name {
			e.Workspace, e.Project = p.name.Workspace, p.name.Name
		}
		all = append(all, &Experiment{Experiment: e, p: p})
	}
	slices.SortFunc(all, func(a, b *Experiment) int {
		return cmp.Or(stream.CompareTimes(a.Start, b.Start), strings.Compare(a.Key, b.Key))
	})
	listed := make(map[string]*Experiment, len(all))
	for i, e := range all {
		e.at = i
		listed[e.Key] = e
		p.order = append(p.order, e.Key)
	}
	return listed, nil
}

type tagKey struct {
	tag      string
	archived bool
}

// HasTags reports whether the destination says that the experiment has all of the
// tags.
func (x *Experiment) HasTags(ctx context.Context, tags []string) bool {
	if x == nil {
		return false
	}
	key := document.Hash(x.Key)
	for _, tag := range tags {
		if _, has := slices.BinarySearch(x.p.withTag(ctx, tagKey{tag, x.Archived}), key); !has {
			return false
		}
	}
	return true
}

// withTag returns the hashes of the keys of the experiments that have a tag, sorted.
// Those that are said to have almost the same one as well are left out.
func (p *Project) withTag(ctx context.Context, k tagKey) []uint64 {
	p.mu.Lock()
	of := p.tagged[k]
	if of == nil && len(p.tagged) < maxTags {
		of = new(flow.Lazy[[]uint64])
		p.tagged[k] = of
	}
	p.mu.Unlock()
	if of == nil || p.o.failed.tags.Load() {
		return nil
	}
	hashes, _ := of.Get(func() ([]uint64, error) {
		has, err := p.find(ctx, k.tag, k.archived)
		var alike []uint64
		if err == nil && len(has) > 0 {
			alike, err = p.find(ctx, almost(k.tag), k.archived)
		}
		reported := slices.DeleteFunc(slices.Clone(has), func(hash uint64) bool {
			_, both := slices.BinarySearch(alike, hash)
			return both
		})
		if err != nil || len(reported) == 0 && len(has) > 0 {
			p.o.failed.tags.Store(true)
			return nil, nil
		}
		return reported, nil
	})
	return hashes
}

func (p *Project) find(ctx context.Context, tag string, archived bool) (hashes []uint64, err error) {
	keys, err := p.o.client.Many.Tagged(ctx, p.name.Workspace, p.name.Name, tag, archived)
	for _, key := range keys {
		hashes = append(hashes, document.Hash(key))
	}
	slices.Sort(hashes)
	return hashes, err
}

// almost returns another tag. A server that finds the same experiments by it does not
// tell the two apart, or takes no notice of what it is asked for.
func almost(tag string) string {
	other := strings.Map(func(r rune) rune {
		if u := unicode.ToUpper(r); u != r {
			return u
		}
		return unicode.ToLower(r)
	}, tag)
	if other == tag {
		other += "-"
	}
	return other
}

// values are parameters of several experiments, which one answer has.
type values struct {
	keys   []string
	loaded flow.Lazy[map[string]map[uint64]uint64] // by key: hash of the name, of the value
}

// HasParameters reports whether the destination says that the experiment has these
// parameters with these values.
func (x *Experiment) HasParameters(ctx context.Context, want map[string]string) bool {
	if x == nil || len(want) == 0 || len(want) > maxValues/10 || x.p.o.failed.parameters.Load() {
		return false
	}
	have := x.p.valuesOf(ctx, x, want)
	for name, value := range want {
		if v, ok := have[document.Hash(name)]; !ok || v != document.Hash(value) {
			return false
		}
	}
	return true
}

// valuesOf returns the parameters of an experiment that are known, which may be those
// that another one has asked for. They are held until then.
func (p *Project) valuesOf(ctx context.Context, x *Experiment, want map[string]string) map[uint64]uint64 {
	v := p.asked(x, len(want))
	loaded, _ := v.loaded.Get(func() (map[string]map[uint64]uint64, error) {
		found := make(map[string]map[uint64]uint64, len(v.keys))
		names := slices.Sorted(maps.Keys(want))
		err := p.o.client.Many.Parameters(ctx, v.keys, names, func(key, name, value string) {
			if found[key] == nil {
				found[key] = make(map[uint64]uint64, len(names))
			}
			found[key][document.Hash(name)] = document.Hash(value)
		})
		if err != nil {
			p.o.failed.parameters.Store(true)
			return nil, nil
		}
		return found, nil
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	have := loaded[x.Key]
	delete(loaded, x.Key)
	delete(p.values, x.Key)
	p.order[x.at] = ""
	return have
}

// asked returns the answer that has the parameters of an experiment. Those of the
// experiments of its time are asked for with them: they are likely to have the same.
func (p *Project) asked(x *Experiment, parameters int) *values {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.values[x.Key]; v != nil {
		return v
	}
	v := &values{keys: []string{x.Key}}
	p.values[x.Key] = v
	n := max(1, min(maxKeys, maxValues/parameters))
	from := x.at - x.at%n
	for _, key := range p.order[from:min(from+n, len(p.order))] {
		if key != "" && p.values[key] == nil {
			v.keys = append(v.keys, key)
			p.values[key] = v
		}
	}
	return v
}
