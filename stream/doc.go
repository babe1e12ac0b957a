// Package stream reads and writes comet-stream files: experiments of a Comet
// instance as a sequence of records.
//
// A stream is read record by record:
//
//	r := stream.NewReader(f, stream.ReaderOptions{})
//	defer r.Close()
//	for rec, err := range r.All() {
//		if err != nil {
//			return err
//		}
//		switch rec := rec.(type) {
//		case *stream.Experiment:
//			fmt.Println(rec.Key)
//		}
//	}
//
// and written in the order of the grammar, beginning with a [Header] and a
// [Plan]; the [Writer] adds the counts and, in Close, the trailer.
//
// The format is specified in FORMAT.md next to this file.
//
// # Compatibility
//
// A Reader of this package reads every stream of major version 1, whatever the
// minor version: records of unknown kinds come out as [Unknown], and unknown keys
// of known kinds are ignored. A stream that needs more says so in its header and
// gives [ErrVersion]. Every later release with major version 1 reads what a
// Writer of this package has written.
package stream
