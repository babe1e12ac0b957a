package filter

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// pass copies a stream and returns what came out.
func pass(t testing.TB, data []byte, rules Rules) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Copy(t.Context(), &out, bytes.NewReader(data), Options{Rules: rules, Tool: "tool 1"}); err != nil {
		t.Fatalf("Copy: %v", err)
	}
	return out.Bytes()
}

// sameRecords compares all records but the header.
func sameRecords(t *testing.T, want, got []stream.Raw) {
	t.Helper()
	if diff := cmp.Diff(show(t, want[1:]), show(t, got[1:])); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
		return
	}
	for i := range want {
		if i > 0 && !bytes.Equal(want[i].Data, got[i].Data) {
			t.Errorf("record %d (%s): bytes differ:\n%x\n%x", i, want[i].Kind, want[i].Data, got[i].Data)
		}
	}
}

func TestCopyIdentity(t *testing.T) {
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			data := write(t, layout, sample(t)...)
			want, got := read(t, data), read(t, pass(t, data, Rules{}))
			sameRecords(t, want, got)
			before, err := stream.DecodeAs[*stream.Header](want[0])
			if err != nil {
				t.Fatal(err)
			}
			after, err := stream.DecodeAs[*stream.Header](got[0])
			if err != nil {
				t.Fatal(err)
			}
			if after.ID == before.ID || len(after.ID) != 32 {
				t.Errorf("id %q", after.ID)
			}
			if after.Created < time.Now().Add(-time.Minute).UnixMilli() {
				t.Errorf("created %d", after.Created)
			}
			if diff := cmp.Diff([]string{before.ID, "ff"}, after.Parents); diff != "" {
				t.Errorf("parents (-want +got):\n%s", diff)
			}
			if after.Tool != "tool 1" {
				t.Errorf("tool %q", after.Tool)
			}
			if diff := cmp.Diff(before.Scope, after.Scope); diff != "" {
				t.Errorf("scope (-want +got):\n%s", diff)
			}
			if hint := text(got[0], "hint"); hint != "later" {
				t.Errorf("an unknown key of the header: %q", hint)
			}
		})
	}
}

