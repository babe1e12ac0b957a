package stream_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/comet-stream/comet-stream/stream"
)

func Example() {
	var file bytes.Buffer

	w := stream.NewWriter(&file, stream.WriterOptions{})
	points := []stream.Point{
		{Value: stream.TextValue("0.5"), Step: stream.NewInt64(2)},
		{Value: stream.TextValue("NaN"), Step: stream.NewInt64(1)},
	}
	stream.SortPoints(points)
	for _, rec := range []stream.Record{
		&stream.Header{Tool: "example"},
		&stream.Plan{},
		&stream.Project{Workspace: "acme", Name: "vision"},
		&stream.Experiment{Workspace: "acme", Project: "vision", Key: "a1b2c3"},
		&stream.Metrics{Name: "loss", Points: points},
		&stream.Asset{ID: "7f"},
		&stream.Chunk{Data: []byte("weights")},
		&stream.AssetEnd{},
		&stream.ExperimentEnd{},
	} {
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil { // writes the trailer
		log.Fatal(err)
	}

	r := stream.NewReader(&file, stream.ReaderOptions{})
	defer r.Close()
	for rec, err := range r.All() {
		if err != nil {
			log.Fatal(err)
		}
		switch rec := rec.(type) {
		case *stream.Experiment:
			fmt.Println("experiment", rec.Key)
		case *stream.Metrics:
			for _, p := range rec.Points {
				fmt.Println(rec.Name, p.Step.V, p.Value)
			}
		case *stream.AssetEnd:
			fmt.Println(rec.Size, "bytes of asset")
		case *stream.Trailer:
			fmt.Println(rec.Points, "points in all")
		}
	}
	// Output:
	// experiment a1b2c3
	// loss 1 NaN
	// loss 2 0.5
	// 7 bytes of asset
	// 2 points in all
}
