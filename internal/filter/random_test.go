package filter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// dice makes random streams and random rules.
type dice struct {
	*rand.Rand
	t testing.TB
}

func (d *dice) one(n int) bool { return d.IntN(n) == 0 }

func pick[T any](d *dice, list ...T) T { return list[d.IntN(len(list))] }

// skip is a skipped record, often of another kind than what it closes.
func (d *dice) skip() any {
	s := &stream.Skipped{Of: pick(d, stream.KindAsset, stream.KindHTML, stream.KindCode, stream.KindNotes, stream.KindMetrics, stream.KindExperiment, "future")}
	if d.one(2) {
		s.Experiment = new(fmt.Sprint("k", d.IntN(9)))
	}
	if d.one(2) {
		s.Name = new(pick(d, "sys.x", "a.bin", "b"))
	}
	return s
}

// text is a text in pieces, which may end in a skipped record.
func (d *dice) text(piece func(more bool) any) []any {
	var out []any
	for d.one(3) {
		out = append(out, piece(true))
	}
	if len(out) > 0 && d.one(2) {
		return append(out, d.skip())
	}
	return append(out, piece(false))
}

func (d *dice) asset(id string) []any {
	out := []any{&stream.Asset{
		ID: id, Doc: doc(d.t, `{}`), Name: pick(d, nil, new("a.bin"), new("b")), Type: pick(d, nil, new("image"), new("audio")),
		Size: pick(d, nil, new(int64(1)), new(int64(100))),
	}}
	for d.one(2) {
		out = append(out, &stream.Chunk{Data: make([]byte, 1+d.IntN(200))})
	}
	if d.one(3) {
		return append(out, d.skip())
	}
	return append(out, &stream.AssetEnd{})
}

func (d *dice) experiment(key, project string) []any {
	e := &stream.Experiment{
		Key: key, Project: project, Workspace: "w", Doc: doc(d.t, `{}`), Archived: d.one(2), Running: d.one(4),
		Name: pick(d, nil, new("a"), new("b")), Tags: pick(d, []string{}, []string{"x"}), Start: pick(d, nil, new(int64(5))),
	}
	out := []any{e}
	odd := func() {
		for d.one(5) {
			out = append(out, pick[any](d, raw(d.t, "future", map[string]any{"n": d.IntN(100)}), d.skip()))
		}
	}
	odd()
	for _, kind := range []stream.Kind{stream.KindParameters, stream.KindOthers} {
		if d.one(2) {
			out = append(out, &stream.Values{Of: kind, Values: []stream.Doc{doc(d.t, `{"name":"a"}`)}})
			odd()
		}
	}
	for _, kind := range []stream.Kind{stream.KindGitPatch, stream.KindCode, stream.KindGraph, stream.KindHTML, stream.KindOutput} {
		if d.one(2) {
			out = append(out, d.text(func(more bool) any { return &stream.Text{Of: kind, Data: []byte("piece"), More: more} })...)
			odd()
		}
	}
	for d.one(2) {
		out = append(out, &stream.Metrics{Name: pick(d, "loss", "sys.x"), Points: points(0, 1+d.Int64N(9), "")})
		odd()
	}
	for i := 0; d.one(2); i++ {
		out = append(out, d.asset(fmt.Sprint(i))...)
		odd()
	}
	return append(out, &stream.ExperimentEnd{Key: key})
}

func (d *dice) stream() []any {
	out := []any{header(), &stream.Plan{}}
	key := 0
	for _, project := range []string{"p", "q"} {
		out = append(out, &stream.Project{Name: project, Workspace: "w", Doc: doc(d.t, `{}`)})
		for !d.one(3) {
			out = append(out, d.experiment(fmt.Sprint("k", key), project)...)
			key++
			if d.one(4) {
				out = append(out, d.skip())
			}
		}
		if d.one(2) {
			out = append(out, d.text(func(more bool) any {
				return &stream.Notes{Data: []byte("notes"), More: more, Project: project, Workspace: "w"}
			})...)
		}
	}
	for i := 0; !d.one(4); i++ {
		switch d.IntN(5) {
		case 0:
			out = append(out, &stream.Link{Experiment: fmt.Sprint("k", d.IntN(9)), Project: "q", Workspace: "w"})
		case 1:
			id := fmt.Sprint("ar", i)
			out = append(out, &stream.Artifact{ID: id, Project: "p", Workspace: "w"})
			for d.one(2) {
				out = append(out, pick[any](d, raw(d.t, "future", map[string]any{}), d.skip(),
					&stream.ArtifactVersion{Experiment: pick(d, nil, new("k0"), new("k1"))}))
				if _, version := out[len(out)-1].(*stream.ArtifactVersion); version {
					out = append(append(out, d.asset("1")...), d.skip())
				}
			}
			out = append(out, &stream.ArtifactEnd{ID: id})
		case 2:
			out = append(out, &stream.Lineage{Experiment: fmt.Sprint("k", d.IntN(9)), Workspace: "w"})
		case 3:
			out = append(out, d.text(func(more bool) any {
				return &stream.Panel{ID: fmt.Sprint(i), Data: []byte("zip"), More: more, Workspace: "w"}
			})...)
		case 4:
			out = append(out, d.skip(), raw(d.t, "future", map[string]any{}), &stream.View{Experiment: pick(d, nil, new("k0")), Workspace: "w", Project: "p"})
		}
	}
	return out
}

