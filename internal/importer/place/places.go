package place

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/document"
	"github.com/comet-stream/comet-stream/internal/importer/reconcile"
	"github.com/comet-stream/comet-stream/stream"
)

// Source is the instance that a stream was read from.
type Source struct {
	url     string // without a slash at its end; "" where the stream does not say
	Same    bool   // it is the destination itself
	Written int64  // when the stream was, in ms since the epoch
	// Whole are the resources of which the stream has all that an experiment has, as
	// far as its header tells.
	Whole stream.Resources
}

// NewSource returns the source of a stream; root is the address of the destination.
func NewSource(h *stream.Header, root string) *Source {
	s := &Source{url: strings.TrimRight(h.Source.URL, "/"), Same: SameInstance(h.Source.URL, root), Written: h.Created}
	if len(h.Parents) == 0 { // a filter need not tell what it has left out
		s.Whole = h.Scope.Whole()
	}
	return s
}

// Page returns the address of an experiment in the web interface of the source, ""
// where the stream does not say where it comes from.
func (s *Source) Page(rec *stream.Experiment) string {
	if s.url == "" {
		return ""
	}
	return comet.ExperimentURL(s.url+"/", rec.Workspace, rec.Project, rec.Key, rec.Archived)
}

// Places knows the workspaces and projects of the destination, as far as they
// were asked for.
type Places struct {
	*reconcile.Destination

	mu       sync.Mutex
	projects map[string]map[string]comet.Project // by workspace and name
}

// NewPlaces returns the workspaces and projects of a destination, which it reads when
// they are asked for.
func NewPlaces(d *reconcile.Destination) *Places {
	return &Places{Destination: d, projects: make(map[string]map[string]comet.Project)}
}

// Project returns a project of the destination, nil if there is none. The
// projects of a workspace are listed once.
func (p *Places) Project(ctx context.Context, name Project) (*comet.Project, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, ok := p.projects[name.Workspace]
	if !ok {
		all, err := p.Client.Projects.List(ctx, name.Workspace)
		if err != nil {
			return nil, fmt.Errorf("list projects of %q: %w", name.Workspace, err)
		}
		list = make(map[string]comet.Project, len(all))
		for _, project := range all {
			list[project.Name] = project
		}
		p.projects[name.Workspace] = list
	}
	if project, ok := list[name.Name]; ok {
		return &project, nil
	}
	return nil, nil
}

// Add notes a project that has been created.
func (p *Places) Add(name Project, project comet.Project) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.projects[name.Workspace][name.Name] = project
}

// HaveWorkspaces checks that the destination has all of the workspaces, and
// creates them where that is asked for.
func (p *Places) HaveWorkspaces(ctx context.Context, names []string, create bool) error {
	if len(names) == 0 {
		return nil
	}
	existing, err := p.Client.Workspaces.List(ctx)
	if err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	for _, name := range names {
		if slices.Contains(existing, name) {
			continue
		}
		if !create {
			return &WorkspaceError{Name: name, Close: Similar(name, existing)}
		}
		if p.Dry() {
			p.none(name)
			continue
		}
		err := p.Ensure(ctx, func() error { return p.Client.Workspaces.Create(ctx, name) }, func() (bool, error) {
			existing, err := p.Client.Workspaces.List(ctx)
			return slices.Contains(existing, name), err
		})
		if err != nil && !errors.Is(err, comet.ErrExists) {
			return fmt.Errorf("create workspace %q: %w", name, err)
		}
		p.CountWritten("workspace")
	}
	return nil
}

// none notes that a workspace has no projects, because it does not exist yet.
func (p *Places) none(workspace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.projects[workspace] = make(map[string]comet.Project)
}

// rights is what is used of a project's row in the newer listing.
type rights struct {
	CanEdit document.Bool `json:"canEdit"`
}

// MayWrite returns an error if the key may not write to a project, as far as the
// listing tells. For a project that does not exist yet, rights on the other
// projects of its workspace are an indication.
func (p *Places) MayWrite(ctx context.Context, name Project) error {
	rows, err := p.Client.Projects.Pages(ctx, name.Workspace)
	if err != nil {
		// Not every server has this listing.
		return nil
	}
	reported, may := false, false
	for _, row := range rows {
		var r rights
		if json.Unmarshal(row.Raw, &r) != nil || !r.CanEdit.OK {
			continue
		}
		if row.Name == name.Name {
			reported, may = true, r.CanEdit.V
			break
		}
		reported, may = true, may || r.CanEdit.V
	}
	if reported && !may {
		return &comet.Error{Method: http.MethodGet, Path: "projects/page", Status: http.StatusForbidden, Msg: "the API key has read access only"}
	}
	return nil
}
