package comet

import (
	"context"
	"errors"
	"iter"
	"maps"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/wire"
)

// Listing selects the experiments to list, by names or by id.
type Listing struct {
	Workspace, Project string
	ProjectID          string
	// PageSize is how many to ask for at a time, 1000 if zero.
	PageSize int
}

// List returns the experiments of a project, archived ones included,
// each once. A listing of several pages may shift while it is read, because
// experiments come and go: it is read until two readings in a row agree, or,
// where it never stays the same, until nothing new turns up any more. After an
// error there is nothing more.
func (c Experiments) List(ctx context.Context, l Listing) iter.Seq2[Experiment, error] {
	return func(yield func(Experiment, error) bool) {
		if l.PageSize <= 0 {
			l.PageSize = 1000
		}
		seen := make(map[string]bool)
		for _, archived := range []bool{false, true} {
			// Servers differ in what the flag selects, so both answers count,
			// and an experiment's own flag is the truth.
			if !c.listUntilSettled(ctx, l, archived, seen, yield) {
				return
			}
		}
	}
}

// maxListings bounds how often a listing is read that never stays the same, and
// quietListings how often without anything new.
const (
	maxListings   = 16
	quietListings = 2
)

// listUntilSettled reads a listing until it is known well. It reports whether
// to go on.
func (c Experiments) listUntilSettled(ctx context.Context, l Listing, archived bool, seen map[string]bool, yield func(Experiment, error) bool) bool {
	var before map[string]bool
	quiet := 0
	for range maxListings {
		known := len(seen)
		now, err := c.readListing(ctx, l, archived, seen, yield)
		if err != nil {
			yield(Experiment{}, err)
			return false
		}
		if now.stopped {
			return false
		}
		if quiet++; len(seen) > known {
			quiet = 0
		}
		if now.pages < 2 || !now.unsteady && maps.Equal(before, now.keys) || now.unsteady && quiet == quietListings {
			break
		}
		before = now.keys
	}
	return true
}

// A listPass is one reading of all pages of a listing.
type listPass struct {
	pages    int
	keys     map[string]bool
	unsteady bool // an experiment turned up on two pages
	stopped  bool // yield wants no more
}

// readListing reads all pages of a listing once.
func (c Experiments) readListing(ctx context.Context, l Listing, archived bool, seen map[string]bool, yield func(Experiment, error) bool) (*listPass, error) {
	p := &listPass{keys: make(map[string]bool)}
	var first []Experiment
	for page := 1; ; page++ {
		items, more, err := c.listPage(ctx, l, archived, page)
		if err != nil {
			// Past the end some servers answer that there is no such page.
			if page > 1 && pageMissing(err) {
				return p, nil
			}
			return nil, err
		}
		if len(items) == 0 {
			return p, nil
		}
		if page == 1 {
			first = items
		} else if len(items) == len(first) && items[0].Key == first[0].Key {
			return p, nil // a server that ignores paging gives the same again
		}
		p.pages++
		if !p.add(items, seen, yield) {
			return p, nil
		}
		// A page that is not full is not a sign of the end: the server may have a
		// smaller limit.
		if !more || len(items) > l.PageSize {
			return p, nil
		}
	}
}

// add takes the items of a page. It reports whether to read another one: there
// is none after a page without news.
func (p *listPass) add(items []Experiment, seen map[string]bool, yield func(Experiment, error) bool) bool {
	before := len(p.keys)
	for _, e := range items {
		if e.Key == "" {
			continue
		}
		p.unsteady = p.unsteady || p.keys[e.Key]
		p.keys[e.Key] = true
		if seen[e.Key] {
			continue
		}
		seen[e.Key] = true
		if !yield(e, nil) {
			p.stopped = true
			return false
		}
	}
	return len(p.keys) > before
}

func pageMissing(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && errors.Is(e, api.ErrNotFound) && !e.Parent
}

// listPage reads one page. more is false when the server says that it is the
// last one.
func (c Experiments) listPage(ctx context.Context, l Listing, archived bool, page int) (items []Experiment, more bool, err error) {
	q := api.Query("workspaceName", l.Workspace, "projectName", l.Project, "projectId", l.ProjectID,
		"archived", strconv.FormatBool(archived),
		"page", strconv.Itoa(page), "size", strconv.Itoa(l.PageSize),
		"sortBy", "startTime", "sortOrder", "asc")
	var hints pageHints
	items, err = api.ListOf(ctx, c.conn, readExperiments, q, hints.beside(), func(v []byte) Experiment {
		e := wire.Parse[Experiment](v)
		e.Raw = nil // of hundreds of thousands
		if wire.BoolOf(wire.Member(v, "archived")) == nil {
			e.Archived = archived
		}
		return e
	})
	return items, hints.more(page), err
}

// pageHints are what some servers say of further pages.
type pageHints struct {
	hasMore *bool
	pages   *int64
}

func (h *pageHints) beside() *scan.Beside {
	return &scan.Beside{Begin: func() { *h = pageHints{} }, Member: func(_ *scan.Room, name string, v []byte) error {
		switch name {
		case "hasMore":
			h.hasMore = wire.BoolOf(v)
		case "totalPages":
			h.pages = wire.IntOf(v)
		}
		return nil
	}}
}

func (h *pageHints) more(page int) bool {
	switch {
	case h.hasMore != nil:
		return *h.hasMore
	case h.pages != nil:
		return int64(page) < *h.pages
	}
	return true
}
