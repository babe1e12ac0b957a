package filter

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comet-stream/comet-stream/internal/pathname"
)

// A Place is a project or, with an empty Project, a workspace.
type Place struct {
	Workspace, Project string
}

// String returns the place as it is written on the command line.
func (p Place) String() string {
	if p.Project == "" {
		return p.Workspace
	}
	return p.Workspace + "/" + p.Project
}

// Renames gives workspaces and projects other names. A rule for a project goes
// before one for its workspace. The zero value renames nothing.
type Renames struct {
	to map[Place]Place
}

// Add reads a rule: WS/PROJ=WS2/PROJ2 or WS=WS2.
func (r *Renames) Add(rule string) error {
	from, to, ok := splitRule(rule)
	if !ok {
		return errors.New("want WORKSPACE/PROJECT=WORKSPACE/PROJECT or WORKSPACE=WORKSPACE")
	}
	if other, ok := r.to[from]; ok && other != to {
		return fmt.Errorf("%s is renamed to %s already", from, other)
	}
	if r.to == nil {
		r.to = make(map[Place]Place)
	}
	r.to[from] = to
	return nil
}

// splitRule finds the sign that parts a rule. Names of projects may hold one
// too, names of workspaces do not.
func splitRule(rule string) (from, to Place, ok bool) {
	for i := range len(rule) {
		if rule[i] != '=' {
			continue
		}
		from, ok1 := parsePlace(rule[:i])
		to, ok2 := parsePlace(rule[i+1:])
		if ok1 && ok2 && (from.Project == "") == (to.Project == "") {
			return from, to, true
		}
	}
	return Place{}, Place{}, false
}

// parsePlace reads WS or WS/PROJ. All after the first slash is the project's,
// which may be escaped, as package pathname does.
func parsePlace(s string) (p Place, ok bool) {
	workspace, project, slash := strings.Cut(s, "/")
	ok = workspace != "" && !strings.Contains(workspace, "=") && (project != "" || !slash)
	return Place{workspace, pathname.Unescape(project)}, ok
}

func (r *Renames) empty() bool { return len(r.to) == 0 }

// place returns the new place of a project, or of a workspace.
func (r *Renames) place(p Place) Place {
	if to, ok := r.to[p]; ok {
		return to
	}
	if to, ok := r.to[Place{Workspace: p.Workspace}]; ok {
		return Place{to.Workspace, p.Project}
	}
	return p
}
