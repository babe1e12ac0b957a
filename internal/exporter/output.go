package exporter

import (
	"errors"
	"fmt"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/internal/progress"
	"github.com/comet-stream/comet-stream/stream"
)

// output is where units write their records.
type output struct {
	w        *stream.Writer
	q        *prefetch.Queue // of the route at work
	obs      Observer
	counters *progress.Counters
	sum      *Summary
	res      *Result // of the experiment at work, or nil
	in       string  // what is at work where a skipped record does not say it: artifact "a:1.0.0"
}

// write writes one record. A record that the format has no room for gives an
// [*judge.ItemError].
func (o *output) write(rec stream.Record) error {
	err := o.w.Write(rec)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, stream.ErrLimit):
		return judge.ItemErrorf("it does not fit the stream: %v", err)
	}
	return &judge.WriteError{Err: err}
}

// skip writes that err keeps an item from the stream, if it is not nil, and tells the
// user. It returns errors after which there is no point in going on.
func (o *output) skip(i judge.Item, err error) error {
	if err == nil || judge.Fatal(err) {
		return err
	}
	s := i.Skipped(err)
	if err := o.write(s); err != nil {
		return err
	}
	o.sum.Items++
	if o.res != nil {
		o.res.Missing = append(o.res.Missing, Missing{Kind: string(i.Kind), Name: i.Name, ID: i.ID, Status: s.Status, Reason: s.Reason})
	}
	o.obs.Skipped(o.in, s)
	return nil
}

// warn tells the user of something that is not lost.
func (o *output) warn(format string, args ...any) { o.obs.Warn(fmt.Sprintf(format, args...)) }
