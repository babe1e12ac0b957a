package folder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// layoutVersion is the version of cometx whose layout is written.
const layoutVersion = "3.6.11"

// A Summary says what has been written to a folder.
type Summary struct {
	Experiments, Assets, AssetBytes int64
	// Skipped is how many items the stream names as missing: a folder has no place
	// to say so.
	Skipped int64
	// Left are the records of a workspace, for which a folder has no place.
	Left map[stream.Kind]int64
}

// Extract writes the projects and experiments of the stream r into a directory,
// which is made where it is not there, as `cometx download` would. Files that are
// there are written again. The errors of the stream are those of [stream.Reader];
// what was whole before it is written, and an experiment that was not has no
// metadata.json.
func Extract(ctx context.Context, dir string, r io.Reader) (Summary, error) {
	x := &extractor{ctx: ctx, top: pathSet{}, projects: make(map[string]string), sum: Summary{Left: make(map[stream.Kind]int64)}}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return x.sum, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return x.sum, err
	}
	x.root = root
	err = x.records(r)
	return x.sum, errors.Join(err, x.drop(), root.Close())
}

// An extractor is one run of Extract.
type extractor struct {
	ctx  context.Context // of this one run
	root *os.Root
	sum  Summary
	url  string // of the instance, "" where the stream does not tell

	top      pathSet           // folders of workspaces, projects and experiments
	projects map[string]string // folders, by workspace and name
	project  string            // folder of the open project
	notes    *outFile          // of the project
	open     *outExperiment
}

func (x *extractor) records(r io.Reader) error {
	reader := stream.NewReader(r, stream.ReaderOptions{})
	defer reader.Close()
	for {
		if x.ctx.Err() != nil {
			return context.Cause(x.ctx)
		}
		rec, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = x.record(rec)
		}
		if err != nil {
			return err
		}
	}
}

func (x *extractor) record(rec stream.Record) error {
	switch rec := rec.(type) {
	case *stream.Header:
		x.url = rec.Source.URL
	case *stream.Project:
		return x.beginProject(rec)
	case *stream.Notes:
		return x.writeNotes(rec)
	case *stream.Experiment:
		return x.begin(rec)
	case *stream.Skipped:
		x.sum.Skipped++
		return x.skip()
	case *stream.ExperimentEnd:
		return x.end()
	case *stream.Artifact, *stream.ArtifactVersion, *stream.Lineage, *stream.Model, *stream.ModelVersion, *stream.Link, *stream.View, *stream.Unknown:
		x.sum.Left[rec.Kind()]++
	case *stream.Panel:
		if !rec.More {
			x.sum.Left[rec.Kind()]++
		}
	}
	if x.open == nil {
		return nil
	}
	return x.open.record(rec)
}

// beginProject writes the document of a project. cometx wants a description and
// whether it is public.
func (x *extractor) beginProject(p *stream.Project) error {
	id := p.Workspace + "\x00" + p.Name
	dir, known := x.projects[id]
	if !known {
		dir = x.top.childFolder(x.top.childFolder("", safePart(p.Workspace), p.Workspace), safePart(p.Name), id)
		x.projects[id] = dir
		for _, name := range []string{projectFile, notesFile} {
			x.top.childFolder(dir, name, "")
		}
	}
	x.project = dir
	obj := []byte("{}")
	if p.Doc != nil {
		var err error
		if obj, err = p.Doc.JSON(); err != nil {
			return err
		}
	}
	values := []member{
		{"projectName", wire.Quote(p.Name)}, {"workspaceName", wire.Quote(p.Workspace)}, {"cometDownloadVersion", wire.Quote(layoutVersion)},
	}
	for _, name := range []string{"projectDescription", "public"} {
		if wire.Member(obj, name) == nil {
			values = append(values, member{name, []byte("null")})
		}
	}
	return x.writeFile(path.Join(dir, projectFile), changed(obj, values))
}

func (x *extractor) writeNotes(n *stream.Notes) (err error) {
	if x.notes == nil {
		if len(n.Data) == 0 && !n.More {
			return nil
		}
		if x.notes, err = createFile(x.root, path.Join(x.project, notesFile)); err != nil {
			return err
		}
	}
	err = x.notes.write(n.Data)
	if err == nil && !n.More {
		err, x.notes = x.notes.close(), nil
	}
	return err
}

// skip drops what a skipped record closes.
func (x *extractor) skip() error {
	if x.notes != nil {
		err := x.notes.remove()
		x.notes = nil
		return err
	}
	if x.open != nil {
		return x.open.skip()
	}
	return nil
}

func (x *extractor) begin(e *stream.Experiment) error {
	dir := x.top.childFolder(x.project, safePart(e.Key), e.Key)
	if err := x.root.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := x.root.OpenRoot(dir)
	if err != nil {
		return err
	}
	// One that an earlier run has left is not whole until this one is.
	if err := root.Remove(experimentFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, root.Close())
	}
	x.open = newOutExperiment(root, x.url, e)
	return nil
}

// end completes the open experiment.
func (x *extractor) end() error {
	o := x.open
	x.open = nil
	if o == nil {
		return nil
	}
	err := o.finish()
	if err == nil {
		x.sum.Experiments++
		x.sum.Assets += o.assets
		x.sum.AssetBytes += o.assetBytes
	}
	return errors.Join(err, o.root.Close())
}

// drop lets go of what is open after an error.
func (x *extractor) drop() (err error) {
	if x.notes != nil {
		err = x.notes.close()
	}
	if x.open != nil {
		err = errors.Join(err, x.open.drop(), x.open.root.Close())
	}
	x.notes, x.open = nil, nil
	return err
}

func (x *extractor) writeFile(name string, data []byte) error {
	return writeFile(x.root, name, append(data, '\n'))
}

// writeFile writes a file in one piece.
func writeFile(root *os.Root, name string, data []byte) error {
	f, err := createFile(root, name)
	if err != nil {
		return err
	}
	return errors.Join(f.write(data), f.close())
}

// An outFile is a file that is being written.
type outFile struct {
	root *os.Root
	name string
	f    *os.File
	w    *bufio.Writer
}

// createFile makes a file and the folders above it.
func createFile(root *os.Root, name string) (*outFile, error) {
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return nil, err
	}
	// An existing file is removed and not written to: it may be a link, or have
	// another hard link.
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &outFile{root, name, f, bufio.NewWriterSize(f, 64<<10)}, nil
}

func (o *outFile) write(data []byte) error {
	_, err := o.w.Write(data)
	return err
}

func (o *outFile) close() error { return errors.Join(o.w.Flush(), o.f.Close()) }

func (o *outFile) remove() error { return errors.Join(o.f.Close(), o.root.Remove(o.name)) }

// LeftOut says in words what a folder has no place for, "" for nothing.
func (s *Summary) LeftOut() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(s.Left)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Left[kind], kind))
	}
	return strings.Join(parts, ", ")
}
