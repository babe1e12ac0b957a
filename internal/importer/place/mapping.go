package place

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/pathname"
	"github.com/comet-stream/comet-stream/internal/suggest"
	"github.com/comet-stream/comet-stream/stream"
)

// Project names a project.
type Project struct{ Workspace, Name string }

// String returns workspace/project.
func (p Project) String() string { return p.Workspace + "/" + p.Name }

// ParseTarget reads the argument of an import: WORKSPACE or WORKSPACE/PROJECT.
// Without a project, those of the stream keep their names. WORKSPACE/ and
// WORKSPACE/PROJECT/ are the same without their last slash. The name of a project
// may be escaped, as package pathname does.
func ParseTarget(arg string) (Project, error) {
	workspace, name, _ := strings.Cut(arg, "/")
	if workspace == "" {
		return Project{}, fmt.Errorf("%q names no workspace", arg)
	}
	name = strings.TrimSuffix(name, "/")
	if strings.Contains(name, "/") {
		return Project{}, fmt.Errorf("%q is not WORKSPACE or WORKSPACE/PROJECT: an import cannot choose experiments", arg)
	}
	return Project{Workspace: workspace, Name: pathname.Unescape(name)}, nil
}

// A MergeError says that several projects of the stream would meet in one.
// Nothing of them has been written.
type MergeError struct {
	Sources []Project
	Target  Project
}

func (e *MergeError) Error() string {
	return fmt.Sprintf("projects %s would all go to %q", quoted(e.Sources), e.Target)
}

func quoted[T string | Project](list []T) string {
	quoted := make([]string, len(list))
	for i, v := range list {
		quoted[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(quoted, ", ")
}

// Mapping says where the projects of a stream go.
type Mapping struct {
	to      Project // empty parts keep the name
	merge   bool    // several may meet in one
	sources map[Project][]Project
}

// NewMapping returns a mapping of projects to where the target says.
func NewMapping(to Project, merge bool) *Mapping {
	return &Mapping{to: to, merge: merge, sources: make(map[Project][]Project)}
}

// Target returns where a project goes.
func (m *Mapping) Target(p Project) Project {
	return Project{cmp.Or(m.to.Workspace, p.Workspace), cmp.Or(m.to.Name, p.Name)}
}

// Workspace returns where a workspace goes.
func (m *Mapping) Workspace(name string) string { return cmp.Or(m.to.Workspace, name) }

// Add notes a project that is to come. It returns a *MergeError if another one
// goes to the same place.
func (m *Mapping) Add(p Project) error {
	to := m.Target(p)
	if slices.Contains(m.sources[to], p) {
		return nil
	}
	m.sources[to] = append(m.sources[to], p)
	if len(m.sources[to]) > 1 && !m.merge {
		return &MergeError{Sources: m.sources[to], Target: to}
	}
	return nil
}

// Plan notes all projects of a plan. All that would meet are reported, not only
// the first.
func (m *Mapping) Plan(plan *stream.Plan) error {
	clashes := make(map[Project]error)
	var order []Project
	for _, p := range plan.Projects {
		src := Project{p.Workspace, p.Project}
		if err := m.Add(src); err != nil {
			to := m.Target(src)
			if clashes[to] == nil {
				order = append(order, to)
			}
			clashes[to] = err
		}
	}
	var errs []error
	for _, to := range order {
		errs = append(errs, clashes[to])
	}
	return errors.Join(errs...)
}

// Workspaces returns the workspaces that a plan needs at the destination, each
// once.
func (m *Mapping) Workspaces(plan *stream.Plan) []string {
	var names []string
	for _, p := range plan.Projects {
		names = append(names, m.Workspace(p.Workspace))
	}
	for _, w := range plan.Workspaces {
		names = append(names, m.Workspace(w))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A WorkspaceError says that the destination has no such workspace.
type WorkspaceError struct {
	Name  string
	Close []string // names that are like it, or all of them if they are few
}

func (e *WorkspaceError) Error() string {
	msg := fmt.Sprintf("the destination has no workspace %q", e.Name)
	if len(e.Close) == 0 {
		return msg
	}
	return msg + "; it has " + quoted(e.Close)
}

// Similar returns the names that resemble one, the nearest first; all of them
// if they are few and none does.
func Similar(name string, names []string) []string {
	const few = 5
	if near := suggest.Nearest(name, names, few); len(near) > 0 || len(names) > few {
		return near
	}
	return slices.Sorted(slices.Values(names))
}
