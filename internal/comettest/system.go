package comettest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// systemDetails are the fields of write/experiment/system-details, as they
// came.
type systemDetails map[string]json.RawMessage

// The fields that a client may write, in the order in which they are given
// back.
var (
	systemScalars = []string{
		"user", "pythonVersion", "pythonVersionVerbose", "pid", "osType", "os",
		"osRelease", "machine", "processor", "ip", "hostname", "env",
		"networkInterfaceIps", "command", "executable", "totalRam",
	}
	systemLists = []string{
		"gpuStaticInfoList", "logAdditionalSystemInfoList", "osPackages", "installedPackages",
	}
)

type systemInfo struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// merge takes over the known fields of doc: each replaces the one before, and
// items of logAdditionalSystemInfoList those with the same key, unless they are
// appended.
func (d *systemDetails) merge(doc map[string]json.RawMessage, appends bool) error {
	if *d == nil {
		*d = make(systemDetails)
	}
	for _, name := range slices.Concat(systemScalars, systemLists) {
		raw, ok := doc[name]
		if !ok || string(raw) == "null" {
			continue
		}
		if name == "logAdditionalSystemInfoList" {
			var err error
			if raw, err = mergeSystemInfo((*d)[name], raw, appends); err != nil {
				return err
			}
		}
		(*d)[name] = slices.Clone(raw)
	}
	return nil
}

// addPackages puts dependencies among the installed packages.
func (d *systemDetails) addPackages(deps []dependency) {
	var list []string
	if raw := (*d)["installedPackages"]; raw != nil && json.Unmarshal(raw, &list) != nil {
		return
	}
	for _, dep := range deps {
		if text := dep.text(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if *d == nil {
		*d = make(systemDetails)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic("comettest: packages: " + err.Error()) // they are texts
	}
	(*d)["installedPackages"] = raw
}

func mergeSystemInfo(old, add json.RawMessage, appends bool) (json.RawMessage, error) {
	var have, more []systemInfo
	if old != nil {
		if err := json.Unmarshal(old, &have); err != nil {
			return nil, err
		}
	}
	if err := json.Unmarshal(add, &more); err != nil {
		return nil, refusal.BadRequest("logAdditionalSystemInfoList: %v", err)
	}
	for _, item := range more {
		i := slices.IndexFunc(have, func(h systemInfo) bool { return h.Key == item.Key })
		if i < 0 || appends {
			have = append(have, item)
		} else {
			have[i] = item
		}
	}
	return json.Marshal(have)
}

// systemDetails answers every field, those never written as null or as an
// empty list.
func (c originCall) systemDetails() error {
	return c.readExperiment(func(e *experiment) error {
		doc := map[string]any{"experimentKey": nil, "maxTotalMemory": e.maxTotalMemory(), "systemMetricNames": e.systemMetricNames()}
		if len(e.system) > 0 {
			doc["experimentKey"] = e.key
		}
		for _, name := range systemScalars {
			doc[name] = e.system[name]
		}
		for _, name := range systemLists {
			if doc[name] = []string{}; e.system[name] != nil {
				doc[name] = e.system[name]
			}
		}
		return c.send(doc)
	})
}

func (e *experiment) systemMetricNames() []string {
	names := []string{}
	for _, n := range e.names {
		if strings.HasPrefix(n, "sys.") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// maxTotalMemory is the memory of the largest GPU, which the server derives.
func (e *experiment) maxTotalMemory() *float64 {
	var gpus []struct {
		TotalMemory float64 `json:"totalMemory"`
	}
	if json.Unmarshal(e.system["gpuStaticInfoList"], &gpus) != nil || len(gpus) == 0 {
		return nil
	}
	most := 0.0
	for _, g := range gpus {
		most = max(most, g.TotalMemory)
	}
	return &most
}

func (c originCall) writeSystem() error {
	var doc map[string]json.RawMessage
	if err := c.decode(&doc); err != nil {
		return err
	}
	var key string
	if json.Unmarshal(doc["experimentKey"], &key) != nil {
		return refusal.BadRequest("experimentKey is missing").WithCode(refusal.CodeNoExperimentKey)
	}
	if err := checkSystem(doc); err != nil {
		return err
	}
	return c.writeExperiment(key, func(e *experiment) error {
		if err := e.system.merge(doc, c.moods.AppendSystem); err != nil {
			return err
		}
		return c.ack()
	})
}

// checkSystem checks the lists among system details.
func checkSystem(doc map[string]json.RawMessage) error {
	for _, name := range systemLists {
		var list []json.RawMessage
		if raw, ok := doc[name]; ok && json.Unmarshal(raw, &list) != nil {
			return refusal.BadRequest("%s is not a list", name)
		}
	}
	return nil
}
