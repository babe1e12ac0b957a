package texts

import (
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comet/api"
	"github.com/comet-stream/comet-stream/internal/importer/content"
	"github.com/comet-stream/comet-stream/internal/importer/session"
	"github.com/comet-stream/comet-stream/stream"
)

func outputExperiment() *Texts {
	start := int64(1000)
	return &Texts{Experiment: &session.Experiment{Record: &stream.Experiment{Start: &start}}}
}

func TestOutputRequests(t *testing.T) {
	e := outputExperiment()
	for name, output := range map[string]string{
		"lines":        strings.Repeat("a line\n", 25_000) + "the end",
		"one long one": strings.Repeat("é", 2*outputBytes),
		"empty lines":  strings.Repeat("\n", 12_000),
		"long lines":   strings.Repeat(strings.Repeat("x", 300_000)+"\n", 9),
	} {
		t.Run(name, func(t *testing.T) {
			var joined strings.Builder
			last, requests := int64(-1), 0
			var sent [][]comet.OutputLine
			for lines := range outputRequests(t, e, output, 0) {
				size := 0
				for _, l := range lines {
					if l.Offset <= last || !utf8.ValidString(l.Text) || strings.Contains(strings.TrimSuffix(l.Text, "\n"), "\n") {
						t.Fatalf("line at %d after %d: %.20q", l.Offset, last, l.Text)
					}
					last = l.Offset
					joined.WriteString(l.Text)
					size += len(l.Text)
				}
				if len(lines) > maxLines || size > 2*outputBytes {
					t.Fatalf("%d lines, %d bytes", len(lines), size)
				}
				sent = append(sent, lines)
				requests++
			}
			if joined.String() != output {
				t.Error("the lines are not the output")
			}
			if requests > 6 {
				t.Errorf("%d requests", requests)
			}
			// An import that goes on comes to the lines that the one before would
			// have sent.
			for again := range outputRequests(t, e, output, sent[1][0].Offset) {
				if diff := cmp.Diff(sent[1], again); diff != "" {
					t.Errorf("(-before +after):\n%s", diff)
				}
				break
			}
		})
	}
	for lines := range outputRequests(t, e, "a\nb\nc\n", 2) {
		if l := lines[0]; l.Text != "b\n" || l.Offset != 2 || l.Time != 1001 {
			t.Errorf("got %+v", l)
		}
	}
}

// outputRequests yields the lines of each request for an output from an offset
// on.
func outputRequests(t *testing.T, e *Texts, output string, from int64) iter.Seq[[]comet.OutputLine] {
	return func(yield func([]comet.OutputLine) bool) {
		o, err := e.openOutput(content.Text{Sum: content.SumOfText(output), Open: api.TextContent(output).Open}, from)
		if err != nil {
			t.Fatal(err)
		}
		defer o.rc.Close()
		for {
			lines, err := o.next()
			if err != nil {
				t.Fatal(err)
			}
			if len(lines) == 0 || !yield(lines) {
				return
			}
		}
	}
}
