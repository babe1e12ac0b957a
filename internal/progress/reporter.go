package progress

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Mode is how a reporter shows progress.
type Mode int

const (
	// Plain prints a line now and then.
	Plain Mode = iota
	// Line keeps one status line on a terminal up to date.
	Line
	// None shows no progress.
	None
)

// lineInterval is how often the status line is drawn again.
const lineInterval = 200 * time.Millisecond

// Wipe clears the line of a terminal in which another tool may have a status
// line, for those who write to it without a reporter.
const Wipe = wipe

// wipe takes the cursor to the start of the line and clears the line.
const wipe = "\r\x1b[K"

// Options say how a reporter talks.
type Options struct {
	Tool     string        // stands before each line but the status line
	Mode     Mode          // how progress is shown
	Interval time.Duration // between two lines of Plain; 0 is 30 s
	Quiet    bool          // print warnings only
	Verbose  bool          // print what Debug is told
	Width    func() int    // width of the terminal, for Line; nil or 0 is 80
	Terminal bool          // messages go to a terminal, where another tool may have a status line

	// Traffic, if not nil, is shown beside the counters. It is called from
	// the reporter's own goroutine and by Summary.
	Traffic func() Traffic
}

// Reporter writes progress and messages. Its methods may be called by any
// number of goroutines; each message is a line of its own, with the status line
// wiped before it and everything escaped as [Escape] does.
type Reporter struct {
	opts     Options
	counters *Counters
	started  time.Time
	stop     chan struct{}
	stopped  chan struct{}
	closing  sync.Once

	mu    sync.Mutex
	w     io.Writer
	drawn bool // a status line stands on the terminal
	pace  pace
	until time.Time // a server has asked to wait until then

	told, toldUntil time.Time // when the last wait was reported, and when that ends
}

// Start returns a reporter of counters that writes to w until it is closed.
// Errors of w are ignored.
func Start(w io.Writer, counters *Counters, opts Options) *Reporter {
	if opts.Interval <= 0 {
		opts.Interval = 30 * time.Second
	}
	if opts.Quiet {
		opts.Mode = None
	}
	r := &Reporter{
		opts: opts, counters: counters, w: w, started: time.Now(),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	switch opts.Mode {
	case Line:
		go r.every(lineInterval, r.draw)
	case Plain:
		go r.every(opts.Interval, func() { r.print(r.stamp(), r.line()) })
	default:
		close(r.stopped)
	}
	return r
}

// Close ends the progress and wipes the status line. Messages may follow; more
// calls do nothing.
func (r *Reporter) Close() {
	r.closing.Do(func() {
		close(r.stop)
		<-r.stopped
		r.mu.Lock()
		defer r.mu.Unlock()
		r.wipe()
	})
}

// Info prints a line unless the reporter is quiet.
func (r *Reporter) Info(format string, a ...any) {
	if !r.opts.Quiet {
		r.print("", fmt.Sprintf(format, a...))
	}
}

// Warn prints a line marked as a warning.
func (r *Reporter) Warn(format string, a ...any) {
	r.print("warning: ", fmt.Sprintf(format, a...))
}

// Debug prints a line if the reporter is verbose.
func (r *Reporter) Debug(format string, a ...any) {
	if r.opts.Verbose {
		r.print("debug: ", fmt.Sprintf(format, a...))
	}
}

// Logger returns a logger whose records, of all levels, are printed as Debug prints.
func (r *Reporter) Logger() *slog.Logger {
	if !r.opts.Verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(debugWriter{r}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// debugWriter takes the lines of a log.
type debugWriter struct{ r *Reporter }

func (w debugWriter) Write(line []byte) (int, error) {
	w.r.Debug("%s", bytes.TrimSuffix(line, []byte("\n")))
	return len(line), nil
}

// Summary prints the counters and the time that has passed, unless the reporter
// is quiet.
func (r *Reporter) Summary() {
	if !r.opts.Quiet {
		r.print("", r.status())
	}
}

// status is the text of the status line and of the plain lines.
func (r *Reporter) status() string {
	var traffic Traffic
	if r.opts.Traffic != nil {
		traffic = r.opts.Traffic()
	}
	return fmt.Sprintf("%s%s, %s", r.counters, traffic, time.Since(r.started).Round(time.Second))
}

// stamp says when a line of progress was printed, where it goes to a file.
func (r *Reporter) stamp() string {
	if r.opts.Terminal {
		return ""
	}
	return time.Now().UTC().Format(time.RFC3339) + " "
}

// line is the status with what else is to be known while it goes on. What matters
// most comes first: a narrow terminal shows no more.
func (r *Reporter) line() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	text := r.pace.String(r.counters, r.started, now)
	if now.Before(r.until) {
		text = "waiting until " + clock(r.until, now) + ", " + text
	}
	return text + r.status()
}

// clock returns a time for people to read, with its date where it is far off.
func clock(t, now time.Time) string {
	if t.Sub(now) > 12*time.Hour {
		return t.Format(time.DateTime)
	}
	return t.Format(time.TimeOnly)
}

// every calls f at each interval until the reporter is closed.
func (r *Reporter) every(interval time.Duration, f func()) {
	defer close(r.stopped)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f()
		case <-r.stop:
			return
		}
	}
}

// draw draws the status line, as much of it as the width of the terminal holds: a
// line that wraps cannot be wiped.
func (r *Reporter) draw() {
	width := 0
	if r.opts.Width != nil {
		width = r.opts.Width()
	}
	if width <= 0 {
		width = 80
	}
	text := r.line()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(wipe, fit(text, width-1))
	r.drawn = true
}

// fit returns as many of the parts of s as n characters hold: half a number is
// another number. Of the first part it returns the beginning at least.
func fit(s string, n int) string {
	for i := range s {
		if n > 0 {
			n--
			continue
		}
		if end := strings.LastIndex(s[:min(i+1, len(s))], ","); end >= 0 {
			return s[:end]
		}
		return s[:i]
	}
	return s
}

// print prints one line, in one write: another tool may write to the same place.
func (r *Reporter) print(kind, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begin := ""
	if r.drawn || r.opts.Terminal {
		begin, r.drawn = wipe, false
	}
	r.write(begin, r.opts.Tool, ": ", kind, Escape(text), "\n")
}

// write writes to standard error, in one piece. Its own error is dropped: there is
// no other place to report it. The caller holds r.mu.
func (r *Reporter) write(texts ...string) {
	_, _ = r.w.Write([]byte(strings.Join(texts, "")))
}

// wipe clears the status line if there is one. The caller holds r.mu.
func (r *Reporter) wipe() {
	if r.drawn {
		r.write(wipe)
		r.drawn = false
	}
}
