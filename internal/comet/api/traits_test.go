package api

import (
	"errors"
	"testing"
	"testing/synctest"
)

// What is found out holds, what cannot be found out is asked again, and others wait
// for the answer.
func TestTraitsFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var traits Traits
		if _, known := traits.Known(TakesGzip); known {
			t.Error("known at the start")
		}
		unknown := errors.New("no answer")
		if _, err := traits.Find(TakesGzip, func() (bool, error) { return true, unknown }); err != unknown {
			t.Errorf("error %v, want %v", err, unknown)
		}
		asked := 0
		answer, others := make(chan bool), make(chan bool, 2)
		find := func() {
			has, _ := traits.Find(TakesGzip, func() (bool, error) { asked++; return <-answer, nil })
			others <- has
		}
		go find()
		synctest.Wait()
		go find()
		go func() { has, _ := traits.Known(TakesGzip); others <- has }()
		if _, known := traits.Known(RefusesTakenKeys); known {
			t.Error("another trait is known")
		}
		synctest.Wait()
		if len(others) > 0 {
			t.Error("somebody did not wait")
		}
		answer <- true
		for range 3 {
			if !<-others {
				t.Error("the server has not what it has")
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
	})
}

// A call is left only after several writes that were not done, and never one that
// has worked.
func TestTraitsDoubt(t *testing.T) {
	var traits Traits
	for range unclearTries - 1 {
		traits.doubt("a")
	}
	if _, known := traits.Known("a"); known {
		t.Error("left too early")
	}
	traits.doubt("a")
	if has, known := traits.Known("a"); has || !known {
		t.Error("not left")
	}
	if !traits.Learn("b", true) || traits.Learn("b", true) {
		t.Error("the first time alone is news")
	}
	for range unclearTries {
		traits.doubt("b")
	}
	if has, _ := traits.Known("b"); !has {
		t.Error("a call that works is left")
	}
}

// What is presumed does not overrule what was observed, but the other way round.
func TestTraitsPresume(t *testing.T) {
	var traits Traits
	traits.Presume(KeepsIDs, false)
	if has, known := traits.Known(KeepsIDs); has || !known {
		t.Error("what is likely is not noted")
	}
	traits.Learn(KeepsIDs, true)
	traits.Presume(KeepsIDs, false)
	if has, _ := traits.Known(KeepsIDs); !has {
		t.Error("likeness overrules proof")
	}
}
