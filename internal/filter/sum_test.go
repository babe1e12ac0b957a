package filter

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// sums returns the lines of Sum for a good stream.
func sums(t testing.TB, data []byte) []string {
	t.Helper()
	lines, err := printed(t, Sum, data, Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestSum(t *testing.T) {
	var all [][]string
	for _, layout := range layouts {
		all = append(all, sums(t, write(t, layout, sample(t)...)))
	}
	for _, lines := range all {
		if diff := cmp.Diff(all[0], lines); diff != "" {
			t.Errorf("the blocks make a difference (-want +got):\n%s", diff)
		}
	}
	var names []string
	for _, line := range all[0] {
		name, sum, _ := strings.Cut(line, "\t")
		names = append(names, name)
		if !regexp.MustCompile(`^[0-9a-f]{64}\n$`).MatchString(sum) {
			t.Errorf("the sum of %s is %q", name, sum)
		}
	}
	want := []string{
		"artifact data", "artifact-version data:1.0.0", "k1", "k2", "k3", "k4", "lineage k2 data:1.0.0", "link elsewhere", "link k1",
		"model net", "model-version net:1.0.0", "notes", "panel panel", "project", "project",
		"skipped experiment gone gone one", "skipped model m2", "view view", "view view of k1 of k1",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	some, err := printed(t, Sum, write(t, stream.WriterOptions{}, sample(t)...), Rules{Selection: selection.Selection{Keys: keys("k4", "k2")}, Without: stream.ResourcePanels | stream.ResourceLinks | stream.ResourceArtifacts | stream.ResourceModels | stream.ResourceProjectMetadata | stream.ResourceProjectNotes})
	if diff := cmp.Diff([]string{all[0][3], all[0][5]}, some); err != nil || diff != "" {
		t.Errorf("with a rule: %v (-want +got):\n%s", err, diff)
	}
}

// one returns the stream of one experiment with these items.
func one(t testing.TB, items ...any) []byte {
	e := &stream.Experiment{Key: "k", Project: "p", Workspace: "w", Doc: doc(t, `{}`), Tags: []string{}}
	records := []any{header(), &stream.Plan{}, &stream.Project{Name: "p", Workspace: "w"}}
	if len(items) > 0 {
		if own, ok := items[0].(*stream.Experiment); ok {
			e, items = own, items[1:]
			e.Key, e.Project, e.Workspace = "k", "p", "w"
		}
	}
	records = append(append(append(records, e), items...), &stream.ExperimentEnd{Key: "k"})
	return write(t, stream.WriterOptions{}, records...)
}

// items is a list of records.
type items = []any

func TestSumIgnoresCuts(t *testing.T) {
	shuffled := points(0, 8, "c")
	shuffled[0], shuffled[5] = shuffled[5], shuffled[0]
	asset := func(id string) *stream.Asset { return &stream.Asset{Doc: doc(t, `{"assetId":%q}`, id), ID: id} }
	a, b := doc(t, `{"name":"a"}`), doc(t, `{"name":"b"}`)
	for name, tt := range map[string]struct{ a, b items }{
		"points": {
			items{&stream.Metrics{Name: "m", Points: points(0, 8, "c")}},
			items{&stream.Metrics{Name: "m", Points: points(0, 3, "c")}, &stream.Metrics{Name: "m", Points: points(3, 8, "c")}},
		},
		"order of points": {
			items{&stream.Metrics{Name: "m", Points: points(0, 8, "c")}},
			items{&stream.Metrics{Name: "m", Points: shuffled}},
		},
		"chunks": {
			items{asset("1"), &stream.Chunk{Data: []byte("abcdef")}, &stream.AssetEnd{}},
			items{asset("1"), &stream.Chunk{Data: []byte("ab")}, &stream.Chunk{Data: []byte("cdef")}, &stream.AssetEnd{}},
		},
		"order of assets": {
			items{asset("1"), &stream.Chunk{Data: []byte("ab")}, &stream.AssetEnd{}, asset("2"), &stream.AssetEnd{}},
			items{asset("2"), &stream.AssetEnd{}, asset("1"), &stream.Chunk{Data: []byte("ab")}, &stream.AssetEnd{}},
		},
		"text": {
			items{&stream.Text{Of: stream.KindOutput, Data: []byte("one two")}},
			items{&stream.Text{Of: stream.KindOutput, Data: []byte("one"), More: true}, &stream.Text{Of: stream.KindOutput, More: true}, &stream.Text{Of: stream.KindOutput, Data: []byte(" two")}},
		},
		"values": {
			items{&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{a, b}}},
			items{&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{b}}, &stream.Values{Of: stream.KindParameters, Values: []stream.Doc{a}}},
		},
		"requirements": {
			items{&stream.Requirements{Installed: []string{"a", "b"}, OS: []string{"c"}}},
			items{&stream.Requirements{Installed: []string{"a"}}, &stream.Requirements{Installed: []string{"b"}, OS: []string{"c"}}},
		},
		"tags": {
			items{&stream.Experiment{Tags: []string{"a", "b"}, Doc: doc(t, `{}`)}},
			items{&stream.Experiment{Tags: []string{"b", "a"}, Doc: doc(t, `{}`)}},
		},
		"empty and absent": {
			items{
				&stream.Document{Of: stream.KindSystem, Doc: doc(t, `{"a":null,"b":[],"c":"","d":{},"e":false}`)},
				&stream.Requirements{Installed: []string{}}, &stream.Text{Of: stream.KindCode},
			},
			items{},
		},
		"null in parameters": {
			items{&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{doc(t, `{"name":"a","stepMax":null}`)}}},
			items{&stream.Values{Of: stream.KindParameters, Values: []stream.Doc{a}}},
		},
		"asset type": {
			items{&stream.Asset{ID: "1", Doc: doc(t, `{"type":"asset"}`), Type: new("asset")}, &stream.AssetEnd{}},
			items{&stream.Asset{ID: "1", Doc: doc(t, `{"type":null}`), Type: new("")}, &stream.AssetEnd{}},
		},
		"what servers make": {
			items{
				&stream.Asset{ID: "1", Doc: doc(t, `{}`), Type: new("histogram_combined_3d"), Name: new("w.json")}, &stream.Chunk{Data: []byte("x")}, &stream.AssetEnd{},
				&stream.Asset{ID: "2", Doc: doc(t, `{}`), Type: new("histogram3d"), Name: new("w")}, &stream.AssetEnd{},
				&stream.Asset{ID: "3", Doc: doc(t, `{}`), Type: new("ASSET_TYPE_FULL_METRIC")}, &stream.AssetEnd{},
			},
			items{&stream.Asset{ID: "2", Doc: doc(t, `{}`), Type: new("histogram3d"), Name: new("w")}, &stream.AssetEnd{}},
		},
		"state": {
			items{&stream.Experiment{Running: true, Crashed: new(false), Doc: doc(t, `{"running":true,"durationMillis":5,"userName":"ann"}`)}},
			items{&stream.Experiment{Doc: doc(t, `{"durationMillis":6,"projectId":"x"}`)}},
		},
	} {
		one1, one2 := one(t, tt.a...), one(t, tt.b...)
		if diff := cmp.Diff(sums(t, one1), sums(t, one2)); diff != "" {
			t.Errorf("%s make a difference:\n%s", name, diff)
		}
	}
}

