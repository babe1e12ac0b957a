package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The garbage collector keeps a process below a goal, and runs for nothing else. The
// goal is firstGoal for a job that has just begun. It grows with what the job
// allocates, up to twice what it holds, and to memoryGoal: of few experiments
// nothing is gained by collecting seldom, of many a third of the processor time.
const (
	firstGoal  = 32 << 20
	memoryGoal = 100 << 20
	// goalShare is how many bytes are allocated for one that the goal grows by.
	goalShare = 64
)

// boundMemory makes the garbage collector keep the process below its goal where it
// can. What the tools hold at a time is bounded, and much less; the rest is what has
// not been collected yet.
//
// Users who know better set GOMEMLIMIT or GOGC.
func boundMemory() {
	if limitMemory() {
		afterCollections(setGoal)
	}
}

// limitMemory sets the goal at the start. It reports whether that is to follow the job.
func limitMemory() (follow bool) {
	switch {
	case os.Getenv("GOMEMLIMIT") != "":
		// Which may be no limit at all, or one far away.
	case os.Getenv("GOGC") != "":
		debug.SetMemoryLimit(memoryGoal)
	default:
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(firstGoal)
		return true
	}
	return false
}

// goal returns the goal of a process that has allocated so many bytes, and of which
// so many were in use at the end of a collection: a quarter more must have room in
// any case, or the collector would have no rest.
func goal(allocated, used uint64) int64 {
	grown := min(firstGoal+allocated/goalShare, 2*used)
	return int64(min(memoryGoal, max(firstGoal, grown, used+used/4)))
}

// setGoal sets the goal again.
func setGoal() {
	now := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(now)
	beside := now[2].Value.Uint64() // the heap: stacks, and tables of the runtime
	for _, heap := range now[3:] {
		beside -= heap.Value.Uint64()
	}
	debug.SetMemoryLimit(goal(now[0].Value.Uint64(), now[1].Value.Uint64()+beside))
}

// afterCollections calls f after each garbage collection.
func afterCollections(f func()) {
	runtime.AddCleanup(new([16]byte), func(f func()) {
		f()
		afterCollections(f)
	}, f)
}
