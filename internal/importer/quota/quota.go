package quota

import (
	"errors"
	"fmt"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
)

// A Scope is what takes things until a quota is used up: the storage of a
// workspace, or an experiment for one type of asset.
type Scope struct{ Workspace, Experiment, Of string }

// Quotas remembers what the destination has said to take no more of, so that it
// is not asked for each of many things.
type Quotas struct {
	mu   sync.Mutex
	full map[Scope]*fullness
}

type fullness struct {
	answers  int // in a row
	smallest int64
	last     error
}

// Enough is how many answers in a row that a quota is used up are
// believed.
const Enough = 3

// quotaError says that something was not tried, since the destination has
// refused others for its quota.
type quotaError struct{ err error }

func (e *quotaError) Error() string {
	return fmt.Sprintf("not attempted, since others were refused: %v", e.err)
}

func (e *quotaError) Unwrap() error { return e.err }

// Check returns a *quotaError for something that is not worth trying. What is
// much smaller than all that was refused may still fit.
func (q *Quotas) Check(rooms []Scope, size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range rooms {
		if f := q.full[r]; f != nil && f.answers >= Enough && size >= f.smallest/2 {
			return &quotaError{f.last}
		}
	}
	return nil
}

// note takes what the destination has answered to something of a size.
func (q *Quotas) note(rooms []Scope, size int64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !errors.Is(err, comet.ErrQuota) {
		for _, r := range rooms {
			if f := q.full[r]; err == nil && f != nil && size >= f.smallest {
				delete(q.full, r)
			}
		}
		return
	}
	r := rooms[0]
	if isOfKind(err) {
		r = rooms[len(rooms)-1]
	}
	f := q.full[r]
	if f == nil {
		f = &fullness{smallest: size}
		if q.full == nil {
			q.full = make(map[Scope]*fullness)
		}
		q.full[r] = f
	}
	f.answers, f.smallest, f.last = f.answers+1, min(f.smallest, size), err
}

// isOfKind reports whether a quota is one of an experiment for one kind of
// thing.
func isOfKind(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.SDKCode != 0 && ce.SDKCode != comet.CodeStorageFull
}

// Within runs f, which writes something of a size, unless that is not worth
// trying.
func (q *Quotas) Within(scopes []Scope, size int64, f func() error) error {
	if err := q.Check(scopes, size); err != nil {
		return err
	}
	err := f()
	q.note(scopes, size, err)
	return err
}
