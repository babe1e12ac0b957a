package e2e

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// The sections of the table.
const (
	sectionLife    = "Experiments: identity and life"
	sectionContent = "Experiments: content"
	sectionAssets  = "Experiments: assets"
	sectionProject = "Projects"
)

// fidelityRows are all rows, in the order of the table.
func fidelityRows() []row {
	return slices.Concat(lifeRows(), valueRows(), textRows(), assetRows(), assetTypeRows(), projectRows(), workspaceRows())
}

// ofExperiment reads the experiment that has everything.
func ofExperiment(f func(*comettest.ExperimentState) any) func(side) any {
	return func(s side) any { return f(s.e) }
}

// of reads an experiment by its key.
func of(key string, f func(*comettest.ExperimentState) any) func(side) any {
	return func(s side) any {
		for i := range s.p.Experiments {
			if s.p.Experiments[i].Key == key {
				return f(&s.p.Experiments[i])
			}
		}
		return nil
	}
}

func lifeRows() []row {
	type experiment = comettest.ExperimentState
	rows := []row{
		{data: "experiment key", get: ofExperiment(func(e *experiment) any { return e.Key })},
		{data: "workspace and project", get: func(s side) any { return []string{s.w.Name, s.p.Name} }},
		{data: "display name", get: ofExperiment(func(e *experiment) any { return e.Name })},
		{data: "display name that the server generated", get: of(namelessKey, func(e *experiment) any { return e.Name })},
		{data: "having no display name", get: of(unnamedKey, func(e *experiment) any { return []any{e.Name} }), missing: "servers generate a name immediately"},
		{data: "start time", get: ofExperiment(func(e *experiment) any { return e.Start })},
		{data: "end time", get: ofExperiment(func(e *experiment) any { return e.End })},
		{data: "crashed", get: ofExperiment(func(e *experiment) any { return e.Crashed })},
		{data: "running", get: of(runningKey, func(e *experiment) any { return e.Running }),
			change: "imported as finished, since no process continues it", changed: func(any) any { return false }},
		{data: "archived", get: of(archivedKey, func(e *experiment) any { return e.Archived })},
		{data: "file path and file name", get: ofExperiment(func(e *experiment) any { return e.FilePath })},
		{data: "appearance in other projects of the workspace", get: func(s side) any {
			for _, p := range s.w.Projects {
				if p.Name == otherProject {
					return p.Links
				}
			}
			return nil
		}},
		{data: "text of the error of a crash", get: ofExperiment(func(e *experiment) any { return e.StatusError }), missing: "no call reads it"},
		{data: "owner", get: ofExperiment(func(e *experiment) any { return e.User }), missing: "no call sets it; it becomes the user of the key"},
		{data: "optimization id", get: ofExperiment(func(e *experiment) any { return e.OptimizationID }), missing: "no call sets it"},
		{data: "whether it was logged live", get: of(namelessKey, func(e *experiment) any { return !e.Offline }), missing: "no call reads it; imports count as logged offline"},
		{data: "throttling and its reasons", missing: "no call sets them"},
		{data: "time of creation on the server, of archiving", missing: "no call reads or sets them"},
	}
	return inSection(sectionLife, rows)
}

func inSection(section string, rows []row) []row {
	for i := range rows {
		rows[i].section = section
	}
	return rows
}

// points reads a field of all points of the experiment.
func points(f func(p comettest.PointState) any) func(side) any {
	return ofExperiment(func(e *comettest.ExperimentState) any {
		var list []any
		for _, m := range e.Metrics {
			for _, p := range m.Values {
				list = append(list, m.Name, f(p))
			}
		}
		return list
	})
}

// values reads a field of all parameters or others.
func values(list func(*comettest.ExperimentState) []comettest.ValueState, f func(v comettest.ValueState) any) func(side) any {
	return ofExperiment(func(e *comettest.ExperimentState) any {
		var found []any
		for _, v := range list(e) {
			found = append(found, v.Name, f(v))
		}
		return found
	})
}

