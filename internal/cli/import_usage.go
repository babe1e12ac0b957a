package cli

const importUsage = `Usage:
    comet-import [flags] [WORKSPACE[/PROJECT]] < stream
    comet-import [flags] -d DIR [WORKSPACE[/PROJECT]]

Reads a stream and writes its experiments to a Comet instance. Experiments that
exist there are compared and completed; run again, it writes nothing.

Arguments:
    WORKSPACE               into this workspace; projects keep their names
    WORKSPACE/PROJECT       into this project
    (none)                  workspaces and projects keep their names

What to read:
    -i FILE                 read a file; - is standard input, which is the default
    -d DIR                  read what cometx download has left in a folder: the one
                            with the workspaces, a workspace, or a project; keys, ids
                            of assets and times are kept

Where it goes:
    --merge                 import several projects of the stream into one
    --create-workspace      create workspaces that are missing (administrators)
    --keys keep|derive|require
                            keep the keys of experiments where possible (default),
                            derive new ones from them, or fail where one cannot be
                            kept
    --elsewhere leave|derive
                            an experiment that another project of the destination
                            has: skip it (default), or import it under a derived key
    --update                overwrite a single value that differs
    --rewrite-series        write the points of a metric that the destination does not
                            show, even if it may have them and thin them out: then it
                            has them twice
    --no-rewrite            leave keys, ids and addresses inside confusion matrices,
                            embeddings and data grids as they are
    --rewrite-links         change links to assets in html and notes too
    --no-share-links        create no share links of projects; otherwise as many are
                            created as the source has, with new codes
    --owner FILE            give projects to other owners: each line of FILE has a user
                            of the source and one of the destination (administrators);
                            without it they belong to the user of the key

How:
    --verify                read everything back and compare it
    --report FILE           a line of JSON for each experiment, and one for the sum
    --html-report FILE      one page for signing the migration off: counts of both
                            sides, what could not be kept, links from old to new, the
                            share links to hand out (so keep it to yourself), and some
                            series drawn from both sides. It needs no network
    --temp-dir DIR          where large assets wait (default that of the system)
    --temp-max SIZE         its limit: 500MB, 20GiB (default 8GiB); larger assets
                            are sent while they are read, and cannot be retried

Modes:
    --dry-run               read the stream and look at the destination, write nothing
    --verify-only           compare the destination with the stream, write nothing
    -h, --help              print this text
    --version               print the version

Server (or COMET_IMPORT_API_KEY and COMET_IMPORT_URL_OVERRIDE, or COMET_API_KEY and
COMET_URL_OVERRIDE, or section [comet_import] or [comet] of .comet.config):
` + connectionUsage + rateUsage + patienceUsage + `
Options can be set by the environment, as COMET_IMPORT_TEMP_DIR for --temp-dir; modes,
-d and --rewrite-series cannot.

Exit codes: 0 all done; 1 failed; 2 usage or configuration, nothing touched; 3 done, but
for what is listed as missing, elsewhere or different; 4 the input is damaged, cut off
or no stream; 5 the server kept failing, or that of the export, run it again; 6 key or
permission, of either side; 7 verification found differences; 129, 130 or 143
interrupted; 141 the output was closed.

Examples:
    comet-export acme/vision | comet-import newteam/vision
    comet-import -i acme.comet.zst --verify newteam
`
