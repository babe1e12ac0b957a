// Package experiments has the calls about experiments as such: how they begin, end, move
// and are found.
package experiments

import (
	"cmp"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// A call is about experiments as such.
type call struct{ *api.Call }

// Routes are the calls of this area.
func Routes() []api.Route {
	return slices.Concat(experimentRoutes(), lifecycleRoutes(), clientlibRoutes(), queryRoutes())
}

func experimentRoutes() []api.Route {
	return []api.Route{
		{Method: "GET", Path: "experiments", Handle: api.In(call.experiments)},
		{Method: "GET", Path: "experiment/metadata", Handle: api.In(call.metadata)},
		{Method: "GET", Path: "experiment/processing/status", Handle: api.In(call.processing)},
	}
}

// stateVersion is the first that knows crashed experiments.
var stateVersion = api.Version{3, 7, 91}

type experimentDoc struct {
	ExperimentKey   string   `json:"experimentKey"`
	ExperimentName  *string  `json:"experimentName"`
	OptimizationID  *string  `json:"optimizationId"`
	ProjectID       string   `json:"projectId"`
	ProjectName     string   `json:"projectName"`
	WorkspaceName   string   `json:"workspaceName"`
	UserName        string   `json:"userName"`
	FilePath        *string  `json:"filePath"`
	FileName        *string  `json:"fileName"`
	DurationMillis  int64    `json:"durationMillis"`
	StartTimeMillis int64    `json:"startTimeMillis"`
	EndTimeMillis   *int64   `json:"endTimeMillis"`
	Archived        bool     `json:"archived"`
	Running         bool     `json:"running"`
	HasCrashed      *bool    `json:"hasCrashed,omitempty"`
	Throttle        bool     `json:"throttle"`
	ThrottleMessage *string  `json:"throttleMessage,omitempty"`
	ThrottleReasons []string `json:"throttleReasons,omitempty"`
}

// experimentDoc describes e as an item of project p. The locks of the store and of e
// are held.
func (c call) experimentDoc(e *store.Experiment, p *store.Project) experimentDoc {
	now := c.Now()
	d := experimentDoc{
		ExperimentKey: e.Key, ExperimentName: e.DisplayName(), OptimizationID: e.OptimizationID,
		ProjectID: p.ID, ProjectName: p.Name, WorkspaceName: p.Workspace.Name, UserName: e.User,
		FilePath: e.FilePath, FileName: e.FileName(), StartTimeMillis: e.Start, Archived: e.Archived,
		Running: e.Running(now, c.HeartbeatTimeout), Throttle: e.Throttle, ThrottleMessage: e.ThrottleMessage,
	}
	end := e.EndTime(now, c.HeartbeatTimeout)
	if end != 0 {
		d.EndTimeMillis = &end
	} else {
		end = now
	}
	d.DurationMillis = max(0, end-e.Start)
	if !c.Version().Less(stateVersion) {
		crashed := e.Crashed
		d.HasCrashed = &crashed
	}
	return d
}

func (c call) metadata() error {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleViewer)
	if err != nil {
		return err
	}
	e.Lock()
	doc := c.experimentDoc(e, e.Project)
	e.Unlock()
	return c.Send(doc)
}

func (c call) processing() error {
	return c.ReadExperiment(func(*store.Experiment) error {
		return c.Send(map[string]any{"processing": false})
	})
}

// page is what a listing was asked for.
type page struct {
	number, size     int64 // 0 = everything
	sortBy, sortDesc string
}

func (c call) parsePage() (p page, err error) {
	number, err := c.Number("page")
	if err != nil {
		return p, err
	}
	size, err := c.Number("size")
	if err != nil {
		return p, err
	}
	p.sortBy, p.sortDesc = c.Optional("sortBy"), c.Optional("sortOrder")
	switch {
	case number != nil && *number < 1:
		return p, refusal.BadRequest("page %d is less than 1", *number)
	case size != nil && *size < 1:
		return p, refusal.BadRequest("size %d is less than 1", *size)
	case number != nil && size == nil:
		return p, refusal.BadRequest("page needs size")
	case !slices.Contains([]string{"", "startTime", "endTime"}, p.sortBy):
		return p, refusal.BadRequest("sortBy %q is not startTime or endTime", p.sortBy)
	case !slices.Contains([]string{"", "asc", "desc"}, p.sortDesc):
		return p, refusal.BadRequest("sortOrder %q is not asc or desc", p.sortDesc)
	case number != nil && p.sortBy != "" && p.sortDesc == "":
		return p, refusal.BadRequest("sortOrder is missing")
	}
	if number != nil {
		p.number, p.size = *number, *size
	}
	return p, nil
}

