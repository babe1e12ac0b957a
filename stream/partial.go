package stream

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
)

// A Group is an experiment, artifact or model group that is whole in a partial
// stream, or a skipped record outside any group.
type Group struct {
	Kind      Kind   // KindExperiment, KindArtifact, KindModel or KindSkipped
	ID        string // key or id; of a skipped record what it names
	Project   string
	Workspace string
	Skipped   int64 // skipped records in it
	Passing   int64 // those whose cause may have passed
}

// A ProjectName names a project.
type ProjectName struct {
	Workspace string
	Name      string
}

// String returns the name as "workspace/project".
func (p ProjectName) String() string { return p.Workspace + "/" + p.Name }

// Compare orders projects as in a stream.
func (p ProjectName) Compare(other ProjectName) int {
	return cmp.Or(strings.Compare(p.Workspace, other.Workspace), strings.Compare(p.Name, other.Name))
}

// A Partial is what can be kept of a stream whose writer did not finish.
type Partial struct {
	Header   *Header
	Plan     *Plan
	Projects []ProjectName // of the project records that are kept, in order
	Groups   []Group       // those that are kept, in order
	Keys     []string      // of the experiments among them
	Totals   Totals        // of what is kept
	Size     int64         // of the file where it is cut; what is kept of the last block is written again
	Complete bool          // the stream has its trailer and nothing was refused: there is nothing to go on with
	Cause    error         // how the stream ended: nil, ErrTruncated, ErrAborted or what is wrong with it

	g      *grammar
	label  Label  // of the block that is cut
	prefix []byte // records of it that are kept
	kept   int    // their number
}

// ReadPartial reads the stream in rs from its current position, the beginning of
// the stream, and finds where a writer can continue: after the last whole group,
// but before the first group, or skipped record outside of groups, that stop
// refuses. A nil stop refuses nothing. If no group is kept, the writer continues
// after the plan.
//
// It fails where rs does, and where not even header and plan can be read: with
// ErrTruncated if they were not written, with another error if they may be there.
// Everything else, damage in the middle included, cuts the stream and is reported in
// Cause.
func ReadPartial(rs io.ReadSeeker, stop func(Group) bool) (*Partial, error) {
	watched := &readWatch{r: rs}
	r := NewReader(watched, ReaderOptions{})
	p := &Partial{}
	err := p.read(r, stop)
	r.Close()
	<-r.blocks.ended // rs must be free to seek
	if watched.err != nil {
		return nil, watched.err
	}
	if p.Plan == nil && errors.Is(err, ErrTruncated) && r.blocks.src.skipping {
		// A writer skips nothing here, and the length of what it skips is not
		// checked by anything: it has been damaged, and hides all after it.
		return nil, fault(ErrCorrupt, "a skippable frame before the plan is longer than the file")
	}
	if p.Plan == nil {
		return nil, err
	}
	p.Cause = err
	if errors.Is(err, errRefused) {
		p.Cause = nil
	}
	p.forget()
	return p, p.loadPrefix(rs)
}

// errRefused ends the reading of a partial stream before a group.
var errRefused = errors.New("group refused")

// read follows the stream and notes each place at which it could be cut.
func (p *Partial) read(r *Reader, stop func(Group) bool) error {
	var group Group
	var projects []ProjectName
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			p.Complete = true
			return nil
		}
		if err != nil {
			return err
		}
		v := raw.view
		switch {
		case v.kind == KindHeader && p.Header != nil:
			return fault(ErrGrammar, "another stream follows")
		case v.kind == KindHeader:
			p.Header = v.decode().(*Header)
		case v.kind == KindPlan:
			p.Plan = v.decode().(*Plan)
			p.cut(r, projects)
		case v.kind == KindProject:
			projects = append(projects, ProjectName{Workspace: r.g.workspace, Name: r.g.project})
		case opensGroup.Has(v.kind) && v.bit != unknownBit:
			group = Group{Kind: v.kind, ID: r.g.group.id, Project: string(v.str(slotProject)), Workspace: string(v.str(slotWorkspace))}
		case v.kind == KindSkipped && r.g.outside():
			if stop != nil && stop(skippedGroup(v.decode().(*Skipped))) {
				return errRefused
			}
		case v.kind == KindSkipped:
			group.Skipped++
			if v.bool(slotPassing) {
				group.Passing++
			}
		case groupOf[v.kind] != "":
			if stop != nil && stop(group) {
				return errRefused
			}
			p.Groups = append(p.Groups, group)
			p.cut(r, projects)
		}
	}
}

