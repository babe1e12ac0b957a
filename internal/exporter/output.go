package exporter

import (
	"errors"

	"github.com/comet-stream/comet-stream/internal/exporter/judge"
	"github.com/comet-stream/comet-stream/internal/exporter/prefetch"
	"github.com/comet-stream/comet-stream/stream"
)

// output is where units write their records.
type output struct {
	w   *stream.Writer
	q   *prefetch.Queue // of the route at work
	obs Observer
	sum *Summary
	res *Result // of the experiment at work, or nil
	in  string  // what is at work where a skipped record does not say it: artifact "a:1.0.0"
}

// write writes one record. A record that the format has no room for gives an
// itemError.
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

// skip writes that an item is missing, and tells the user.
func (o *output) skip(s *stream.Skipped) error {
	if err := o.write(s); err != nil {
		return err
	}
	o.sum.Items++
	if o.res != nil {
		o.res.Missing = append(o.res.Missing, missing(s))
	}
	o.obs.Skipped(o.in, s)
	return nil
}

// skipFor is skip for an item of an experiment that err keeps from us. Errors
// after which there is no point in going on are returned.
func (o *output) skipFor(of stream.Kind, key, id, name string, err error) error {
	if judge.Fatal(err) {
		return err
	}
	return o.skip(judge.Skipped(of, key, id, name, err))
}
