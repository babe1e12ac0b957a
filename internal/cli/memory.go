package cli

import (
	"os"
	"runtime/debug"
)

const memoryGoal = 100 << 20

// boundMemory makes the garbage collector keep the process below memoryGoal where
// it can. What the tools hold at a time is bounded, and much less; the rest is
// what has not been collected yet. Who knows better sets GOMEMLIMIT and GOGC.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
