// Package progress tells the user how a long run goes: engines count, a
// reporter reads the counters and writes to standard error.
//
// The tools of a pipe write to one terminal and know nothing of each other. So
// each message begins with the clearing of whatever is in its line, and only the
// last tool keeps a status line. Libraries that draw bars (mpb, progressbar,
// bubbletea) take a terminal for their own; they would save none of this.
//
//	var counters progress.Counters
//	report := progress.Start(os.Stderr, &counters, progress.Options{Tool: "comet-export"})
//	defer report.Close()
//	counters.Experiments.Add(1)
//	report.Warn("experiment %q: asset %q: skipped", key, name)
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// Counters are what an engine counts. The zero value is ready to use. All
// fields may be changed and read at any time by any goroutine; what a reporter
// shows of several fields need not belong to one moment.
type Counters struct {
	Planned     atomic.Int64 // experiments to come in all, 0 while unknown
	Experiments atomic.Int64 // experiments done
	Points      atomic.Int64 // metric points
	Assets      atomic.Int64 // assets
	Bytes       atomic.Int64 // bytes of stream, as they are read or written
	Size        atomic.Int64 // bytes of stream to come in all, 0 while unknown
	Skipped     atomic.Int64 // items that the source has and the stream lacks
}

// CountReader returns a reader of r that counts the bytes that are read.
func (c *Counters) CountReader(r io.Reader) io.Reader { return io.TeeReader(r, byteCounter{c}) }

// CountWriter returns a writer to w that counts the bytes that are written.
func (c *Counters) CountWriter(w io.Writer) io.Writer { return io.MultiWriter(w, byteCounter{c}) }

type byteCounter struct{ c *Counters }

func (b byteCounter) Write(p []byte) (int, error) {
	b.c.Bytes.Add(int64(len(p)))
	return len(p), nil
}

// Traffic is what a client of a server counts.
type Traffic struct {
	Requests int64 // requests sent, repeated ones included
	Retries  int64 // requests that repeat an earlier one
	Waiting  int64 // requests that wait just now, for a rate or a retry
}

// String returns what is not 0, with a comma before each part.
func (t Traffic) String() string {
	var b strings.Builder
	if t.Requests > 0 {
		b.WriteString(", " + Count(t.Requests, "request"))
	}
	if t.Retries > 0 {
		b.WriteString(", " + Count(t.Retries, "retry"))
	}
	if t.Waiting > 0 {
		fmt.Fprintf(&b, ", %d waiting", t.Waiting)
	}
	return b.String()
}

// String returns the counters in one line. Those that are 0 are left out, but
// for the experiments.
func (c *Counters) String() string {
	var b strings.Builder
	if planned := c.Planned.Load(); planned > 0 {
		fmt.Fprintf(&b, "%d of %d experiments", c.Experiments.Load(), planned)
	} else {
		b.WriteString(Count(c.Experiments.Load(), "experiment"))
	}
	if n := c.Points.Load(); n > 0 {
		b.WriteString(", " + Count(n, "point"))
	}
	if n := c.Assets.Load(); n > 0 {
		b.WriteString(", " + Count(n, "asset"))
	}
	if n := c.Bytes.Load(); n > 0 {
		b.WriteString(", " + Bytes(n))
	}
	if n := c.Skipped.Load(); n > 0 {
		fmt.Fprintf(&b, ", %d skipped", n)
	}
	return b.String()
}

// Count returns a number with its noun, as "1 point" or "2 retries".
func Count(n int64, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Bytes returns a number of bytes for people to read, as "5.2 GiB".
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	// Below the next unit also after rounding: 1023.96 KiB is 1.0 MiB.
	for value >= 1023.95 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}
