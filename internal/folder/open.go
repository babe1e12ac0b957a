package folder

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/wire"
	"github.com/comet-stream/comet-stream/stream"
)

// Options say how a folder is read and written.
type Options struct {
	// Tool is the name and version of the tool, for the header of the stream.
	Tool string
	// Warn is called with what is in a folder and not in the stream, or the other way
	// round, because one of them has no place for it.
	Warn func(text string)
}

func (o *Options) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// ErrNone says that there is no project in a folder.
var ErrNone = errors.New("no project in it")

// The files that make a folder a project, or an experiment, and that of notes.
const (
	projectFile    = "project_metadata.json"
	notesFile      = "project_notes.md"
	experimentFile = "metadata.json"
)

// maxDocument bounds a file that is read into memory: documents and lists of
// values.
const maxDocument = 16 << 20

// A Folder is a folder of `cometx download` that is to be read.
type Folder struct {
	options  Options
	root     *os.Root
	projects []*project
	groups   map[string]*experiment // by key
	url      string                 // of the instance, "" where no file tells
}

// A project is a folder with its experiments, those that are linked into it
// included.
type project struct {
	dir             string // below the root
	workspace, name string
	doc             []byte // nil without a file
	experiments     []*experiment
	bad             []badExperiment
}

// A badExperiment is a folder whose metadata cannot be read.
type badExperiment struct {
	dir string
	err error
}

// An experiment is a folder of an experiment.
type experiment struct {
	in    *project
	dir   string
	key   string
	home  string // the project that its metadata name
	start *int64
}

// Open looks for the projects and experiments below a directory: that in which
// cometx has put workspaces, a workspace, or a project. The error is [ErrNone]
// where there are none.
func Open(dir string, o Options) (*Folder, error) {
	root, inside, err := openRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{options: o, root: root, groups: make(map[string]*experiment)}
	if err := f.find(inside); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if len(f.projects) == 0 {
		return nil, errors.Join(fmt.Errorf("%s: %w (want WORKSPACE/PROJECT/%s, as cometx download writes it)", dir, ErrNone, projectFile), root.Close())
	}
	f.assign()
	f.url = f.address()
	return f, nil
}

// Close gives the directory back.
func (f *Folder) Close() error { return f.root.Close() }

// openRoot opens the directory that has the workspaces, and returns where in it dir
// is: ".", a workspace, or a project.
func openRoot(dir string) (root *os.Root, inside string, err error) {
	whole, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", err
	}
	if root, err = os.OpenRoot(whole); err != nil {
		return nil, "", err
	}
	up := 0 // how far the workspaces' directory is above
	switch {
	case isProject(root, "."):
		up = 2
	case slices.ContainsFunc(subfolders(root, "."), func(name string) bool { return isProject(root, name) }):
		up = 1
	}
	if up == 0 {
		return root, ".", nil
	}
	var parts []string
	for range up {
		parts = append([]string{filepath.Base(whole)}, parts...)
		whole = filepath.Dir(whole)
	}
	if err := root.Close(); err != nil {
		return nil, "", err
	}
	root, err = os.OpenRoot(whole)
	return root, path.Join(parts...), err
}

// subfolders returns the names of the directories in a directory, in order. Those
// of cometx's own and the copies of editors are none.
func subfolders(root *os.Root, dir string) []string {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 && leadsToFolder(root, path.Join(dir, name)) {
			names = append(names, name)
		}
	}
	return names
}

