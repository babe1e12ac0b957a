package join

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// A name is what identifies an item.
type name struct {
	kind stream.Kind
	id   string // among those of its kind; "" where its records do
}

// An item is a run of records that belong together: a group, the pieces of a
// text, or one record outside any group.
type item struct {
	name
	workspace string
	start     *int64             // of an experiment
	of        string             // of a skipped record: the experiment that is missing
	listed    stream.ProjectName // of a link and a skipped experiment: the project that lists it

	in      *Input
	part    int // number of the stream
	offset  int64
	index   int
	records int64
	sum     [sha256.Size]byte
}

// A project is one project of all inputs.
type project struct {
	stream.ProjectName
	in    *Input       // the one that raw is of
	raw   []stream.Raw // one of each input
	items []*item
	notes *item
	twice int64 // listed experiments that were in an input before
}

// contents are what all inputs have.
type contents struct {
	headers  []*stream.Header
	sources  []*Input // of headers
	planned  map[stream.ProjectName]*int64
	spaces   []string
	projects map[stream.ProjectName]*project
	first    []*item // before any project
	late     []*item // after all projects
	known    map[name]*item
	single   map[[sha256.Size]byte]int // number of the stream that has such a record
}

func newContents() *contents {
	return &contents{
		planned: make(map[stream.ProjectName]*int64), projects: make(map[stream.ProjectName]*project),
		known: make(map[name]*item), single: make(map[[sha256.Size]byte]int),
	}
}

// A scan reads one input.
type scan struct {
	*contents
	in      *Input
	reader  *stream.Reader
	project *project
	late    bool
	open    *item
	group   bool // open is a group, not a text that goes on
	hash    hash.Hash
}

// read adds what an input has.
func (c *contents) read(ctx context.Context, in *Input, counters *progress.Counters) error {
	r := stream.NewReader(counters.CountReader(in.section()), stream.ReaderOptions{})
	defer r.Close()
	s := &scan{contents: c, in: in, reader: r, hash: sha256.New()}
	for {
		record, err := r.NextRaw()
		if err == io.EOF {
			return nil
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return &InputError{in.Name, err}
		}
		if err := s.record(record); err != nil {
			return err
		}
	}
}

func (s *scan) record(r stream.Raw) error {
	if s.open != nil {
		return s.goesOn(r)
	}
	rec, err := r.Decode()
	if err != nil {
		return &InputError{s.in.Name, err}
	}
	switch rec := rec.(type) {
	case *stream.Header:
		s.headers, s.sources = append(s.headers, rec), append(s.sources, s.in)
		s.project, s.late = nil, false
		return nil
	case *stream.Plan:
		s.takePlan(rec)
		return nil
	case *stream.Project:
		return s.takeProject(r, rec)
	case *stream.Trailer:
		return nil
	}
	s.begin(r, rec)
	return s.goesOn(r)
}

// begin opens the item that a record begins.
func (s *scan) begin(r stream.Raw, rec stream.Record) {
	it := &item{name: name{kind: r.Kind}, in: s.in, part: len(s.headers)}
	it.offset, it.index = s.reader.Position()
	s.open, s.group = it, false
	named := func(parts ...string) { it.id = fmt.Sprintf("%q", parts) }
	switch rec := rec.(type) {
	case *stream.Experiment:
		s.group, it.start = true, rec.Start
		it.id = rec.Key
	case *stream.Artifact:
		s.group, it.workspace = true, rec.Workspace
		named(rec.Workspace, rec.Name, rec.ID)
	case *stream.Model:
		s.group, it.workspace = true, rec.Workspace
		named(rec.Workspace, rec.Name, rec.ID)
	case *stream.Notes:
		named(rec.Workspace, rec.Project)
	case *stream.Panel:
		it.workspace = rec.Workspace
		named(rec.Workspace, rec.ID)
	case *stream.Skipped:
		if rec.Of == stream.KindExperiment && rec.Experiment != nil {
			it.of = *rec.Experiment
			it.listed = stream.ProjectName{Workspace: rec.Workspace, Name: rec.Project}
		}
	case *stream.Link:
		it.listed = stream.ProjectName{Workspace: rec.Workspace, Name: rec.Project}
	}
	s.late = s.late || behindProjects.Has(r.Kind)
	s.hash.Reset()
}

var (
	behindProjects = stream.KindSetOf(stream.KindLink, stream.KindArtifact, stream.KindLineage, stream.KindModel, stream.KindPanel, stream.KindView)
	ends           = stream.KindSetOf(stream.KindExperimentEnd, stream.KindArtifactEnd, stream.KindModelEnd)
)

