// Package contract holds the embedded server and the tools against the official
// clients: scripts with the real SDK log to the server, read from it, and go on
// with what the tools have moved to another. What the SDK did not expect fails the
// tests: an answer that is not a success, a warning that it logs, an exception, a
// difference between the two sides that docs/fidelity.md does not state.
//
// The package holds tests alone. They run the Pythons that COMET_SDK_PYTHON lists,
// each with an SDK of some age, and are skipped without; make contract makes what
// they need. Those of cometx run the one of COMET_COMETX_PYTHON, which make
// contract-full makes. None of the clients' code is here.
package contract
