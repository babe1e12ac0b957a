package find

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/pathname"
)

// A Path says what to export: a workspace, a project or an experiment of it,
// or what belongs to a workspace as a whole.
type Path struct {
	Workspace  string
	Project    string // "" = all of them
	Experiment string // key or name, "" = all of them

	// Kind is "" for experiments, or what else of the workspace is meant:
	// "artifacts", "model-registry" or "panels".
	Kind    string
	Name    string // of an artifact, model or panel; "" = all
	Version string // version, alias or stage; "" = all

	// literal is Project or Name as it was given, if that was escaped: it may be
	// a name that only looks so. It is "" if there is nothing to choose.
	Literal string
}

// Words that stand in the place of a project for what belongs to the
// workspace as a whole.
const (
	PathArtifacts = "artifacts"
	pathModels    = "model-registry"
	PathPanels    = "panels"
)

// ParsePath reads WORKSPACE[/PROJECT[/EXPERIMENT]], or one of
// WORKSPACE/artifacts[/NAME[/VERSION-OR-ALIAS]],
// WORKSPACE/model-registry[/NAME[/VERSION-OR-STAGE]] and
// WORKSPACE/panels[/NAME]. WORKSPACE/ and WORKSPACE/PROJECT/ are the same
// without their last slash; the name of an experiment is everything after the
// second one. Names of projects, artifacts, models and panels may be escaped, as
// package pathname does.
func ParsePath(s string) (Path, error) {
	workspace, rest, _ := strings.Cut(s, "/")
	project, rest, _ := strings.Cut(rest, "/")
	p := Path{Workspace: workspace}
	switch {
	case workspace == "":
		return Path{}, fmt.Errorf("path %q names no workspace; want WORKSPACE[/PROJECT[/EXPERIMENT]]", s)
	case project == "" && rest != "":
		return Path{}, fmt.Errorf("path %q names no project between its slashes", s)
	}
	switch project {
	case PathArtifacts, pathModels:
		p.Kind = project
		p.Name, p.Version, _ = strings.Cut(rest, "/")
		if p.Name == "" && p.Version != "" {
			return Path{}, fmt.Errorf("path %q names nothing between its slashes", s)
		}
		p.unescape(&p.Name)
	case PathPanels:
		p.Kind, p.Name = project, rest
		p.unescape(&p.Name)
	default:
		p.Project, p.Experiment = project, rest
		p.unescape(&p.Project)
	}
	return p, nil
}

// unescape reads a name of the path.
func (p *Path) unescape(name *string) {
	if plain := pathname.Unescape(*name); plain != *name {
		p.Literal, *name = *name, plain
	}
}

// find returns where the name in a path is in a list: as it was meant to be
// read, else as it was given. It returns -1 if it is not there.
func (p *Path) find(name string, names []string) int {
	if i := slices.Index(names, name); i >= 0 || p.Literal == "" {
		return i
	}
	return slices.Index(names, p.Literal)
}

// String returns the path as it is written on the command line, which
// [ParsePath] reads.
func (p Path) String() string {
	parts := []string{p.Workspace, ProjectPart(p.Project), p.Experiment}
	if p.Kind != "" {
		parts = []string{p.Workspace, p.Kind, pathname.Escape(p.Name), p.Version}
	}
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "/")
}

// ProjectPart returns the name of a project as a part of a path, where some words
// have a meaning of their own.
func ProjectPart(name string) string {
	switch name {
	case PathArtifacts, pathModels, PathPanels:
		return pathname.EscapeWord(name)
	}
	return pathname.Escape(name)
}
