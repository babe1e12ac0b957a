package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
)

// reportFile is a report: one JSON object a line. A nil reportFile takes all
// and keeps nothing.
type reportFile struct {
	f   *os.File
	w   *bufio.Writer
	enc *json.Encoder
	err error // the first one; the lines after it are dropped
}

// createReport creates a report.
func createReport(name string) (*reportFile, error) {
	if name == "-" {
		return nil, errors.New("--report -: standard output is for the stream")
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &reportFile{f: f, w: w, enc: enc}, nil
}

// add adds a line. The lines come out one by one, for those who look at the
// report while it grows.
func (r *reportFile) add(v any) {
	if r == nil || r.err != nil {
		return
	}
	if r.err = r.enc.Encode(v); r.err == nil {
		r.err = r.w.Flush()
	}
}

// close ends the report and returns the first error that it met.
func (r *reportFile) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.err, r.f.Close())
}
