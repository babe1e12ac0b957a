package base

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comet-stream/comet-stream/stream"
)

// archive returns a stream of experiments, and of an artifact with two versions of
// which the files of the second may be missing.
func archive(t *testing.T, lost bool, experiments ...*stream.Experiment) []byte {
	t.Helper()
	var data bytes.Buffer
	w := stream.NewWriter(&data, stream.WriterOptions{})
	records := []stream.Record{&stream.Header{Created: 1}, &stream.Plan{}, &stream.Project{Workspace: "w", Name: "p"}}
	for _, e := range experiments {
		e.Workspace, e.Project = "w", "p"
		records = append(records, e)
		if e.Key == "partly" {
			records = append(records, &stream.Skipped{Experiment: &e.Key, Of: stream.KindHTML, Reason: "500"})
		}
		records = append(records, &stream.ExperimentEnd{Key: e.Key})
	}
	records = append(records, &stream.Artifact{ID: "a", Workspace: "w", Project: "p"}, &stream.ArtifactVersion{ID: "v1", Version: "1.0.0"})
	if lost {
		records = append(records, &stream.Skipped{ID: new("x"), Of: stream.KindAsset, Reason: "410"})
	}
	records = append(records, &stream.ArtifactEnd{ID: "a"})
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func tagged(t *testing.T, tags ...string) func(*stream.Experiment) {
	doc, err := stream.DocFromJSON([]byte(`{"filePath":"a.py"}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(e *stream.Experiment) { e.Doc, e.Tags = doc, append([]string{}, tags...) }
}

func TestBase(t *testing.T) {
	same := &stream.Experiment{Key: "same", Name: new("one"), Start: new(int64(1)), End: new(int64(2)), Crashed: new(true), Archived: true}
	tagged(t, "b", "a")(same)
	first := archive(t, true, same, &stream.Experiment{Key: "running", Running: true}, &stream.Experiment{Key: "partly"}, &stream.Experiment{Key: "renamed", Name: new("old")})
	second := archive(t, false, &stream.Experiment{Key: "renamed", Name: new("new")})
	b := New(stream.Scope{})
	for _, data := range [][]byte{first, second} {
		if n, err := b.Add(bytes.NewReader(data)); n != 0 || err != nil {
			t.Fatal(n, err)
		}
	}
	listed := func(key string, change func(*Experiment)) *Experiment {
		e := &Experiment{Key: key, Workspace: "w", Project: "p"}
		change(e)
		return e
	}
	as := func(e *Experiment) {
		e.Name, e.Start, e.End, e.Crashed, e.Archived, e.Path = "one", new(int64(1)), new(int64(2)), new(true), true, new("a.py")
	}
	for name, test := range map[string]struct {
		e      *Experiment
		listed bool
	}{
		"the same":                               {listed("same", as), true},
		"a listing with less":                    {listed("same", func(e *Experiment) { as(e); e.Name, e.Start, e.Path, e.Crashed = "", nil, nil, nil }), true},
		"crashed no more":                        {listed("same", func(e *Experiment) { as(e); e.Crashed = new(false) }), false},
		"crashed since":                          {listed("renamed", func(e *Experiment) { e.Name, e.Crashed = "new", new(true) }), false},
		"one without the end":                    {listed("same", func(e *Experiment) { as(e); e.End = nil }), false},
		"another name":                           {listed("same", func(e *Experiment) { as(e); e.Name = "two" }), false},
		"another end":                            {listed("same", func(e *Experiment) { as(e); e.End = new(int64(3)) }), false},
		"restored":                               {listed("same", func(e *Experiment) { as(e); e.Archived = false }), false},
		"running again":                          {listed("same", func(e *Experiment) { as(e); e.Running = true }), false},
		"another file":                           {listed("same", func(e *Experiment) { as(e); e.Path = new("b.py") }), false},
		"a file of which the base does not know": {listed("renamed", func(e *Experiment) { e.Name, e.Path = "new", new("b.py") }), true},
		"moved":                                  {listed("same", func(e *Experiment) { as(e); e.Project = "q" }), false},
		"one that was running":                   {listed("running", func(*Experiment) {}), false},
		"one that lacks an item":                 {listed("partly", func(*Experiment) {}), false},
		"the newest counts":                      {listed("renamed", func(e *Experiment) { e.Name = "new" }), true},
		"an older one does not":                  {listed("renamed", func(e *Experiment) { e.Name = "old" }), false},
		"a new one":                              {listed("new", func(*Experiment) {}), false},
	} {
		if got := b.Listed(test.e); got != test.listed {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !b.Tagged("same", []string{"a", "b"}) || b.Tagged("same", []string{"a"}) {
		t.Error("tags are not compared")
	}
	if !b.Tagged("renamed", []string{"a"}) {
		t.Error("tags are known that the stream left out")
	}
	if !b.HasVersion("v1") || b.HasVersion("v2") || (*Base)(nil).HasVersion("v1") || (*Base)(nil).Listed(listed("same", as)) {
		t.Error("versions: the whole one of the second stream counts, and no other")
	}
	gone := b.Gone(func(_, project string) bool { return project == "p" }, func(key string) bool { return key != "partly" })
	if len(gone) != 1 || gone[0].Key != "partly" {
		t.Errorf("gone: %+v", gone)
	}
	other := New(stream.Scope{})
	if _, err := other.Add(bytes.NewReader(second)); err != nil || other.ID() == b.ID() || len(b.ID()) != 16 {
		t.Errorf("ids %q and %q, %v", b.ID(), other.ID(), err)
	}
	alone := New(stream.Scope{})
	if _, err := alone.Add(bytes.NewReader(first)); err != nil || alone.HasVersion("v1") {
		t.Errorf("a version without its files counts, %v", err)
	}
}

func TestBaseOfPartOfAStream(t *testing.T) {
	data := archive(t, false, &stream.Experiment{Key: "k"})
	if _, err := New(stream.Scope{}).Add(bytes.NewReader(data[:len(data)-10])); !errors.Is(err, stream.ErrTruncated) {
		t.Errorf("cut: %v", err)
	}
	var aborted bytes.Buffer
	w := stream.NewWriter(&aborted, stream.WriterOptions{})
	if err := errors.Join(w.Write(&stream.Header{}), w.Write(&stream.Plan{}), w.Abort("server", "it rains")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(stream.Scope{}).Add(&aborted); !errors.Is(err, stream.ErrAborted) {
		t.Errorf("aborted: %v", err)
	}
}

// What a stream leaves out of an experiment is not in the base, unless the export is
// to leave it out too.
func TestBaseOfPartOfExperiments(t *testing.T) {
	scope := func(resources, selection string) stream.Scope {
		return stream.Scope{Resources: strings.Fields(resources), Selection: strings.FieldsFunc(selection, func(r rune) bool { return r == ',' })}
	}
	for name, test := range map[string]struct {
		archive, wanted stream.Scope
		has             bool
	}{
		"all of all":                      {scope("", ""), scope("", ""), true},
		"a part of all":                   {scope("", "--tag assets"), scope("metrics", "--asset-type image"), true},
		"less of experiments":             {scope("metrics", ""), scope("", ""), false},
		"as much":                         {scope("metrics others", ""), scope("metrics", ""), true},
		"less of workspaces":              {scope("artifacts links metadata metrics project", ""), scope("metadata metrics models", ""), true},
		"fewer assets":                    {scope("", "--max-asset-size 10"), scope("", ""), false},
		"the same few assets":             {scope("", "--asset-type image"), scope("", "--asset-type image"), true},
		"all but these, and these":        {scope("", "--asset-type image,--exclude"), scope("", "--asset-type image"), false},
		"fewer assets than are wanted":    {scope("", "--asset-name a,--asset-type b"), scope("", "--asset-name a"), false},
		"fewer assets where none matters": {scope("", "--asset-name a"), scope("metrics", ""), true},
		"what a later version calls so":   {scope("dreams", ""), scope("metrics", ""), false},
	} {
		var data bytes.Buffer
		w := stream.NewWriter(&data, stream.WriterOptions{})
		for _, r := range []stream.Record{
			&stream.Header{Scope: test.archive}, &stream.Plan{}, &stream.Project{Workspace: "w", Name: "p"}, &stream.Experiment{Key: "k", Workspace: "w", Project: "p"}, &stream.ExperimentEnd{Key: "k"},
		} {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b := New(test.wanted)
		partial, err := b.Add(&data)
		if has := b.Listed(&Experiment{Key: "k", Workspace: "w", Project: "p"}); err != nil || has != test.has || (partial == 0) != test.has {
			t.Errorf("%s: %v, %d lack something, %v", name, has, partial, err)
		}
	}
}

// Each run reads a share of the experiments again, and so many runs as the share asks
// for come to all of them: whether the archives are kept, each beside the base, or are
// joined to one each night.
func TestDue(t *testing.T) {
	const day = 24 * 60 * 60 * 1000
	for name, joined := range map[string]bool{"kept": false, "joined": true} {
		for _, test := range []struct {
			percent    float64
			keys, runs int
		}{{5, 1000, 20}, {5, 7, 7}, {30, 1000, 4}, {100, 3, 1}, {7, 100, 15}, {0.5, 300, 150}} {
			b := &Base{experiments: make(map[string]held), created: 40 * day}
			var keys []string
			for i := range test.keys {
				key := fmt.Sprintf("key%d", i)
				keys = append(keys, key)
				b.experiments[key] = held{created: b.created}
			}
			seen := make(map[string]bool)
			for range test.runs {
				due := b.Due(keys, test.percent)
				if want := int(math.Ceil(test.percent * float64(test.keys) / 100)); len(due) != want {
					t.Fatalf("%s, %g%% of %d: %d are due, want %d", name, test.percent, test.keys, len(due), want)
				}
				slices.Reverse(keys)
				if !maps.Equal(due, b.Due(keys, test.percent)) {
					t.Fatalf("%s: the order of the keys decides", name)
				}
				b.created += day
				for key := range b.experiments {
					if due[key] || joined {
						b.experiments[key] = held{created: b.created}
					}
				}
				maps.Copy(seen, due)
			}
			if len(seen) != test.keys {
				t.Errorf("%s: %d runs of %g%% have come to %d of %d", name, test.runs, test.percent, len(seen), test.keys)
			}
		}
	}
	if n := len((*Base)(nil).Due([]string{"a"}, 5)); n != 0 {
		t.Errorf("%d of a key are due without a base", n)
	}
}
