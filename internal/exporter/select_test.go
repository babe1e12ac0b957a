package exporter

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/exporter/find"
	"github.com/comet-stream/comet-stream/internal/listing"
	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

func TestParsePath(t *testing.T) {
	for _, test := range []struct {
		in   string
		want find.Path
		text string
	}{
		{"ws", find.Path{Workspace: "ws"}, "ws"},
		{"ws/", find.Path{Workspace: "ws"}, "ws"},
		{"ws/proj", find.Path{Workspace: "ws", Project: "proj"}, "ws/proj"},
		{"ws/proj/", find.Path{Workspace: "ws", Project: "proj"}, "ws/proj"},
		{"ws/proj/a name/with/slashes", find.Path{Workspace: "ws", Project: "proj", Experiment: "a name/with/slashes"}, "ws/proj/a name/with/slashes"},
		{"ws/artifacts", find.Path{Workspace: "ws", Kind: "artifacts"}, "ws/artifacts"},
		{"ws/artifacts/a/Latest", find.Path{Workspace: "ws", Kind: "artifacts", Name: "a", Version: "Latest"}, "ws/artifacts/a/Latest"},
		{"ws/model-registry/m", find.Path{Workspace: "ws", Kind: "model-registry", Name: "m"}, "ws/model-registry/m"},
		{"ws/panels/my/panel", find.Path{Workspace: "ws", Kind: "panels", Name: "my/panel"}, "ws/panels/my%2Fpanel"},
		{"ws/team%2Fa/x", find.Path{Workspace: "ws", Project: "team/a", Experiment: "x", Literal: "team%2Fa"}, "ws/team%2Fa/x"},
		{"ws/%61rtifacts", find.Path{Workspace: "ws", Project: "artifacts", Literal: "%61rtifacts"}, "ws/%61rtifacts"},
		{"ws/100%", find.Path{Workspace: "ws", Project: "100%"}, "ws/100%"},
	} {
		got, err := find.ParsePath(test.in)
		if err != nil || got != test.want || got.String() != test.text {
			t.Errorf("%q: %+v %q, %v", test.in, got, got, err)
		}
	}
	for _, bad := range []string{"", "/", "/proj", "ws//x", "ws/artifacts//1.0.0", "https://www.comet.com/ws/proj"} {
		if p, err := find.ParsePath(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func TestReadKeys(t *testing.T) {
	const list = `# keys
0123456789abcdef0123456789abcdef

ws/proj/aaaa1111aaaa1111aaaa1111aaaa1111	aaaa1111aaaa1111aaaa1111aaaa1111	2024-01-01	a name
{"kind":"experiment","key":"created0","destination_key":"x","workspace":"w","result":"created"}
{"kind":"experiment","key":"there0","workspace":"w","result":"already there","issues":[{"class":"noted"}]}
{"kind":"experiment","key":"failed0","workspace":"w","result":"failed"}
{"kind":"experiment","key":"differs0","workspace":"w","result":"completed","issues":[{"class":"noted"},{"class":"differs"}]}
{"key":"exported0","workspace":"w","result":"exported"}
{"key":"partly0","workspace":"w","result":"exported","missing":[{"kind":"html"}]}
{"kind":"artifact","key":"artifact0","result":"created"}
{"kind":"experiment","key":"running0","workspace":"w","result":"created","running":true}
{"kind":"experiment","path":"w/p/listed0","key":"listed0","state":"crashed,archived"}
{"kind":"experiment","path":"w/p/listed1","key":"listed1","state":"running"}
listed2	w/p/listed2	name	2024-01-01		running,archived	1	2	3	0
w/p/alone0
{"kind":"total","listed":3}
{"summary":{"listed":3}}
`
	for name, list := range map[string]string{
		"a byte order mark": "\ufeff" + list,
		"two marks":         "\ufeff" + strings.Replace(list, "\n", "\n\ufeff", 1),
		"CRLF":              strings.ReplaceAll(list, "\n", "\r\n"),
		"CR":                strings.ReplaceAll(list, "\n", "\r"),
		"UTF-16":            "\xff\xfe" + strings.Join(strings.Split(list, ""), "\x00") + "\x00",
		"no last line end":  strings.TrimSuffix(list, "\n"),
		"white space":       strings.ReplaceAll(list, "\n", " \u00a0\n\t"),
	} {
		keys, err := ReadKeys(strings.NewReader(list), false)
		if err != nil || len(keys.Keys) != 13 || !keys.Keys["0123456789abcdef0123456789abcdef"] || !keys.Keys["there0"] || keys.Listed != nil {
			t.Errorf("%s: keys %v, %v", name, keys, err)
		}
	}
	for done, want := range map[bool][]string{
		false: {"0123456789abcdef0123456789abcdef", "aaaa1111aaaa1111aaaa1111aaaa1111", "alone0", "created0", "differs0", "exported0", "failed0", "listed0", "listed1", "listed2", "partly0", "running0", "there0"},
		true:  {"0123456789abcdef0123456789abcdef", "aaaa1111aaaa1111aaaa1111aaaa1111", "alone0", "created0", "exported0", "listed0", "there0"},
	} {
		keys, err := ReadKeys(strings.NewReader(list), done)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for k := range keys.Keys {
			got = append(got, k)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("done %v: keys (-want +got):\n%s", done, diff)
		}
	}
	for _, bad := range []string{"a b", `{"key":`, "key;drop", "k\x00", "kéy"} {
		if _, err := ReadKeys(strings.NewReader("x\n"+bad), false); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}

// Where each line places its experiment, so does the list, with what -l says of it.
func TestReadKeysListed(t *testing.T) {
	ms := int64(1_700_000_000_000)
	place := stream.ProjectName{Workspace: "w", Name: "a/b"}
	for list, want := range map[string]find.Experiment{
		"w/a%2Fb/k0": {Key: "k0", Stateless: true},
		"w/a%2Fb/k0\tk0\t2023-11-14T22:13:20.000Z\t\trunning,archived\tx":                                            {Key: "k0", Start: &ms, Archived: true},
		`{"kind":"experiment","path":"w/a%2Fb/k0","key":"k0","start":"2023-11-14T22:13:20.000Z","state":"finished"}`: {Key: "k0", Start: &ms},
	} {
		keys, err := ReadKeys(strings.NewReader(list+"\nv/p/k1\n"), false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]find.Experiment{want}, keys.Listed[place]); diff != "" || len(keys.Listed) != 2 {
			t.Errorf("%s: %d projects (-want +got):\n%s", list, len(keys.Listed), diff)
		}
		for _, bare := range []string{"k2", "w/artifacts/k2", "k2\tw/p/k2", `{"key":"k2"}`, `{"path":"w/p","key":"k2"}`} {
			if keys, err = ReadKeys(strings.NewReader(list+"\n"+bare+"\nw/p/k3"), false); err != nil || keys.Listed != nil {
				t.Errorf("with %s: %v, %v", bare, keys.Listed, err)
			}
		}
	}
}

// What is left out by choice is counted, and is not skipped.
func TestExportSelected(t *testing.T) {
	srv := seedDemo(t)
	obs := new(recorder)
	data, sum, err := export(t, Options{
		Client: newClient(t, srv), Paths: paths(t, "demo/vision"), Observer: obs,
		Selection: selection.Selection{Archived: selection.ArchivedExclude, AssetTypes: []string{"image"}, MaxAssetSize: stream.NewInt64(1000)},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := records(t, data)
	for _, e := range of[*stream.Experiment](all) {
		if e.Archived {
			t.Errorf("experiment %q is archived", e.Key)
		}
	}
	for _, a := range of[*stream.Asset](all) {
		if *a.Type != "image" || *a.Size > 1000 {
			t.Errorf("asset %q of type %q, %d bytes", a.ID, *a.Type, *a.Size)
		}
	}
	if sum.LeftOut == 0 || sum.AssetsLeft == 0 || sum.AssetsBytes == 0 || sum.Items != 0 || len(obs.skipped) != 0 {
		t.Errorf("summary %+v", sum)
	}
}

// With RESOURCE names nothing else is asked for, and nothing else is written.
func TestExportResources(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	if _, err := client.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	kindsOf := map[string][]stream.Kind{
		"metadata": nil, "parameters": {stream.KindParameters}, "others": {stream.KindOthers}, "system": {stream.KindSystem},
		"requirements": {stream.KindRequirements}, "git": {stream.KindGit, stream.KindGitPatch}, "code": {stream.KindCode},
		"graph": {stream.KindGraph}, "html": {stream.KindHTML}, "output": {stream.KindOutput}, "metrics": {stream.KindMetrics},
		"system-metrics": {stream.KindMetrics}, "assets": {stream.KindAsset, stream.KindChunk, stream.KindAssetEnd},
	}
	for name, want := range kindsOf {
		t.Run(name, func(t *testing.T) {
			srv.ResetStats()
			set, err := stream.ParseResources([]string{name})
			if err != nil {
				t.Fatal(err)
			}
			key := comettest.DemoKey("demo", comettest.DemoFirst)
			all := records(t, mustExport(t, Options{
				Client: client, Paths: paths(t, "demo/vision/"+key), Resources: set, Selection: selection.Selection{MaxAssetSize: stream.NewInt64(5000)},
			}))
			found := make(map[stream.Kind]bool)
			for _, rec := range all {
				switch k := rec.Kind(); k {
				case stream.KindHeader, stream.KindPlan, stream.KindProject, stream.KindExperiment, stream.KindExperimentEnd, stream.KindTrailer:
				default:
					found[k] = true
					if !slices.Contains(want, k) {
						t.Errorf("a record of kind %s", k)
					}
				}
			}
			for _, k := range want {
				if !found[k] {
					t.Errorf("no record of kind %s", k)
				}
			}
			for _, m := range of[*stream.Metrics](all) {
				if name == "system-metrics" && !strings.HasPrefix(m.Name, "sys.") {
					t.Errorf("metric %q", m.Name)
				}
			}
			e := of[*stream.Experiment](all)[0]
			if (e.Doc != nil) != (name == "metadata") || len(of[*stream.Project](all)[0].Doc) != 0 {
				t.Errorf("experiment %+v", e)
			}
			// Projects, metadata (when the path is resolved and when it is
			// read), and what was asked for. The first export asks for the
			// version too.
			counts := srv.Counts()
			if n := srv.Stats().Requests - counts["GET /clientlib/isAlive/ver"]; name != "assets" && n > 5 {
				t.Errorf("%d requests: %v", n, counts)
			}
			if diff := cmp.Diff([]string{name}, of[*stream.Header](all)[0].Scope.Resources); diff != "" {
				t.Errorf("scope (-want +got):\n%s", diff)
			}
		})
	}
	// What belongs to the project alone makes no experiments.
	set, _ := stream.ParseResources([]string{"project"})
	all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, "demo/vision"), Resources: set}))
	want := []string{"header", "plan", "project", "notes", "trailer"}
	if diff := cmp.Diff(want, kinds(all)); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestPaths(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	first, twin := comettest.DemoKey("demo", comettest.DemoFirst), comettest.DemoKey("demo", comettest.DemoTwin)
	archived := comettest.DemoKey("demo", comettest.DemoArchived)
	for _, test := range []struct {
		paths []string
		keys  []string
	}{
		{[]string{"demo/vision/" + first}, []string{first}},
		{[]string{"demo/vision/gave up"}, []string{archived}},
		{[]string{"demo/vision/" + first, "demo/vision/" + twin, "demo/vision/" + first}, []string{first, twin}},
		{[]string{"demo/blank"}, nil},
		{[]string{"demo/blank", "demo/vision/gave up"}, []string{archived}},
	} {
		all := records(t, mustExport(t, Options{Client: client, Paths: paths(t, test.paths...)}))
		var got []string
		for _, e := range of[*stream.Experiment](all) {
			got = append(got, e.Key)
		}
		if diff := cmp.Diff(test.keys, got); diff != "" {
			t.Errorf("%v: experiments (-want +got):\n%s", test.paths, diff)
		}
	}
	for path, near := range map[string][]string{
		"dmeo":                   {"demo"},
		"demo/visoin":            {"vision"},
		"demo/vision/gave upp":   {"gave up"},
		"demo/vision/nothing at": nil,
	} {
		data, _, err := export(t, Options{Client: client, Paths: paths(t, path)})
		nf, ok := errors.AsType[*find.NotFoundError](err)
		if !ok || !cmp.Equal(nf.Similar, near) || len(nf.Hint()) != 1 || len(data) != 0 {
			t.Errorf("%s: error %v, near %+v, %d bytes", path, err, nf, len(data))
		}
	}
	_, _, err := export(t, Options{Client: client, Paths: paths(t, "demo/vision/baseline")})
	ambiguous, ok := errors.AsType[*find.AmbiguousError](err)
	if want := []string{first, twin}; !ok || !cmp.Equal(ambiguous.Keys, want) || !strings.Contains(ambiguous.Hint()[0], twin) {
		t.Errorf("error %v, %+v", err, ambiguous)
	}
}

func TestList(t *testing.T) {
	srv := seedDemo(t)
	for path, want := range map[string][]string{
		"demo":                {"demo/blank", "demo/general", "demo/shelf", "demo/vision"},
		"demo/artifacts":      {"demo/artifacts/digits"},
		"demo/model-registry": {"demo/model-registry/cnn"},
		"demo/panels":         {"demo/panels/Scatter"},
		"demo/model-registry/cnn": {
			"demo/model-registry/cnn/1.0.0", "demo/model-registry/cnn/1.0.1",
		},
		"demo/vision/gave up": {"demo/vision/" + comettest.DemoKey("demo", comettest.DemoArchived)},
	} {
		var got []string
		err := List(t.Context(), Options{Client: newClient(t, srv)}, paths(t, path)[0], func(e listing.Entry) error {
			got = append(got, e.Texts()[0])
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: list (-want +got):\n%s", path, diff)
		}
	}
	var lines [][]string
	err := List(t.Context(), Options{Client: newClient(t, srv)}, paths(t, "demo/vision")[0], func(e listing.Entry) error { lines = append(lines, e.Texts()); return nil })
	if err != nil || len(lines) != 5 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	key := comettest.DemoKey("demo", comettest.DemoFirst)
	want := []string{"demo/vision/" + key, key, "2023-11-14T22:13:20.000Z", "2023-11-14T23:13:20.000Z", "finished", "baseline"}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
	// What -l prints is what --keys-from reads.
	keys, err := ReadKeys(strings.NewReader(strings.Join(lines[0], "\t")), false)
	if err != nil || !keys.Keys[key] {
		t.Errorf("keys %v, %v", keys, err)
	}
}

func TestDryRun(t *testing.T) {
	srv := seedDemo(t)
	client := newClient(t, srv)
	for _, path := range []string{"demo", "demo/vision"} {
		e, err := DryRun(t.Context(), Options{Client: client, Paths: paths(t, path)})
		if err != nil {
			t.Fatal(err)
		}
		srv.ResetStats()
		data, sum, err := export(t, Options{Client: client, Paths: paths(t, path)})
		if err != nil {
			t.Fatal(err)
		}
		all := records(t, data)
		trailer := of[*stream.Trailer](all)[0]
		if e.AssetBytes < trailer.AssetBytes || e.AssetBytes > trailer.AssetBytes*11/10 || e.Experiments != trailer.Experiments || e.Experiments+e.Linked != sum.Listed || e.Projects != sum.Projects {
			t.Errorf("%s: estimate %+v, trailer %+v", path, e, trailer)
		}
		if n := int64(len(of[*stream.Asset](all))); e.Assets < n || e.Assets > n+5 {
			t.Errorf("%s: %d assets estimated, %d there", path, e.Assets, n)
		}
		if n := int64(srv.Stats().Requests); e.Requests < n || e.Requests > n+n/3 {
			t.Errorf("%s: %d requests estimated, %d made", path, e.Requests, n)
		}
		if e.UpperBound < int64(len(data)) {
			t.Errorf("%s: upper bound %d, size %d", path, e.UpperBound, len(data))
		}
	}
}