func TestSumOfPlace(t *testing.T) {
	data := write(t, stream.WriterOptions{}, sample(t)...)
	if diff := cmp.Diff(sums(t, data), sums(t, pass(t, data, Rules{Renames: renames(t, "a=x", "b/p=y/z")}))); diff != "" {
		t.Errorf("the place makes a difference:\n%s", diff)
	}
}

// literal is a number that travels as its text.
type literal struct{ text []byte }

func (l *literal) MarshalMsgpack() ([]byte, error) { return l.text, nil }
func (l *literal) UnmarshalMsgpack(b []byte) error { l.text = bytes.Clone(b); return nil }

func init() { msgpack.RegisterExt(1, (*literal)(nil)) }

// mutate calls f with copies of a tree that differ from it in one leaf each, and
// with the path of the leaf.
func mutate(v any, path string, f func(path string, changed any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			mutate(v[key], path+"."+key, func(path string, changed any) {
				c := maps.Clone(v)
				c[key] = changed
				f(path, c)
			})
		}
	case []any:
		for i := range v {
			mutate(v[i], path+"[]", func(path string, changed any) {
				c := slices.Clone(v)
				c[i] = changed
				f(path, c)
			})
		}
	case string:
		f(path, v+"x")
	case []byte:
		f(path, append(bytes.Clone(v), 'x'))
	case bool:
		f(path, !v)
	case nil:
		f(path, "x")
		f(path, int64(7))
		f(path, true)
	case float64:
		f(path, v+1)
	case *literal:
		f(path, &literal{append(bytes.Clone(v.text), '1')})
	default:
		rv := reflect.ValueOf(v)
		if rv.CanInt() {
			f(path, rv.Int()+1)
		} else {
			f(path, rv.Uint()+1)
		}
	}
}

