//go:build !race

package e2e

// underRace says that the race detector watches, which takes its time.
const underRace = false
