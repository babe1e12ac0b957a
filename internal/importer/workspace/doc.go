// Package workspace writes what belongs to projects and workspaces: the projects
// themselves with their notes, share links and owners, and what comes after their
// experiments and refers to them: artifacts, registry models, links, lineage,
// panels and views.
//
// What is at the destination already is compared, and only what is missing is
// written, once. A version of an artifact gets its state when all of its files
// are there, so that an import which was killed goes on with it. Experiments on
// whose behalf something was written get their times restored at the end.
//
// It depends on the keys of experiments alone, and not on how they are imported.
package workspace
