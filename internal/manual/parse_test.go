package manual

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has each thing that a usage text may hold.
const sample = `Usage:
    tool [flags] [RESOURCE ...]

Passes things on. It's not
picky.

Arguments:
    PLACE/a[/B]
    PLACE/c                 these alone
    RESOURCE                what to take:
                              one two
                              both = one two

A first argument is first.

What to take (of several flags all
must hold):
    --key KEY               this one: [it]; may be repeated
    --rename A/B=C/D
    --rename A=C            other names
    --archived in|out
                            the old ones (default in)
    -x, --exclude           all but these
    -o FILE                 a file; - is none
    --temp-dir DIR          a place

Options can be set by the environment.

Exit codes: 0 all done; 2 usage, nothing touched; 129, 130 or 143 interrupted.

Example:
    tool --key a | tool -x
`

func parse(t *testing.T, text string) *Page {
	t.Helper()
	p, err := Parse("tool", text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	p := parse(t, sample)
	if got, want := p.Summary(), "Passes things on"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"one", "two", "both"}, p.Resources()); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	want := []Entry{
		{[]string{"--key KEY"}, []Flag{{"key", "KEY"}}, []string{"this one: [it]; may be repeated"}},
		{[]string{"--rename A/B=C/D", "--rename A=C"}, []Flag{{"rename", "A/B=C/D"}}, []string{"other names"}},
		{[]string{"--archived in|out"}, []Flag{{"archived", "in|out"}}, []string{"the old ones (default in)"}},
		{[]string{"-x, --exclude"}, []Flag{{"x", ""}, {"exclude", ""}}, []string{"all but these"}},
		{[]string{"-o FILE"}, []Flag{{"o", "FILE"}}, []string{"a file; - is none"}},
		{[]string{"--temp-dir DIR"}, []Flag{{"temp-dir", "DIR"}}, []string{"a place"}},
	}
	if diff := cmp.Diff(want, p.Flags()); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

// A slip in a usage text is an error that shows the line.
func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"Modes:\n    --key KEY              here", `"--key KEY              here" does not begin at column 28`},
		{"Modes:\n    --key KEY\n                           here", "begins at column 27"},
		{"Modes:\n  --key KEY               here", "begins at column 2"},
		{"Modes:\n    --key KEY", "nothing is said of"},
		{"Modes:\n    -key KEY                here", `"-key KEY" is no flag`},
		{"Modes\n    --key KEY               here", "no colon"},
		{"Example:\n  tool", "does not begin at column 4"},
	} {
		if _, err := Parse("tool", tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q): %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestMan(t *testing.T) {
	const want = `.TH TOOL 1 "" "comet-stream v1" "User Commands"
.SH NAME
tool \- passes things on
.SH SYNOPSIS
.nf
tool [flags] [RESOURCE ...]
.fi
.SH DESCRIPTION
Passes things on. It\(aqs not picky.
.SH ARGUMENTS
.TP
\fBPLACE/a[/B]\fR
.TQ
\fBPLACE/c\fR
these alone
.TP
\fBRESOURCE\fR
what to take:
.br
one two
.br
both = one two
.PP
A first argument is first.
.SH OPTIONS
.SS What to take
Of several flags all must hold.
.TP
\fB\-\-key KEY\fR
this one: [it]; may be repeated
.TP
\fB\-\-rename A/B=C/D\fR
.TQ
\fB\-\-rename A=C\fR
other names
.TP
\fB\-\-archived in|out\fR
the old ones (default in)
.TP
\fB\-x, \-\-exclude\fR
all but these
.TP
\fB\-o FILE\fR
a file; \- is none
.TP
\fB\-\-temp\-dir DIR\fR
a place
.SH ENVIRONMENT
Options can be set by the environment.
.SH EXIT STATUS
.TP
.B 0
all done
.TP
.B 2
usage, nothing touched
.TP
.B 129, 130 or 143
interrupted
.SH EXAMPLE
.nf
tool \-\-key a | tool \-x
.fi
.SH SEE ALSO
.BR other (1),
.BR third (1)
`
	if diff := cmp.Diff(want, parse(t, sample).Man("v1", "other", "third")); diff != "" {
		t.Errorf("man page (-want +got):\n%s", diff)
	}
}
