//go:build race

package torture

// underRace says that the race detector watches, which takes its time and
// memory.
const underRace = true
