package comet

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/http"
	"strconv"
)

// Experiment is an experiment as a listing or its metadata give it. All but
// the key may be missing.
type Experiment struct {
	Raw       json.RawMessage
	Key       string
	Name      *string
	Workspace string
	Project   string
	ProjectID string
	User      *string
	FilePath  *string
	FileName  *string
	Start     *int64 // milliseconds
	End       *int64
	Duration  *int64
	Archived  bool
	Running   bool
	Crashed   *bool // nil if the server does not tell
	Throttled bool
}

func parseExperiment(data []byte) Experiment {
	e, _ := parseListed(data)
	return e
}

// parseListed also reports whether the item has an archived flag of its own.
func parseListed(data []byte) (e Experiment, flagged bool) {
	e.Raw = data
	members(data, func(name string, v []byte) {
		switch name {
		case "experimentKey":
			e.Key = textOrEmpty(v)
		case "experimentName":
			e.Name = textOf(v)
		case "workspaceName":
			e.Workspace = textOrEmpty(v)
		case "projectName":
			e.Project = textOrEmpty(v)
		case "projectId":
			e.ProjectID = textOrEmpty(v)
		case "userName":
			e.User = textOf(v)
		case "filePath":
			e.FilePath = textOf(v)
		case "fileName":
			e.FileName = textOf(v)
		case "startTimeMillis":
			e.Start = intOf(v)
		case "endTimeMillis":
			e.End = intOf(v)
		case "durationMillis":
			e.Duration = intOf(v)
		case "archived":
			e.Archived, flagged = isTrue(v), boolOf(v) != nil
		case "running":
			e.Running = isTrue(v)
		case "hasCrashed":
			e.Crashed = boolOf(v)
		case "throttle":
			e.Throttled = isTrue(v)
		}
	})
	return e, flagged
}

// Listing selects the experiments to list, by names or by id.
type Listing struct {
	Workspace, Project string
	ProjectID          string
	// PageSize is how many to ask for at a time, 1000 if zero.
	PageSize int
}

// Experiments returns the experiments of a project, archived ones included,
// each once. A listing of several pages may shift while it is read, because
// experiments come and go: it is read until two readings in a row agree. After
// an error there is nothing more.
func (c *Client) Experiments(ctx context.Context, l Listing) iter.Seq2[Experiment, error] {
	return func(yield func(Experiment, error) bool) {
		if l.PageSize <= 0 {
			l.PageSize = 1000
		}
		seen := make(map[string]bool)
		for _, archived := range []bool{false, true} {
			// Servers differ in what the flag selects, so both answers count,
			// and an experiment's own flag is the truth.
			var before map[string]bool
			for range maxListings {
				pages, now, err := c.listPass(ctx, l, archived, seen, yield)
				if err != nil {
					yield(Experiment{}, err)
					return
				}
				if now == nil {
					return
				}
				if pages < 2 || maps.Equal(before, now) {
					break
				}
				before = now
			}
		}
	}
}

// maxListings bounds how often a listing is read that never stays the same.
const maxListings = 12

// listPass reads all pages of a listing once. It returns how many of them
// there were and the keys on them, nil if yield wants no more.
func (c *Client) listPass(ctx context.Context, l Listing, archived bool, seen map[string]bool, yield func(Experiment, error) bool) (pages int, keys map[string]bool, err error) {
	keys = make(map[string]bool)
	for page := 1; ; page++ {
		items, more, err := c.listPage(ctx, l, archived, page)
		if err != nil {
			// Past the end some servers answer that there is no such page.
			if page > 1 && pageMissing(err) {
				return pages, keys, nil
			}
			return pages, keys, err
		}
		before := len(keys)
		for _, e := range items {
			if e.Key == "" {
				continue
			}
			keys[e.Key] = true
			if seen[e.Key] {
				continue
			}
			seen[e.Key] = true
			if !yield(e, nil) {
				return pages, nil, nil
			}
		}
		repeats := len(keys) == before
		if !repeats {
			pages++
		}
		// A server that ignores paging gives all on each page. A page that is
		// not full is no sign of the end: the server may have a smaller limit.
		if !more || repeats || len(items) > l.PageSize {
			return pages, keys, nil
		}
	}
}

func pageMissing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound)
}

// listPage reads one page. more is false when the server says that it is the
// last one.
func (c *Client) listPage(ctx context.Context, l Listing, archived bool, page int) (items []Experiment, more bool, err error) {
	data, err := c.get(ctx, "experiments",
		"workspaceName", l.Workspace, "projectName", l.Project, "projectId", l.ProjectID,
		"archived", strconv.FormatBool(archived),
		"page", strconv.Itoa(page), "size", strconv.Itoa(l.PageSize),
		"sortBy", "startTime", "sortOrder", "asc")
	if err != nil {
		return nil, false, err
	}
	elements(member(data, "experiments"), func(v []byte) {
		e, flagged := parseListed(v)
		if !flagged {
			e.Archived = archived
		}
		items = append(items, e)
	})
	return items, hasMore(data, page), nil
}

// hasMore reads the hints that some servers give on further pages.
func hasMore(data []byte, page int) bool {
	if v := member(data, "hasMore"); boolOf(v) != nil {
		return isTrue(v)
	}
	if n := intOf(member(data, "totalPages")); n != nil {
		return int64(page) < *n
	}
	return true
}

// Metadata returns the metadata of an experiment.
func (c *Client) Metadata(ctx context.Context, key string) (*Experiment, error) {
	data, err := c.get(ctx, "experiment/metadata", "experimentKey", key)
	if err != nil {
		return nil, err
	}
	e := parseExperiment(data)
	if e.Key == "" {
		e.Key = key
	}
	return &e, nil
}

// Processing reports whether the server still digests what was written to an
// experiment. Older servers answer [ErrUnsupported].
func (c *Client) Processing(ctx context.Context, key string) (bool, error) {
	busy := false
	err := c.gated(ctx, featureProcessing, http.MethodGet, c.experimentExists(ctx, key), func() error {
		data, err := c.get(ctx, featureProcessing.path, "experimentKey", key)
		busy = isTrue(member(data, "processing"))
		return err
	})
	return busy, err
}