// uncounted are the paths whose values are no content.
var uncounted = []string{
	"experiment.project", "experiment.workspace", "experiment.running", "experiment.doc.projectName",
	"experiment.doc.workspaceName", "experiment.doc.userName",
	"parameters.values[].editable", "system.doc.maxTotalMemory", "asset.doc.createdAt", "asset.doc.dir",
	"chunk.data", "asset-end.size", // told by the hash
	"skipped.experiment", "skipped.passing", "skipped.reason", "skipped.status",
	"experiment-end.", // told by what it tells about
}

// noticesEveryValue tries every change of one value in records, and expects
// another sum of each but those of the paths in ignored, which end with a dot
// where they are for all that is below them. It returns how many it has tried.
func noticesEveryValue(t *testing.T, records []stream.Raw, ignored func(r stream.Raw, path string, changed any) bool) (tried int) {
	t.Helper()
	want := linesOf(t, records)
	for i, r := range records {
		var tree []any
		if err := msgpack.Unmarshal(r.Data, &tree); err != nil {
			t.Fatal(err)
		}
		mutate(tree[1], string(r.Kind), func(path string, changed any) {
			bad := raw(t, string(r.Kind), changed.(map[string]any))
			if _, err := bad.Decode(); err != nil || strings.HasSuffix(path, ".more") {
				return // such a record, or such a row of them, cannot be
			}
			tried++
			mutated := slices.Clone(records)
			mutated[i] = bad
			if same := linesOf(t, mutated) == want; same != ignored(r, path, changed) {
				t.Errorf("record %d, %s: the sums are the same: %v, want %v", i, path, same, !same)
			}
		})
	}
	return tried
}

// linesOf returns what Sum prints of records.
func linesOf(t *testing.T, records []stream.Raw) string {
	t.Helper()
	s := newSummer()
	for _, r := range records {
		if err := s.record(r); err != nil {
			t.Fatal(err)
		}
	}
	var lines strings.Builder
	if err := s.write(&lines); err != nil {
		t.Fatal(err)
	}
	return lines.String()
}

// isIn reports whether a path is one of a list, or below one that ends with a
// dot.
func isIn(list []string, path string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return path == p || strings.HasSuffix(p, ".") && strings.HasPrefix(path, p) })
}

func TestSumNoticesEveryValue(t *testing.T) {
	group := experiment(t, "k1", "a", "p", func(e *stream.Experiment) { e.Name = new("n") })
	records := slices.DeleteFunc(read(t, write(t, stream.WriterOptions{},
		append([]any{header(), &stream.Plan{}, &stream.Project{Name: "p", Workspace: "a"}}, group...)...)),
		func(r stream.Raw) bool { return r.Kind == stream.KindTrailer })[3:]
	tried := noticesEveryValue(t, records, func(r stream.Raw, path string, changed any) bool {
		switch {
		case r.Kind == stream.KindAsset && text(r, "id") == "a-cut":
			return true // a skipped record takes it back
		case path == "asset.doc.dir" && strings.Contains(fmt.Sprint(changed), "models/"):
			return false
		}
		return isIn(uncounted, path)
	})
	if tried < 150 {
		t.Errorf("only %d mutations were tried", tried)
	}
	// And every record counts, but for those that only bring what others report.
	want := linesOf(t, records)
	for i, r := range records {
		if r.Kind == stream.KindChunk || r.Kind == stream.KindExperiment || r.Kind == stream.KindExperimentEnd || r.Kind == stream.KindAsset ||
			r.Kind == stream.KindGraph /* which is empty */ {
			continue
		}
		if linesOf(t, slices.Delete(slices.Clone(records), i, i+1)) == want {
			t.Errorf("without record %d (%s) the sum is the same", i, r.Kind)
		}
	}
}

