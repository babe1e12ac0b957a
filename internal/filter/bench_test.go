package filter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/comet-stream/comet-stream/internal/selection"
	"github.com/comet-stream/comet-stream/stream"
)

// heavy returns a stream of about 64 MB of content, half of it metrics and half
// incompressible assets, and the size of the content.
var heavy = sync.OnceValues(func() ([]byte, int64) {
	random := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	w := stream.NewWriter(&buf, stream.WriterOptions{FlushAfter: -1})
	var content int64
	put := func(rec stream.Record) {
		raw, err := stream.Encode(rec)
		if err != nil {
			panic(err)
		}
		content += int64(len(raw.Data))
		if err := w.Write(rec); err != nil {
			panic(err)
		}
	}
	put(&stream.Header{})
	put(&stream.Plan{})
	put(&stream.Project{Name: "p", Workspace: "w"})
	doc, err := stream.DocFromJSON([]byte(`{"a":1}`))
	if err != nil {
		panic(err)
	}
	for i := range 8 {
		put(&stream.Experiment{Key: fmt.Sprint("key", i), Project: "p", Workspace: "w", Doc: doc, Tags: []string{"even"}[:(i+1)%2]})
		for m := range 30 {
			points := make([]stream.Point, stream.MaxPoints)
			for j := range points {
				points[j] = stream.Point{
					Value: stream.FloatValue(random.NormFloat64()), Time: stream.NewInt64(1700000000000 + int64(j*1017)), Step: stream.NewInt64(int64(j)),
				}
			}
			put(&stream.Metrics{Name: fmt.Sprintf("%s%02d", []string{"loss", "sys."}[m%2], m), Points: points})
		}
		put(&stream.Asset{ID: fmt.Sprint("asset", i), Doc: doc})
		for range 8 {
			data := make([]byte, stream.MaxData)
			for j := range data {
				data[j] = byte(random.Uint32())
			}
			put(&stream.Chunk{Data: data})
		}
		put(&stream.AssetEnd{})
		put(&stream.ExperimentEnd{Key: fmt.Sprint("key", i)})
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes(), content
})

// Benchmarks count content, but for the plain copy, which counts what it reads:
// compressed bytes.
func BenchmarkFilter(b *testing.B) {
	copyWith := func(rules Rules) func([]byte) error {
		return func(data []byte) error {
			return Copy(context.Background(), io.Discard, bytes.NewReader(data), Options{Rules: rules})
		}
	}
	modeOf := func(m mode) func([]byte) error {
		return func(data []byte) error { return m(context.Background(), io.Discard, bytes.NewReader(data), Options{}) }
	}
	rename := Renames{}
	if err := rename.Add("w=x"); err != nil {
		b.Fatal(err)
	}
	for _, bb := range []struct {
		name       string
		compressed bool
		run        func([]byte) error
	}{
		{"identity", true, copyWith(Rules{})},
		{"metrics", false, copyWith(Rules{Without: (stream.ResourceUserMetrics | stream.ResourceSystemMetrics).Others()})},
		{"exclude system-metrics", false, copyWith(Rules{Without: stream.ResourceSystemMetrics})},
		{"tag", false, copyWith(Rules{Selection: selection.Selection{Tags: []string{"even"}}})},
		{"rename", false, copyWith(Rules{Renames: rename})},
		{"list", false, modeOf(List)},
		{"check", false, modeOf(Check)},
		{"sum", false, modeOf(Sum)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			data, content := heavy()
			b.SetBytes(content)
			if bb.compressed {
				b.SetBytes(int64(len(data)))
			}
			for b.Loop() {
				if err := bb.run(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
