package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/comet-stream/comet-stream/stream/internal/pack"
)

// The classes of errors that reading and writing a stream gives. Test for them
// with [errors.Is]; the error itself is an [*Error], except that an aborted
// stream gives an [*AbortedError].
var (
	// ErrNotStream says that the input does not begin with a stream. The text
	// of the error says what it looks like instead.
	ErrNotStream = errors.New("not a comet stream")
	// ErrTruncated says that the input ends before the trailer. An error of
	// this class is an [io.ErrUnexpectedEOF] too.
	ErrTruncated = errors.New("stream is truncated")
	// ErrAborted says that the writer of the stream has failed.
	ErrAborted = errors.New("stream was aborted")
	// ErrVersion says that the stream needs a newer reader.
	ErrVersion = errors.New("stream needs a newer reader")
	// ErrCorrupt says that bytes are not what they should be: a checksum, a
	// length, a sequence number, or msgpack that is not a record.
	ErrCorrupt = pack.ErrCorrupt
	// ErrLimit says that something is larger than the format allows.
	ErrLimit = pack.ErrLimit
	// ErrGrammar says that whole records are in a wrong order, repeat a key or
	// id, or that totals do not hold.
	ErrGrammar = errors.New("records do not form a stream")
	// ErrClosed says that a Writer or Reader is used after its end.
	ErrClosed = errors.New("stream is closed")
)

// An Error says what is wrong with a stream, and where.
type Error struct {
	Class  error  // one of ErrNotStream, ErrTruncated, ErrVersion, ErrCorrupt, ErrLimit, ErrGrammar
	Reason string // for people
	Record int64  // number of the record in its stream, the header being 0; -1 where none is meant
	Kind   Kind   // kind of the record, where it is known
	Offset int64  // of the record's block in the input; -1 where there is none
}

// Error returns the place and the reason, as in "record 1042 (metrics) at byte
// 918273: checksum mismatch".
func (e *Error) Error() string {
	place := ""
	if e.Record >= 0 {
		place = fmt.Sprintf("record %d", e.Record)
		if e.Kind != "" {
			place += fmt.Sprintf(" (%s)", printable(e.Kind))
		}
	}
	if e.Offset >= 0 && e.Class != ErrNotStream {
		if place != "" {
			place += " "
		}
		place += fmt.Sprintf("at byte %d", e.Offset)
	}
	if place == "" {
		return e.Reason
	}
	return place + ": " + e.Reason
}

// Unwrap returns the class of the error.
func (e *Error) Unwrap() error { return e.Class }

// Is reports that a truncated stream is an [io.ErrUnexpectedEOF], too.
func (e *Error) Is(target error) bool {
	return target == io.ErrUnexpectedEOF && e.Class == ErrTruncated
}

// An AbortedError ends a stream whose writer has failed. [errors.Is] finds
// [ErrAborted] in it.
type AbortedError struct {
	Class   string  // "interrupted", "unauthorized", "server", "input", "output" or "error"
	Message string  // for people, as the writer gave it
	Last    *string // key of the last whole experiment, nil where there is none
	Record  int64   // number of the abort record
	Offset  int64   // of its block in the input
}

// Error returns the class and the message of the writer.
func (e *AbortedError) Error() string {
	return fmt.Sprintf("stream was aborted by its writer: %s: %q", printable(Kind(e.Class)), e.Message)
}

// Unwrap returns [ErrAborted].
func (e *AbortedError) Unwrap() error { return ErrAborted }

// fault makes an error without a place. The reader or writer that meets it
// adds the place with locate.
func fault(class error, format string, args ...any) *Error {
	return &Error{Class: class, Reason: fmt.Sprintf(format, args...), Record: -1, Offset: -1}
}

// placeless returns a fault of msgpack or JSON as an error without a place, and every
// other error as it is.
func placeless(err error) error {
	if f, ok := errors.AsType[*pack.Fault](err); ok {
		return fault(f.Class, "%s", f.Reason)
	}
	return err
}

// locate fills in the place of an error that has none yet. Errors of other
// types pass unchanged.
func locate(err error, record int64, kind Kind, offset int64) error {
	err = placeless(err)
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	at := *e
	if at.Record < 0 {
		at.Record, at.Kind = record, kind
	}
	if at.Offset < 0 {
		at.Offset = offset
	}
	return &at
}

// printable returns a kind as it is where it is a plain word, and quoted where a
// hostile stream made it something else.
func printable(k Kind) string {
	for i := range len(k) {
		c := k[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return fmt.Sprintf("%q", string(k))
		}
	}
	return string(k)
}