// uncountedOutside are the paths outside of experiments whose values are no
// content.
var uncountedOutside = []string{
	"project.experiments", "project.name", "project.workspace", "project.color", "project.doc.projectId",
	"project.doc.projectName", "notes.workspace", "notes.project",
	"link.workspace", "link.project",
	"artifact.id", "artifact.workspace", "artifact.project", "artifact.stars", "artifact-version.id", "artifact-end.",
	"chunk.data", "asset-end.size", "future.",
	"lineage.workspace", "lineage.doc",
	"model.id", "model.workspace", "model-version.id", "model-end.",
	"panel.id", "panel.workspace", "panel.project",
	"view.workspace", "view.project",
	"skipped.id", "skipped.passing", "skipped.reason", "skipped.status", "skipped.workspace", "skipped.project",
}

func TestSumOutsideNoticesEveryValue(t *testing.T) {
	depth := 0
	records := where(read(t, write(t, stream.WriterOptions{}, sample(t)...)), func(r stream.Raw) bool {
		switch r.Kind {
		case stream.KindHeader, stream.KindPlan, stream.KindTrailer:
			return false
		case stream.KindExperiment:
			depth++
		case stream.KindExperimentEnd:
			depth--
			return false
		}
		return depth == 0
	})
	tried := noticesEveryValue(t, records, func(r stream.Raw, path string, _ any) bool {
		switch {
		case r.Kind == "future":
			return text(r, "where") == "outside"
		case r.Kind == stream.KindSkipped && text(r, "kind") == "asset" && path != "skipped.kind":
			return path != "skipped.id" && path != "skipped.name"
		case r.Kind == stream.KindPanel && path != "panel.data" && !r.More():
			return true // its first piece tells
		}
		return isIn(uncountedOutside, path)
	})
	if tried < 80 {
		t.Errorf("only %d mutations were tried", tried)
	}
}

