package comettest

import "github.com/comet-stream/comet-stream/internal/comettest/refusal"

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
	st.mu.Lock()
	defer st.mu.Unlock()
	w, err := c.workspaceFor(req.WorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.roomIn(w, req.ProjectName)
	if err != nil {
		return err
	}
	e := newExperiment(newID(), c.key.User, c.now())
	e.alive = !req.DisableHeartBeat
	if !e.alive {
		e.end = e.start
	}
	if req.ExperimentName != nil {
		e.others.set("Name", stamped{text: *req.ExperimentName, time: e.start})
	} else {
		e.generatedName = generatedName()
	}
	st.addExperiment(p, e)
	return c.send(struct {
		ack
		ExperimentKey string  `json:"experimentKey"`
		WorkspaceName string  `json:"workspaceName"`
		ProjectName   string  `json:"projectName"`
		Link          string  `json:"link"`
		Name          *string `json:"name"`
	}{saved("saved"), e.key, w.name, p.name, c.root() + w.name + "/" + p.name + "/" + e.key, e.displayName()})
}

// roomIn returns the project for a new experiment, which is created if it is
// missing.
func (c experimentCall) roomIn(w *workspace, name string) (*project, error) {
	p, err := projectCall(c).projectOrNew(w, name)
	if err != nil {
		return nil, err
	}
	if limit := c.s.opts.Limits.ExperimentsPerProject; limit >= 0 && len(p.experiments) >= limit {
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
	e.mu.Lock()
	defer e.mu.Unlock()
	if start != nil {
		e.start = *start
	}
	if end != nil {
		e.end, e.ended = *end, true
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
	e.mu.Lock()
	defer e.mu.Unlock()
	e.crashed = req.HasCrashed
	if req.Error != nil {
		e.statusError = req.Error
	}
	c.setAlive(e, *req.IsAlive)
	return c.ack()
}

// setAlive notes a sign of life, or the end of the experiment: the time of a
// run that was alive until now. The lock of e is held.
func (c experimentCall) setAlive(e *experiment, alive bool) {
	now := c.now()
	e.ended = e.ended && !alive
	switch {
	case alive:
		e.alive, e.beat = true, now
	case e.alive || e.pinned || e.end == 0:
		e.alive, e.pinned, e.end = false, false, now
	}
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
	e.mu.Lock()
	c.setAlive(e, true)
	e.mu.Unlock()
	return answer()
}

func (c experimentCall) archive() error { return c.setArchived(true, "Archived") }
func (c experimentCall) restore() error { return c.setArchived(false, "Restore") }

func (c experimentCall) setArchived(archived bool, msg string) error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.archived = archived
	e.mu.Unlock()
	return c.send(saved(msg))
}

func (c experimentCall) deleteExperiment() error {
	st := c.s.store
	st.mu.Lock()
	defer st.mu.Unlock()
	e, err := c.experimentLocked(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	st.removeExperiment(e)
	return c.send(saved("Deleted"))
}

func (c experimentCall) stop() error {
	e, err := c.experiment(c.optional("experimentKey"), RoleOwner)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.stopRequested = true
	e.mu.Unlock()
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
	st.mu.Lock()
	defer st.mu.Unlock()
	w, err := c.workspaceFor(req.TargetWorkspaceName, RoleOwner)
	if err != nil {
		return err
	}
	list := make([]*experiment, len(req.ExperimentKeys))
	for i, key := range req.ExperimentKeys {
		if list[i], err = c.experimentLocked(key, RoleOwner); err != nil {
			return err
		}
		if list[i].project.workspace != w {
			return refusal.BadRequest("experiment %q cannot be moved to another workspace", key)
		}
	}
	p, err := projectCall(c).projectOrNew(w, req.TargetProjectName)
	if err != nil {
		return err
	}
	return c.moveAll(list, p, req.Symlink)
}

func (c experimentCall) moveAll(list []*experiment, p *project, symlink bool) error {
	for _, e := range list {
		switch {
		case symlink:
			if err := p.link(e); err != nil {
				return err
			}
		case e.project != p:
			e.project.experiments = without(e.project.experiments, e)
			p.links = without(p.links, e)
			e.project = p
			p.experiments = append(p.experiments, e)
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
	return c.writeExperiment(req.ExperimentKey, func(e *experiment) error {
		e.filePath = req.FilePath
		return c.ack()
	})
}

func (c experimentCall) markNotThrottled() error {
	return c.writeExperiment(c.params["experimentKey"], func(e *experiment) error {
		e.throttle, e.throttleMsg = false, nil
		e.others.remove("throttled")
		return c.ack()
	})
}
