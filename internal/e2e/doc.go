// Package e2e proves the tools against one another: what comet-export reads
// from one embedded server, comet-filter passes on and comet-import writes to
// another is compared on the servers' own state, not through any client of
// ours.
//
// The package holds tests alone. They call the commands of package cli in
// process, as the binaries do. docs/fidelity.md is kept by them:
//
//	go test ./internal/e2e -run Fidelity -update
//
// Tests on random data print their seed and take one again from
// COMET_STREAM_SEED.
package e2e
