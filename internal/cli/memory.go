package cli

import (
	"os"
	"runtime/debug"
)

const memoryGoal = 100 << 20

// boundMemory makes the garbage collector keep the process below memoryGoal where
// it can, and run for nothing else. What the tools hold at a time is bounded, and
// much less; the rest is what has not been collected yet. To collect small heaps
// ever again took a third of the processor time of small experiments.
//
// Who knows better sets GOMEMLIMIT or GOGC.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return // which may be no limit at all, or one far away
	}
	debug.SetMemoryLimit(memoryGoal)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(-1)
	}
}
