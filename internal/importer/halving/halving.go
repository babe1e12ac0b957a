package halving

import (
	"errors"
	"slices"
	"sync"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/importer/answer"
)

// A refusal of many values together may be about some of them, or about all: a
// quota, an experiment that is gone. In the latter case each value would be
// refused alone, at two requests for each. So where three halvings have got the
// same reply, single values from all over the batch are tried: if that is the
// reply to each of them too, none of the others is.
const (
	maxHalvings   = 3
	singles       = 8 // that are tried before a batch is given up
	singlesAgain  = 3 // likewise, after another batch was given up for the same reply
	tooFewToGuess = 2 * singles
)

// Refusals is the reply for which batches of one kind have been given up.
type Refusals struct {
	mu    sync.Mutex
	reply error
}

func (r *Refusals) get() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reply
}

func (r *Refusals) set(reply error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reply = reply
}

// Write writes values together, in their order. Where they are refused it finds
// those that are to blame, by halves, and gives them to bad, one by one; where
// the refusal is about all of them, it gives all to bad together.
//
// Another error of write ends it. The values that have been neither written nor
// refused are returned, in order.
func Write[T any](values []T, write func([]T) error, bad func([]T, error), before *Refusals) ([]T, error) {
	h := halving[T]{values: values, done: make([]bool, len(values)), write: write, bad: bad, before: before}
	err := h.try(0, len(values), 0)
	return h.rest(0, len(values)), err
}

type halving[T any] struct {
	values []T
	done   []bool // written, or refused
	write  func([]T) error
	bad    func([]T, error)
	before *Refusals
	looked bool // whether some value is taken, or may be
}

func (h *halving[T]) rest(from, to int) []T {
	if !slices.Contains(h.done[from:to], true) {
		return h.values[from:to:to] // as it is most often: nothing to be copied
	}
	var rest []T
	for i := from; i < to; i++ {
		if !h.done[i] {
			rest = append(rest, h.values[i])
		}
	}
	return rest
}

func (h *halving[T]) finish(from, to int) {
	for i := from; i < to; i++ {
		h.done[i] = true
	}
}

func (h *halving[T]) try(from, to, depth int) error {
	part := h.rest(from, to)
	if len(part) == 0 {
		return nil
	}
	err := h.write(part)
	switch {
	case err == nil:
		h.looked = true
		h.finish(from, to)
		h.before.set(nil)
		return nil
	case !answer.Refused(err):
		return err
	case len(part) == 1:
		h.finish(from, to)
		h.bad(part, err)
		return nil
	}
	if hopeless, err := h.look(err, depth); hopeless || err != nil {
		return err
	}
	middle := (from + to) / 2
	if err := h.try(from, middle, depth+1); err != nil {
		return err
	}
	return h.try(middle, to, depth+1)
}

// look tries single values once, when it is time to ask whether the reply
// concerns all of them, and gives all of them up if it does.
func (h *halving[T]) look(reply error, depth int) (hopeless bool, err error) {
	again := sameAnswer(reply, h.before.get())
	if h.looked || len(h.values) < tooFewToGuess || depth < maxHalvings && !again {
		return false, nil
	}
	h.looked = true
	n := singles
	if again {
		n = singlesAgain
	}
	for k := range n {
		i := (2*k + 1) * len(h.values) / (2 * n)
		err := h.write(h.values[i : i+1])
		switch {
		case err == nil:
			h.done[i] = true
			return false, nil
		case !answer.Refused(err):
			return false, err
		case !sameAnswer(reply, err):
			return false, nil
		}
	}
	h.before.set(reply)
	h.bad(h.rest(0, len(h.values)), reply)
	h.finish(0, len(h.values))
	return true, nil
}

// sameAnswer reports whether two refusals say the same. Refusals for a quota may
// name the rejected value.
func sameAnswer(a, b error) bool {
	x, ok := errors.AsType[*comet.Error](a)
	y, ok2 := errors.AsType[*comet.Error](b)
	if !ok || !ok2 || x.Status != y.Status || x.SDKCode != y.SDKCode {
		return false
	}
	return x.Msg == y.Msg || errors.Is(x, comet.ErrQuota) && errors.Is(y, comet.ErrQuota)
}
