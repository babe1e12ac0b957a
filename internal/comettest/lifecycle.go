package comettest

import (
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func lifecycleRoutes() []route {
	return []route{
		{method: "POST", path: "write/experiment/create", handle: in(experimentCall.createExperiment)},
		{method: "POST", path: "write/experiment/set-start-end-time", handle: in(experimentCall.setTimes)},
		{method: "POST", path: "write/experiment/update-status", handle: in(experimentCall.updateStatus)},
		{method: "GET", path: "write/experiment/set-status", handle: in(experimentCall.setStatus)},
		{method: "GET", path: "write/experiment/archive", handle: in(experimentCall.archive)},
		{method: "GET", path: "write/experiment/restore", handle: in(experimentCall.restore)},
		{method: "GET", path: "write/experiment/delete", handle: in(experimentCall.deleteExperiment)},
		{method: "GET", path: "write/experiment/stop", handle: in(experimentCall.stop)},
		{method: "POST", path: "write/experiment/move", handle: in(experimentCall.move)},
		{method: "POST", path: "write/experiment/file-path", handle: in(experimentCall.setFilePath)},
		{method: "POST", path: "write/experiment/{experimentKey}/mark-not-throttled", since: version{4, 7, 416}, handle: in(experimentCall.markNotThrottled)},
	}
}

func (c experimentCall) createExperiment() error {
	var req struct {
		WorkspaceName    string  `json:"workspaceName"`
		ProjectName      string  `json:"projectName"`
		ExperimentName   *string `json:"experimentName"`
		DisableHeartBeat bool    `json:"disableHeartBeat"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	w, err := c.workspaceFor(req.WorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.roomIn(w, req.ProjectName)
	if err != nil {
		return err
	}
	e := store.NewExperiment(store.NewID(), c.key.User, c.now())
	e.Alive = !req.DisableHeartBeat
	if !e.Alive {
		e.End = e.Start
	}
	if req.ExperimentName != nil {
		e.Others.Set("Name", store.Stamped{Text: *req.ExperimentName, Time: e.Start})
	} else {
		e.GeneratedName = generatedName()
	}
	st.AddExperiment(p, e)
	return c.send(struct {
		ack
		ExperimentKey string  `json:"experimentKey"`
		WorkspaceName string  `json:"workspaceName"`
		ProjectName   string  `json:"projectName"`
		Link          string  `json:"link"`
		Name          *string `json:"name"`
	}{saved("saved"), e.Key, w.Name, p.Name, c.root() + w.Name + "/" + p.Name + "/" + e.Key, e.DisplayName()})
}

// roomIn returns the project for a new experiment, which is created if it is
// missing.
func (c experimentCall) roomIn(w *store.Workspace, name string) (*store.Project, error) {
	p, err := projectCall(c).projectOrNew(w, name)
	if err != nil {
		return nil, err
	}
	if limit := c.s.opts.Limits.ExperimentsPerProject; limit >= 0 && len(p.Experiments) >= limit {
		return nil, refusal.BadRequest("project %q holds the maximum of %d experiments", name, limit).WithCode(refusal.CodeTooManyExperiments)
	}
	return p, nil
}

func (c experimentCall) setTimes() error {
	var req struct {
		ExperimentKey   string `json:"experimentKey"`
		StartTimeMillis *int64 `json:"startTimeMillis"`
		EndTimeMillis   *int64 `json:"endTimeMillis"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	return c.setExperimentTimes(req.ExperimentKey, req.StartTimeMillis, req.EndTimeMillis)
}

// setExperimentTimes sets what is not nil. It is not a write that would move the
// end.
func (c experimentCall) setExperimentTimes(key string, start, end *int64) error {
	e, err := c.experiment(key, RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	if start != nil {
		e.Start = *start
	}
	if end != nil {
		e.End, e.Ended = *end, true
	}
	return c.ack()
}

func (c experimentCall) updateStatus() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		IsAlive       *bool   `json:"isAlive"`
		Error         *string `json:"error"`
		HasCrashed    bool    `json:"hasCrashed"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.IsAlive == nil {
		return refusal.BadRequest("isAlive is missing")
	}
	if req.HasCrashed && c.version().less(stateVersion) {
		return refusal.BadRequest("hasCrashed is not known")
	}
	e, err := c.experiment(req.ExperimentKey, RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	e.Crashed = req.HasCrashed
	if req.Error != nil {
		e.StatusError = req.Error
	}
	e.SetAlive(*req.IsAlive, c.now())
	return c.ack()
}

func (c experimentCall) setStatus() error {
	return c.heartbeat(c.optional("experimentKey"), func() error {
		return c.send(map[string]any{
			"isAliveBeatDurationMillis": 10000, "gpuMonitorIntervalMillis": 60000, "cpuMonitorIntervalMillis": 68000,
		})
	})
}

func (c experimentCall) heartbeat(key string, answer func() error) error {
	e, err := c.experiment(key, RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.SetAlive(true, c.now())
	e.Unlock()
	return answer()
}

func (c experimentCall) archive() error { return c.setArchived(true, "Archived") }
func (c experimentCall) restore() error { return c.setArchived(false, "Restore") }

func (c experimentCall) setArchived(archived bool, msg string) error {
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.Archived = archived
	e.Unlock()
	return c.send(saved(msg))
}

func (c experimentCall) deleteExperiment() error {
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	st.RemoveExperiment(e)
	return c.send(saved("Deleted"))
}

func (c experimentCall) stop() error {
	e, err := c.experiment(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.StopRequested = true
	e.Unlock()
	return c.send(saved("Stop Requested"))
}

func (c experimentCall) move() error {
	var req struct {
		TargetWorkspaceName string   `json:"targetWorkspaceName"`
		TargetProjectName   string   `json:"targetProjectName"`
		ExperimentKeys      []string `json:"experimentKeys"`
		Symlink             bool     `json:"symlink"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if len(req.ExperimentKeys) == 0 {
		return refusal.BadRequest("experimentKeys is missing")
	}
	st := c.s.store
	st.Lock()
	defer st.Unlock()
	w, err := c.workspaceFor(req.TargetWorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	list := make([]*store.Experiment, len(req.ExperimentKeys))
	for i, key := range req.ExperimentKeys {
		if list[i], err = c.experimentLocked(key, RoleOwner); err != nil {
			return err
		}
		if list[i].Project.Workspace != w {
			return refusal.BadRequest("experiment %q cannot be moved to another workspace", key)
		}
	}
	p, err := projectCall(c).projectOrNew(w, req.TargetProjectName)
	if err != nil {
		return err
	}
	return c.moveAll(list, p, req.Symlink)
}

func (c experimentCall) moveAll(list []*store.Experiment, p *store.Project, symlink bool) error {
	for _, e := range list {
		switch {
		case symlink:
			if err := p.Link(e); err != nil {
				return err
			}
		case e.Project != p:
			e.Project.Experiments = store.Without(e.Project.Experiments, e)
			p.Links = store.Without(p.Links, e)
			e.Project = p
			p.Experiments = append(p.Experiments, e)
		}
	}
	return c.ack()
}

func (c experimentCall) setFilePath() error {
	var req struct {
		ExperimentKey string  `json:"experimentKey"`
		FilePath      *string `json:"filePath"`
	}
	if err := c.decode(&req); err != nil {
		return err
	}
	if req.FilePath == nil {
		return refusal.BadRequest("filePath is missing")
	}
	return c.writeExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.FilePath = req.FilePath
		return c.ack()
	})
}

func (c experimentCall) markNotThrottled() error {
	return c.writeExperiment(c.params["experimentKey"], func(e *store.Experiment) error {
		e.Throttle, e.ThrottleMessage = false, nil
		e.Others.Remove("throttled")
		return c.ack()
	})
}
