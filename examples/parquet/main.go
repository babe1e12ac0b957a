// Parquet writes the metric points of a stream as a Parquet file, a row a point:
//
//	comet-export acme/vision metrics | go run . points.parquet
//
// It is a module of its own: the library makes a program larger by 15 MB, and
// comet-filter --points does without it for pandas, DuckDB and spreadsheets.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/comet-stream/comet-stream/stream"
	"github.com/parquet-go/parquet-go"
)

// A row is one metric point. What it lacks is null; a value that is not a number, too,
// and Text has what the server gave.
type row struct {
	Workspace  string     `parquet:"workspace,dict"`
	Project    string     `parquet:"project,dict"`
	Experiment string     `parquet:"experiment,dict"`
	Name       *string    `parquet:"experiment_name,optional,dict"`
	Metric     string     `parquet:"metric,dict"`
	Context    *string    `parquet:"context,optional,dict"`
	Step       *int64     `parquet:"step,optional"`
	Epoch      *int64     `parquet:"epoch,optional"`
	Time       *time.Time `parquet:"time,optional,timestamp(millisecond)"`
	Value      *float64   `parquet:"value,optional"`
	Text       string     `parquet:"text"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: parquet FILE < stream")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "parquet: error:", err)
		os.Exit(1)
	}
}

// run writes the points of the stream in r to a file, which has its name once it is
// whole.
func run(r io.Reader, name string) error {
	f, err := os.Create(name + ".partial")
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[row](f, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(1<<20))
	err = errors.Join(write(w, r), w.Close(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func write(w *parquet.GenericWriter[row], r io.Reader) error {
	reader := stream.NewReader(r, stream.ReaderOptions{SkipSHA256: true})
	defer reader.Close()
	var open *stream.Experiment
	for rec, err := range reader.All() {
		if err != nil {
			return err
		}
		switch rec := rec.(type) {
		case *stream.Experiment:
			open = rec
		case *stream.Metrics:
			rows := make([]row, len(rec.Points))
			for i := range rec.Points {
				rows[i] = newRow(open, rec.Name, &rec.Points[i])
			}
			if _, err := w.Write(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func newRow(e *stream.Experiment, metric string, p *stream.Point) row {
	r := row{
		Workspace: e.Workspace, Project: e.Project, Experiment: e.Key, Name: e.Name, Metric: metric,
		Step: number(p.Step), Epoch: number(p.Epoch), Text: p.Value.Text(),
	}
	if p.Context.OK {
		r.Context = &p.Context.V
	}
	if p.Time.OK {
		t := time.UnixMilli(p.Time.V).UTC()
		r.Time = &t
	}
	if f, ok := p.Value.Float64(); ok {
		r.Value = &f
	}
	return r
}

func number(v stream.Int64) *int64 {
	if !v.OK {
		return nil
	}
	return &v.V
}