// leadsToFolder reports whether a symbolic link leads to a directory, or out of the
// root: then it is to be refused, and not to be overlooked.
func leadsToFolder(root *os.Root, name string) bool {
	info, err := root.Stat(name)
	return err == nil && info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// besideProjects are the folders that cometx puts beside projects.
var besideProjects = []string{"artifacts", "model-registry", "panels", "reports"}

// isProject reports whether a directory is a project. One of a single experiment,
// or of another vendor, has no file of its own.
func isProject(root *os.Root, dir string) bool {
	if info, err := root.Stat(path.Join(dir, projectFile)); err == nil {
		return info.Mode().IsRegular()
	}
	if slices.Contains(besideProjects, path.Base(dir)) {
		return false
	}
	return slices.ContainsFunc(subfolders(root, dir), func(name string) bool {
		text, err := readDocument(root, path.Join(dir, name, experimentFile))
		if err != nil {
			return false
		}
		obj, err := object(text)
		return err == nil && (wire.Member(obj, "experimentKey") != nil || wire.Member(obj, "cometDownloadVersion") != nil)
	})
}

// readDocument reads a file that is no larger than a document may be.
func readDocument(root *os.Root, name string) ([]byte, error) {
	file, size, err := openFile(root, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size > maxDocument {
		return nil, fmt.Errorf("%d bytes are more than the %d MiB that are read of such a file", size, maxDocument>>20)
	}
	return io.ReadAll(io.LimitReader(file, maxDocument))
}

// openFile opens a regular file.
func openFile(root *os.Root, name string) (*os.File, int64, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is not a regular file")}
	}
	file, err := root.Open(name)
	return file, info.Size(), err
}

// find finds the projects in the directory inside of the root.
func (f *Folder) find(inside string) error {
	workspaces, projects := subfolders(f.root, "."), []string(nil)
	if inside != "." {
		first, rest, two := strings.Cut(inside, "/")
		workspaces = []string{first}
		if two {
			projects = []string{rest}
		}
	}
	for _, workspace := range workspaces {
		names := projects
		if names == nil {
			names = subfolders(f.root, workspace)
		}
		for _, name := range names {
			if dir := path.Join(workspace, name); isProject(f.root, dir) {
				if err := f.addProject(dir); err != nil {
					return err
				}
			} else if slices.Contains(besideProjects, name) {
				f.options.warn("%s: left out: cometx writes it without versions and metadata", dir)
			}
		}
	}
	slices.SortFunc(f.projects, func(a, b *project) int {
		return cmp.Or(strings.Compare(a.workspace, b.workspace), strings.Compare(a.name, b.name))
	})
	for i, p := range f.projects {
		if i > 0 && p.workspace == f.projects[i-1].workspace && p.name == f.projects[i-1].name {
			return fmt.Errorf("%s and %s are both project %q", f.projects[i-1].dir, p.dir, p.workspace+"/"+p.name)
		}
	}
	return nil
}

// addProject adds the project of a directory with its experiments.
func (f *Folder) addProject(dir string) error {
	workspace, name := path.Split(dir)
	p := &project{dir: dir, workspace: strings.TrimSuffix(workspace, "/"), name: name}
	text, err := readDocument(f.root, path.Join(dir, projectFile))
	if err == nil {
		p.doc, err = object(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path.Join(dir, projectFile), err)
	}
	p.workspace = f.named(p.workspace, wire.TextOrEmpty(wire.Member(p.doc, "workspaceName")), "workspaceName")
	p.name = f.named(dir, wire.TextOrEmpty(wire.Member(p.doc, "projectName")), "projectName")
	for _, name := range subfolders(f.root, dir) {
		p.addExperiment(f.root, path.Join(dir, name))
	}
	slices.SortStableFunc(p.experiments, func(a, b *experiment) int {
		return cmp.Or(stream.CompareTimes(a.start, b.start), strings.Compare(a.key, b.key))
	})
	f.projects = append(f.projects, p)
	return nil
}

// named returns the name of the workspace or project in a directory, for which its
// metadata tell one in a member.
func (f *Folder) named(dir, told, member string) string {
	parent, folder := path.Split(dir)
	return restored(folder, told, func() bool {
		return slices.ContainsFunc(subfolders(f.root, path.Clean(parent)), func(name string) bool {
			return pathKey(name) == pathKey(told) && cmp.Or(f.tells(path.Join(parent, name), member), name) != told
		})
	})
}

// tells returns a member of the metadata of a project, or of a project in a
// workspace.
func (f *Folder) tells(dir, member string) string {
	dirs := []string{dir}
	for _, name := range subfolders(f.root, dir) {
		dirs = append(dirs, path.Join(dir, name))
	}
	for _, dir := range dirs {
		if text, err := readDocument(f.root, path.Join(dir, projectFile)); err == nil {
			return wire.TextOrEmpty(wire.Member(text, member))
		}
	}
	return ""
}

// addExperiment adds the experiment of a directory, if it is one.
func (p *project) addExperiment(root *os.Root, dir string) {
	text, err := readDocument(root, path.Join(dir, experimentFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var obj []byte
	if err == nil {
		obj, err = object(text)
	}
	if err != nil {
		p.bad = append(p.bad, badExperiment{dir, err})
		return
	}
	e := &experiment{in: p, dir: dir, key: wire.TextOrEmpty(wire.Member(obj, "experimentKey")), home: wire.TextOrEmpty(wire.Member(obj, "projectName"))}
	e.start = wire.IntOf(wire.Member(obj, "startTimeMillis"))
	if e.key == "" {
		e.key = keyOfFolder(dir)
	}
	p.experiments = append(p.experiments, e)
}

var isKey = regexp.MustCompile(`^[0-9A-Za-z]{32,50}$`)

// keyOfFolder returns the key of an experiment whose metadata tell none: the name
// of its folder, or what is made of where it is, and so is the same each time.
func keyOfFolder(dir string) string {
	if name := path.Base(dir); isKey.MatchString(name) {
		return name
	}
	return madeID(dir)
}

// madeID returns an id for what is at a place.
func madeID(place ...string) string {
	sum := sha256.Sum256([]byte("cometx folder\x00" + strings.Join(place, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// assign decides under which project an experiment stands that several have: the
// one that its metadata name, else the first.
func (f *Folder) assign() {
	for _, p := range f.projects {
		for _, e := range p.experiments {
			if first := f.groups[e.key]; first == nil || first.in.name != first.home && p.name == e.home {
				f.groups[e.key] = e
			}
		}
	}
}
