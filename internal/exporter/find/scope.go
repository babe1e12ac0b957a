package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/internal/suggest"
	"github.com/comet-stream/comet-stream/stream"
)

// maxListed is how many listed experiments are kept in memory. The listings of
// projects beyond it are counted, and read again when their turn comes.
const maxListed = 50_000

// Experiment is what is kept of an experiment in the listing of its project.
type Experiment struct {
	Key, Name  string
	Path       *string // of its main file
	Start, End *int64
	Archived   bool
	Running    bool
	Crashed    *bool // nil where the listing does not say
	Stateless  bool  // a list of keys says nothing of it but where it is
}

func newListed(e *comet.Experiment) Experiment {
	l := Experiment{
		Key: strings.Clone(e.Key), Start: e.Start, End: e.End,
		Archived: e.Archived, Running: e.Running, Crashed: e.Crashed,
	}
	if e.Name != nil {
		l.Name = strings.Clone(*e.Name)
	}
	if e.FilePath != nil {
		path := strings.Clone(*e.FilePath)
		l.Path = &path
	}
	return l
}

// byStart orders experiments as they are in a stream.
func byStart(a, b Experiment) int {
	return cmp.Or(stream.CompareTimes(a.Start, b.Start), strings.Compare(a.Key, b.Key))
}

// Project is a project in scope.
type Project struct {
	comet.Project
	All         bool                  // all of its experiments are in scope
	Only        map[string]Experiment // or these
	Named       map[string]struct{}   // keys that paths name, all the same
	Experiments []Experiment          // selected, in order; nil while not kept
	Kept        bool                  // experiments holds them
	Count       int64                 // of them
	NotSelected int64                 // not selected
	Unchanged   int64                 // selected, and held by an earlier archive
	Rechecked   int64                 // held by one, and among Count all the same because it is their turn
	held        []Experiment          // the unchanged ones, until it is known whose turn it is
	Err         error                 // what keeps us from listing it
	Doubt       error                 // why its listing may not be whole
	Chosen      int64                 // of the selected ones of all shards
	ByList      bool                  // its experiments are those that a list places in it
}

// Scope is all that is to be exported.
type Scope struct {
	Projects   []*Project
	Workspaces []string // whose workspace-level kinds are in scope
	special    []Path   // workspace-level kinds named by paths
}

// resolver finds what paths lead to.
type resolver struct {
	x          *Finder
	workspaces []string // nil until asked for
	known      map[string][]comet.Project
	projects   map[stream.ProjectName]*Project
	scope      Scope
}

// NewResolver returns a resolver of paths.
func NewResolver(x *Finder) *resolver {
	return &resolver{x: x, known: make(map[string][]comet.Project), projects: make(map[stream.ProjectName]*Project)}
}

// ResolveAll finds what paths lead to.
func (x *Finder) ResolveAll(ctx context.Context, paths []Path) (*Scope, error) {
	r := NewResolver(x)
	for _, p := range paths {
		if err := r.add(ctx, p); err != nil {
			return nil, err
		}
	}
	if x.o.WithExperiments {
		if err := r.addNeeded(ctx); err != nil {
			return nil, err
		}
	}
	r.scope.Projects = slices.SortedFunc(maps.Values(r.projects), func(a, b *Project) int { return nameOf(&a.Project).Compare(nameOf(&b.Project)) })
	slices.Sort(r.scope.Workspaces)
	r.scope.Workspaces = slices.Compact(r.scope.Workspaces)
	return &r.scope, nil
}

// add puts what a path leads to into the scope.
func (r *resolver) add(ctx context.Context, p Path) error {
	if p.Kind != "" {
		err := r.CheckSpecial(ctx, &p)
		r.scope.special = append(r.scope.special, p)
		return err
	}
	if p.Project == "" {
		list, err := r.ProjectsOf(ctx, p.Workspace)
		if p.MayBeKey(err) {
			return r.addKey(ctx, p.Workspace, err)
		}
		if err != nil {
			return err
		}
		for i := range list {
			r.project(&list[i]).All = true
		}
		r.scope.Workspaces = append(r.scope.Workspaces, p.Workspace)
		return nil
	}
	proj, err := r.findProject(ctx, p)
	if err != nil {
		return err
	}
	if p.Experiment == "" {
		r.project(proj).All = true
		return nil
	}
	return r.addExperiment(ctx, p, r.project(proj))
}

// MayBeKey reports whether a path that leads to no workspace, as err says, may be the
// key of an experiment by itself.
func (p *Path) MayBeKey(err error) bool {
	e, ok := errors.AsType[*NotFoundError](err)
	return ok && e.What == "workspace" && p.Project == "" && IsKey(p.Workspace)
}

