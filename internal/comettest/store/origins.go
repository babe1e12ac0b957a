package store

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest/refusal"
)

// Origins is what an experiment came from.
type Origins struct {
	Git          *GitMetadata
	GitPatch     []byte
	System       SystemDetails
	Cloud        []CloudDetails
	Dependencies []Dependency
}

// GitMetadata says which commit of which repository an experiment ran.
type GitMetadata struct {
	User   *string `json:"user"`
	Root   *string `json:"root"`
	Branch *string `json:"branch"`
	Parent *string `json:"parent"`
	Origin *string `json:"origin"`
}

// CloudDetails are about the machine of a cloud.
type CloudDetails struct {
	Provider string          `json:"provider"`
	Metadata json.RawMessage `json:"metadata"`
}

// Dependency is a package that an experiment used.
type Dependency struct {
	Name    string  `json:"name"`
	Version *string `json:"version"`
}

// Text is a dependency as package lists write it.
func (d Dependency) Text() string {
	if d.Version == nil {
		return d.Name
	}
	return d.Name + "==" + *d.Version
}

// SystemDetails are the fields of write/experiment/system-details, as they
// came.
type SystemDetails map[string]json.RawMessage

// The fields that a client may write, in the order in which they are given
// back.
var (
	SystemScalars = []string{
		"user", "pythonVersion", "pythonVersionVerbose", "pid", "osType", "os",
		"osRelease", "machine", "processor", "ip", "hostname", "env",
		"networkInterfaceIps", "command", "executable", "totalRam",
	}
	SystemLists = []string{
		"gpuStaticInfoList", "logAdditionalSystemInfoList", "osPackages", "installedPackages",
	}
)

type systemInfo struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// Merge takes over the known fields of doc: each replaces the one before, and
// items of logAdditionalSystemInfoList those with the same key, unless they are
// appended.
func (d *SystemDetails) Merge(doc map[string]json.RawMessage, appends bool) error {
	if *d == nil {
		*d = make(SystemDetails)
	}
	for _, name := range slices.Concat(SystemScalars, SystemLists) {
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

// AddPackages puts dependencies among the installed packages.
func (d *SystemDetails) AddPackages(deps []Dependency) {
	var list []string
	if raw := (*d)["installedPackages"]; raw != nil && json.Unmarshal(raw, &list) != nil {
		return
	}
	for _, dep := range deps {
		if text := dep.Text(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if *d == nil {
		*d = make(SystemDetails)
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

// SystemMetricNames are the metrics that are about the machine.
func (e *Experiment) SystemMetricNames() []string {
	names := []string{}
	for _, n := range e.MetricNames {
		if strings.HasPrefix(n, "sys.") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// MaxTotalMemory is the memory of the largest GPU, which the server derives.
func (e *Experiment) MaxTotalMemory() *float64 {
	var gpus []struct {
		TotalMemory float64 `json:"totalMemory"`
	}
	if json.Unmarshal(e.System["gpuStaticInfoList"], &gpus) != nil || len(gpus) == 0 {
		return nil
	}
	most := 0.0
	for _, g := range gpus {
		most = max(most, g.TotalMemory)
	}
	return &most
}
