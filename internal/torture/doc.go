// Package torture proves the promise "run it again": whatever happens to the
// tools or to the server, the same command ends with the same result as one
// undisturbed run, with nothing lost and nothing there twice.
//
// The package holds tests alone. They make the embedded server fail at every
// request, kill the tools at random moments, cut and flip streams, and write
// hostile ones by hand. What they compare is the servers' own state and the
// records of streams.
//
// In a plain run each test takes a sample. With COMET_STREAM_TORTURE set, as
// make torture does, it takes all, and controls.sh checks the tests
// themselves: it breaks the tools in small ways, one at a time, and expects
// the sample to notice.
//
// Random tests log their seed, and take one again from COMET_STREAM_SEED.
package torture
