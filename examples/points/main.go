// Points prints the metric points of a stream as tab-separated lines:
// experiment key, metric, step, time in ms, value.
//
//	comet-export acme/vision metrics | go run ./examples/points > points.tsv
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/comet-stream/comet-stream/stream"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("points: ")
	out := bufio.NewWriter(os.Stdout)
	err := printPoints(out, os.Stdin)
	// What was read before an error is good, so it is printed too.
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		log.Fatal(err)
	}
}

func printPoints(w io.Writer, in io.Reader) error {
	r := stream.NewReader(in, stream.ReaderOptions{})
	defer r.Close()
	key := ""
	for rec, err := range r.All() {
		if err != nil {
			return err
		}
		switch rec := rec.(type) {
		case *stream.Experiment:
			key = rec.Key
		case *stream.Metrics:
			for _, p := range rec.Points {
				_, err := fmt.Fprintf(w, "%s\t%q\t%s\t%s\t%q\n", key, rec.Name, number(p.Step), number(p.Time), p.Value.Text())
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func number(n stream.Int64) string {
	if !n.OK {
		return ""
	}
	return fmt.Sprint(n.V)
}
