package filter

import (
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/stream"
)

// An oracle filters the sample the plain way: all records at hand, one group
// after the other, and a Writer that counts again. It shares no code with the
// sieve.
type oracle struct {
	resource   func(name string) bool                 // keeps what belongs to this RESOURCE; nil keeps all
	experiment func(e *stream.Experiment) bool        // nil keeps all
	key        func(key string) bool                  // of experiments that the stream has not; nil keeps all
	asset      func(a *stream.Asset) bool             // nil keeps all
	place      func(ws, proj string) (string, string) // nil renames nothing
	invert     bool                                   // what the rules choose is left out

	dropped map[string]bool // keys of experiments
	groups  map[Place]int   // experiments that a project has in the stream, or as skipped
	kept    map[Place]int   // those of them that are kept
}

// resourceNameOf has the RESOURCE of each kind, as FORMAT.md section 6 says.
var resourceNameOf = map[string]string{
	"parameters": "parameters", "others": "others", "system": "system", "requirements": "requirements", "git": "git",
	"git-patch": "git", "code": "code", "graph": "graph", "html": "html", "output": "output", "asset": "assets",
	"chunk": "assets", "asset-end": "assets", "notes": "project_notes", "link": "links", "lineage": "artifacts",
	"artifact": "artifacts", "model": "models", "panel": "panels", "view": "panels",
}

func (o *oracle) wants(name string) bool { return name == "" || o.resource == nil || o.resource(name) }

// run returns the stream that a filter of the records should make.
func (o *oracle) run(t testing.TB, layout stream.WriterOptions, records []any) []byte {
	o.survey(t, records)
	var out []any
	for i := 0; i < len(records); {
		kind, _ := kindAndRecord(t, records[i])
		if end, ok := map[string]string{"experiment": "experiment-end", "artifact": "artifact-end", "model": "model-end"}[kind]; ok {
			n := i
			for k, _ := kindAndRecord(t, records[n]); k != end; k, _ = kindAndRecord(t, records[n]) {
				n++
			}
			group := records[i : n+1]
			i = n + 1
			switch kind {
			case "experiment":
				_, rec := kindAndRecord(t, group[0])
				if o.dropped[rec.(*stream.Experiment).Key] {
					continue
				}
				group = o.items(t, group)
			default:
				if group = o.versions(t, group); !o.wants(resourceNameOf[kind]) || o.nothing() {
					group = nil
				}
			}
			for _, r := range group {
				out = append(out, o.edit(t, r))
			}
			continue
		}
		if o.keepOutside(t, records[i]) {
			out = append(out, o.edit(t, records[i]))
		}
		i++
	}
	return write(t, layout, out...)
}

// survey finds out which experiments are dropped, and what projects keep.
func (o *oracle) survey(t testing.TB, records []any) {
	o.dropped, o.groups, o.kept = map[string]bool{}, map[Place]int{}, map[Place]int{}
	group := ""
	for _, r := range records {
		kind, rec := kindAndRecord(t, r)
		switch rec := rec.(type) {
		case *stream.Experiment:
			at := Place{rec.Workspace, rec.Project}
			o.groups[at]++
			if o.dropped[rec.Key] = o.experiment != nil && !o.experiment(rec); !o.dropped[rec.Key] {
				o.kept[at]++
			}
			group = kind
		case *stream.ExperimentEnd:
			group = ""
		case *stream.Skipped:
			if group == "" && rec.Of == stream.KindExperiment && o.absent(rec) {
				o.kept[Place{rec.Workspace, rec.Project}]++
			}
		}
	}
}

func (o *oracle) nothing() bool { return o.experiment != nil && !o.invert && len(o.kept) == 0 }

func (o *oracle) gone(key string) bool { return o.dropped[key] || o.key != nil && !o.key(key) }

// projectGone: it has nothing left, although it had something or the rules say
// what is to be there.
func (o *oracle) projectGone(p Place) bool {
	return o.experiment != nil && o.kept[p] == 0 && (o.groups[p] > 0 || !o.invert)
}

// absent reports whether an experiment is kept that the stream says it lacks.
func (o *oracle) absent(rec *stream.Skipped) bool {
	name := ""
	if rec.Name != nil {
		name = *rec.Name
	}
	return o.experiment == nil || o.key == nil && name == "" || (o.key == nil || o.key(*rec.Experiment))
}

// versions returns what is left of an artifact or a model, nil if nothing is.
func (o *oracle) versions(t testing.TB, group []any) []any {
	var out []any
	all, left, drop := 0, 0, false
	for _, r := range group {
		_, rec := kindAndRecord(t, r)
		var from *string
		version := true
		switch rec := rec.(type) {
		case *stream.ArtifactVersion:
			from = rec.Experiment
		case *stream.ModelVersion:
			from = rec.Experiment
		default:
			version = false
		}
		if version {
			all++
			if drop = from != nil && o.gone(*from); !drop {
				left++
			}
		}
		switch rec.(type) {
		case *stream.ArtifactEnd, *stream.ModelEnd:
			drop = false
		}
		if !drop {
			out = append(out, r)
		}
	}
	if all > 0 && left == 0 {
		return nil
	}
	return out
}

func kindAndRecord(t testing.TB, r any) (string, stream.Record) {
	if rec, ok := r.(stream.Record); ok {
		return string(rec.Kind()), rec
	}
	rec, err := r.(stream.Raw).Decode()
	if err != nil {
		t.Fatal(err)
	}
	return string(rec.Kind()), rec
}