func valueRows() []row {
	type value = comettest.ValueState
	parameters := func(e *comettest.ExperimentState) []value { return e.Parameters }
	others := func(e *comettest.ExperimentState) []value { return e.Others }
	long := func(f func(m comettest.MetricState) any) func(side) any {
		return of(longKey, func(e *comettest.ExperimentState) any { return f(e.Metrics[0]) })
	}
	return inSection(sectionContent, []row{
		{data: "metrics: values, to the last digit", get: points(func(p comettest.PointState) any { return p.Value })},
		{data: "metrics: steps, including absent ones", get: points(func(p comettest.PointState) any { return p.Step })},
		{data: "metrics: epochs, including absent ones", get: points(func(p comettest.PointState) any { return p.Epoch })},
		{data: "metrics: contexts, including absent ones", get: points(func(p comettest.PointState) any { return p.Context })},
		{data: "metrics: times", get: points(func(p comettest.PointState) any { return p.Time })},
		{data: "metrics: minimum, maximum and current value", get: ofExperiment(func(e *comettest.ExperimentState) any {
			var list []any
			for _, m := range e.Metrics {
				list = append(list, m.Name, m.Min, m.Max, m.Current)
			}
			return list
		})},
		{data: "system metrics", get: ofExperiment(func(e *comettest.ExperimentState) any {
			return slices.DeleteFunc(slices.Clone(e.Metrics), func(m comettest.MetricState) bool { return m.Name != "sys.cpu.percent.avg" })
		})},
		{data: "metrics: the points of a long series that the source keeps", get: long(func(m comettest.MetricState) any { return m.SHA256 })},
		{data: "metrics: points that the source has dropped", get: long(func(m comettest.MetricState) any { return m.Received }),
			missing: "no call reads them, unless the account stores metrics without sampling: then they are carried, their times to the second. Thinned metrics are reported, by the number of points, or where the server's own summary of the metric has a value or a step that they lack"},
		{data: "parameters: names and current values", get: values(parameters, func(v value) any { return v.Current.Value })},
		{data: "parameters: times, steps and contexts", get: values(parameters, func(v value) any { return []any{v.Current.Time, v.Current.Step, v.Current.Context} })},
		{data: "parameters: minimum and maximum value", get: values(parameters, func(v value) any { return []any{v.Min, v.Max} })},
		{data: "parameters: whether logged by hand or automatically", get: values(parameters, func(v value) any { return v.Source }), missing: "no call reads it"},
		{data: "parameters and others: type, values between", missing: "no call reads them; values are texts"},
		{data: "others: names and current values", get: values(others, func(v value) any { return v.Current.Value })},
		{data: "others: times", get: values(others, func(v value) any { return v.Current.Time })},
		{data: "others: minimum and maximum value", get: values(others, func(v value) any { return []any{v.Min, v.Max} })},
		{data: "tags", get: ofExperiment(func(e *comettest.ExperimentState) any { return e.Tags })},
	})
}

func textRows() []row {
	type experiment = comettest.ExperimentState
	text := func(f func(e *experiment) *comettest.TextState) func(side) any {
		return ofExperiment(func(e *experiment) any { return f(e) })
	}
	system := func(names ...string) func(side) any {
		return ofExperiment(func(e *experiment) any {
			var list []json.RawMessage
			for _, name := range names {
				list = append(list, e.System[name])
			}
			return list
		})
	}
	return inSection(sectionContent, []row{
		{data: "html", get: text(func(e *experiment) *comettest.TextState { return e.HTML })},
		{data: "code", get: text(func(e *experiment) *comettest.TextState { return e.Code })},
		{data: "model graph", get: text(func(e *experiment) *comettest.TextState { return e.Graph })},
		{data: "output", get: text(func(e *experiment) *comettest.TextState { return e.Output })},
		{data: "output: which lines were on stderr, times of lines", missing: "`experiment/output` gives one text"},
		{data: "git metadata", get: ofExperiment(func(e *experiment) any { return e.Git })},
		{data: "git metadata: repository name, status", missing: "`experiment/git/metadata` does not give them"},
		{data: "git patch", get: func(s side) any { return s.patch }},
		{data: "system details", get: system("user", "pythonVersion", "pythonVersionVerbose", "pid", "osType", "os", "osRelease", "machine", "processor",
			"ip", "hostname", "networkInterfaceIps", "command", "executable")},
		{data: "environment variables", get: system("env")},
		{data: "GPUs", get: system("gpuStaticInfoList")},
		{data: "additional system information", get: system("logAdditionalSystemInfoList")},
		{data: "installed packages", get: system("installedPackages")},
		{data: "packages of the operating system", get: system("osPackages")},
		{data: "cloud details", get: ofExperiment(func(e *experiment) any { return e.CloudDetails }), missing: "no call reads them"},
		{data: "dependencies logged one by one", get: ofExperiment(func(e *experiment) any { return e.Dependencies }), missing: "no call reads them apart from the installed packages"},
		{data: "notes of an experiment", missing: "no call reads or writes them"},
	})
}

