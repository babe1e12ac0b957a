package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/comet-stream/comet-stream/internal/progress"
)

// printError writes err to w the way all three tools do: a line "tool: error:
// …" for each error that err joins, then a line "tool: hint: …" for each hint.
// Control characters in them, which may come from a server or a stream, are
// escaped, so that they can neither drive a terminal nor forge a line.
func printError(w io.Writer, tool string, err error) {
	for _, e := range splitJoined(err) {
		printLine(w, tool, "error", e.Error())
	}
	for _, hint := range hintsOf(err) {
		printLine(w, tool, "hint", hint)
	}
}

// printLine writes one line of talk. Its own error is dropped: there is no
// other place to report that standard error cannot be written.
func printLine(w io.Writer, tool, kind, text string) {
	begin := ""
	if clearsLines(w) {
		begin = progress.Wipe
	}
	_, _ = fmt.Fprintf(w, "%s%s: %s: %s\n", begin, tool, kind, progress.Escape(text))
}

// splitJoined returns the errors that a list of errors holds, as that of
// errors.Join, or err alone.
func splitJoined(err error) []error {
	if e, ok := err.(*Error); ok {
		return splitJoined(e.Err)
	}
	list := listOf(err)
	if list == nil {
		return []error{err}
	}
	var out []error
	for _, sub := range list {
		out = append(out, splitJoined(sub)...)
	}
	return out
}

// listOf returns the errors of a list of errors, nil for any other error. An
// error that has words of its own for several must not look like a list: its
// Unwrap returns one error.
func listOf(err error) []error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	return list.Unwrap()
}

// explainEach explains the errors of a list each by itself.
func explainEach(list []error, explain func(error) error) error {
	errs := make([]error, len(list))
	for i, err := range list {
		errs[i] = explain(err)
	}
	return errors.Join(errs...)
}

// hintsOf collects the hints in the tree of err, outermost first, each once.
func hintsOf(err error) []string {
	var hints []string
	var walk func(error)
	walk = func(err error) {
		if h, ok := err.(interface{ Hint() []string }); ok {
			for _, hint := range h.Hint() {
				if !slices.Contains(hints, hint) {
					hints = append(hints, hint)
				}
			}
		}
		switch e := err.(type) {
		case interface{ Unwrap() []error }:
			for _, sub := range e.Unwrap() {
				walk(sub)
			}
		case interface{ Unwrap() error }:
			if sub := e.Unwrap(); sub != nil {
				walk(sub)
			}
		}
	}
	walk(err)
	return hints
}
