package cli

const filterUsage = `Usage:
    comet-filter [flags] [RESOURCE ...] < stream > stream
    comet-filter --list|--json|--sum [flags] [RESOURCE ...] < stream
    comet-filter --points|--values [--format csv|tsv|jsonl] [flags] < stream
    comet-filter --extract DIR|- [flags] [RESOURCE ...] < stream
    comet-filter --check|--salvage [-i FILE] [-o FILE] < stream
    comet-filter --from-json < lines > stream
    comet-filter --join [-o FILE] FILE ...

Copies a stream and drops what arguments and flags do not select; without any it
drops nothing. It keeps the order of the records, and those of later versions.

Arguments:
` + resourceUsage + `
Which experiments to keep (all flags must match, any value of a repeated one;
--where copies standard input to a file in TMPDIR first, unless it is one):
    --key KEY               with this key; may be repeated
    --keys-from FILE        with these keys: one per line, or lines of --list,
                            or a report; - is standard input
` + skipKeysUsage + nameUsage + `    --tag TAG               with this tag; may be repeated
` + whereUsage + `    --since TIME            started or ended since then, or running: 2024-05-01,
                            2024-05-01T12:00:00Z, 30d, 2d12h, or milliseconds
` + stateUsage + `
Which assets of experiments to keep:
    --asset-type TYPE       of this type; may be repeated
    --asset-name GLOB       with such a name; may be repeated
    --max-asset-size SIZE   no larger than 500MB, 5GiB

Changes:
    -x, --exclude           drop the RESOURCEs named; if none is named, drop the
                            experiments and assets that flags select
    --rename WS/PROJECT=WS2/PROJECT2
    --rename WS=WS2         rename a project or workspace; may be repeated

Input and output:
    -i FILE                 read a file (default -, standard input)
    --from-dir DIR          read a folder of cometx download: one with
                            workspaces, a workspace, or a project
    -o FILE                 write FILE.partial, and rename it when it is
                            complete; - is standard output even if it is a
                            terminal

Modes that write lines or files, and no stream:
    -l, --list              a line for each experiment: key, path, name, start,
                            end, state (finished, running or crashed, then
                            ,archived), points, assets, their bytes, skipped
                            items, separated by tabs
    --json                  a JSON object for each record, with everything in
                            it; with --list for each experiment
    --sum                   a line for each experiment: its key and the SHA-256
                            of its content; then one for each project, artifact,
                            model, version, panel, view and link. Equal copies
                            have equal lines
    --points                a table with a row for each metric point
    --values                a table with a row for each parameter and other
    --format csv|tsv|jsonl  of the table (default csv), for pandas, DuckDB and
                            spreadsheets; times are in UTC
    --extract DIR           write projects and experiments as files, as cometx
                            download does, for cometx copy and --from-dir
    --extract -             write the bytes of the one selected asset
    --check                 verify all checksums and records, and print totals

Other modes:
    --salvage               make a complete stream of the intact experiments of
                            a damaged or truncated one, and report the losses.
                            Copies standard input to a file in TMPDIR first,
                            unless it is one
    --from-json             make the stream again from the lines of --json
    --join                  join streams, with each project and experiment once.
                            If two streams differ in one experiment, it fails
                            and writes nothing; missing shards are named
` + helpUsage + messagesUsage + `
Variables set options too: COMET_FILTER_RENAME sets --rename. They do not set
modes, --from-dir, --extract, --format and -x.

Exit codes: 0 all done; 1 failed; 2 usage, nothing written; 3 done, but nothing
was selected, or what was asked for or had to be in the input is missing; 4 the
input is damaged, truncated, aborted or not a stream; 5 or 6 the tool before
this one failed with that code; 129, 130 or 143 interrupted; 141 standard output
was closed.

Examples:
    comet-export acme/vision | comet-filter -x assets | comet-import team/vision
    comet-filter --tag final --rename acme=team -i acme.comet.zst | comet-import
    comet-filter --extract - --key KEY --asset-name best.pt < acme.zst > best.pt
    diff <(comet-filter --sum < a.comet.zst) <(comet-filter --sum < b.comet.zst)
`