func (d *dice) rules() Rules {
	var r Rules
	for d.one(2) {
		set, err := stream.ParseResources([]string{pick(d, stream.ResourceNames()...)})
		if err != nil {
			panic(err)
		}
		r.Without |= set
	}
	if d.one(3) {
		r.Without = r.Without.Others()
	}
	r.Invert = d.one(4)
	if d.one(3) {
		r.Keys = keys("k0", "k2")
	}
	if d.one(4) {
		r.Names = globs(d.t, pick(d, "a", "*", ""))
	}
	if d.one(5) {
		r.Tags = []string{"x"}
	}
	r.Archived = pick(d, selection.ArchivedInclude, selection.ArchivedInclude, selection.ArchivedExclude, selection.ArchivedOnly)
	if d.one(4) {
		r.Since = time.UnixMilli(3)
	}
	if d.one(4) {
		r.AssetTypes = []string{pick(d, "image", "asset")}
	}
	if d.one(4) {
		r.AssetNames = globs(d.t, "*.bin")
	}
	if d.one(4) {
		r.MaxAssetSize = stream.NewInt64(50)
	}
	if d.one(4) {
		r.Shard = selection.Shard{K: uint64(d.IntN(3)), N: 3}
	}
	if d.one(4) {
		r.Renames = renames(d.t, "w=v", "w/p=v/r")
	}
	return r
}

// isMissing reports whether an error says no more than that something is not in
// the stream.
func isMissing(err error) bool {
	_, missing := errors.AsType[*MissingError](err)
	_, nothing := errors.AsType[*selection.NothingError](err)
	return missing || nothing
}

// Whatever the stream and the rules: the copy is a good stream, and how its
// records stood in blocks makes no difference.
func TestCopyRandom(t *testing.T) {
	rounds := 40
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		rounds = 5000
	}
	seed := rand.Uint64()
	for round := range rounds {
		d := &dice{rand.New(rand.NewPCG(seed, uint64(round))), t}
		records, rules := d.stream(), d.rules()
		var want []string
		for _, size := range []int{1, 50 + d.IntN(1000), 1 << 20} {
			data := write(t, stream.WriterOptions{BlockSize: size, FlushAfter: -1}, records...)
			out, err := copyTo(t.Context(), bytes.NewReader(data), rules)
			if err != nil && !isMissing(err) {
				t.Fatalf("seed %d, round %d, blocks of %d, %+v: %v", seed, round, size, rules, err)
			}
			got, err := readAll(out)
			if err != nil {
				t.Fatalf("seed %d, round %d, blocks of %d, %+v: the copy: %v", seed, round, size, rules, err)
			}
			lines := show(t, got[1:])
			if want == nil {
				want = lines
			}
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Fatalf("seed %d, round %d, %+v: blocks of %d make a difference (-want +got):\n%s", seed, round, rules, size, diff)
			}
		}
	}
}

// Whatever the stream: without one of its blocks, what is salvaged is a good
// stream that has every experiment that did not stand in that block.
func TestSalvageRandomStreams(t *testing.T) {
	rounds := 30
	if os.Getenv("COMET_STREAM_TORTURE") != "" {
		rounds = 5000
	}
	seed := rand.Uint64()
	for round := range rounds {
		d := &dice{rand.New(rand.NewPCG(seed, uint64(round))), t}
		data := write(t, stream.WriterOptions{BlockSize: 1 + d.IntN(500), FlushAfter: -1}, d.stream()...)
		blocks := blocksOf(t, data)
		lost := pick(d, blocks...)
		out, warnings, err := salvage(t, slices.Concat(data[:lost.from], data[lost.to:]))
		if _, ok := err.(*LossError); !ok && len(out) > 0 {
			t.Fatalf("seed %d, round %d, without %s: %v", seed, round, kindsOf(lost.whole), err)
		}
		records, err := readAll(out)
		if err != nil && len(out) > 0 {
			t.Fatalf("seed %d, round %d, without %s: %v", seed, round, kindsOf(lost.whole), err)
		}
		want, got := groups(read(t, data)), groups(records)
		for key := range want {
			if !slices.Contains(lost.experiments, key) && !cmp.Equal(show(t, want[key]), show(t, got[key])) {
				t.Fatalf("seed %d, round %d, without %s: experiment %s is not what it was: %q", seed, round, kindsOf(lost.whole), key, warnings)
			}
		}
	}
}
