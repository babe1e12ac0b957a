package comettest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// outputLog is what an experiment printed: pieces of text in the order of
// their offsets, equal offsets in order of arrival.
type outputLog struct {
	pieces []outputPiece
	sorted bool
}

type outputPiece struct {
	text   string
	offset int64
	stderr bool
	time   int64
}

func (o *outputLog) add(p outputPiece) {
	if n := len(o.pieces); n > 0 && p.offset < o.pieces[n-1].offset {
		o.sorted = false
	} else if n == 0 {
		o.sorted = true
	}
	o.pieces = append(o.pieces, p)
}

func (o *outputLog) text() string {
	if !o.sorted {
		slices.SortStableFunc(o.pieces, func(a, b outputPiece) int { return cmp.Compare(a.offset, b.offset) })
		o.sorted = true
	}
	var b strings.Builder
	for _, p := range o.pieces {
		b.WriteString(p.text)
	}
	return b.String()
}

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

// text is a dependency as package lists write it.
func (d dependency) text() string {
	if d.Version == nil {
		return d.Name
	}
	return d.Name + "==" + *d.Version
}

func mergeSystemInfo(old, add json.RawMessage, appends bool) (json.RawMessage, error) {
	var have, more []systemInfo
	if old != nil {
		if err := json.Unmarshal(old, &have); err != nil {
			return nil, err
		}
	}
	if err := json.Unmarshal(add, &more); err != nil {
		return nil, badRequest("logAdditionalSystemInfoList: %v", err)
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
