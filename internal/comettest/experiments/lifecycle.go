package experiments

import (
	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/projects"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func lifecycleRoutes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: "write/experiment/create", Handle: api.JSON(call.createExperiment)},
		{Method: "POST", Path: "write/experiment/set-start-end-time", Handle: api.JSON(call.setTimes)},
		{Method: "POST", Path: "write/experiment/update-status", Handle: api.JSON(call.updateStatus)},
		{Method: "GET", Path: "write/experiment/set-status", Handle: api.In(call.setStatus)},
		{Method: "GET", Path: "write/experiment/archive", Handle: api.In(call.archive)},
		{Method: "GET", Path: "write/experiment/restore", Handle: api.In(call.restore)},
		{Method: "GET", Path: "write/experiment/delete", Handle: api.In(call.deleteExperiment)},
		{Method: "GET", Path: "write/experiment/stop", Handle: api.In(call.stop)},
		{Method: "POST", Path: "write/experiment/move", Handle: api.JSON(call.move)},
		{Method: "POST", Path: "write/experiment/file-path", Handle: api.JSON(call.setFilePath)},
		{Method: "POST", Path: "write/experiment/{experimentKey}/mark-not-throttled", Since: api.Version{4, 7, 416}, Handle: api.In(call.markNotThrottled)},
	}
}

type createExperimentRequest struct {
	WorkspaceName    string  `json:"workspaceName"`
	ProjectName      string  `json:"projectName"`
	ExperimentName   *string `json:"experimentName"`
	DisableHeartBeat bool    `json:"disableHeartBeat"`
}

func (c call) createExperiment(req *createExperimentRequest) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	w, err := c.WorkspaceFor(req.WorkspaceName, api.RoleOwner)
	if err != nil {
		return err
	}
	p, err := c.roomIn(w, req.ProjectName)
	if err != nil {
		return err
	}
	e := store.NewExperiment(store.NewID(), c.Key.User, c.Now())
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
	return c.Send(struct {
		api.Ack
		ExperimentKey string  `json:"experimentKey"`
		WorkspaceName string  `json:"workspaceName"`
		ProjectName   string  `json:"projectName"`
		Link          string  `json:"link"`
		Name          *string `json:"name"`
	}{api.Saved("saved"), e.Key, w.Name, p.Name, c.Root() + w.Name + "/" + p.Name + "/" + e.Key, e.DisplayName()})
}

// roomIn returns the project for a new experiment, which is created if it is
// missing.
func (c call) roomIn(w *store.Workspace, name string) (*store.Project, error) {
	p, err := projects.Call(c).OrNew(w, name)
	if err != nil {
		return nil, err
	}
	if limit := c.Limits.ExperimentsPerProject; limit >= 0 && len(p.Experiments) >= limit {
		return nil, refusal.BadRequest("project %q holds the maximum of %d experiments", name, limit).WithCode(refusal.CodeTooManyExperiments)
	}
	return p, nil
}

type setTimesRequest struct {
	ExperimentKey   string `json:"experimentKey"`
	StartTimeMillis *int64 `json:"startTimeMillis"`
	EndTimeMillis   *int64 `json:"endTimeMillis"`
}

func (c call) setTimes(req *setTimesRequest) error {
	return c.setExperimentTimes(req.ExperimentKey, req.StartTimeMillis, req.EndTimeMillis)
}

// setExperimentTimes sets what is not nil. It is not a write that would move the
// end.
func (c call) setExperimentTimes(key string, start, end *int64) error {
	e, err := c.Experiment(key, api.RoleOwner)
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
	return c.Ack()
}

type updateStatusRequest struct {
	ExperimentKey string  `json:"experimentKey"`
	IsAlive       *bool   `json:"isAlive"`
	Error         *string `json:"error"`
	HasCrashed    bool    `json:"hasCrashed"`
}

func (c call) updateStatus(req *updateStatusRequest) error {
	if req.IsAlive == nil {
		return refusal.BadRequest("isAlive is missing")
	}
	if req.HasCrashed && c.Version().Less(stateVersion) {
		return refusal.BadRequest("hasCrashed is not known")
	}
	e, err := c.Experiment(req.ExperimentKey, api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	defer e.Unlock()
	e.Crashed = req.HasCrashed
	if req.Error != nil {
		e.StatusError = req.Error
	}
	e.SetAlive(*req.IsAlive, c.Now())
	return c.Ack()
}

func (c call) setStatus() error {
	return c.heartbeat(c.Optional("experimentKey"), func() error {
		return c.Send(map[string]any{
			"isAliveBeatDurationMillis": 10000, "gpuMonitorIntervalMillis": 60000, "cpuMonitorIntervalMillis": 68000,
		})
	})
}

func (c call) heartbeat(key string, answer func() error) error {
	e, err := c.Experiment(key, api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.SetAlive(true, c.Now())
	e.Unlock()
	return answer()
}

func (c call) archive() error { return c.setArchived(true, "Archived") }
func (c call) restore() error { return c.setArchived(false, "Restore") }

func (c call) setArchived(archived bool, msg string) error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.Archived = archived
	e.Unlock()
	return c.Send(api.Saved(msg))
}

func (c call) deleteExperiment() error {
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e, err := c.ExperimentLocked(c.Optional("experimentKey"), api.RoleOwner)
	if err != nil {
		return err
	}
	st.RemoveExperiment(e)
	return c.Send(api.Saved("Deleted"))
}

func (c call) stop() error {
	e, err := c.Experiment(c.Optional("experimentKey"), api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.StopRequested = true
	e.Unlock()
	return c.Send(api.Saved("Stop Requested"))
}

type moveRequest struct {
	TargetWorkspaceName string   `json:"targetWorkspaceName"`
	TargetProjectName   string   `json:"targetProjectName"`
	ExperimentKeys      []string `json:"experimentKeys"`
	Symlink             bool     `json:"symlink"`
}

func (c call) move(req *moveRequest) error {
	if len(req.ExperimentKeys) == 0 {
		return refusal.BadRequest("experimentKeys is missing")
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	w, err := c.WorkspaceFor(req.TargetWorkspaceName, api.RoleOwner)
	if err != nil {
		return err
	}
	list := make([]*store.Experiment, len(req.ExperimentKeys))
	for i, key := range req.ExperimentKeys {
		if list[i], err = c.ExperimentLocked(key, api.RoleOwner); err != nil {
			return err
		}
		if list[i].Project.Workspace != w {
			return refusal.BadRequest("experiment %q cannot be moved to another workspace", key)
		}
	}
	p, err := projects.Call(c).OrNew(w, req.TargetProjectName)
	if err != nil {
		return err
	}
	return c.moveAll(list, p, req.Symlink)
}

func (c call) moveAll(list []*store.Experiment, p *store.Project, symlink bool) error {
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
	return c.Ack()
}

type setFilePathRequest struct {
	ExperimentKey string  `json:"experimentKey"`
	FilePath      *string `json:"filePath"`
}

func (c call) setFilePath(req *setFilePathRequest) error {
	if req.FilePath == nil {
		return refusal.BadRequest("filePath is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.FilePath = req.FilePath
		return c.Ack()
	})
}

func (c call) markNotThrottled() error {
	return c.WriteExperiment(c.Params["experimentKey"], func(e *store.Experiment) error {
		e.Throttle, e.ThrottleMessage = false, nil
		e.Others.Remove("throttled")
		return c.Ack()
	})
}
