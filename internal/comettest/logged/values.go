package logged

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/metric"
	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
	"github.com/comet-stream/comet-stream/internal/comettest/wire"
)

func valueRoutes() []api.Route {
	return []api.Route{
		{Method: "POST", Path: "write/experiment/metric", Python: true, Handle: api.JSON(metricCall.writeMetric)},
		{Method: "POST", Path: "write/experiment/parameter", Python: true, Handle: api.JSON(valueCall.writeParameter)},
		{Method: "POST", Path: "write/experiment/parameter/delete", Handle: api.JSON(valueCall.deleteParameter)},
		{Method: "POST", Path: "write/experiments/parameters/delete", Since: api.Version{3, 29, 724}, Handle: api.JSON(valueCall.deleteParameters)},
		{Method: "POST", Path: "write/experiment/log-other", Python: true, Handle: api.JSON(valueCall.writeOther)},
		{Method: "POST", Path: "write/experiment/tags", Handle: api.JSON(valueCall.writeTags)},
		{Method: "POST", Family: api.Clientlib, Path: "tags/add-tags-to-experiment", Auth: api.AuthBody, Handle: api.JSON(valueCall.writeTags)},
		{Method: "POST", Path: "write/experiment/tags/delete", Since: api.Version{3, 12, 26}, Handle: api.JSON(valueCall.deleteTags)},
		{Method: "POST", Path: "write/experiment/gpu-metrics", Handle: api.JSON(valueCall.gpuMetrics)},
		{Method: "POST", Path: "write/experiment/cpu-metrics", Handle: api.JSON(valueCall.cpuMetrics)},
		{Method: "POST", Path: "write/experiment/ram-metrics", Handle: api.JSON(valueCall.ramMetrics)},
		{Method: "POST", Path: "write/experiment/load-metrics", Handle: api.JSON(valueCall.loadMetrics)},
		{Method: "POST", Family: api.Clientlib, Path: "batch/logger/experiment/metric", Handle: api.In(metricCall.metricBatch)},
		{Method: "POST", Family: api.Clientlib, Path: "batch/logger/experiment/parameter", Python: true, Handle: api.JSON(valueCall.parameterBatch)},
	}
}

func (c valueCall) checkBatch(missing bool, n int) error {
	if missing {
		return refusal.BadRequest("values is missing")
	}
	if limit := c.Limits.BatchValues; limit >= 0 && n > limit {
		return refusal.BadRequest("a batch of %d values is over the limit of %d", n, limit)
	}
	return nil
}

type parameterDoc struct {
	ParameterName  string          `json:"parameterName"`
	ParameterValue json.RawMessage `json:"parameterValue"`
	Step           *wire.Ordinal   `json:"step"`
	Source         string          `json:"source"`
	Context        *string         `json:"context"`
	Timestamp      *int64          `json:"timestamp"`
}

// check returns the text of the parameter.
func (d *parameterDoc) check() (string, error) {
	if d.ParameterName == "" {
		return "", refusal.BadRequest("parameterName is missing")
	}
	if len(d.ParameterValue) == 0 {
		return "", refusal.BadRequest("parameter %q has no parameterValue", d.ParameterName)
	}
	return wire.Text(d.ParameterValue)
}

// setParameter logs d. The lock of e is held.
func (c valueCall) setParameter(e *store.Experiment, d *parameterDoc) error {
	text, err := d.check()
	if err != nil {
		return err
	}
	if e.Parameters.Get(d.ParameterName) == nil && api.Full(e.Parameters.Len(), c.Limits.ParameterNames) {
		e.Throttled("parameter names")
		return nil
	}
	v := store.Stamped{Text: text, Time: c.Now(), Step: (*int64)(d.Step), Context: d.Context}
	if d.Timestamp != nil {
		v.Time = *d.Timestamp
	}
	e.Parameters.Set(d.ParameterName, v)
	if d.Source != "" {
		e.Parameters.Get(d.ParameterName).Source = d.Source
	}
	return nil
}

