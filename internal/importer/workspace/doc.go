// Package workspace writes what belongs to projects and workspaces: the projects
// themselves with their notes, share links and owners, and what comes after their
// experiments and refers to them: artifacts, registry models, links, lineage,
// panels and views.
//
// What is at the destination already is compared, and only what is missing is
// written, once. A version of an artifact gets its state when all of its files
// are there, so that an import which was killed goes on with it. The experiments
// on whose behalf something was written have their times again in the end.
//
// It knows experiments by their keys alone, and not how they are imported.
package workspace
