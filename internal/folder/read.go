package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// Stream writes the folder to w as a stream: whole projects, one after the other.
// A file that is missing or malformed, or leads out of the folder, gives a
// skipped record and no error. It returns how many there are. After an error of
// w, or once ctx is done, the stream has no good end.
func (f *Folder) Stream(ctx context.Context, w io.Writer) (skipped int64, err error) {
	out := &output{w: stream.NewWriter(w, stream.WriterOptions{})}
	if err = f.write(ctx, out); err != nil {
		more := out.w.Abort("error", err.Error())
		if more != nil && !errors.Is(err, more) {
			err = errors.Join(err, more)
		}
		return out.skipped, err
	}
	return out.skipped, out.w.Close()
}

// An output is a stream that is being written.
type output struct {
	w       *stream.Writer
	skipped int64
}

// isRefused tells a record that does not fit the stream, which may be skipped, from
// a stream that cannot be written any more.
func isRefused(err error) bool {
	_, ok := errors.AsType[*stream.Error](err)
	return ok
}

// skip writes that something is missing, and why.
func (o *output) skip(s stream.Skipped, err error) error {
	if err != nil && s.Reason == "" {
		s.Reason = reasonOf(err)
	}
	o.skipped++
	return o.w.Write(&s)
}

// reasonOf says why something is not in the stream, without the system's words for
// what it was doing.
func reasonOf(err error) string {
	e, ok := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "its file is not in the folder"
	case ok && e.Err.Error() == "path escapes from parent":
		return "refused: its path leads out of the folder"
	case ok:
		return e.Err.Error()
	}
	return err.Error()
}

