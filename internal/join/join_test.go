package join

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

func doc(t *testing.T, text string) stream.Doc {
	t.Helper()
	d, err := stream.DocFromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write returns the stream of some records. With blocks of a few bytes each
// record has its own.
func write(t *testing.T, blockSize int, records ...stream.Record) []byte {
	t.Helper()
	var out bytes.Buffer
	w := stream.NewWriter(&out, stream.WriterOptions{BlockSize: blockSize, FlushAfter: -1})
	for _, rec := range records {
		if err := w.Write(rec); err != nil {
			t.Fatalf("%T: %v", rec, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// joinAll joins streams, and returns what the one stream holds.
func joinAll(t *testing.T, streams ...[]byte) ([]stream.Record, error) {
	t.Helper()
	var inputs []Input
	for i, data := range streams {
		inputs = append(inputs, Input{fmt.Sprint("input ", i), bytes.NewReader(data)})
	}
	var out bytes.Buffer
	if err := Join(t.Context(), &out, inputs, Options{Tool: "test"}); err != nil {
		if out.Len() > 0 {
			t.Errorf("%v: %d bytes are written all the same", err, out.Len())
		}
		return nil, err
	}
	var records []stream.Record
	r := stream.NewReader(&out, stream.ReaderOptions{})
	defer r.Close()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rec)
	}
}

func header(paths ...string) *stream.Header {
	return &stream.Header{Parents: []string{}, Requires: []string{}, Scope: stream.Scope{Paths: paths}, Source: stream.Source{URL: "https://a"}}
}

func plan(n int64) *stream.Plan {
	return &stream.Plan{Projects: []stream.PlannedProject{{Workspace: "w", Project: "p", Experiments: &n}}}
}

// keysOf returns the experiments in records, and what is skipped.
func keysOf(records []stream.Record) (list []string) {
	for _, rec := range records {
		switch rec := rec.(type) {
		case *stream.Experiment:
			list = append(list, rec.Key)
		case *stream.Skipped:
			list = append(list, "skipped "+*rec.Experiment)
		}
	}
	return list
}

// Experiments come in the order of a stream, whichever input they are from. One
// that is skipped in one input and whole in another is not skipped.
func TestJoinExperiments(t *testing.T) {
	project := &stream.Project{Workspace: "w", Name: "p", Experiments: 3, Doc: doc(t, `{"a":1,"lastUpdated":1}`)}
	later := &stream.Project{Workspace: "w", Name: "p", Experiments: 3, Doc: doc(t, `{"a":1,"lastUpdated":2}`), ShareLinks: new(int64(4))}
	experiment := func(key string, start int64) *stream.Experiment {
		return &stream.Experiment{Workspace: "w", Project: "p", Key: key, Start: new(start)}
	}
	missing := func(key string) *stream.Skipped {
		return &stream.Skipped{Of: stream.KindExperiment, Experiment: new(key), Workspace: "w", Project: "p"}
	}
	for _, size := range []int{1, 1 << 20} {
		got, err := joinAll(t,
			write(t, size, header("w/p/1"), plan(3), project, experiment("c", 3), &stream.ExperimentEnd{}, missing("a"), missing("x")),
			write(t, size, header("w/p/2"), plan(3), later, experiment("a", 1), &stream.ExperimentEnd{}, experiment("b", 3), &stream.ExperimentEnd{},
				experiment("c", 3), &stream.ExperimentEnd{}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a", "b", "c", "skipped x"}, keysOf(got)); diff != "" {
			t.Errorf("experiments (-want +got):\n%s", diff)
		}
		h, p := got[0].(*stream.Header), got[1].(*stream.Plan)
		if len(h.Parents) != 2 || !slices.Equal(h.Scope.Paths, []string{"w/p/1", "w/p/2"}) {
			t.Errorf("header %+v", h)
		}
		if n := *p.Projects[0].Experiments; len(p.Projects) != 1 || n != 4 {
			t.Errorf("the plan has %d projects, of %d experiments", len(p.Projects), n)
		}
		if rec := got[2].(*stream.Project); rec.Experiments != 4 || rec.ShareLinks == nil || *rec.ShareLinks != 4 {
			t.Errorf("project %+v", rec)
		}
	}
}

// Two different things of one name are a contradiction, whatever they are.
func TestJoinConflicts(t *testing.T) {
	project := func(d string) *stream.Project {
		return &stream.Project{Workspace: "w", Name: "p", Doc: doc(t, d)}
	}
	group := func(name string) []stream.Record {
		return []stream.Record{project(`{}`), &stream.Experiment{Workspace: "w", Project: "p", Key: "k", Name: new(name)}, &stream.ExperimentEnd{}}
	}
	late := func(rec ...stream.Record) []stream.Record { return append([]stream.Record{project(`{}`)}, rec...) }
	for what, pair := range map[string][2][]stream.Record{
		`experiment "k"`:    {group("a"), group("b")},
		`project "w/p"`:     {{project(`{"projectDescription":"a"}`)}, {project(`{"projectDescription":"b"}`)}},
		`notes ["w" "p"]`:   {late(&stream.Notes{Workspace: "w", Project: "p", Data: []byte("a")}), late(&stream.Notes{Workspace: "w", Project: "p", Data: []byte("b")})},
		`panel ["w" "1"]`:   {late(&stream.Panel{Workspace: "w", ID: "1", Doc: doc(t, `{}`), Data: []byte("a")}), late(&stream.Panel{Workspace: "w", ID: "1", Doc: doc(t, `{}`)})},
		`model ["w" "" ""]`: {late(&stream.Model{Workspace: "w", Doc: doc(t, `{}`)}, &stream.ModelEnd{}), late(&stream.Model{Workspace: "w", Doc: doc(t, `1`)}, &stream.ModelEnd{})},
	} {
		with := func(records []stream.Record) []byte {
			return write(t, 0, append([]stream.Record{header(), plan(1)}, records...)...)
		}
		_, err := joinAll(t, with(pair[0]), with(pair[1]))
		e, ok := errors.AsType[*ConflictError](err)
		if !ok || e.What != what || e.A != "input 0" || e.B != "input 1" {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := joinAll(t, with(pair[0]), with(pair[0])); err != nil {
			t.Errorf("%s, twice the same: %v", what, err)
		}
	}
	other := header()
	other.Source.URL = "https://b"
	if _, err := joinAll(t, write(t, 0, header(), plan(0)), write(t, 0, other, plan(0))); err == nil {
		t.Error("streams of two instances are joined")
	}
}

// What one header tells is true of the whole: no experiment has more than its own
// stream, and a shard that is missing beside others is named.
func TestJoinScopes(t *testing.T) {
	scope := func(resources []string, selection ...string) *stream.Header {
		h := header()
		h.Scope.Resources, h.Scope.Selection = resources, selection
		return h
	}
	for name, test := range map[string]struct {
		headers   []*stream.Header
		resources []string
		missing   string
	}{
		"parts of experiments": {[]*stream.Header{scope([]string{"metrics", "others"}), scope([]string{"html", "metrics"})}, []string{"metrics"}, ""},
		"all and a part":       {[]*stream.Header{scope(nil), scope([]string{"metrics"})}, []string{"artifacts", "links", "metrics", "models", "panels", "project_metadata", "project_notes"}, ""},
		"beside experiments":   {[]*stream.Header{scope([]string{"metrics"}), scope([]string{"artifacts"})}, []string{"artifacts", "metrics"}, ""},
		"all shards":           {[]*stream.Header{scope(nil, "--shard 1/2"), scope(nil, "--shard 0/2", "--tag a")}, []string{}, ""},
		"the first is missing": {[]*stream.Header{scope(nil, "--shard 1/3"), scope(nil, "--shard 2/3"), scope(nil)}, []string{}, "no input has shard 0/3"},
		"many are missing": {
			[]*stream.Header{scope(nil, "--shard 1/2000000000"), scope(nil, "--shard 0/2")}, []string{},
			"no input has shard 1/2, 0/2000000000, 2/2000000000, 3/2000000000, 4/2000000000, 5/2000000000, 6/2000000000, 7/2000000000, 8/2000000000, 9/2000000000 and 1999999990 more",
		},
	} {
		var inputs []Input
		for _, h := range test.headers {
			inputs = append(inputs, Input{"input", bytes.NewReader(write(t, 0, h, plan(0)))})
		}
		var out bytes.Buffer
		err := Join(t.Context(), &out, inputs, Options{Tool: "test"})
		if _, ok := errors.AsType[*MissingError](err); ok != (test.missing != "") || ok && err.Error() != test.missing {
			t.Errorf("%s: %v, want %q", name, err, test.missing)
		}
		r := stream.NewReader(&out, stream.ReaderOptions{})
		rec, err := r.Next()
		r.Close()
		if err != nil || !slices.Equal(rec.(*stream.Header).Scope.Resources, test.resources) {
			t.Errorf("%s: %+v, %v, want %q", name, rec, err, test.resources)
		}
	}
}

// An input that is not whole is named.
func TestJoinInputError(t *testing.T) {
	good := write(t, 0, header(), plan(0))
	for _, bad := range [][]byte{nil, good[:len(good)-1], []byte("no stream")} {
		_, err := joinAll(t, good, bad)
		if e, ok := errors.AsType[*InputError](err); !ok || e.Input != "input 1" {
			t.Errorf("%v", err)
		}
	}
}
