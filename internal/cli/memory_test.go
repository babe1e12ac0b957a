package cli

import (
	"math"
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
		{"", "", memoryGoal, -1},
		{"", "70", memoryGoal, 70},
		{"off", "", math.MaxInt64, 70},
		{"2GiB", "", math.MaxInt64, 70},
		{"2GiB", "70", math.MaxInt64, 70},
	} {
		t.Setenv("GOMEMLIMIT", tt.limit)
		t.Setenv("GOGC", tt.percent)
		// What the runtime has made of the environment at the start.
		limit, percent := debug.SetMemoryLimit(math.MaxInt64), debug.SetGCPercent(70)
		boundMemory()
		gotLimit, gotPercent := debug.SetMemoryLimit(limit), debug.SetGCPercent(percent)
		if gotLimit != tt.wantLimit || gotPercent != tt.wantPercent {
			t.Errorf("GOMEMLIMIT=%s GOGC=%s: limit %d, %d %%; want %d, %d %%", tt.limit, tt.percent, gotLimit, gotPercent, tt.wantLimit, tt.wantPercent)
		}
	}
}