// The list of what servers assign stands in the documentation too, with reasons.
func TestAssignedIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Server-assigned fields\n")
	if !ok {
		t.Fatal("docs/fidelity.md has no section Server-assigned fields")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	documented := map[stream.Kind][]string{}
	row := regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+`(?:, )?)+) \\| ((?:`[A-Za-z_.]+`(?:, )?)+) \\| .+ \\|$")
	word := regexp.MustCompile("`([^`]+)`")
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		for _, kind := range word.FindAllStringSubmatch(match[1], -1) {
			for _, path := range word.FindAllStringSubmatch(match[2], -1) {
				documented[stream.Kind(kind[1])] = append(documented[stream.Kind(kind[1])], path[1])
			}
		}
	}
	for _, paths := range documented {
		slices.Sort(paths)
	}
	if diff := cmp.Diff(Assigned(), documented); diff != "" {
		t.Errorf("docs/fidelity.md differs (-code +document):\n%s", diff)
	}
	for kind, paths := range assigned {
		if !kind.Known() || !slices.IsSorted(paths) {
			t.Errorf("%s: %v", kind, paths)
		}
	}
}

// Of a display name the current value alone counts: the name that a server made
// up for the experiment stays in its history.
func TestSumOfDisplayName(t *testing.T) {
	sum := func(name, current, least string, time int) string {
		v := doc(t, `{"name":%q,"valueCurrent":%q,"valueMin":%q,"valueMax":"x","timestampCurrent":%d}`, name, current, least, time)
		return strings.Join(sums(t, one(t, &stream.Values{Of: stream.KindOthers, Values: []stream.Doc{v}})), "")
	}
	if sum("Name", "mine", "calm_otter_1", 1) != sum("Name", "mine", "bold_iris_2", 2) {
		t.Error("the name that a server made up counts")
	}
	if sum("Name", "mine", "a", 1) == sum("Name", "other", "a", 1) {
		t.Error("the name does not count")
	}
	if sum("note", "mine", "a", 1) == sum("note", "mine", "b", 1) {
		t.Error("the least value of another other does not count")
	}
}

// Of share links their number counts, and none is the same as a number that
// nobody knows.
func TestSumOfShareLinks(t *testing.T) {
	sum := func(n *int64) string {
		p := &stream.Project{Name: "p", Workspace: "w", Doc: doc(t, `{}`), ShareLinks: n}
		return strings.Join(sums(t, write(t, stream.WriterOptions{}, header(), &stream.Plan{}, p)), "")
	}
	if sum(new(int64(2))) == sum(new(int64(3))) || sum(new(int64(2))) == sum(nil) {
		t.Error("the number of share links does not count")
	}
	if sum(new(int64(0))) != sum(nil) {
		t.Error("none is another sum than not known")
	}
}

// The key of its experiment, which servers put into a view, is no content of it.
func TestSumOfView(t *testing.T) {
	sum := func(v2 string) string {
		v := &stream.View{Name: "n", Workspace: "w", Project: "p", Experiment: new("k1"), ChartTemplate: true, Doc: doc(t, `{"v2":%s}`, v2)}
		return strings.Join(sums(t, write(t, stream.WriterOptions{}, header(), &stream.Plan{}, &stream.Project{Name: "p", Workspace: "w"}, v)), "")
	}
	if sum(`{"a":1}`) != sum(`{"a":1,"experimentKey":"k1"}`) {
		t.Error("the key of its experiment counts")
	}
	if sum(`{"a":1}`) == sum(`{"a":1,"experimentKey":"k2"}`) {
		t.Error("the key of another experiment does not count")
	}
}

// A histogram of all steps counts where the experiment has none of single steps
// that it was made of.
func TestSumOfCombinedHistogram(t *testing.T) {
	sum := func(data, single string) string {
		items := []any{&stream.Asset{ID: "1", Doc: doc(t, `{}`), Type: new("histogram_combined_3d"), Name: new("w")}, &stream.Chunk{Data: []byte(data)}, &stream.AssetEnd{}}
		if single != "" {
			items = append(items, &stream.Asset{ID: "2", Doc: doc(t, `{}`), Type: new("histogram3d"), Name: &single}, &stream.AssetEnd{})
		}
		return strings.Join(sums(t, one(t, items...)), "")
	}
	if sum("x", "") == sum("y", "") || sum("x", "v") == sum("y", "v") {
		t.Error("it does not count")
	}
	if sum("x", "w") != sum("y", "w") {
		t.Error("it counts though the server makes it")
	}
}

// The files of a model count by their names in its folder, which some servers put
// before each of them. It counts where a file was given it.
func TestSumOfModelFolder(t *testing.T) {
	sum := func(names ...string) string {
		var items []any
		for i, name := range names {
			items = append(items, &stream.Asset{
				ID: fmt.Sprint(i), Type: new("model-element"), Name: &name,
				Doc: doc(t, `{"dir":"models/a \"b\"","fileName":%q}`, name),
			}, &stream.AssetEnd{})
		}
		return strings.Join(sums(t, one(t, items...)), "")
	}
	const folder = `models/a "b"/`
	switch {
	case sum("x", "y/z") != sum(folder+"x", folder+"y/z"):
		t.Error("it counts though the server has put it before all names")
	case sum("x", "z") == sum("x", folder+"z"), sum("x", "x") == sum("x", folder+"x"):
		t.Error("it does not count though a file was given it")
	case sum("x") == sum("y"), sum(folder+"x") == sum(folder+"y"):
		t.Error("names do not count")
	}
}
