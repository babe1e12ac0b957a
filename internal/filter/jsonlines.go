package filter

import (
	"context"
	"errors"
	"io"

	"github.com/comet-stream/comet-stream/internal/jsonform"
	"github.com/comet-stream/comet-stream/stream"
)

// JSON prints each record of the streams in r that the rules leave as a JSON
// object on a line of its own, in the form of package jsonform, from which the
// same records come back.
func JSON(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	return run(ctx, w, r, o, func(s *scan) error {
		var p jsonform.Printer
		var line []byte
		put := func(r stream.Raw) (err error) {
			if line, err = p.Append(line[:0], r); err == nil {
				_, err = s.lines.Write(line)
			}
			return err
		}
		err := s.records(put)
		if e, ok := errors.AsType[*stream.AbortedError](err); ok {
			abort, encodeErr := stream.Encode(&stream.Abort{Class: e.Class, Last: e.Last, Message: e.Message})
			if encodeErr == nil {
				encodeErr = put(abort)
			}
			return errors.Join(err, encodeErr)
		}
		return err
	})
}

// FromJSON writes the streams that [JSON] has printed, or that another program has
// written in that form, to w. Rules play no part.
func FromJSON(ctx context.Context, w io.Writer, r io.Reader, o Options) error {
	with := o.withDefaults()
	return jsonform.Read(ctx, w, openInput(ctx, r, with.Counters), jsonform.Options{Tool: with.Tool, Counters: with.Counters})
}

// text returns the text under a key of a record.
func text(r stream.Raw, key string) string {
	s, _ := r.Field(key).Text()
	return s
}
