package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/importer"
)

// errorList is a list of errors that shows itself in a way of its own.
type errorList []error

func (l errorList) Error() string   { return fmt.Sprintf("%d errors", len(l)) }
func (l errorList) Unwrap() []error { return l }

func TestPrintError(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", fmt.Errorf("read: %w", cause), "comet-filter: error: read: cause\n"},
		{
			"with hints",
			fmt.Errorf("outer: %w", withCode(2, withCode(6, cause, "inner hint"), "first", "second")),
			"comet-filter: error: outer: cause\n" +
				"comet-filter: hint: first\ncomet-filter: hint: second\ncomet-filter: hint: inner hint\n",
		},
		{
			"joined",
			withCode(3, errors.Join(withCode(3, errors.New("a"), "h"), withCode(7, errors.New("b"), "h"))),
			"comet-filter: error: a\ncomet-filter: error: b\ncomet-filter: hint: h\n",
		},
		{
			"several behind words of their own are one error",
			&importer.UnfinishedError{Failures: []error{withCode(5, errors.New("a"), "h"), errors.New("b")}},
			"comet-filter: error: 2 not finished; the first: a\ncomet-filter: hint: h\n",
		},
		{
			"a list is one whatever its words are",
			errors.Join(errors.New("a\nb"), errorList{errors.New("c"), errors.New("d")}),
			"comet-filter: error: a\\nb\ncomet-filter: error: c\ncomet-filter: error: d\n",
		},
		{
			"escapes and line breaks of others",
			errors.New("server said \x1b[2J\x07\r\ncomet-filter: all is well"),
			`comet-filter: error: server said \x1b[2J\a\r\ncomet-filter: all is well` + "\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			printError(&b, "comet-filter", tt.err)
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}
