package importer

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

// source is the instance that a stream was read from.
type source struct {
	url string // without a slash at its end; "" where the stream does not say
	// same is true when it is the destination itself.
	same    bool
	written int64 // when the stream was, in ms since the epoch
	// whole are the resources of which the stream has all that an experiment has.
	whole stream.Resources
}

// newSource returns the source of a stream; root is the address of the destination.
func newSource(h *stream.Header, root string) *source {
	return &source{
		url:  strings.TrimRight(h.Source.URL, "/"),
		same: sameInstance(h.Source.URL, root), written: h.Created,
		whole: wholeResources(h),
	}
}

// wholeResources returns what a stream has all of, as far as its header tells. A
// filter need not tell what it has left out.
func wholeResources(h *stream.Header) stream.Resources {
	set, err := stream.ParseResources(h.Scope.Resources)
	if err != nil || len(h.Parents) > 0 {
		return 0
	}
	for _, option := range h.Scope.Selection {
		if strings.Contains(option, "asset") {
			set &^= stream.ResourceAssets
		}
	}
	return set
}

// places knows the workspaces and projects of the destination, as far as they
// were asked for.
type places struct {
	*reconcile.Destination

	mu       sync.Mutex
	projects map[string]map[string]comet.Project // by workspace and name
}

func newPlaces(d *reconcile.Destination) *places {
	return &places{Destination: d, projects: make(map[string]map[string]comet.Project)}
}

// project returns a project of the destination, nil if there is none. The
// projects of a workspace are listed once.
func (p *places) project(ctx context.Context, name Project) (*comet.Project, error) {
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

// add notes a project that has been created.
func (p *places) add(name Project, project comet.Project) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.projects[name.Workspace][name.Name] = project
}

// haveWorkspaces checks that the destination has all of the workspaces, and
// creates them where that is asked for.
func (p *places) haveWorkspaces(ctx context.Context, names []string, create bool) error {
	if len(names) == 0 {
		return nil
	}
	there, err := p.Client.Workspaces.List(ctx)
	if err != nil {
		return fmt.Errorf("list workspaces: %w", err)
	}
	for _, name := range names {
		if slices.Contains(there, name) {
			continue
		}
		if !create {
			return &WorkspaceError{Name: name, Close: similar(name, there)}
		}
		if p.Dry() {
			p.none(name)
			continue
		}
		err := p.Sure(ctx, func() error { return p.Client.Workspaces.Create(ctx, name) }, func() (bool, error) {
			there, err := p.Client.Workspaces.List(ctx)
			return slices.Contains(there, name), err
		})
		if err != nil && !errors.Is(err, comet.ErrExists) {
			return fmt.Errorf("create workspace %q: %w", name, err)
		}
		p.CountWritten("workspace")
	}
	return nil
}

// none notes that a workspace has no projects, because it does not exist yet.
func (p *places) none(workspace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.projects[workspace] = make(map[string]comet.Project)
}

// rights is what is used of a project's row in the newer listing.
type rights struct {
	CanEdit document.Bool `json:"canEdit"`
}

// mayWrite returns an error if the key may not write to a project, as far as the
// listing tells. Of a project that does not exist yet the others of its workspace
// are a sign.
func (p *places) mayWrite(ctx context.Context, name Project) error {
	rows, err := p.Client.Projects.Pages(ctx, name.Workspace)
	if err != nil {
		// Not every server has this listing.
		return nil
	}
	told, may := false, false
	for _, row := range rows {
		var r rights
		if json.Unmarshal(row.Raw, &r) != nil || !r.CanEdit.OK {
			continue
		}
		if row.Name == name.Name {
			told, may = true, r.CanEdit.V
			break
		}
		told, may = true, may || r.CanEdit.V
	}
	if told && !may {
		return &comet.Error{Method: http.MethodGet, Path: "projects/page", Status: http.StatusForbidden, Msg: "the API key may only read there"}
	}
	return nil
}