// items returns what is left of an experiment.
func (o *oracle) items(t testing.TB, group []any) []any {
	var out []any
	for i := 0; i < len(group); {
		kind, rec := kindAndRecord(t, group[i])
		n := i + 1
		var keep bool
		switch rec := rec.(type) {
		case *stream.Asset:
			for {
				k, _ := kindAndRecord(t, group[n])
				n++
				if k == "asset-end" || k == "skipped" {
					break
				}
			}
			keep = o.wants("assets") && (o.asset == nil || o.asset(rec))
		case *stream.Metrics:
			keep = o.wants("metrics")
			if strings.HasPrefix(rec.Name, "sys.") {
				keep = o.wants("system-metrics")
			}
		case *stream.Skipped:
			keep = o.wants(resourceNameOf[string(rec.Of)])
			if rec.Of == stream.KindAsset && o.asset != nil {
				// Nothing but its name is known of it.
				keep = keep && o.asset(&stream.Asset{Name: rec.Name, Type: new("?"), Size: nil})
			}
		default:
			keep = o.wants(resourceNameOf[kind])
		}
		if keep {
			out = append(out, group[i:n]...)
		}
		i = n
	}
	return out
}

func (o *oracle) keepOutside(t testing.TB, r any) bool {
	kind, rec := kindAndRecord(t, r)
	switch rec := rec.(type) {
	case *stream.Project:
		return !o.projectGone(Place{rec.Workspace, rec.Name})
	case *stream.Notes:
		return o.wants("project_notes") && !o.projectGone(Place{rec.Workspace, rec.Project})
	case *stream.Skipped:
		if rec.Of == stream.KindExperiment {
			return o.absent(rec)
		}
		return o.wants(resourceNameOf[string(rec.Of)]) && !o.nothing()
	case *stream.Link:
		return o.wants("links") && !o.gone(rec.Experiment) && !o.projectGone(Place{rec.Workspace, rec.Project}) && !o.nothing()
	case *stream.Lineage:
		return o.wants("artifacts") && !o.gone(rec.Experiment) && !o.nothing()
	case *stream.View:
		return o.wants("panels") && (rec.Experiment == nil || !o.gone(*rec.Experiment)) &&
			!o.projectGone(Place{rec.Workspace, rec.Project}) && !o.nothing()
	case *stream.Panel:
		return o.wants("panels") && !o.nothing()
	}
	return o.wants(resourceNameOf[kind])
}

// edit changes a record as the rules want it: by its msgpack where it has keys
// that this version does not know.
func (o *oracle) edit(t testing.TB, r any) any {
	kind, rec := kindAndRecord(t, r)
	bare := map[string][]string{}
	if !o.wants("metadata") {
		bare["experiment"] = []string{"doc", "tags"}
	}
	if !o.wants("project_metadata") {
		bare["project"] = []string{"doc", "public", "share_links"}
	}
	if kind == "plan" && o.experiment != nil {
		plan := *rec.(*stream.Plan)
		plan.Projects = slices.Clone(plan.Projects)
		for i := range plan.Projects {
			plan.Projects[i].Experiments = nil
		}
		r = &plan
	}
	if len(bare[kind]) == 0 && o.place == nil || !rec.Kind().Known() {
		return r
	}
	data, ok := r.(stream.Raw)
	if !ok {
		if slices.Contains([]string{"experiment-end", "artifact-end", "model-end", "asset-end", "metrics"}, kind) {
			return r
		}
		var err error
		if data, err = stream.Encode(r.(stream.Record)); err != nil {
			t.Fatal(err)
		}
	}
	var parts []msgpack.RawMessage
	if err := msgpack.Unmarshal(data.Data, &parts); err != nil {
		t.Fatal(err)
	}
	var fields map[string]msgpack.RawMessage
	if err := msgpack.Unmarshal(parts[1], &fields); err != nil {
		t.Fatal(err)
	}
	for _, key := range bare[kind] {
		delete(fields, key)
	}
	body := make(map[string]any)
	for key, value := range fields {
		body[key] = value
	}
	if o.place != nil {
		o.move(t, kind, fields, body)
	}
	return raw(t, kind, body)
}

// move renames the place that a record holds.
func (o *oracle) move(t testing.TB, kind string, fields map[string]msgpack.RawMessage, body map[string]any) {
	get := func(m map[string]msgpack.RawMessage, key string) (s string) {
		if m[key] != nil {
			if err := msgpack.Unmarshal(m[key], &s); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	projectKey := "project"
	switch kind {
	case "project":
		projectKey = "name"
	case "plan":
		var projects []map[string]msgpack.RawMessage
		var workspaces []string
		if err := msgpack.Unmarshal(fields["projects"], &projects); err != nil {
			t.Fatal(err)
		}
		if err := msgpack.Unmarshal(fields["workspaces"], &workspaces); err != nil {
			t.Fatal(err)
		}
		list := []any{}
		for _, p := range projects {
			ws, proj := o.place(get(p, "workspace"), get(p, "project"))
			list = append(list, msgpack.RawMessage(sorted(t, map[string]any{"experiments": p["experiments"], "project": proj, "workspace": ws})))
		}
		for i, ws := range workspaces {
			workspaces[i], _ = o.place(ws, "")
		}
		body["projects"], body["workspaces"] = list, workspaces
		return
	}
	if fields["workspace"] == nil {
		return
	}
	ws, proj := o.place(get(fields, "workspace"), get(fields, projectKey))
	body["workspace"] = ws
	if fields[projectKey] != nil && kind != "model" && kind != "panel" {
		body[projectKey] = proj
	}
}