func resources(t testing.TB, names string) stream.Resources {
	t.Helper()
	set, err := stream.ParseResources(strings.Fields(names))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func globs(t testing.TB, patterns ...string) []selection.Glob {
	t.Helper()
	var list []selection.Glob
	for _, p := range patterns {
		g, err := selection.ParseGlob(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	return list
}

func renames(t testing.TB, rules ...string) (r Renames) {
	t.Helper()
	for _, rule := range rules {
		if err := r.Add(rule); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func has(list ...string) func(string) bool {
	return func(s string) bool {
		for _, l := range list {
			if l == s {
				return true
			}
		}
		return false
	}
}

func hasNot(list ...string) func(string) bool {
	in := has(list...)
	return func(s string) bool { return !in(s) }
}

func nameOf(e *stream.Experiment) string { return deref(e.Name) }

// ruleCases are rules, and what an oracle makes of them.
func ruleCases(t testing.TB) map[string]struct {
	rules Rules
	want  oracle
} {
	only := func(names string) Rules { return Rules{Without: resources(t, names).Others()} }
	without := func(names string) Rules { return Rules{Without: resources(t, names)} }
	type ruleCase = struct {
		rules Rules
		want  oracle
	}
	return map[string]ruleCase{
		"metrics":             {only("metrics"), oracle{resource: has("metrics", "system-metrics")}},
		"system-metrics":      {only("system-metrics"), oracle{resource: has("system-metrics")}},
		"-x system-metrics":   {without("system-metrics"), oracle{resource: hasNot("system-metrics")}},
		"-x metrics":          {without("metrics"), oracle{resource: hasNot("metrics", "system-metrics")}},
		"-x assets":           {without("assets"), oracle{resource: hasNot("assets")}},
		"assets":              {only("assets"), oracle{resource: has("assets")}},
		"metadata":            {only("metadata"), oracle{resource: has("metadata")}},
		"-x metadata":         {without("metadata"), oracle{resource: hasNot("metadata")}},
		"parameters others":   {only("parameters others"), oracle{resource: has("parameters", "others")}},
		"-x html":             {without("html"), oracle{resource: hasNot("html")}},
		"run":                 {only("run"), oracle{resource: has("code", "git", "output", "graph", "requirements")}},
		"project":             {only("project"), oracle{resource: has("project_metadata", "project_notes")}},
		"-x project_notes":    {without("project_notes"), oracle{resource: hasNot("project_notes")}},
		"-x project_metadata": {without("project_metadata"), oracle{resource: hasNot("project_metadata")}},
		"artifacts":           {only("artifacts"), oracle{resource: has("artifacts")}},
		"-x artifacts":        {without("artifacts"), oracle{resource: hasNot("artifacts")}},
		"-x models panels":    {without("models panels"), oracle{resource: hasNot("models", "panels")}},
		"-x links":            {without("links"), oracle{resource: hasNot("links")}},
		"--key": {
			Rules{Selection: selection.Selection{Keys: keys("k2", "k4")}},
			oracle{experiment: func(e *stream.Experiment) bool { return e.Key == "k2" || e.Key == "k4" }, key: has("k2", "k4")},
		},
		"--key of a skipped one": {
			Rules{Selection: selection.Selection{Keys: keys("gone")}},
			oracle{experiment: func(e *stream.Experiment) bool { return false }, key: has("gone")},
		},
		"--tag": {
			Rules{Selection: selection.Selection{Tags: []string{"nope", "final"}}},
			oracle{experiment: func(e *stream.Experiment) bool { return has(e.Tags...)("final") }},
		},
		"--name": {
			Rules{Selection: selection.Selection{Names: globs(t, "f*", "gone*")}},
			oracle{experiment: func(e *stream.Experiment) bool { return strings.HasPrefix(nameOf(e), "f") }},
		},
		"--archived exclude": {
			Rules{Selection: selection.Selection{Archived: selection.ArchivedExclude}}, oracle{experiment: func(e *stream.Experiment) bool { return !e.Archived }},
		},
		"--archived only": {
			Rules{Selection: selection.Selection{Archived: selection.ArchivedOnly}}, oracle{experiment: func(e *stream.Experiment) bool { return e.Archived }},
		},
		"--since": {
			Rules{Selection: selection.Selection{Since: time.UnixMilli(2001)}}, // k2 ended later, k3 runs, k4 has no times
			oracle{experiment: func(e *stream.Experiment) bool { return e.Key != "k1" }},
		},
		"--tag and --archived": {
			Rules{Selection: selection.Selection{Tags: []string{"x"}, Archived: selection.ArchivedExclude}},
			oracle{experiment: func(e *stream.Experiment) bool { return e.Key == "k3" }},
		},
		"-x --key": {
			Rules{Selection: selection.Selection{Invert: true, Keys: keys("k1", "gone")}},
			oracle{invert: true, experiment: func(e *stream.Experiment) bool { return e.Key != "k1" }, key: hasNot("k1", "gone")},
		},
		"-x --tag": {
			Rules{Selection: selection.Selection{Invert: true, Tags: []string{"x"}}},
			oracle{invert: true, experiment: func(e *stream.Experiment) bool { return !has(e.Tags...)("x") }},
		},
		"-x --since": {
			Rules{Selection: selection.Selection{Invert: true, Since: time.UnixMilli(2001)}}, // nothing says that k4 is that new
			oracle{invert: true, experiment: func(e *stream.Experiment) bool { return e.Key == "k1" || e.Key == "k4" }},
		},
		"-x --asset-type image": {
			Rules{Selection: selection.Selection{Invert: true, AssetTypes: []string{"image"}}},
			oracle{asset: func(a *stream.Asset) bool { return deref(a.Type) != "image" }},
		},
		"-x --asset-name": {
			Rules{Selection: selection.Selection{Invert: true, AssetNames: globs(t, "*.bin")}},
			oracle{asset: func(a *stream.Asset) bool { return !strings.HasSuffix(deref(a.Name), ".bin") }},
		},
		"-x --max-asset-size": {
			Rules{Selection: selection.Selection{Invert: true, MaxAssetSize: stream.NewInt64(9)}},
			oracle{asset: func(a *stream.Asset) bool { return a.Size == nil || *a.Size > 9 }},
		},
		"--asset-type image": {
			Rules{Selection: selection.Selection{AssetTypes: []string{"image"}}},
			// A skipped asset has no type to go by and stays.
			oracle{asset: func(a *stream.Asset) bool { return has("image", "?")(deref(a.Type)) }},
		},
		"--asset-type asset": {
			Rules{Selection: selection.Selection{AssetTypes: []string{"asset"}}},
			oracle{asset: func(a *stream.Asset) bool { return has("", "?")(deref(a.Type)) }},
		},
		"--asset-name": {
			Rules{Selection: selection.Selection{AssetNames: globs(t, "*.bin")}},
			oracle{asset: func(a *stream.Asset) bool { return strings.HasSuffix(deref(a.Name), ".bin") }},
		},
		"--max-asset-size": {
			Rules{Selection: selection.Selection{MaxAssetSize: stream.NewInt64(9)}},
			oracle{asset: func(a *stream.Asset) bool { return deref(a.Name) != "w.bin" }},
		},
		"--rename workspace": {
			Rules{Renames: renames(t, "a=z")},
			oracle{place: func(ws, proj string) (string, string) {
				if ws == "a" {
					ws = "z"
				}
				return ws, proj
			}},
		},
		"--rename project": {
			Rules{Renames: renames(t, "a/p=c/new")},
			oracle{place: func(ws, proj string) (string, string) {
				if ws == "a" && proj == "p" {
					return "c", "new"
				}
				return ws, proj
			}},
		},
		"all at once": {
			Rules{
				Without: resources(t, "metadata html system-metrics project_notes models"), Selection: selection.Selection{Keys: keys("k1", "k3"),
					AssetNames: globs(t, "*[gm]")}, Renames: renames(t, "a=z", "b/p=z/other"),
			},
			oracle{
				resource:   func(s string) bool { return hasNot("metadata", "html", "project_notes", "models", "system-metrics")(s) },
				experiment: func(e *stream.Experiment) bool { return e.Key == "k1" || e.Key == "k3" }, key: has("k1", "k3"),
				asset: func(a *stream.Asset) bool { return has("fig/img.png", "rem")(deref(a.Name)) },
				place: func(ws, proj string) (string, string) {
					if ws == "b" && proj == "p" {
						return "z", "other"
					}
					if ws == "a" {
						ws = "z"
					}
					return ws, proj
				},
			},
		},
	}
}

func TestCopyRules(t *testing.T) {
	records := sample(t)
	inputs := make(map[string][]byte)
	for cut, layout := range layouts {
		inputs[cut] = write(t, layout, records...)
	}
	all := read(t, inputs["one block"])
	for name, tt := range ruleCases(t) {
		t.Run(name, func(t *testing.T) {
			want := read(t, tt.want.run(t, stream.WriterOptions{}, records))
			if cmp.Equal(show(t, want), show(t, all)) {
				t.Fatal("these rules change nothing")
			}
			for cut, data := range inputs {
				t.Run(cut, func(t *testing.T) {
					sameRecords(t, want, read(t, pass(t, data, tt.rules)))
				})
			}
		})
	}
}