// addKey puts the experiment of a key into the scope, wherever it is. It returns
// notFound if the server says that there is none.
func (r *resolver) addKey(ctx context.Context, key string, notFound error) error {
	e, err := r.x.client.Experiments.Metadata(ctx, key)
	switch {
	case err == nil:
	case judge.Missing(err):
		return notFound
	default:
		return fmt.Errorf("experiment %q: %w", key, err)
	}
	if found, err := r.addToProject(ctx, e); err != nil || found {
		return err
	}
	return notFound
}

// addToProject puts an experiment into the scope, in its project. It reports whether
// there is that.
func (r *resolver) addToProject(ctx context.Context, e *comet.Experiment) (found bool, err error) {
	list, err := r.ProjectsOf(ctx, e.Workspace)
	if err != nil {
		return false, err
	}
	for i := range list {
		if SameProject(e, &list[i]) {
			r.project(&list[i]).add(newListed(e))
			return true, nil
		}
	}
	return false, nil
}

// project returns the project in scope, which it may put there.
func (r *resolver) project(p *comet.Project) *Project {
	at := nameOf(p)
	if r.projects[at] == nil {
		r.projects[at] = &Project{Project: *p, Named: make(map[string]struct{})}
	}
	return r.projects[at]
}

// ProjectsOf lists the projects of a workspace.
func (r *resolver) ProjectsOf(ctx context.Context, workspace string) ([]comet.Project, error) {
	if list, ok := r.known[workspace]; ok {
		return list, nil
	}
	list, err := r.x.client.Projects.List(ctx, workspace)
	if err != nil && !judge.Missing(err) {
		// Servers refuse to tell whether a workspace exists that the key may
		// not see.
		if judge.Fatal(err) || !r.absent(ctx, workspace) {
			return nil, fmt.Errorf("list projects of %q: %w", workspace, err)
		}
		return nil, r.noWorkspace(workspace)
	}
	// A workspace that does not exist may come out as one without projects.
	if len(list) == 0 && (err != nil || r.absent(ctx, workspace)) {
		r.absent(ctx, workspace)
		return nil, r.noWorkspace(workspace)
	}
	if len(list) == 0 {
		if list, err = r.listAgain(ctx, workspace); err != nil {
			return nil, fmt.Errorf("list projects of %q: %w", workspace, err)
		}
	}
	r.known[workspace] = list
	return list, nil
}

// listAgain lists the projects of a workspace that has been listed as empty, also
// by the newer call where there is one: what is exported of an empty workspace
// looks like success.
func (r *resolver) listAgain(ctx context.Context, workspace string) ([]comet.Project, error) {
	list, err := r.x.client.Projects.List(ctx, workspace)
	if err != nil || len(list) > 0 {
		return list, err
	}
	list, err = r.x.client.Projects.Pages(ctx, workspace)
	if err != nil && !judge.Fatal(err) {
		return nil, nil // it knows no more than the other
	}
	return list, err
}

// absent reports whether the list of workspaces lacks one.
func (r *resolver) absent(ctx context.Context, workspace string) bool {
	if r.workspaces == nil {
		names, err := r.x.client.Workspaces.List(ctx)
		if err != nil {
			return false
		}
		r.workspaces = append([]string{}, names...)
	}
	return !slices.Contains(r.workspaces, workspace)
}

func (r *resolver) noWorkspace(name string) error {
	return &NotFoundError{What: "workspace", Name: name, Similar: suggest.Nearest(name, r.workspaces, 5), Count: len(r.workspaces)}
}

// findProject returns the project of a path.
func (r *resolver) findProject(ctx context.Context, p Path) (*comet.Project, error) {
	list, err := r.ProjectsOf(ctx, p.Workspace)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	if i := p.find(p.Project, names); i >= 0 {
		return &list[i], nil
	}
	near := suggest.Nearest(p.Project, names, 5)
	for i := range near {
		near[i] = ProjectPart(near[i])
	}
	return nil, &NotFoundError{What: "project", Name: p.Project, In: p.Workspace, Similar: near, Count: len(names)}
}

