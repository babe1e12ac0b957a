// Package place says where things of a stream go: in which project, under which
// key or id, and what the destination has there.
//
// Keys and ids that cannot be kept are derived, always in the same way, so that
// each run finds what earlier ones have created. Projects that would be merged
// are reported before anything is written.
//
// It knows the names of workspaces, projects and experiments, and nothing of what
// is in them.
package place