// skippedGroup describes a skipped record outside of groups.
func skippedGroup(s *Skipped) Group {
	g := Group{Kind: KindSkipped, Project: s.Project, Workspace: s.Workspace, Skipped: 1}
	if s.Experiment != nil {
		g.ID = *s.Experiment
	} else if s.ID != nil {
		g.ID = *s.ID
	}
	if s.Passing {
		g.Passing = 1
	}
	return g
}

// cut notes that the stream can be cut after the record that r returned last.
func (p *Partial) cut(r *Reader, projects []ProjectName) {
	g := *r.g
	g.total = r.g.total.clone()
	g.keys, g.ids = nil, nil
	p.g = &g
	p.Size, p.label, p.kept = r.job.block.Offset, r.job.block.Label, r.next
	p.Projects = projects
}

// forget makes the grammar one that has seen what is kept and nothing else.
func (p *Partial) forget() {
	p.g.hash, p.g.hashing = sha256.New(), true
	for _, group := range p.Groups {
		if group.Kind == KindExperiment {
			p.Keys = append(p.Keys, group.ID)
			p.g.keys.add([]byte(group.ID))
		}
	}
	p.Totals = p.g.total.totals()
}

// loadPrefix reads the block that is cut once more. One that is kept whole stays
// in the file as it is.
func (p *Partial) loadPrefix(rs io.ReadSeeker) error {
	if p.kept == int(p.label.Records) {
		p.Size += labelSize + int64(p.label.FrameLen)
		p.kept = 0
		return nil
	}
	if _, err := rs.Seek(p.Size+labelSize, io.SeekStart); err != nil {
		return err
	}
	b := &Block{Label: p.label, Offset: p.Size}
	var err error
	if b.Frame, err = readFull(rs, nil, int(p.label.FrameLen)); err != nil {
		return err
	}
	c, err := b.decode(nil)
	if err != nil {
		return err
	}
	p.label.Kinds = 0
	for i := range c.records[:p.kept] {
		p.prefix = append(p.prefix, c.records[i].data...)
		p.label.Kinds |= 1 << c.records[i].bit
	}
	return nil
}

// Continue cuts f, which holds the stream that ReadPartial has read from its
// beginning, and returns a Writer that continues it: the same stream, with the
// counts of what is kept. The caller writes what follows what is kept: the
// project record only if it is not the last of Projects, and no group that is in
// Groups.
func (p *Partial) Continue(f interface {
	io.WriteSeeker
	Truncate(size int64) error
}, o WriterOptions) (*Writer, error) {
	if p.Complete {
		return nil, fault(ErrGrammar, "the stream is complete")
	}
	if err := f.Truncate(p.Size); err != nil {
		return nil, err
	}
	if _, err := f.Seek(p.Size, io.SeekStart); err != nil {
		return nil, err
	}
	g := *p.g
	w := newWriter(f, o, &g)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id = p.label.Stream
	if p.kept > 0 {
		w.block = append(w.block, p.prefix...)
		w.records, w.kinds = uint32(p.kept), p.label.Kinds
		w.outside, w.first = p.label.Outside, p.label.Sequence
		w.startTimer()
	}
	return w, nil
}

// A readWatch remembers an error that is not the end of the input.
type readWatch struct {
	r   io.Reader
	err error
}

func (w *readWatch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}
