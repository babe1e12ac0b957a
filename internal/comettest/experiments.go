package comettest

import (
	"cmp"
	"slices"
	"strings"
)

func (s *Server) experimentRoutes() []route {
	return []route{
		{method: "GET", path: "experiments", handle: in(experimentCall.experiments)},
		{method: "GET", path: "experiment/metadata", handle: in(experimentCall.metadata)},
		{method: "GET", path: "experiment/processing/status", handle: in(experimentCall.processing)},
	}
}

// stateVersion is the first that knows crashed experiments.
var stateVersion = version{3, 7, 91}

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

// doc describes e as an item of project p. The locks of the store and of e
// are held.
func (c experimentCall) experimentDoc(e *experiment, p *project) experimentDoc {
	now := c.now()
	d := experimentDoc{
		ExperimentKey: e.key, ExperimentName: e.displayName(), OptimizationID: e.optimizationID,
		ProjectID: p.id, ProjectName: p.name, WorkspaceName: p.workspace.name, UserName: e.user,
		FilePath: e.filePath, FileName: e.fileName(), StartTimeMillis: e.start, Archived: e.archived,
		Running: e.running(now, c.s.opts.HeartbeatTimeout), Throttle: e.throttle, ThrottleMessage: e.throttleMsg,
	}
	end := e.endTime(now, c.s.opts.HeartbeatTimeout)
	if end != 0 {
		d.EndTimeMillis = &end
	} else {
		end = now
	}
	d.DurationMillis = max(0, end-e.start)
	if !c.version().less(stateVersion) {
		crashed := e.crashed
		d.HasCrashed = &crashed
	}
	return d
}

func (c experimentCall) metadata() error {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleViewer)
	if err != nil {
		return err
	}
	e.mu.Lock()
	doc := c.experimentDoc(e, e.project)
	e.mu.Unlock()
	return c.send(doc)
}

func (c experimentCall) processing() error {
	return c.readExperiment(func(*experiment) error {
		return c.send(map[string]any{"processing": false})
	})
}

// page is what a listing was asked for.
type page struct {
	number, size     int64 // 0 = everything
	sortBy, sortDesc string
}

func (c experimentCall) parsePage() (p page, err error) {
	number, err := c.number("page")
	if err != nil {
		return p, err
	}
	size, err := c.number("size")
	if err != nil {
		return p, err
	}
	p.sortBy, p.sortDesc = c.optional("sortBy"), c.optional("sortOrder")
	switch {
	case number != nil && *number < 1:
		return p, badRequest("page %d is less than 1", *number)
	case size != nil && *size < 1:
		return p, badRequest("size %d is less than 1", *size)
	case number != nil && size == nil:
		return p, badRequest("page needs size")
	case !slices.Contains([]string{"", "startTime", "endTime"}, p.sortBy):
		return p, badRequest("sortBy %q is not startTime or endTime", p.sortBy)
	case !slices.Contains([]string{"", "asc", "desc"}, p.sortDesc):
		return p, badRequest("sortOrder %q is not asc or desc", p.sortDesc)
	case number != nil && p.sortBy != "" && p.sortDesc == "":
		return p, badRequest("sortOrder is missing")
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

func (c experimentCall) experiments() error {
	want, err := c.parsePage()
	if err != nil {
		return err
	}
	archived, err := c.flag("archived")
	if err != nil {
		return err
	}
	if c.moods.IgnoreArchived {
		archived = nil
	}
	docs, err := c.listExperiments(archived)
	if err != nil {
		return err
	}
	sortExperiments(docs, want)
	answer := listing{Experiments: docs}
	if !c.moods.IgnorePages {
		answer = c.cutPage(docs, want)
	}
	return c.send(answer)
}

// listExperiments describes those of the project in the query that are
// archived, not archived, or all (nil), the symlinked ones last.
func (c experimentCall) listExperiments(archived *bool) ([]experimentDoc, error) {
	st := c.s.store
	st.mu.RLock()
	defer st.mu.RUnlock()
	p, err := c.queryProject().find(c.call, RoleViewer)
	if err != nil {
		return nil, err
	}
	docs := []experimentDoc{}
	for _, e := range slices.Concat(p.experiments, p.links) {
		if archived != nil && e.archived != *archived {
			continue
		}
		e.mu.Lock()
		docs = append(docs, c.experimentDoc(e, p))
		e.mu.Unlock()
	}
	return docs, nil
}

func sortExperiments(docs []experimentDoc, p page) {
	var less func(a, b experimentDoc) int
	switch p.sortBy {
	case "startTime":
		less = func(a, b experimentDoc) int { return cmp.Compare(a.StartTimeMillis, b.StartTimeMillis) }
	case "endTime":
		less = func(a, b experimentDoc) int { return cmp.Compare(a.end(), b.end()) }
	default:
		return
	}
	slices.SortStableFunc(docs, func(a, b experimentDoc) int {
		if p.sortDesc == "desc" {
			a, b = b, a
		}
		return less(a, b)
	})
}

func (d *experimentDoc) end() int64 {
	if d.EndTimeMillis == nil {
		return d.StartTimeMillis + d.DurationMillis
	}
	return *d.EndTimeMillis
}

// cutPage returns the page that was asked for, changed by the moods.
func (c experimentCall) cutPage(docs []experimentDoc, want page) listing {
	force := int64(c.moods.ForcePages)
	if want.number == 0 && force == 0 {
		return listing{Experiments: docs}
	}
	number, size := max(want.number, 1), want.size
	if size == 0 || force > 0 && size > force {
		size = force
	}
	docs = c.shifted(docs)
	total := (int64(len(docs)) + size - 1) / size
	from := min((number-1)*size, int64(len(docs)))
	to := min(from+size, int64(len(docs)))
	if c.moods.RepeatListing && from > 0 {
		from--
	}
	answer := listing{Experiments: docs[from:to]}
	if force > 0 {
		answer.pageHints = &pageHints{Page: number, TotalPages: total, HasMore: number < total}
		if next := number + 1; number < total {
			answer.NextPage = &next
		}
	}
	return answer
}

// shifted turns docs by the places that the mood ShiftListing has gathered for
// this listing.
func (c experimentCall) shifted(docs []experimentDoc) []experimentDoc {
	by := c.moods.ShiftListing
	if by == 0 || len(docs) == 0 {
		return docs
	}
	id := strings.Join([]string{c.optional("projectId"), c.optional("workspaceName"),
		c.optional("projectName"), c.optional("archived")}, "\x00")
	c.s.mu.Lock()
	turn := c.s.shifts[id]
	c.s.shifts[id] = turn + by
	c.s.mu.Unlock()
	n := len(docs)
	at := ((-turn)%n + n) % n
	return slices.Concat(docs[at:], docs[:at])
}
