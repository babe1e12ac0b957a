package cli

const importUsage = `Usage:
    comet-import [flags] [WORKSPACE[/PROJECT]] < stream
    comet-import [flags] -d DIR [WORKSPACE[/PROJECT]]

Reads a stream and writes its experiments to a Comet instance. Experiments that
the destination has are compared and completed; run again, it writes nothing.

Arguments:
    WORKSPACE               into this workspace; projects keep their names
    WORKSPACE/PROJECT       into this project
    (none)                  workspaces and projects keep their names

Input:
    -i FILE                 read a file (default -, standard input)
    -d DIR                  read a folder of cometx download: one with
                            workspaces, a workspace, or a project; experiment
                            keys, asset ids and times are kept

Destination:
    --merge                 import several projects of the stream into one
    --create-workspace      create missing workspaces (administrators)
    --keys keep|derive|require
                            keep experiment keys where possible (default),
                            derive new ones from them, or fail if one cannot be
                            kept
    --elsewhere leave|derive
                            experiments that are in another project of the
                            destination: do not import them (default), or import
                            them under derived keys
    --update                overwrite single values that differ
    --rewrite-series        write metric points that the destination does not
                            show, even if it may have them: it may then have
                            them twice
    --no-rewrite            do not change keys, ids and addresses in confusion
                            matrices, embeddings and data grids
    --rewrite-links         also change links to assets in html and notes
    --no-share-links        create no share links (default: as many as the
                            source has, with new codes)
    --owner FILE            set the owners of projects (administrators): a user
                            of the source and one of the destination per line.
                            Default: the user of the key

Checks and limits:
    --verify                read everything back and compare it
    --report FILE           a JSON line for each experiment, and one with totals
    --html-report FILE      one page to sign the migration off: counts of both
                            sides, what could not be kept, links from old to
                            new, charts of both sides, and the new share links
                            (so it is confidential). It needs no network
    --temp-dir DIR          for large assets (default: the system's)
    --temp-max SIZE         limit of that space: 500MB, 20GiB (default 8GiB);
                            larger assets are uploaded as they are read, without
                            retry

Modes:
    --dry-run               read the stream and the destination, write nothing
    --verify-only           compare the destination with the stream, write
                            nothing
` + helpUsage + `
Server (or COMET_IMPORT_API_KEY and COMET_IMPORT_URL_OVERRIDE, or COMET_API_KEY
and COMET_URL_OVERRIDE, or section [comet_import] or [comet] of .comet.config):
` + connectionUsage + messagesUsage + `
Variables set options too: COMET_IMPORT_TEMP_DIR sets --temp-dir. They do not
set modes, -d and --rewrite-series.

Exit codes: 0 all done; 1 failed; 2 usage or configuration, nothing touched; 3
done, but items are missing, elsewhere or different; 4 the input is damaged,
truncated or not a stream; 5 a server kept failing, run it again; 6 key or
permission, of either side; 7 verification found differences; 129, 130 or 143
interrupted; 141 standard output was closed.

Examples:
    comet-export acme/vision | comet-import newteam/vision
    comet-import -i acme.comet.zst --verify newteam
`
