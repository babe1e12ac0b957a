// Package find determines what is exported: what paths refer to, which of the
// listed experiments are selected, and what belongs to a workspace.
//
//	f := find.New(find.Options{Client: client, Selection: selection})
//	scope, err := f.ResolveAll(ctx, paths)
//	...
//	err = f.ListAll(ctx, scope.Projects)
//
// # What is promised
//
// A path to nothing is a [*NotFoundError] that suggests similar names. A listing
// with fewer experiments than its project announces is read again, and is marked
// as incomplete if it still is. Lists of a workspace are read once. A finder
// keeps the keys that it was asked for, so that it can report those that no
// project has.
//
// # What it must not know
//
// What is exported of an experiment, the records of it, and the stream that they go
// to.
package find
