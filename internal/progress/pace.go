package progress

import (
	"fmt"
	"time"
)

// A pace tells how far a run has come, how fast, and how long it will take.
type pace struct {
	marks []mark // of the last while, oldest first
}

// A mark is what was counted at some moment.
type mark struct {
	at    time.Time
	bytes int64
}

const (
	paceWindow  = 10 * time.Second // over which the rate is taken
	leastPassed = 5 * time.Second  // before what is left is estimated
)

// String returns percent, time left and rate of what is known of them, with a
// comma after each.
func (p *pace) String(c *Counters, began, now time.Time) string {
	var text string
	if done, known := c.fraction(); known {
		text = fmt.Sprintf("%d%%, ", int(done*100))
		if passed := now.Sub(began); passed >= leastPassed && done > 0 && done < 1 {
			left := time.Duration(float64(passed) * (1 - done) / done)
			text += roundSpan(left).String() + " left, "
		}
	}
	bytes := c.Bytes.Load()
	p.marks = append(p.marks, mark{now, bytes})
	for len(p.marks) > 2 && now.Sub(p.marks[1].at) >= paceWindow {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if span := now.Sub(first.at).Seconds(); span > 0 && bytes > first.bytes {
		text += fmt.Sprintf("%.1f MiB/s, ", float64(bytes-first.bytes)/span/(1<<20))
	}
	return text
}

// fraction returns which part of the whole is done, if the whole is known: of the
// bytes of a file, or of the experiments.
func (c *Counters) fraction() (float64, bool) {
	if size := c.Size.Load(); size > 0 {
		return min(float64(c.Bytes.Load())/float64(size), 1), true
	}
	if planned := c.Planned.Load(); planned > 0 {
		return min(float64(c.Experiments.Load())/float64(planned), 1), true
	}
	return 0, false
}

// roundSpan drops what nobody wants to know of a length of time.
func roundSpan(d time.Duration) time.Duration {
	switch {
	case d >= time.Hour:
		return d.Round(time.Minute)
	case d >= 10*time.Minute:
		return d.Round(10 * time.Second)
	}
	return d.Round(time.Second)
}
