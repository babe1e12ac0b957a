package experiments

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

func clientlibRoutes() []api.Route {
	post := func(path string, handle func(*api.Call) error) api.Route {
		return api.Route{Method: "POST", Family: api.Clientlib, Path: path, Auth: api.AuthBody, Handle: handle}
	}
	handshake := func(path string, handle func(*api.Call) error) api.Route {
		r := post(path, handle)
		r.Handshake = true
		return r
	}
	return []api.Route{
		handshake("logger/add/run", api.JSON(call.addRun)),
		handshake("logger/get/run", api.JSON(call.getRun)),
		handshake("logger/copy-steps-from-experiment", api.JSON(call.copyRun)),
		post("status-report/update", api.JSON(call.statusReport)),
		post("status-report/offline-metadata", api.JSON(call.offlineMetadata)),
		{Method: "GET", Family: api.Clientlib, Path: "rpc/get-pending-rpcs", Auth: api.AuthQuery, Handle: api.In(call.pendingRPCs)},
		post("rpc/register-rpc", (*api.Call).Ack),
		post("rpc/save-rpc-result", (*api.Call).Ack),
		{Method: "POST", Family: api.Clientlib, Path: "notify/event", Auth: api.AuthNone, Handle: (*api.Call).Ack},
		{Method: "POST", Family: api.Clientlib, Path: "notification/experiment", Auth: api.AuthNone, Handle: (*api.Call).Ack},
		{Method: "POST", Family: api.Clientlib, Path: "log/add", Auth: api.AuthNone, Handle: (*api.Call).Ack},
	}
}

// handshakeDoc is the answer to a handshake.
type handshakeDoc struct {
	RunID                string          `json:"runId"`
	ProjectID            string          `json:"project_id"`
	ExperimentKey        string          `json:"experimentKey"`
	Name                 *string         `json:"name"`
	WorkspaceName        string          `json:"workspaceName"`
	ProjectName          string          `json:"projectName"`
	FocusURL             string          `json:"focusUrl"`
	WSURL                string          `json:"ws_url"`
	GithubEnabled        bool            `json:"githubEnabled"`
	LastOffset           int64           `json:"lastOffset"`
	Msg                  *string         `json:"msg"`
	UploadLimitMB        int64           `json:"upload_file_size_limit_in_mb"`
	AssetLimitMB         int64           `json:"asset_upload_file_size_limit_in_mb"`
	VideoLimitMB         int64           `json:"uploadVideoMaxSizeMB"`
	FeatureToggles       []featureToggle `json:"featureToggles"`
	WebAssetURL          string          `json:"cometWebAssetUrl"`
	WebImageURL          string          `json:"cometWebImageUrl"`
	RestAssetURL         string          `json:"cometRestApiAssetUrl"`
	RestImageURL         string          `json:"cometRestApiImageUrl"`
	S3Enabled            bool            `json:"s3DirectAccessEnabled"`
	ArtifactNameMaxLenth *int            `json:"artifactNameMaxLength"`
	AssetNameMaxLength   *int            `json:"assetNameMaxLength"`
	ImageNameMaxLength   *int            `json:"imageNameMaxLength"`
}

type featureToggle struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
}

// handshakeAnswer answers for e. The locks of the store and of e are held.
func (c call) handshakeAnswer(e *store.Experiment) error {
	root, p := c.Root(), e.Project
	getAsset := root + "api/rest/v2/experiment/asset/get-asset"
	l := c.Limits
	return c.Send(handshakeDoc{
		RunID: e.RunID, ProjectID: p.ID, ExperimentKey: e.Key, Name: e.DisplayName(),
		WorkspaceName: p.Workspace.Name, ProjectName: p.Name,
		FocusURL: root + p.Workspace.Name + "/" + p.Name + "/",
		WSURL:    strings.Replace(root, "http", "ws", 1) + "ws/logger", GithubEnabled: true,
		LastOffset:    e.Output.LastOffset(),
		UploadLimitMB: max(l.UploadMB, 0), AssetLimitMB: max(l.AssetMB, 0), VideoLimitMB: max(l.VideoMB, 0),
		FeatureToggles: []featureToggle{
			{"sdk_use_http_messages", true}, {"sdk_http_logging", false}, {"sdk_announcement", false},
		},
		WebAssetURL: root + "api/asset/download", WebImageURL: root + "api/image/download",
		RestAssetURL: getAsset, RestImageURL: getAsset, S3Enabled: c.Moods.S3Upload,
		AssetNameMaxLength: lengthLimit(l.AssetName), ImageNameMaxLength: lengthLimit(l.ImageName),
	})
}

