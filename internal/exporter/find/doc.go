// Package find finds what can be exported: what paths lead to, which of the
// listed experiments are selected, and what belongs to a workspace.
//
//	f := find.New(find.Options{Client: client, Selection: selection})
//	scope, err := f.ResolveAll(ctx, paths)
//	...
//	err = f.ListAll(ctx, scope.Projects)
//
// # What is promised
//
// A path that leads nowhere is a [*NotFoundError] that names what is near. A listing
// with fewer experiments than its project says is read again, and in doubt when that
// does not settle it. Lists of a workspace are read once. A finder keeps what it has
// been asked for by key, so that it can say what none of the projects has.
//
// # What it must not know
//
// What is exported of an experiment, the records of it, and the stream that they go
// to.
package find
