// Package folder reads and writes the folders of `cometx download`: it converts
// them to streams, and streams to them.
//
//	f, err := folder.Open("backup", folder.Options{})
//	if err == nil {
//		err = f.Stream(ctx, w)
//	}
//
// A project is ROOT/WORKSPACE/PROJECT with a project_metadata.json, an experiment a
// folder in it with a metadata.json; see docs/folders.md for the files. No file
// outside of the folder of its experiment is read or written, whatever names and
// symbolic links say.
//
// # What a folder does not hold
//
// Artifacts and registry models are in folders of cometx without their versions
// and metadata, and are not read; nothing of a workspace is written.
package folder
