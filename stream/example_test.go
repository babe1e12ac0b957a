package stream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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

// A filter copies the records that it wants as they stand, and writes none of
// them again. The counts in the ends of groups are the Writer's.
func ExampleReader_NextRaw() {
	var out bytes.Buffer
	w := stream.NewWriter(&out, stream.WriterOptions{})
	r := stream.NewReader(bytes.NewReader(twoExperiments()), stream.ReaderOptions{})
	defer r.Close()
	for {
		raw, err := r.NextRaw()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		switch raw.Kind {
		case stream.KindOutput, stream.KindTrailer: // Close writes a trailer
		case stream.KindExperimentEnd:
			err = w.Write(&stream.ExperimentEnd{})
		default:
			err = w.WriteRaw(raw)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	kinds := w.Totals().Counts
	fmt.Println(kinds[stream.KindExperiment], "experiments,", kinds[stream.KindOutput], "outputs")
	// Output: 2 experiments, 0 outputs
}

// A Salvager goes on after what is damaged, and says what that was.
func ExampleSalvager() {
	data := twoExperiments()
	at := bytes.LastIndex(data, []byte("\x89CMT")) // the label of the last block
	for i := range 8 {
		data[at-60+i] ^= 0xff // in the frame before it
	}
	s := stream.NewSalvager(bytes.NewReader(data))
	for {
		raw, err := s.Next()
		if damage, ok := errors.AsType[*stream.DamageError](err); ok {
			fmt.Println("damaged:", damage.Err != nil)
			continue
		}
		if err != nil {
			fmt.Println("the end")
			return
		}
		if raw.Kind == stream.KindExperiment {
			rec, err := raw.Decode()
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("experiment", rec.(*stream.Experiment).Key)
		}
	}
	// Output:
	// experiment a1
	// damaged: true
	// the end
}

// twoExperiments returns a stream of two small experiments, each in a block of
// its own.
func twoExperiments() []byte {
	var file bytes.Buffer
	w := stream.NewWriter(&file, stream.WriterOptions{})
	write := func(rec stream.Record) {
		if err := w.Write(rec); err != nil {
			log.Fatal(err)
		}
	}
	write(&stream.Header{Tool: "example"})
	write(&stream.Plan{})
	write(&stream.Project{Workspace: "acme", Name: "vision"})
	for _, key := range []string{"a1", "a2"} {
		write(&stream.Experiment{Workspace: "acme", Project: "vision", Key: key})
		write(&stream.Text{Of: stream.KindOutput, Data: []byte("epoch 1\n")})
		write(&stream.ExperimentEnd{})
		if err := w.Flush(); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return file.Bytes()
}