type listing struct {
	Experiments []experimentDoc `json:"experiments"`
	*pageHints
}

// pageHints are fields that some servers add to a page.
type pageHints struct {
	Page       int64  `json:"page"`
	TotalPages int64  `json:"totalPages"`
	HasMore    bool   `json:"hasMore"`
	NextPage   *int64 `json:"nextPage"`
}

func (c call) experiments() error {
	want, err := c.parsePage()
	if err != nil {
		return err
	}
	archived, err := c.Flag("archived")
	if err != nil {
		return err
	}
	if c.Moods.IgnoreArchived {
		archived = nil
	}
	answer, err := c.list(archived, want)
	if err != nil {
		return err
	}
	return c.Send(answer)
}

// list returns a page of those of the project in the query that are archived, not
// archived, or all (nil).
func (c call) list(archived *bool, want page) (*listing, error) {
	st := c.Store
	st.RLock()
	defer st.RUnlock()
	p, err := c.QueryProject().Find(c.Call, api.RoleViewer)
	if err != nil {
		return nil, err
	}
	answer := &listing{Experiments: []experimentDoc{}}
	list := c.sorted(p, archived, want)
	if !c.Moods.IgnorePages {
		list, answer.pageHints = c.cutPage(list, want)
	}
	for _, e := range list {
		e.Lock()
		doc := c.experimentDoc(e, p)
		e.Unlock()
		if c.Moods.StatelessListing {
			doc.HasCrashed = nil
		}
		answer.Experiments = append(answer.Experiments, doc)
	}
	return answer, nil
}

// sorted returns those of a project that are archived, not archived, or all (nil), in
// the order that was asked for, else the symlinked ones last. The lock of the store is
// held.
func (c call) sorted(p *store.Project, archived *bool, by page) []*store.Experiment {
	type timed struct {
		*store.Experiment
		at int64
	}
	var list []timed
	for _, e := range slices.Concat(p.Experiments, p.Links) {
		if archived == nil || e.Archived == *archived {
			list = append(list, timed{e, c.sortedBy(e, by.sortBy)})
		}
	}
	slices.SortStableFunc(list, func(a, b timed) int {
		if by.sortDesc == "desc" {
			a, b = b, a
		}
		return cmp.Compare(a.at, b.at)
	})
	all := make([]*store.Experiment, len(list))
	for i := range list {
		all[i] = list[i].Experiment
	}
	return all
}

// sortedBy returns the time that a listing is sorted by, 0 if it is not.
func (c call) sortedBy(e *store.Experiment, by string) int64 {
	e.Lock()
	defer e.Unlock()
	switch now := c.Now(); by {
	case "startTime":
		return e.Start
	case "endTime":
		return cmp.Or(e.EndTime(now, c.HeartbeatTimeout), max(now, e.Start))
	}
	return 0
}

// cutPage returns the page that was asked for, changed by the moods.
func (c call) cutPage(list []*store.Experiment, want page) ([]*store.Experiment, *pageHints) {
	force := int64(c.Moods.ForcePages)
	if want.number == 0 && force == 0 {
		return list, nil
	}
	number, size := max(want.number, 1), want.size
	if size == 0 || force > 0 && size > force {
		size = force
	}
	list = c.shifted(list)
	total := (int64(len(list)) + size - 1) / size
	from := min((number-1)*size, int64(len(list)))
	to := min(from+size, int64(len(list)))
	if c.Moods.RepeatListing && from > 0 {
		from--
	}
	if force == 0 {
		return list[from:to], nil
	}
	hints := &pageHints{Page: number, TotalPages: total, HasMore: number < total}
	if next := number + 1; number < total {
		hints.NextPage = &next
	}
	return list[from:to], hints
}

// shifted turns list by the places that the mood ShiftListing has gathered for
// this listing.
func (c call) shifted(list []*store.Experiment) []*store.Experiment {
	by := c.Moods.ShiftListing
	if by == 0 || len(list) == 0 {
		return list
	}
	id := strings.Join([]string{c.Optional("projectId"), c.Optional("workspaceName"),
		c.Optional("projectName"), c.Optional("archived")}, "\x00")
	turn := c.Turn(id, by)
	n := len(list)
	at := ((-turn)%n + n) % n
	return slices.Concat(list[at:], list[:at])
}
