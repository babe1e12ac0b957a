package selection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/stream"
)

func ms(n int64) *int64 { return &n }

func TestSelection(t *testing.T) {
	s := &Selection{Since: time.UnixMilli(1000)}
	for name, test := range map[string]struct {
		e    Experiment
		want bool
	}{
		"started since":   {Experiment{Start: ms(1000)}, true},
		"ended since":     {Experiment{Start: ms(1), End: ms(1001)}, true},
		"before":          {Experiment{Start: ms(1), End: ms(999)}, false},
		"running":         {Experiment{Start: ms(1), Running: true}, true},
		"without a time":  {Experiment{}, true},
		"archived, since": {Experiment{Start: ms(2000), Archived: true}, true},
	} {
		if got := s.Experiment(&test.e); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	archived, active := &Experiment{Key: "a", Archived: true}, &Experiment{Key: "b"}
	for _, test := range []struct {
		s         Selection
		arch, act bool
	}{
		{Selection{}, true, true},
		{Selection{Archived: ArchivedOnly}, true, false},
		{Selection{Archived: ArchivedExclude}, false, true},
		{Selection{Keys: map[string]bool{"a": true}}, true, false},
		{Selection{SkipKeys: map[string]bool{"a": true}}, false, true},
	} {
		if test.s.Experiment(archived) != test.arch || test.s.Experiment(active) != test.act {
			t.Errorf("%+v: archived %v, active %v", test.s, test.s.Experiment(archived), test.s.Experiment(active))
		}
	}
	a := &Selection{AssetTypes: []string{"image", "asset"}, MaxAssetSize: stream.NewInt64(10)}
	for _, test := range []struct {
		typ  string
		size int64
		want bool
	}{{"image", 10, true}, {"image", 11, false}, {"", 0, true}, {"audio", 1, false}} {
		if got := a.Asset(&test.typ, nil, &test.size); got != test.want {
			t.Errorf("asset of type %q, %d bytes: %v", test.typ, test.size, got)
		}
	}
}

// A header says what was selected in the words of the command line, so that the
// same command finds its partial stream the day after.
func TestSelectionOptions(t *testing.T) {
	keys := map[string]bool{"b": true, "a": true}
	s := Selection{
		Archived: ArchivedOnly, AssetTypes: []string{"image", "audio", "image"}, MaxAssetSize: stream.NewInt64(0),
		Since: time.UnixMilli(1_700_000_000_000), Keys: keys, SkipKeys: keys,
	}
	want := []string{
		"--archived only", "--asset-type audio", "--asset-type image", "--keys-from 2:7e18f737311b2dc3",
		"--max-asset-size 0", "--since 2023-11-14T22:13:20Z", "--skip-keys-from 2:7e18f737311b2dc3",
	}
	if diff := cmp.Diff(want, s.Flags()); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
	a, b := Selection{Since: time.UnixMilli(1), SinceText: "30d"}, Selection{Since: time.UnixMilli(2), SinceText: "30d"}
	if diff := cmp.Diff(a.Flags(), b.Flags()); diff != "" {
		t.Errorf("the same words on another day (-before +after):\n%s", diff)
	}
	if o := (&Selection{Archived: ArchivedInclude}).Flags(); o != nil {
		t.Errorf("everything is selected by %q", o)
	}
}

// A selection that leaves nothing says what it was looking for.
func TestNothing(t *testing.T) {
	glob, err := ParseGlob("x*")
	if err != nil {
		t.Fatal(err)
	}
	one := &Experiment{Key: "k", Tags: []string{"junk"}}
	for name, test := range map[string]struct {
		s    Selection
		seen []*Experiment
		want string
	}{
		"no rule":                {Selection{}, nil, ""},
		"nothing to choose from": {Selection{Tags: []string{"final"}}, nil, `no experiment has the tag "final"`},
		"none chosen":            {Selection{Tags: []string{"final", "best"}}, []*Experiment{one}, `no experiment has one of the tags "final", "best"`},
		"several rules": {
			Selection{Names: []Glob{glob}, Archived: ArchivedOnly, Since: time.UnixMilli(1), SinceText: "30d"}, []*Experiment{one},
			`no experiment has a name like "x*" and is archived and is running, has started or has ended since 30d`,
		},
		"one chosen":                 {Selection{Tags: []string{"junk"}}, []*Experiment{one}, ""},
		"no key at all":              {Selection{Keys: map[string]bool{}}, []*Experiment{one}, "no experiment is in the list of keys, which is empty"},
		"the key is missing":         {Selection{Keys: map[string]bool{"z": true}}, []*Experiment{one}, ""},
		"the key has no tag":         {Selection{Keys: map[string]bool{"k": true}, Tags: []string{"a"}}, []*Experiment{one}, `no experiment has the key "k" and has the tag "a"`},
		"chosen, and to be skipped":  {Selection{Tags: []string{"junk"}, SkipKeys: map[string]bool{"k": true}}, []*Experiment{one}, ""},
		"all are skipped":            {Selection{SkipKeys: map[string]bool{"k": true}}, []*Experiment{one}, ""},
		"all are left out":           {Selection{Invert: true, Tags: []string{"junk"}}, []*Experiment{one}, `no experiment is left: each has the tag "junk"`},
		"nothing to leave out":       {Selection{Invert: true, Tags: []string{"junk"}}, nil, ""},
		"nothing matches, none gone": {Selection{Invert: true, Tags: []string{"final"}}, []*Experiment{one}, ""},
	} {
		f := test.s.Search()
		for _, e := range test.seen {
			f.Experiment(e)
		}
		got := ""
		if err := f.Nothing(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