type writeParameterRequest struct {
	ExperimentKey string `json:"experimentKey"`
	parameterDoc
}

func (c valueCall) writeParameter(req *writeParameterRequest) error {
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		if err := c.setParameter(e, &req.parameterDoc); err != nil {
			return err
		}
		return c.Ack()
	})
}

var parameterSources = []string{"", "auto-logged", "cli", "manual"}

type parameterBatchRequest struct {
	ExperimentKey string         `json:"experimentKey"`
	Values        []parameterDoc `json:"values"`
}

func (c valueCall) parameterBatch(req *parameterBatchRequest) error {
	if err := c.checkBatch(req.Values == nil, len(req.Values)); err != nil {
		return err
	}
	for i := range req.Values {
		if _, err := req.Values[i].check(); err != nil {
			return err
		}
		if v := req.Values[i]; v.ParameterValue[0] == '{' {
			return refusal.BadRequest("parameterValue of %q is an object", v.ParameterName)
		}
		if src := req.Values[i].Source; !slices.Contains(parameterSources, src) {
			return refusal.BadRequest("source %q is not auto-logged, cli or manual", src)
		}
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		for i := range req.Values {
			if err := c.setParameter(e, &req.Values[i]); err != nil {
				return err
			}
		}
		return c.Ack()
	})
}

type parameterRef struct {
	ExperimentKey string `json:"experimentKey"`
	ParameterName string `json:"parameterName"`
}

func (c valueCall) deleteParameter(req *parameterRef) error {
	if err := c.removeParameter(*req); err != nil {
		return err
	}
	return c.Ack()
}

func (c valueCall) deleteParameters(req *[]parameterRef) error {
	for _, ref := range *req {
		if err := c.removeParameter(ref); err != nil {
			return err
		}
	}
	return c.Ack()
}

func (c valueCall) removeParameter(ref parameterRef) error {
	return c.WriteExperiment(ref.ExperimentKey, func(e *store.Experiment) error {
		if !e.Parameters.Remove(ref.ParameterName) {
			return refusal.NotFound("parameter %q does not exist", ref.ParameterName)
		}
		return nil
	})
}

type writeOtherRequest struct {
	ExperimentKey string          `json:"experimentKey"`
	Key           string          `json:"key"`
	Value         json.RawMessage `json:"value"`
	Timestamp     *int64          `json:"timestamp"`
}

func (c valueCall) writeOther(req *writeOtherRequest) error {
	if req.Key == "" {
		return refusal.BadRequest("key is missing")
	}
	text, err := wire.Text(req.Value)
	if err != nil {
		return err
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		v := store.Stamped{Text: text, Time: c.Now()}
		if req.Timestamp != nil {
			v.Time = *req.Timestamp
		}
		last := e.Others.Get(req.Key)
		if c.Moods.GeneratedNames && last != nil && v.Time < last.Current.Time {
			current := last.Current
			e.Others.Set(req.Key, v)
			last.Current = current
			return c.Ack()
		}
		e.Others.Set(req.Key, v)
		return c.Ack()
	})
}

type writeTagsRequest struct {
	ExperimentKey string   `json:"experimentKey"`
	AddedTags     []string `json:"addedTags"`
}

func (c valueCall) writeTags(req *writeTagsRequest) error {
	if req.AddedTags == nil {
		return refusal.BadRequest("addedTags is missing")
	}
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.AddTags(req.AddedTags)
		return c.Ack()
	})
}

type deleteTagsRequest struct {
	ExperimentKey string   `json:"experimentKey"`
	Tags          []string `json:"tags"`
}

func (c valueCall) deleteTags(req *deleteTagsRequest) error {
	return c.WriteExperiment(req.ExperimentKey, func(e *store.Experiment) error {
		e.Tags = slices.DeleteFunc(e.Tags, func(t string) bool { return slices.Contains(req.Tags, t) })
		return c.Ack()
	})
}

