package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"

	"github.com/comet-stream/comet-stream/internal/progress"
)

// reportFile is a report: one JSON object a line. A nil reportFile takes all
// and keeps nothing.
type reportFile struct {
	f    *os.File
	line bytes.Buffer
	enc  *json.Encoder // into line
	err  error         // the first one; the lines after it are dropped
}

// addReportFlag declares --report.
func (c *command) addReportFlag() { c.TextVar(&c.report, "report") }

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
	r := &reportFile{f: f}
	r.enc = json.NewEncoder(&r.line)
	r.enc.SetEscapeHTML(false)
	return r, nil
}

// add adds a line. The lines come out one by one, for those who look at the
// report while it grows.
func (r *reportFile) add(v any) {
	if r == nil || r.err != nil {
		return
	}
	r.line.Reset()
	if r.err = r.enc.Encode(v); r.err == nil {
		_, r.err = r.f.Write(progress.EscapeJSON(r.line.Bytes()))
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
