package gate

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/comet-stream/comet-stream/internal/filelock"
)

// shared is a file in which the gates of several processes keep one pace. It is made
// for the first refusal of any of them, and what it holds counts for as long as one of
// them lives: who uses it has a second file locked all the time, and who finds nobody
// else there starts from nothing. Whatever goes wrong, a gate goes on by itself.
type shared struct {
	name   string    // "": none, or no more
	state  *os.File  // holds the pace, and is locked while that is read and changed
	users  *os.File  // locked by all together
	held   bool      // state is locked
	read   []byte    // what it held
	looked time.Time // for state, when there was none
	busy   time.Time // since when others have it locked
}

const (
	// lookPause is how often a process looks whether there is a file. On a network
	// file system that takes a while.
	lookPause = 100 * time.Millisecond
	// lockTries is how often a lock is tried for at once, and lockPatience how long again
	// and again. It is held for microseconds, unless its process was stopped just then.
	lockTries    = 50
	lockPatience = 2 * time.Second
)

// lock locks the file if there is one, or if it is to be made. It reports whether
// others have it locked, so that what is to be done must be done later.
func (s *shared) lock(create bool, now time.Time) (busy bool) {
	if s.name == "" || s.state == nil && !s.open(create, now) {
		return false
	}
	err := filelock.Exclusive(s.state)
	for range lockTries {
		if !errors.Is(err, filelock.ErrLocked) {
			break
		}
		runtime.Gosched()
		err = filelock.Exclusive(s.state)
	}
	switch {
	case errors.Is(err, filelock.ErrLocked) && s.busy.IsZero():
		s.busy = now
		return true
	case errors.Is(err, filelock.ErrLocked) && now.Sub(s.busy) < lockPatience:
		return true
	case err != nil || s.users == nil && s.join() != nil:
		s.quit()
		return false
	}
	s.held, s.busy = true, time.Time{}
	return false
}

// open opens the file, and reports whether it has.
func (s *shared) open(create bool, now time.Time) bool {
	if !create && now.Sub(s.looked) < lookPause {
		return false
	}
	s.looked = now
	f, err := filelock.Private(s.name, create)
	if s.state = f; err != nil && !errors.Is(err, os.ErrNotExist) {
		s.quit()
	}
	return err == nil
}

// join enters a process among those that use the file. The caller has it locked.
func (s *shared) join() (err error) {
	if s.users, err = filelock.Private(s.name+".users", true); err != nil {
		return err
	}
	if filelock.Exclusive(s.users) == nil {
		if err = s.state.Truncate(0); err != nil {
			return err
		}
	}
	return filelock.Shared(s.users)
}

// quit leaves the file to others, for good.
func (s *shared) quit() {
	for _, f := range []*os.File{s.state, s.users} {
		if f != nil {
			_ = f.Close() // what matters has been written, or is of no use
		}
	}
	*s = shared{}
}

// load reads the pace from the file that is locked, and reports whether there is one
// that makes sense now.
func (s *shared) load(p *pace, now time.Time) (found bool) {
	s.read = make([]byte, codedSize)
	n, err := s.state.ReadAt(s.read, 0)
	if s.read = s.read[:n]; err != nil && !errors.Is(err, io.EOF) {
		s.quit()
	}
	return decode(s.read, p, now)
}

// unlock writes the pace to the file that is locked, and ends the lock.
func (s *shared) unlock(p *pace) {
	var err error
	if b := encode(p); p.limited && !bytes.Equal(b, s.read) {
		_, err = s.state.WriteAt(b, 0)
	}
	if s.held = false; err != nil || filelock.Unlock(s.state) != nil {
		s.quit()
	}
}
