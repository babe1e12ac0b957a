package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"testing"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/importer"
	"github.com/comet-stream/comet-stream/stream"
)

func TestExitCode(t *testing.T) {
	base := errors.New("base")
	coded := func(code int) error { return withCode(code, base) }
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 0},
		{"help", fmt.Errorf("parse: %w", flag.ErrHelp), 0},
		{"plain", base, 1},
		{"coded", coded(5), 5},
		{"wrapped", fmt.Errorf("import: %w", coded(4)), 4},
		{"outermost decides", withCode(5, coded(6)), 5},
		{"configuration", fmt.Errorf("x: %w", &config.Error{Message: "m"}), 2},
		{"joined with a plain one", errors.Join(coded(3), base), 1},
		{"joined 3 and 7", errors.Join(coded(3), coded(7)), 7},
		{"joined 7 and 1", errors.Join(coded(7), coded(1)), 1},
		{"joined 1 and 4", errors.Join(coded(1), coded(4)), 4},
		{"joined 4 and 5", errors.Join(coded(4), coded(5)), 5},
		{"joined 5 and 6", errors.Join(coded(5), coded(6)), 6},
		{"joined 6 and 130", errors.Join(coded(6), coded(130)), 130},
		{"joined 143 and 6", errors.Join(coded(143), coded(6)), 143},
		{"nested joins", errors.Join(fmt.Errorf("a: %w", errors.Join(coded(3), coded(5))), coded(4)), 5},
		{"several %w", fmt.Errorf("%w: %w", coded(4), io.ErrUnexpectedEOF), 4},
		{"not finished for a server, and a truncated stream", errors.Join(&importer.InputError{Err: &stream.Error{Class: stream.ErrTruncated}},
			&importer.UnfinishedError{Failures: []error{coded(3), coded(5)}}), 5},
		{"a broken stream", fmt.Errorf("standard input: %w", &stream.Error{Class: stream.ErrTruncated}), 4},
		{"aborted by a server", fmt.Errorf("standard input: %w", &stream.AbortedError{Class: "server"}), 5},
		{"aborted for a key", &stream.AbortedError{Class: "unauthorized"}, 6},
		{"aborted by a signal", &stream.AbortedError{Class: "interrupted"}, 4},
		{"aborted for its input", &stream.AbortedError{Class: "input"}, 4},
		{"aborted by a later version", &stream.AbortedError{Class: "tired"}, 4},
		{"a server", fmt.Errorf("list experiments: %w", &comet.Error{Status: 401}), 6},
		{"several that are not finished", fmt.Errorf("x: %w", &importer.UnfinishedError{Failures: []error{coded(3), coded(5), coded(1)}}), 5},
		{"an unknown code", coded(99), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ExitCode(tt.err); got != tt.want {
				t.Errorf("ExitCode(%v) = %d, want %d", tt.err, got, tt.want)
			}
		})
	}
}

func TestCodeOfInput(t *testing.T) {
	for class, want := range map[string]int{"server": 5, "unauthorized": 6, "interrupted": 4, "output": 4, "error": 4} {
		err := &importer.InputError{Err: &stream.AbortedError{Class: class}}
		if got := codeOfInput(err); got != want {
			t.Errorf("an abort of class %s: code %d, want %d", class, got, want)
		}
	}
	if got := codeOfInput(&importer.InputError{Err: &stream.Error{Class: stream.ErrTruncated}}); got != 4 {
		t.Errorf("a truncated stream: code %d, want 4", got)
	}
}

func TestWithCodeNil(t *testing.T) {
	if err := withCode(ExitServer, nil); err != nil {
		t.Errorf("withCode of no error = %v, want nil", err)
	}
}
