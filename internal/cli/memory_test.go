package cli

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// Without a limit the garbage collector must not be off.
func TestBoundMemory(t *testing.T) {
	for _, tt := range []struct {
		limit, percent string // of the environment
		wantLimit      int64
		wantPercent    int
	}{
		{"", "", firstGoal, -1},
		{"", "70", memoryGoal, 70},
		{"off", "", math.MaxInt64, 70},
		{"2GiB", "", math.MaxInt64, 70},
		{"2GiB", "70", math.MaxInt64, 70},
	} {
		t.Setenv("GOMEMLIMIT", tt.limit)
		t.Setenv("GOGC", tt.percent)
		// What the runtime has made of the environment at the start.
		limit, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(70)
		limitMemory()
		gotLimit, gotPercent := debug.SetMemoryLimit(limit), debug.SetGCPercent(percent)
		if gotLimit != tt.wantLimit || gotPercent != tt.wantPercent {
			t.Errorf("GOMEMLIMIT=%s GOGC=%s: limit %d, %d %%; want %d, %d %%", tt.limit, tt.percent, gotLimit, gotPercent, tt.wantLimit, tt.wantPercent)
		}
	}
}

func TestGoal(t *testing.T) {
	for _, tt := range []struct {
		allocated, used uint64
		want            int64
	}{
		{0, 0, firstGoal},
		{640 << 20, 8 << 20, firstGoal},
		{640 << 20, 30 << 20, firstGoal + 10<<20},
		{640 << 20, 40 << 20, 50 << 20},
		{1 << 40, 24 << 20, 48 << 20},
		{1 << 40, 60 << 20, memoryGoal},
		{0, 1 << 40, memoryGoal},
	} {
		if got := goal(tt.allocated, tt.used); got != tt.want {
			t.Errorf("%d MiB allocated, %d MiB used: goal of %d bytes, want %d", tt.allocated>>20, tt.used>>20, got, tt.want)
		}
	}
}

// The goal follows what a job holds, up and down.
func TestGoalFollows(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(100)
	defer func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}()
	held := make([]byte, memoryGoal)
	runtime.GC()
	setGoal()
	if got := debug.SetMemoryLimit(-1); got != memoryGoal {
		t.Errorf("with %d MiB in use the goal is %d MiB", len(held)>>20, got>>20)
	}
	runtime.KeepAlive(held)
	runtime.GC()
	runtime.GC()
	setGoal()
	if got := debug.SetMemoryLimit(-1); got == memoryGoal {
		t.Errorf("with nothing in use the goal is %d MiB", got>>20)
	}
}