// systemSample is what the four calls for system metrics have in common.
type systemSample struct {
	ExperimentKey string        `json:"experimentKey"`
	Context       *string       `json:"context"`
	Step          *wire.Ordinal `json:"step"`
	Epoch         *wire.Ordinal `json:"epoch"`
	Timestamp     *int64        `json:"timestamp"`
}

// at is the point of a sample but for metric and value.
func (s systemSample) at() newPoint {
	p := newPoint{timed: s.Timestamp != nil, inCtx: s.Context != nil}
	if s.Step != nil {
		p.point.Step, p.point.HasStep = int64(*s.Step), true
	}
	if s.Epoch != nil {
		p.point.Epoch, p.point.HasEpoch = int64(*s.Epoch), true
	}
	if p.timed {
		p.point.Time = *s.Timestamp
	}
	if p.inCtx {
		p.context = *s.Context
	}
	return p
}

// logSystem logs the values as metrics, in the order of their names.
func (c valueCall) logSystem(s systemSample, values map[string]json.Number) error {
	return c.WriteExperiment(s.ExperimentKey, func(e *store.Experiment) error {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if v := values[name]; v != "" {
				p := s.at()
				p.metric, p.point.Value = name, metric.ParseValue(v.String())
				metricCall(c).addPoint(e, &p)
			}
		}
		return c.Ack()
	})
}

type gpuMetricsRequest struct {
	systemSample
	GPUs []struct {
		GPUID          int         `json:"gpuId"`
		FreeMemory     json.Number `json:"freeMemory"`
		UsedMemory     json.Number `json:"usedMemory"`
		TotalMemory    json.Number `json:"totalMemory"`
		GPUUtilization json.Number `json:"gpuUtilization"`
	} `json:"gpus"`
}

func (c valueCall) gpuMetrics(req *gpuMetricsRequest) error {
	values := make(map[string]json.Number)
	for _, g := range req.GPUs {
		prefix := "sys.gpu." + strconv.Itoa(g.GPUID) + "."
		values[prefix+"free_memory"] = g.FreeMemory
		values[prefix+"used_memory"] = g.UsedMemory
		values[prefix+"total_memory"] = g.TotalMemory
		values[prefix+"gpu_utilization"] = g.GPUUtilization
	}
	return c.logSystem(req.systemSample, values)
}

type cpuMetricsRequest struct {
	systemSample
	CPU []json.Number `json:"cpuPercentUtilization"`
}

func (c valueCall) cpuMetrics(req *cpuMetricsRequest) error {
	if len(req.CPU) == 0 {
		return refusal.BadRequest("cpuPercentUtilization is missing")
	}
	values := make(map[string]json.Number)
	sum := 0.0
	for i, v := range req.CPU {
		f, err := v.Float64()
		if err != nil {
			return refusal.BadRequest("cpuPercentUtilization: %v", err)
		}
		sum += f
		values[fmt.Sprintf("sys.cpu.percent.%02d", i+1)] = v
	}
	avg := metric.AppendJSONFloat(nil, sum/float64(len(req.CPU)))
	values["sys.cpu.percent.avg"] = json.Number(avg)
	return c.logSystem(req.systemSample, values)
}

type ramMetricsRequest struct {
	systemSample
	TotalRAM json.Number `json:"totalRam"`
	UsedRAM  json.Number `json:"usedRam"`
}

func (c valueCall) ramMetrics(req *ramMetricsRequest) error {
	return c.logSystem(req.systemSample, map[string]json.Number{"sys.ram.total": req.TotalRAM, "sys.ram.used": req.UsedRAM})
}

type loadMetricsRequest struct {
	systemSample
	LoadAverage json.Number `json:"loadAverage"`
}

func (c valueCall) loadMetrics(req *loadMetricsRequest) error {
	return c.logSystem(req.systemSample, map[string]json.Number{"sys.load.avg": req.LoadAverage})
}