func lengthLimit(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

type addRunRequest struct {
	ExperimentKey      string  `json:"experimentKey"`
	Offline            bool    `json:"offline"`
	ProjectName        *string `json:"projectName"`
	TeamName           *string `json:"teamName"`
	LibVersion         string  `json:"libVersion"`
	GetOrCreateEnabled bool    `json:"getOrCreateEnabled"`
}

func (c call) addRun(req *addRunRequest) error {
	if req.ExperimentKey == "" {
		return refusal.BadRequest("experiment key is not given").WithCode(refusal.CodeNoExperimentKey)
	}
	if !store.ValidKey(req.ExperimentKey) {
		return refusal.BadRequest("experiment key %q is not 32 to 50 letters and digits", req.ExperimentKey)
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	e := st.Experiments[req.ExperimentKey]
	switch {
	case e == nil:
		return c.newRun(*req)
	case c.Moods.TakenKeys == "wordless":
		return refusal.BadRequest("error")
	case !req.GetOrCreateEnabled && c.Moods.TakenKeys != "answer":
		return refusal.BadRequest("experiment %s already exists", e.Key).WithCode(refusal.CodeExperimentExists)
	}
	return c.resume(e)
}

// newRun makes the experiment of a handshake. The lock of the store is held.
func (c call) newRun(req addRunRequest) error {
	team := c.Key.Home()
	if req.TeamName != nil {
		team = *req.TeamName
	}
	w := c.Store.Workspace(team)
	if w == nil || c.RoleIn(w) == api.RoleNone {
		return refusal.BadRequest("workspace %q does not exist", team).WithCode(refusal.CodeNoWorkspace)
	}
	if c.RoleIn(w) == api.RoleViewer {
		return refusal.BadRequest("User: %s has view only permission for workspace %s", c.Key.User, team).WithCode(refusal.CodeViewOnly)
	}
	name := w.Projects[0].Name
	if req.ProjectName != nil {
		name = *req.ProjectName
	}
	p, err := c.roomIn(w, name)
	if err != nil {
		return err
	}
	e := store.NewExperiment(req.ExperimentKey, c.Key.User, c.Now())
	e.Offline, e.Alive = req.Offline, !req.Offline
	e.GeneratedName = generatedName()
	if c.Moods.GeneratedNames {
		e.Others.Set("Name", store.Stamped{Text: e.GeneratedName, Time: c.Now()})
	}
	c.Store.AddExperiment(p, e)
	return c.handshakeAnswer(e)
}

// resume answers for an experiment that exists, with a new run id. The lock of
// the store is held.
func (c call) resume(e *store.Experiment) error {
	if e == nil || c.Moods.Vanished(e.Key) || c.RoleIn(e.Project.Workspace) != api.RoleOwner {
		return refusal.BadRequest("User: %s cannot access experiment for writing", c.Key.User).WithCode(refusal.CodeNoWriteAccess)
	}
	e.Lock()
	defer e.Unlock()
	e.RunID = store.NewID()
	if c.Moods.ResumeRuns {
		e.SetAlive(true, c.Now())
	}
	return c.handshakeAnswer(e)
}

type getRunRequest struct {
	PreviousExperiment string `json:"previousExperiment"`
}

func (c call) getRun(req *getRunRequest) error {
	if req.PreviousExperiment == "" {
		return refusal.BadRequest("previousExperiment is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	return c.resume(st.Experiments[req.PreviousExperiment])
}

var (
	nameAdjectives = strings.Fields("brave noble quick jolly eager calm bold keen mild proud silent witty")
	nameNouns      = strings.Fields("lark iris grape falcon lemur otter maple comet heron cedar badger quartz")
)

// generatedName makes a display name up.
func generatedName() string {
	return fmt.Sprintf("%s_%s_%d", nameAdjectives[rand.IntN(len(nameAdjectives))],
		nameNouns[rand.IntN(len(nameNouns))], 1000+rand.IntN(9000))
}

type statusReportRequest struct {
	ExperimentKey string `json:"experimentKey"`
	IsAlive       *bool  `json:"is_alive"`
}

func (c call) statusReport(req *statusReportRequest) error {
	if req.IsAlive == nil {
		return refusal.BadRequest("is_alive is missing")
	}
	e, err := c.Experiment(req.ExperimentKey, api.RoleOwner)
	if err != nil {
		return err
	}
	e.Lock()
	e.SetAlive(*req.IsAlive, c.Now())
	stop := e.StopRequested
	e.Unlock()
	return c.Send(map[string]any{
		"is_alive_beat_duration_millis": 10000, "gpu_monitor_interval_millis": 60000,
		"cpu_monitor_interval_millis": 68000, "parameter_update_interval_millis": 60000,
		"pending_rpcs": false, "should_stop": stop, "code": http.StatusOK, "msg": "",
	})
}

type offlineMetadataRequest struct {
	ExperimentKey  string `json:"experimentKey"`
	StartTimestamp *int64 `json:"startTimestamp"`
	EndTimestamp   *int64 `json:"endTimestamp"`
}

func (c call) offlineMetadata(req *offlineMetadataRequest) error {
	if req.EndTimestamp == nil {
		return refusal.BadRequest("endTimestamp is missing")
	}
	return c.setExperimentTimes(req.ExperimentKey, req.StartTimestamp, req.EndTimestamp)
}

func (c call) pendingRPCs() error {
	return c.ReadExperiment(func(*store.Experiment) error {
		return c.Send(map[string]any{"remoteProcedureCalls": []any{}})
	})
}

type copyRunRequest struct {
	CopiedExperimentKey string          `json:"copiedExperimentKey"`
	NewExperimentKey    string          `json:"newExperimentKey"`
	StepToCopyTo        json.RawMessage `json:"stepToCopyTo"`
}

// copyRun makes a new experiment from what another of this instance logged up
// to a step. Assets are not copied.
func (c call) copyRun(req *copyRunRequest) error {
	limit, err := copyLimit(req.StepToCopyTo)
	if err != nil {
		return err
	}
	if !store.ValidKey(req.NewExperimentKey) {
		return refusal.BadRequest("experiment key %q is not 32 to 50 letters and digits", req.NewExperimentKey)
	}
	st := c.Store
	st.Lock()
	defer st.Unlock()
	old := st.Experiments[req.CopiedExperimentKey]
	switch {
	case old == nil || c.RoleIn(old.Project.Workspace) != api.RoleOwner:
		return refusal.BadRequest("User: %s cannot access experiment for writing", c.Key.User).WithCode(refusal.CodeNoWriteAccess)
	case st.Experiments[req.NewExperimentKey] != nil:
		return refusal.BadRequest("experiment %s already exists", req.NewExperimentKey).WithCode(refusal.CodeExperimentExists)
	}
	e := store.NewExperiment(req.NewExperimentKey, c.Key.User, c.Now())
	e.Alive, e.GeneratedName = true, generatedName()
	old.Lock()
	e.CopyFrom(old, limit)
	old.Unlock()
	st.AddExperiment(old.Project, e)
	return c.handshakeAnswer(e)
}

// copyLimit reads a step, true for all steps or false for none.
func copyLimit(raw json.RawMessage) (int64, error) {
	switch string(raw) {
	case "true":
		return math.MaxInt64, nil
	case "false", "":
		return -1, nil
	}
	var step int64
	if json.Unmarshal(raw, &step) != nil {
		return 0, refusal.BadRequest("stepToCopyTo is no step and no boolean")
	}
	return step, nil
}
