package gate

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/comet-stream/comet-stream/internal/filelock"
)

// shared is a file in which the gates of several processes on one machine keep one
// pace together. It comes into being with the first refusal. Whatever goes wrong with
// it, a gate goes on with what it knows itself.
type shared string

const (
	// fresh is how long what the file says is believed: a later process is likely to
	// meet other conditions.
	fresh = 10 * time.Minute
	// lockPatience is how long a lock is waited for. It is held for less than a
	// millisecond each time, unless its process was stopped just then.
	lockPatience = time.Second
	// sharedPoll is how often the outcome of a request is looked for that another
	// process may have sent alone.
	sharedPoll = 200 * time.Millisecond
)

// kept is what the file holds.
type kept struct {
	Saved time.Time
	Pace  pace
}

// open returns the file, locked, or nil. It is made only for a refusal.
func (s shared) open(create bool) *os.File {
	if s == "" || !filelock.Supported {
		return nil
	}
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
		if os.MkdirAll(filepath.Dir(string(s)), 0o700) != nil {
			return nil
		}
	}
	f, err := os.OpenFile(string(s), flags, 0o600)
	if err != nil {
		return nil
	}
	if filelock.Wait(f, lockPatience) != nil {
		return nil
	}
	return f
}

// load sets the pace to that of the file, if it says one that holds now. What was
// taken before counts as well. It returns false if others wait longer than most: who
// does not is told so by the server itself, and leaves the file to them.
func load(f *os.File, p *pace, now time.Time, most time.Duration) bool {
	var k kept
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil || json.Unmarshal(data, &k) != nil {
		return true
	}
	if k.Pace.Shut.Sub(now) > most {
		return false
	}
	if age := now.Sub(k.Saved); age >= 0 && age < fresh || k.Pace.Shut.After(now) && age >= 0 {
		if !p.Limited {
			k.Pace.Taken.merge(p.Taken)
		}
		*p = k.Pace
	}
	return true
}

// save replaces what the file holds. What is cut off in the middle is no JSON, and
// counts for nothing.
func save(f *os.File, p *pace, now time.Time) {
	data, err := json.Marshal(kept{now, *p})
	if err != nil || f.Truncate(0) != nil {
		return
	}
	_, _ = f.WriteAt(data, 0)
}
