// Package inject puts faults and a slow network before a server, by the rules of a
// test or of who tries a client.
//
//	faults := inject.NewFaults(1, inject.Fault{Kind: inject.FaultStatus(503), Rate: 0.1})
//	handler := faults.Middleware(server)
//
// [Faults] refuse, cut, delay and lose answers; [Network] bounds bytes and bytes of
// each connection; [CA] makes certificates for servers on loopback. The same seed
// and the same calls give the same faults. Rules may be changed at any time, also by
// requests to [FaultsPath] and [NetworkPath].
//
// The package must not know what the server behind it serves.
package inject
