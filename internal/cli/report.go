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

// addReportFlag declares --report.
func (c *command) addReportFlag() { c.StringVar(&c.report, "report", "", "") }

// openReport creates the report that --report names, nil if it names none.
func (c *command) openReport() (*reportFile, error) {
	switch c.report {
	case "":
		return nil, nil
	case "-":
		return nil, c.usagef("--report -: a report goes to a file")
	}
	f, err := os.Create(c.report)
	if err != nil {
		return nil, c.usagef("--report: %w", err)
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

// close ends the report and returns the first error that it met. More calls do
// nothing.
func (r *reportFile) close() error {
	if r == nil || r.f == nil {
		return nil
	}
	f := r.f
	r.f = nil
	return errors.Join(r.err, f.Close())
}
