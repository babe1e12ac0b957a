// Package filter passes a stream of records on, less what its rules drop, and
// reads it for those who only want to know what is in it.
//
//	err := filter.Copy(ctx, os.Stdout, os.Stdin, filter.Options{
//		Rules: filter.Rules{Tags: []string{"final"}},
//		Tool:  "comet-filter v1.0.0",
//	})
//
// It loses nothing that it was not told to drop: the order of records stays, and
// records and keys that this version does not know pass unchanged.
package filter

import (
	"github.com/comet-stream/comet-stream/internal/progress"
)

// Options say what the functions of this package do with a stream.
type Options struct {
	Rules    Rules
	Tool     string             // name and version, for the header of the new stream
	Counters *progress.Counters // what is counted; nil counts nothing
	ListJSON bool               // List prints JSON
}

func (o *Options) withDefaults() *Options {
	with := *o
	if with.Counters == nil {
		with.Counters = new(progress.Counters)
	}
	return &with
}