func (f *Folder) write(ctx context.Context, out *output) error {
	header := &stream.Header{
		Created: time.Now().UnixMilli(), Parents: []string{}, Requires: []string{}, Tool: f.options.Tool,
		Scope: stream.Scope{Paths: []string{}, Resources: []string{}}, Source: stream.Source{URL: f.url},
	}
	plan := &stream.Plan{Projects: []stream.PlannedProject{}, Workspaces: []string{}}
	for _, p := range f.projects {
		n := p.count()
		plan.Projects = append(plan.Projects, stream.PlannedProject{Experiments: &n, Project: p.name, Workspace: p.workspace})
	}
	if err := errors.Join(out.w.Write(header), out.w.Write(plan)); err != nil {
		return err
	}
	for _, p := range f.projects {
		if err := f.writeProject(ctx, out, p); err != nil {
			return err
		}
	}
	for _, p := range f.projects {
		for _, e := range p.experiments {
			if group := f.groups[e.key]; group.in != p {
				if err := out.w.Write(&stream.Link{Experiment: e.key, Project: p.name, Workspace: p.workspace}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// count is the number of experiments that the folder lists.
func (p *project) count() int64 { return int64(len(p.experiments) + len(p.bad)) }

func (f *Folder) writeProject(ctx context.Context, out *output, p *project) error {
	rec := &stream.Project{Workspace: p.workspace, Name: p.name, Experiments: p.count()}
	if p.doc != nil {
		doc, err := docWithout(p.doc, "cometDownloadVersion", "shareCodes")
		if err != nil {
			return fmt.Errorf("%s: %w", p.dir, err)
		}
		rec.Doc, rec.Public = doc, wire.BoolOf(wire.Member(p.doc, "public"))
	}
	if err := out.w.Write(rec); err != nil {
		return fmt.Errorf("%s: %w", p.dir, err)
	}
	for _, bad := range p.bad {
		name := path.Base(bad.dir)
		err := out.skip(stream.Skipped{Of: stream.KindExperiment, Name: &name, Project: p.name, Workspace: p.workspace}, bad.err)
		if err != nil {
			return err
		}
	}
	for _, e := range p.experiments {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := f.writeExperiment(ctx, out, e); err != nil {
			return err
		}
	}
	return f.writeNotes(out, p)
}

// writeNotes writes the notes of a project.
func (f *Folder) writeNotes(out *output, p *project) error {
	write := func(data []byte, more bool) error {
		return out.w.Write(&stream.Notes{Workspace: p.workspace, Project: p.name, Data: data, More: more})
	}
	skip := func(err error) error {
		return out.skip(stream.Skipped{Of: stream.KindNotes, Project: p.name, Workspace: p.workspace}, err)
	}
	return writeText(f.root, path.Join(p.dir, notesFile), write, skip)
}

// A group is an experiment that is being written.
type group struct {
	*output
	*experiment
	root *os.Root // of its folder
}

// skipItem writes that an item of the experiment is missing.
func (g *group) skipItem(of stream.Kind, id, name string, err error) error {
	s := stream.Skipped{Experiment: &g.key, Of: of}
	if id != "" {
		s.ID = &id
	}
	if name != "" {
		s.Name = &name
	}
	return g.skip(s, err)
}

// writeExperiment writes the group of an experiment, if it is not that of another
// folder.
func (f *Folder) writeExperiment(ctx context.Context, out *output, e *experiment) error {
	first, p := f.groups[e.key], e.in
	if first != e && first.in != p {
		return nil // a link reports it
	}
	missing := stream.Skipped{Experiment: &e.key, Of: stream.KindExperiment, Project: p.name, Workspace: p.workspace}
	if first != e {
		return out.skip(missing, fmt.Errorf("folder %s has the key of %s", e.dir, first.dir))
	}
	root, err := f.root.OpenRoot(e.dir)
	if err != nil {
		return out.skip(missing, err)
	}
	defer root.Close()
	g := &group{out, e, root}
	others, othersErr := g.values("others.jsonl")
	head, err := g.head(others)
	if err == nil {
		err = out.w.Write(head)
	}
	if err != nil {
		if isRefused(err) || !errors.Is(err, context.Canceled) && head == nil {
			return out.skip(missing, err)
		}
		return err
	}
	for _, write := range []func() error{
		func() error { return g.writeList(stream.KindParameters, "parameters.json") },
		func() error { return g.writeValues(stream.KindOthers, others, othersErr) },
		g.writeSystem,
		func() error { return g.writeDocument(stream.KindGit, "run/git_metadata.json") },
		g.writeTexts,
		func() error { return g.writeMetrics(ctx) },
		func() error { return g.writeAssets(ctx) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return out.w.Write(&stream.ExperimentEnd{Key: e.key})
}

// head returns the record that opens the group.
func (g *group) head(others []stream.Doc) (*stream.Experiment, error) {
	text, err := readDocument(g.root, experimentFile)
	if err != nil {
		return nil, err
	}
	obj, err := object(text)
	if err != nil {
		return nil, err
	}
	doc, err := docWithout(obj, "tags", "cometDownloadVersion")
	if err != nil {
		return nil, err
	}
	tags := wire.TextsOf(wire.Member(obj, "tags"))
	slices.Sort(tags)
	rec := &stream.Experiment{
		Key: g.key, Workspace: g.in.workspace, Project: g.in.name, Doc: doc, Tags: append([]string{}, tags...),
		Start: g.start, End: wire.IntOf(wire.Member(obj, "endTimeMillis")),
		Archived: wire.IsTrue(wire.Member(obj, "archived")), Running: wire.IsTrue(wire.Member(obj, "running")),
		Crashed: wire.BoolOf(wire.Member(obj, "hasCrashed")),
		Name:    nameOf(others, wire.TextOrEmpty(wire.Member(obj, "experimentName"))),
	}
	return rec, nil
}

// nameOf returns the name of an experiment: its other "Name", or else what the
// metadata say.
func nameOf(others []stream.Doc, told string) *string {
	for _, o := range others {
		if name, _ := o.Member("name").Text(); name == "Name" {
			if text, ok := o.Member("valueCurrent").Text(); ok {
				return &text
			}
		}
	}
	if told == "" {
		return nil
	}
	return &told
}

// address returns the address of the instance that a folder is from, as links of
// its assets have it, "" where none does.
func (f *Folder) address() string {
	for _, p := range f.projects {
		for _, e := range p.experiments {
			found := ""
			// What cannot be read is reported with its experiment.
			_ = eachLine(f.root, path.Join(e.dir, assetsFile), func(line []byte, _ int64) error {
				obj, err := object(line)
				if err != nil || wire.IsTrue(wire.Member(obj, "remote")) {
					return nil
				}
				u, err := url.Parse(wire.TextOrEmpty(wire.Member(obj, "link")))
				if err != nil {
					return errStop
				}
				prefix, _, ok := strings.Cut(u.EscapedPath(), "/api/")
				if u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && ok {
					found = u.Scheme + "://" + u.Host + prefix
				}
				return errStop
			})
			if found != "" {
				return found
			}
		}
	}
	return ""
}

// errStop ends a walk over lines.
var errStop = errors.New("no more lines are wanted")