// assetFields reads a field of all assets.
func assetFields(f func(a comettest.AssetState) any) func(side) any {
	return ofExperiment(func(e *comettest.ExperimentState) any {
		var list []any
		for _, a := range e.Assets {
			list = append(list, a.ID, f(a))
		}
		return list
	})
}

func assetRows() []row {
	type asset = comettest.AssetState
	return inSection(sectionAssets, []row{
		{data: "asset ids", get: assetFields(func(a asset) any { return nil })},
		{data: "bytes, also of empty files", get: assetFields(func(a asset) any { return []any{a.Size, a.SHA256} })},
		{data: "file names", get: assetFields(func(a asset) any { return a.Name })},
		{data: "types", get: assetFields(func(a asset) any { return a.Type })},
		{data: "folders in the web interface", get: assetFields(func(a asset) any { return a.Dir })},
		{data: "steps", get: assetFields(func(a asset) any { return a.Step })},
		{data: "contexts", get: assetFields(func(a asset) any { return a.Context })},
		{data: "metadata, annotations of images", get: assetFields(func(a asset) any { return a.Metadata })},
		{data: "remote assets: links", get: assetFields(func(a asset) any { return a.Link })},
		{data: "models and their elements", get: func(s side) any { return []any{s.e.Models, assetFields(func(a asset) any { return a.Model })(s)} }},
		{data: "models: ids", missing: "no call sets them"},
		{data: "epochs of assets", get: assetFields(func(a asset) any { return a.Epoch }), missing: "`experiment/asset/list` does not give them"},
		{data: "times of upload", get: assetFields(func(a asset) any { return a.Created }), missing: "no call sets them"},
		{data: "order in which a list shows assets", change: "that in which uploads end, several at a time, since lists go by times of upload: of several assets of one name, the SDK's `get_asset_by_name` may give another"},
		{data: "tags of assets", missing: "no call sets them"},
		{data: "parts of a 3D scene", missing: "no call is known to read them; each is named as skipped, and the scene itself is carried"},
		{data: "histograms over all steps, where none of single steps exist", get: ofExperiment(func(e *comettest.ExperimentState) any {
			for _, a := range e.Assets {
				if a.Type == "histogram_combined_3d" {
					return []any{a.ID, a.Name, a.SHA256}
				}
			}
			return nil
		})},
		{data: "histograms over all steps, files of all points", change: "carried, and not uploaded: servers make them from what is"},
	})
}

// assetTypeRows has one row for each type of 6.4 of the API.
func assetTypeRows() []row {
	var rows []row
	for _, typ := range assetTypes {
		rows = append(rows, row{data: "an asset of type `" + typ + "`", get: ofExperiment(func(e *comettest.ExperimentState) any {
			i := slices.IndexFunc(e.Assets, func(a comettest.AssetState) bool { return a.Name == "dir/"+typ+".bin" })
			if i < 0 {
				return nil
			}
			a := e.Assets[i]
			a.Epoch, a.Created = nil, 0 // have rows of their own
			return a
		})})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.data, b.data) })
	return inSection(sectionAssets, rows)
}

func projectRows() []row {
	return inSection(sectionProject, []row{
		{data: "project name", get: func(s side) any { return s.p.Name }},
		{data: "project description", get: func(s side) any { return s.p.Description }},
		{data: "visibility", get: func(s side) any { return s.p.Public }},
		{data: "project notes", get: func(s side) any { return s.p.Notes }},
		{data: "share links", get: func(s side) any { return s.shareCodes },
			change: "the same number, with codes of the destination, which nobody has until you hand them out",
			kept:   func(codes any) any { return len(codes.([]string)) }},
		{data: "project id", get: func(s side) any { return s.p.ID }, missing: "no call sets it"},
		{data: "owner of a project", get: func(s side) any { return s.p.Owner },
			change: "it becomes the user of the key, or the user given for the owner of the source in the file of `--owner`", changed: func(any) any { return "bob" }},
		{data: "time of creation of a project", get: func(s side) any { return s.p.Created }, missing: "no call sets it"},
		{data: "image of a project", missing: "no call sets it"},
	})
}
