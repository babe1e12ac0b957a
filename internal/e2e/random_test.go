package e2e

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comettest"
)

// dice make random projects. The same seed makes the same project.
type dice struct {
	*rand.Rand
	names, values, metrics, texts []string
}

func newDice(seed uint64) *dice {
	return &dice{
		Rand: rand.New(rand.NewPCG(seed, 0)), names: sortedValues(awkwardNames()), values: sortedValues(loggedValues()),
		metrics: sortedValues(metricValues()), texts: sortedValues(awkwardTexts()),
	}
}

func sortedValues(m map[string]string) []string { return slices.Sorted(maps.Values(m)) }

func (d *dice) chance(p float64) bool { return d.Float64() < p }

func pick[T any](d *dice, list []T) T { return list[d.IntN(len(list))] }

// id returns n hexadecimal digits.
func (d *dice) id(n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%016x", d.Uint64())
	}
	return b.String()[:n]
}

// letters returns text of up to n characters from many scripts.
func (d *dice) letters(n int) string {
	alphabet := []rune("abcXYZ0189 /%\"\\'\n\t\x01éß東京🚀\u0301\u202e<&>|:;.,-_#?=+")
	runes := make([]rune, d.IntN(n+1))
	for i := range runes {
		runes[i] = pick(d, alphabet)
	}
	return string(runes)
}

func (d *dice) name() string {
	if d.chance(0.3) {
		return pick(d, d.names)
	}
	return "n" + d.letters(12)
}

func (d *dice) value() string {
	switch d.IntN(4) {
	case 0:
		return pick(d, d.values)
	case 1:
		return d.letters(40)
	case 2:
		return strconv.FormatInt(d.integer(), 10)
	}
	return strconv.FormatFloat(d.NormFloat64(), 'g', -1, 64)
}

// integer returns an integer of any size.
func (d *dice) integer() int64 {
	n := int64(d.Uint64() >> d.IntN(64))
	if d.chance(0.2) {
		return -n
	}
	return n
}

func (d *dice) optional(p float64) *int64 {
	if !d.chance(p) {
		return nil
	}
	return new(d.integer())
}

func (d *dice) context() *string {
	if d.chance(0.5) {
		return nil
	}
	return new(pick(d, []string{"train", "validate", "", "tëst", d.letters(6)}))
}

func (d *dice) time() int64 {
	if d.chance(0.05) {
		return d.integer()
	}
	return epoch + d.Int64N(1_000_000)
}

// seedProject fills a project at random.
func (d *dice) seedProject(in *instance, workspace, project string) {
	spec := comettest.ProjectSpec{Public: d.chance(0.3), Notes: d.text(), Description: someText(d.chance(0.5), d.letters(50)), ShareLinks: d.IntN(3)}
	in.SeedProject(workspace, project, spec)
	for range d.IntN(5) {
		in.SeedExperiment(workspace, project, d.experiment())
	}
}

func (d *dice) text() string {
	switch d.IntN(3) {
	case 0:
		return ""
	case 1:
		return pick(d, d.texts)
	}
	return d.letters(2000)
}

func (d *dice) someText() *string {
	if d.chance(0.5) {
		return nil
	}
	return new(d.text())
}

func (d *dice) experiment() comettest.ExperimentSpec {
	spec := comettest.ExperimentSpec{
		Key: d.id(32 + d.IntN(19)), Name: "run " + d.letters(10), Start: epoch + d.Int64N(1_000_000),
		Crashed: d.chance(0.2), Archived: d.chance(0.2), HTML: d.someText(), Code: d.someText(), Graph: d.someText(),
	}
	spec.End = spec.Start + d.Int64N(1_000_000)
	if d.chance(0.5) {
		spec.FilePath = d.name()
	}
	for range d.IntN(4) {
		spec.Tags = append(spec.Tags, d.name())
	}
	for range d.IntN(20) {
		spec.Parameters = append(spec.Parameters, comettest.Value{Name: d.name(), Value: d.value(), Time: 1 + d.Int64N(epoch), Step: d.optional(0.4), Context: d.context()})
	}
	for range d.IntN(6) {
		spec.Others = append(spec.Others, comettest.Value{Name: d.name(), Value: d.value(), Time: 1 + d.Int64N(epoch)})
	}
	if text := d.text(); text != "" && d.chance(0.5) { // no call tells an empty output from none
		spec.Output = []string{text, d.letters(30)}
	}
	if d.chance(0.3) {
		spec.Git = &comettest.GitSpec{User: d.someText(), Root: d.someText(), Branch: new(d.letters(20)), Origin: d.someText()}
		spec.GitPatch = patchZip(d.letters(5000) + "\n")
	}
	if d.chance(0.5) {
		spec.System = d.system()
	}
	spec.Points, spec.Assets = d.points(), d.assets()
	if d.chance(0.1) { // about as many as fit a record
		spec.Synthetic = []comettest.SyntheticMetric{{Name: "long " + d.name(), Seed: d.Uint64(), N: 8000 + d.IntN(400), Start: spec.Start}}
	}
	return spec
}

func (d *dice) system() map[string]any {
	doc := make(map[string]any)
	for name, value := range fidelitySystem() {
		if d.chance(0.6) {
			doc[name] = value
		}
	}
	doc["hostname"] = d.letters(20)
	return doc
}

// points returns the points of some metrics, in no order.
func (d *dice) points() []comettest.MetricPoint {
	var points []comettest.MetricPoint
	for range d.IntN(6) {
		name, steps, epochs, at := d.name(), d.Float64(), d.Float64(), d.time()
		for range d.IntN(1 << d.IntN(9)) {
			p := comettest.MetricPoint{Metric: name, Value: d.metricValue(), Time: at, Step: d.optional(steps), Epoch: d.optional(epochs), Context: d.context()}
			if d.chance(0.8) {
				p.Time = d.time()
			}
			points = append(points, p)
			if d.chance(0.05) {
				points = append(points, p)
			}
		}
	}
	d.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	return points
}

func (d *dice) metricValue() string {
	switch {
	case d.chance(0.1):
		return pick(d, d.metrics)
	case d.chance(0.3):
		return strconv.FormatInt(d.integer(), 10)
	}
	return strconv.FormatFloat(math.Float64frombits(d.Uint64()&^(1<<62)), 'g', -1, 64)
}

func (d *dice) assets() []comettest.AssetSpec {
	var list []comettest.AssetSpec
	for range d.IntN(7) {
		a := comettest.AssetSpec{
			ID: d.id(32), Name: d.name(), Type: pick(d, assetTypes), Step: d.optional(0.4), Context: d.context(),
			Metadata: someText(d.chance(0.4), fmt.Sprintf(`{"k":%q,"n":%d}`, d.id(5), d.integer())),
		}
		a.Image = isImage(a.Type)
		switch d.IntN(4) {
		case 0:
			a.Link = "s3://bucket/" + d.id(6)
			a.Image = false
		case 1:
			a.Size, a.Seed = 1+d.Int64N(700_000), d.Uint64()
		case 2:
			a.Type, a.Image, a.Model, a.Body = "model-element", false, pick(d, []string{"cnn", "a b", d.letters(8) + "m"}), []byte(d.letters(100))
		default:
			a.Body = []byte(d.letters(1000))
		}
		list = append(list, a)
	}
	return list
}