// addExperiment puts one experiment into the scope, found by key or name.
func (r *resolver) addExperiment(ctx context.Context, p Path, proj *Project) error {
	if IsKey(p.Experiment) {
		e, err := r.x.client.Experiments.Metadata(ctx, p.Experiment)
		switch {
		case err == nil && SameProject(e, &proj.Project):
			proj.add(newListed(e))
			return nil
		case err != nil && judge.Fatal(err):
			return fmt.Errorf("experiment %q: %w", p, err)
		}
	}
	// A name, or the key of an experiment that is linked into the project.
	all, err := r.x.list(ctx, &proj.Project)
	if err != nil {
		return fmt.Errorf("list experiments of %q: %w", proj.Path(), err)
	}
	var found []Experiment
	for _, e := range all {
		if e.Key == p.Experiment {
			found = []Experiment{e}
			break
		}
		if e.Name == p.Experiment {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return notFoundExperiment(p, all)
	case 1:
		proj.add(found[0])
		return nil
	}
	e := &AmbiguousError{Path: p}
	for _, f := range found {
		e.Keys = append(e.Keys, f.Key)
	}
	return e
}

// IsKey reports whether s has the form of an experiment key.
func IsKey(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(s) >= 20 && len(s) <= 64
}

// SameProject reports whether an experiment's metadata names the project.
func SameProject(e *comet.Experiment, p *comet.Project) bool {
	if e.ProjectID != "" && p.ID != "" {
		return e.ProjectID == p.ID
	}
	return e.Project == p.Name && (e.Workspace == "" || e.Workspace == p.Workspace)
}

// Path returns the project as it is written on the command line.
func (p *Project) Path() string { return p.Workspace + "/" + ProjectPart(p.Name) }

// add puts one experiment into scope.
func (p *Project) add(e Experiment) {
	if p.Only == nil {
		p.Only = make(map[string]Experiment)
	}
	p.Only[e.Key] = e
	p.Named[e.Key] = struct{}{}
}

// list reads the listing of a project.
func (x *Finder) list(ctx context.Context, p *comet.Project) ([]Experiment, error) {
	var all []Experiment
	for e, err := range x.client.Experiments.List(ctx, comet.Listing{Workspace: p.Workspace, Project: p.Name}) {
		if err != nil {
			return nil, err
		}
		all = append(all, newListed(&e))
	}
	return all, nil
}

// listWhole lists the experiments of a project. Where they are fewer than the
// project says, both are asked again, and if that does not settle it, doubt says
// so: a listing that was cut short looks like one of a smaller project.
func (x *Finder) listWhole(ctx context.Context, p *comet.Project) (all []Experiment, doubt, err error) {
	fewer := func(said *int64) bool { return said != nil && int64(len(all)) < *said }
	if all, err = x.list(ctx, p); err != nil || !fewer(p.Experiments) {
		return all, nil, err
	}
	if all, err = x.list(ctx, p); err != nil || !fewer(p.Experiments) {
		return all, nil, err
	}
	now, err := x.client.Projects.Get(ctx, p.Workspace, p.Name)
	if err != nil && judge.Fatal(err) {
		return nil, nil, err
	}
	said := p.Experiments
	if err == nil {
		said = now.Experiments
	}
	if fewer(said) {
		doubt = judge.ItemErrorf("the project has %d experiments, and %d are listed", *said, len(all))
	}
	return all, doubt, nil
}

// ReportIncomplete reports a listing that may not be whole, where no stream can.
func (x *Finder) ReportIncomplete(p *Project) {
	if p.Doubt != nil {
		x.o.Warn(fmt.Sprintf("experiments of %q: %v", p.Path(), p.Doubt))
	}
}

// Selected returns the selected experiments of a project in order, and how many
// there are besides, whatever shard they are in.
func (x *Finder) Selected(ctx context.Context, p *Project) (selected []Experiment, left int64, err error) {
	all := make([]Experiment, 0, len(p.Only))
	switch {
	case p.ByList:
		all = x.o.Listed.of(&p.Project) // which stays as it is
	case p.All:
		if all, p.Doubt, err = x.listWhole(ctx, &p.Project); err != nil {
			return nil, 0, err
		}
	default:
		for _, e := range p.Only {
			all = append(all, e)
		}
	}
	x.since.list(x.o.Base, all)
	if selected, err = x.choose(ctx, p, all); err != nil {
		return nil, 0, err
	}
	slices.SortFunc(selected, byStart)
	return slices.Clip(selected), int64(len(all)-len(selected)) - p.Unchanged, nil
}

// choose returns those of the listed experiments that are selected, less those that
// an earlier archive has, and counts these. A listing does not tell tags, so they are
// asked for where the selection names some and all else allows.
func (x *Finder) choose(ctx context.Context, p *Project, all []Experiment) (selected []Experiment, err error) {
	keep, held := make([]bool, len(all)), make([]bool, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(x.o.InFlight)
	for i := range all {
		e := all[i].chosen()
		may := x.o.Selection.Experiment(&e)
		ask := len(x.o.Selection.Tags)+len(x.o.Selection.Where) > 0 && (may || x.o.Selection.Invert)
		if !ask {
			keep[i] = x.Search.Experiment(&e)
		}
		was := all[i].inBase(p)
		held[i] = (ask || keep[i]) && x.o.Base.Listed(&was)
		if !ask {
			continue
		}
		g.Go(func() (err error) {
			keep[i], err = x.keeps(ctx, &e)
			held[i] = held[i] && (e.NoTags || x.o.Base.Tagged(e.Key, e.Tags))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	p.Unchanged, p.held = 0, nil
	for i, keep := range keep {
		switch {
		case keep && held[i] && !x.due[all[i].Key]:
			p.Unchanged++
			if x.o.Recheck > 0 && x.due == nil {
				p.held = append(p.held, all[i])
			}
		case keep:
			selected = append(selected, all[i])
		}
	}
	return selected, nil
}

// recheck selects those of the unchanged experiments of all projects whose turn it is
// to be read again.
func (x *Finder) recheck(projects []*Project) {
	var keys []string
	for _, p := range projects {
		for i := range p.held {
			keys = append(keys, p.held[i].Key)
		}
	}
	x.due = x.o.Base.Due(keys, x.o.Recheck)
	for _, p := range projects {
		for _, e := range p.held {
			if !x.due[e.Key] {
				continue
			}
			p.Unchanged--
			p.Chosen++
			if !x.o.Selection.Shard.Has(e.Key) {
				continue
			}
			p.Count++
			p.Rechecked++
			if p.Kept {
				p.Experiments = append(p.Experiments, e)
			}
		}
		slices.SortFunc(p.Experiments, byStart)
		p.held = nil
	}
}

// keeps reports whether an experiment is selected, by its tags and values too.
func (x *Finder) keeps(ctx context.Context, e *selection.Experiment) (bool, error) {
	if len(x.o.Selection.Tags) > 0 {
		tags, err := x.client.Experiments.Tags(ctx, e.Key)
		if err != nil {
			return false, fmt.Errorf("tags of experiment %q: %w", e.Key, err)
		}
		e.NoTags, e.Tags = false, tags
	}
	var err error
	if e.Holds, err = x.holds(ctx, e.Key); err != nil {
		return false, fmt.Errorf("values of experiment %q: %w", e.Key, err)
	}
	return x.Search.Experiment(e), nil
}

// chosen returns what a listing tells for the choice of experiments.
func (l *Experiment) chosen() selection.Experiment {
	e := selection.Experiment{Key: l.Key, NoTags: true, Start: l.Start, End: l.End, Archived: l.Archived, Running: l.Running}
	if l.Name != "" {
		e.Name = &l.Name
	}
	return e
}

// Keep takes those of the selected experiments of p that are in the shard.
func (p *Project) Keep(selected []Experiment, left int64, shard selection.Shard) {
	p.Chosen, p.NotSelected = int64(len(selected)), left
	p.Experiments, p.Kept = slices.DeleteFunc(selected, func(e Experiment) bool { return !shard.Has(e.Key) }), true
	p.Count = int64(len(p.Experiments))
}

// Prune takes projects out of a listed scope that have no experiment left, and what
// belongs to workspaces where none at all is. It returns how many experiments the
// projects had that are not selected.
func (x *Finder) Prune(s *Scope) (left int64) {
	chosen := &x.o.Selection
	if len(s.Projects) == 0 {
		x.Search.Match() // paths name nothing that experiments are chosen from
	}
	if !chosen.SelectsExperiments() || len(s.Projects) == 0 {
		return 0
	}
	s.Projects = slices.DeleteFunc(s.Projects, func(p *Project) bool {
		empty := p.Err == nil && p.Chosen+p.Unchanged == 0 && (p.NotSelected > 0 || chosen.Narrows())
		if empty {
			left += p.NotSelected
		}
		return empty
	})
	if len(s.Projects) == 0 && chosen.Narrows() {
		s.Workspaces, s.special = nil, nil
	}
	return left
}

func nameOf(p *comet.Project) stream.ProjectName {
	return stream.ProjectName{Workspace: p.Workspace, Name: p.Name}
}

// InStream returns the name of the project as a stream has it.
func (p *Project) InStream() stream.ProjectName {
	return stream.ProjectName{Workspace: judge.Valid(p.Workspace), Name: judge.Valid(p.Name)}
}
