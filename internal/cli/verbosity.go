package cli

import (
	"os"
	"time"

	"github.com/comet-stream/comet-stream/internal/progress"
	"golang.org/x/term"
)

// How often a line of progress appears where no status line is drawn: a pipe
// has more than one tool that talks, and the last of them says enough.
const (
	plainInterval = 30 * time.Second
	pipedInterval = time.Minute
)

// verbosityFlags say how much a tool tells on standard error.
type verbosityFlags struct {
	progress string
	quiet    bool
	verbose  bool
}

func (t *verbosityFlags) register(c *command) {
	t.progress = "auto"
	c.EnumVar(&t.progress, "progress", "auto", "tty", "plain", "none")
	c.BoolVar(&t.quiet, "q", false, "")
	c.BoolVar(&t.verbose, "v", false, "")
}

// startReport starts the report of what is counted in counters. The command
// closes it before it returns, so that the status line is wiped when Main
// prints the error.
func (c *command) startReport(counters *progress.Counters) *progress.Reporter {
	report := progress.Start(c.stdio.Stderr, counters, c.reportOptions())
	for _, text := range append(c.warnings, c.strayVariables(os.Environ())...) {
		report.Warn("%s", text)
	}
	return report
}

// reportOptions says how to report, by the flags and by where the ends of the
// command lead.
func (c *command) reportOptions() progress.Options {
	opts := progress.Options{
		Tool:     c.name,
		Interval: plainInterval,
		Quiet:    c.verbosity.quiet,
		Verbose:  c.verbosity.verbose,
		Width:    terminalWidth(c.stdio.Stderr),
		Terminal: clearsLines(c.stdio.Stderr),
		Traffic:  c.countTraffic,
	}
	piped := isPipe(c.stdio.Stdout)
	if piped {
		opts.Interval = pipedInterval
	}
	switch c.verbosity.progress {
	case "tty":
		opts.Mode = progress.Line
	case "plain":
		opts.Mode = progress.Plain
	case "none":
		opts.Mode = progress.None
	default:
		// Of several status lines on one terminal each would wipe the others,
		// so only the last tool of a pipe draws one.
		if opts.Terminal && !piped {
			opts.Mode = progress.Line
		}
	}
	return opts
}

// clearsLines reports whether w is a terminal that can clear a line.
func clearsLines(w any) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// countTraffic reads the counters of the client.
func (c *command) countTraffic() progress.Traffic {
	return progress.Traffic{
		Requests: c.traffic.Requests.Load(),
		Retries:  c.traffic.Retries.Load(),
		Waiting:  c.traffic.Waiting.Load(),
	}
}

// terminalWidth returns a function that asks for the width of the terminal w,
// which changes as its window does.
func terminalWidth(w any) func() int {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	return func() int {
		width, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return width
	}
}
