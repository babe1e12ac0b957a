package exporter

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/comet-stream/comet-stream/internal/base"
	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
	"github.com/comet-stream/comet-stream/stream"
)

// A night is an export of what has changed since archives.
type night struct {
	data     []byte
	sum      *Summary
	requests int
}

// keys are the experiments in its stream, in order.
func (n *night) keys(t *testing.T) (keys []string) {
	for _, e := range of[*stream.Experiment](records(t, n.data)) {
		keys = append(keys, e.Key)
	}
	slices.Sort(keys)
	return keys
}

func nightAfter(t *testing.T, srv *comettest.Server, archives []byte, recheck float64) *night {
	t.Helper()
	// The archives are made fast, and taken for whole.
	held := base.New(stream.Scope{Resources: stream.ResourceMetadata.Names()})
	if _, err := held.Add(bytes.NewReader(archives)); err != nil {
		t.Fatal(err)
	}
	srv.ResetStats()
	data, sum, err := export(t, Options{Client: newClient(t, srv), Paths: paths(t, "w"), Base: held, Recheck: recheck})
	if err != nil {
		t.Fatal(err)
	}
	return &night{data, sum, srv.Stats().Requests}
}

// A night asks for the listing of each project, and for what has changed.
func TestNightlyRequests(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	var keys []string
	for i, n := range []int{334, 333, 333} {
		keys = append(keys, srv.SeedSynthetic(comettest.SyntheticSpec{
			Workspace: "w", Project: fmt.Sprintf("p%d", i), Experiments: n, Metrics: 1, Points: 2, Assets: 1, AssetSize: 10, Seed: uint64(i + 1),
		})...)
	}
	whole := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w"), Resources: stream.ResourceMetadata})

	// Version, projects, artifacts, models, panels; of each project three pages of its
	// listing (an empty one says that there is no more, and one is of what is
	// archived), notes, share links, and two tables of views.
	// A workspace has one project more, which is empty.
	const fixed, projects, project = 5, 4, 3 + 4
	// What a whole experiment takes, with its views and its lineage.
	const experiment = 14 + 1 + 2
	at := nightAfter(t, srv, whole, 0)
	if most := fixed + projects*project; at.sum.Unchanged != 1000 || at.sum.Listed != 0 || at.requests > most {
		t.Errorf("nothing has changed: %d requests, want at most %d: %v\n%+v", at.requests, most, srv.Counts(), at.sum)
	}

	slices.Sort(keys)
	changed := []string{keys[3], keys[333], keys[334], keys[700], keys[999]}
	c := newClient(t, srv)
	for _, key := range changed {
		if err := c.Experiments.AddTags(t.Context(), key, []string{"late"}); err != nil {
			t.Fatal(err)
		}
	}
	at = nightAfter(t, srv, whole, 0)
	if got := at.keys(t); !slices.Equal(got, changed) {
		t.Errorf("a tag has moved the end of %q, and exported are %q", changed, got)
	}
	if most := fixed + projects*project + len(changed)*experiment; at.sum.Unchanged != 995 || at.requests > most {
		t.Errorf("five have changed: %d requests, want at most %d: %v\n%+v", at.requests, most, srv.Counts(), at.sum)
	}
}

// What a listing does not show comes with a share of the experiments that is read
// again each night, and all of them have had their turn after so many nights as the
// share asks for.
func TestNightlyRecheck(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	var keys []string
	for i := range 3 {
		keys = append(keys, srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: fmt.Sprintf("p%d", i), Experiments: 7, Metrics: 1, Points: 2, Seed: uint64(i + 1)})...)
	}
	archives := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	srv.SetMoods(comettest.Moods{KeepEndTime: true})
	slices.Sort(keys)
	if err := newClient(t, srv).Experiments.AddTags(t.Context(), keys[11], []string{"unseen"}); err != nil {
		t.Fatal(err)
	}
	if at := nightAfter(t, srv, archives, 0); len(at.keys(t)) > 0 {
		t.Fatalf("the listing shows no change, and exported are %q", at.keys(t))
	}
	seen := make(map[string]int)
	tagged := false
	for range 4 {
		at := nightAfter(t, srv, archives, 25)
		got := at.keys(t)
		if len(got) != 6 || at.sum.Rechecked != 6 || at.sum.Unchanged != 15 || at.sum.Listed != 6 {
			t.Fatalf("exported are %q: %+v", got, at.sum)
		}
		for _, key := range got {
			seen[key]++
		}
		for _, e := range of[*stream.Experiment](records(t, at.data)) {
			tagged = tagged || e.Key == keys[11] && slices.Contains(e.Tags, "unseen")
		}
		archives = append(archives, at.data...)
	}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, keys) || !tagged {
		t.Errorf("after four nights of 25%%: %d of %d, the one with a new tag among them: %v", len(got), len(keys), tagged)
	}
}