// goesOn adds a record to the open item, which it may close.
func (s *scan) goesOn(r stream.Raw) error {
	it := s.open
	it.records++
	s.hash.Write(r.Data)
	if s.group && !(r.Kind.Known() && ends.Has(r.Kind)) || !s.group && continues(it, r) {
		return nil
	}
	s.open = nil
	s.hash.Sum(it.sum[:0])
	return s.add(it)
}

// continues reports whether a text goes on after a record.
func continues(it *item, r stream.Raw) bool {
	if !r.Kind.Known() {
		return r.Kind != it.kind // it changes nothing around it
	}
	return r.More()
}

// add takes a whole item, unless another input has it.
func (s *scan) add(it *item) error {
	if it.id == "" {
		if part, ok := s.single[it.sum]; ok && part != it.part {
			s.again(it.listed)
			return nil
		}
		s.single[it.sum] = it.part
	} else if other, ok := s.known[it.name]; ok {
		if other.sum != it.sum {
			return &ConflictError{fmt.Sprintf("%s %s", it.kind, shown(it)), other.in.Name, it.in.Name}
		}
		if it.kind == stream.KindExperiment {
			s.again(s.project.ProjectName)
		}
		return nil
	} else {
		s.known[it.name] = it
	}
	switch {
	case s.late:
		s.contents.late = append(s.contents.late, it)
	case s.project == nil:
		s.first = append(s.first, it)
	case it.kind == stream.KindNotes:
		s.project.notes = it
	default:
		s.project.items = append(s.project.items, it)
	}
	return nil
}

// again notes that a project has listed an experiment in one input more.
func (c *contents) again(at stream.ProjectName) {
	if p := c.projects[at]; p != nil {
		p.twice++
	}
}

// settle drops what is missing in one input and whole in another.
func (c *contents) settle() {
	for _, p := range c.projects {
		p.items = slices.DeleteFunc(p.items, func(it *item) bool {
			existing := it.of != "" && c.known[name{stream.KindExperiment, it.of}] != nil
			if existing {
				p.twice++
			}
			return existing
		})
	}
}

func shown(it *item) string {
	if it.kind == stream.KindExperiment {
		return fmt.Sprintf("%q", it.id)
	}
	return it.id
}

func (s *scan) takePlan(rec *stream.Plan) {
	for _, p := range rec.Projects {
		at := stream.ProjectName{Workspace: p.Workspace, Name: p.Project}
		before, planned := s.planned[at]
		switch {
		case p.Experiments == nil || planned && before == nil:
			s.planned[at] = nil
		case planned:
			sum := *before + *p.Experiments
			s.planned[at] = &sum
		default:
			s.planned[at] = p.Experiments
		}
	}
	s.spaces = append(s.spaces, rec.Workspaces...)
}

func (s *scan) takeProject(r stream.Raw, rec *stream.Project) error {
	at := stream.ProjectName{Workspace: rec.Workspace, Name: rec.Name}
	p := s.projects[at]
	if p == nil {
		p = &project{ProjectName: at, in: s.in}
		s.projects[at] = p
	}
	s.project = p
	if len(p.raw) > 0 {
		same, err := sameProject(p.raw[0], rec)
		if err != nil {
			return err
		}
		if !same {
			return &ConflictError{fmt.Sprintf("project %q", at), p.in.Name, s.in.Name}
		}
	}
	p.raw = append(p.raw, r.Clone())
	return nil
}

// inOrder returns the projects in the order of a stream.
func (c *contents) inOrder() []*project {
	return slices.SortedFunc(maps.Values(c.projects), func(a, b *project) int { return a.Compare(b.ProjectName) })
}

// contents returns what follows the record of a project: experiments in the order
// of a stream, what is missing, and notes.
func (p *project) contents() []*item {
	var list, rest []*item
	for _, it := range p.items {
		if it.kind == stream.KindExperiment {
			list = append(list, it)
		} else {
			rest = append(rest, it)
		}
	}
	slices.SortStableFunc(list, func(a, b *item) int {
		return cmp.Or(stream.CompareTimes(a.start, b.start), strings.Compare(a.id, b.id))
	})
	list = append(list, rest...)
	if p.notes != nil {
		list = append(list, p.notes)
	}
	return list
}

// rank is the order of what comes after all projects: what refers to others comes
// after them.
var rank = map[stream.Kind]int{
	stream.KindArtifact: 1, stream.KindModel: 2, stream.KindLink: 3, stream.KindLineage: 4, stream.KindPanel: 5, stream.KindView: 6,
}

func (c *contents) ofWorkspaces() []*item {
	order := func(it *item) int {
		if n := rank[it.kind]; n > 0 {
			return n
		}
		return len(rank) + 1
	}
	slices.SortStableFunc(c.late, func(a, b *item) int {
		if n := cmp.Compare(order(a), order(b)); n != 0 || order(a) > rank[stream.KindModel] {
			return n
		}
		return strings.Compare(a.id, b.id)
	})
	return c.late
}