// Where a listing fails, what the archives have of its project is not gone.
func TestNightlyWithoutListing(t *testing.T) {
	faults := inject.NewFaults(1)
	srv := comettest.Start(t, comettest.Options{Middleware: faults.Middleware})
	for i, project := range []string{"p", "q"} {
		srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: project, Experiments: 3, Seed: uint64(i + 1)})
	}
	archives := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	for _, kind := range []inject.FaultKind{"500", "404"} {
		if err := faults.Set(1, inject.Fault{Kind: kind, Endpoint: rest + "experiments", Item: "projectName=q"}); err != nil {
			t.Fatal(err)
		}
		if at := nightAfter(t, srv, archives, 0); at.sum.Gone != 0 || at.sum.Unchanged != 3 || at.sum.Items == 0 {
			t.Errorf("%s: %+v", kind, at.sum)
		}
	}
}

// On a server of whatever age or mood, also one that has become so since the archive,
// a night has what has changed and nothing else.
func TestNightlyMoods(t *testing.T) {
	for name, moods := range map[string]comettest.Moods{
		"old":               {Version: "3.7.0"},
		"pages are bounded": {ForcePages: 3}, "no pages": {IgnorePages: true}, "archived or not": {IgnoreArchived: true},
		"pages overlap": {RepeatListing: true}, "pages move on": {ForcePages: 3, ShiftListing: 1}, "pages move back": {ForcePages: 3, ShiftListing: -1},
		"fields are null": {OptionalFields: "null"}, "fields are absent": {OptionalFields: "absent"}, "more fields": {ExtraFields: true},
		"numbers": {NumbersForText: true}, "text": {TextForNumbers: true}, "stateless": {StatelessListing: true}, "400": {BadRequestForMissing: true},
	} {
		for _, since := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, since the archive %v", name, since), func(t *testing.T) {
				srv := comettest.Start(t, comettest.Options{})
				keys := srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "w", Project: "p", Experiments: 10, Metrics: 1, Points: 2})
				slices.Sort(keys)
				if !since {
					srv.SetMoods(moods)
				}
				archives := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
				srv.SetMoods(moods)
				c := newClient(t, srv)
				err := errors.Join(c.Experiments.AddTags(t.Context(), keys[3], []string{"late"}), c.Experiments.Archive(t.Context(), keys[5]),
					c.Others.Log(t.Context(), keys[7], "Name", []byte(`"another"`), nil))
				if err != nil {
					t.Fatal(err)
				}
				want := []string{keys[3], keys[5], keys[7], srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Start: 1, End: 2})}
				slices.Sort(want)
				at := nightAfter(t, srv, archives, 0)
				if got := at.keys(t); !slices.Equal(got, want) || at.sum.Unchanged != 7 || at.sum.Gone != 0 || at.sum.Items != 0 {
					t.Errorf("changed have %q, and exported are %q: %+v", want, got, at.sum)
				}
			})
		}
	}
}

// A version of an artifact that was open goes again, with the files that it has got.
func TestNightlyOpenVersion(t *testing.T) {
	srv := comettest.Start(t, comettest.Options{})
	key := srv.SeedExperiment("w", "p", comettest.ExperimentSpec{Start: 1, End: 2})
	file := func(id string) comettest.AssetSpec { return comettest.AssetSpec{ID: id, Name: id, Body: []byte(id)} }
	srv.SeedArtifact("w", comettest.ArtifactSpec{Name: "set", Type: "dataset", Versions: []comettest.ArtifactVersionSpec{
		{Version: "1.0.0", Producer: key, Files: []comettest.AssetSpec{file("a")}},
		{Version: "2.0.0", Producer: key, Files: []comettest.AssetSpec{file("b")}, State: "OPEN"},
	}})
	archives := mustExport(t, Options{Client: newClient(t, srv), Paths: paths(t, "w")})
	c := newClient(t, srv)
	a, err := c.Artifacts.Get(t.Context(), "w", "set")
	if err != nil {
		t.Fatal(err)
	}
	id := a.Versions[slices.IndexFunc(a.Versions, func(v comet.ArtifactVersion) bool { return v.Version == "2.0.0" })].ID
	for i, want := range [][]string{{"b"}, {"b"}, nil} {
		if i == 1 {
			if err := c.Artifacts.SetState(t.Context(), id, key, "CLOSED"); err != nil {
				t.Fatal(err)
			}
		}
		at := nightAfter(t, srv, archives, 0)
		var names []string
		for _, a := range of[*stream.Asset](records(t, at.data)) {
			names = append(names, a.ID)
		}
		if !slices.Equal(names, want) {
			t.Errorf("night %d has the files %q, want %q", i, names, want)
		}
		archives = append(archives, at.data...)
	}
}
