package cli

const filterUsage = `Usage:
    comet-filter [flags] [RESOURCE ...] < stream > stream
    comet-filter --list|--json|--sum [flags] [RESOURCE ...] < stream
    comet-filter --points|--values [--format csv|tsv|jsonl] [flags] < stream
    comet-filter --extract DIR|- [flags] [RESOURCE ...] < stream
    comet-filter --check|--salvage [-i FILE] [-o FILE] < stream
    comet-filter --from-json < lines > stream
    comet-filter --join [-o FILE] FILE ...

Copies a stream and drops what flags and arguments say; without any it drops nothing.
The order of records and what later versions have added are preserved.

Arguments:
    RESOURCE                keep only these, everything if none is named:
                              metadata parameters others system requirements git code
                              graph html output metrics system-metrics assets
                              project_metadata project_notes
                              artifacts models panels links
                              project = project_metadata project_notes
                              run = code git output graph requirements

Which experiments to keep (of several flags all must hold, of one flag that is
repeated any):
    --key KEY               with this key; may be repeated
    --keys-from FILE        with these keys: one per line, or lines of --list, or a
                            report; - is standard input
    --skip-keys-from FILE   leave these out; of a report, those that came out
                            well
    --name GLOB             with such a name; may be repeated. * stands for any
                            characters, / included, ? for one, [abc] for one of these
    --tag TAG               with this tag; may be repeated
    --where CONDITION       with a parameter, other or metric that fulfils it, by < <=
                            > >= = != or ~ GLOB: "lr<0.01", "other:Name~best*",
                            "metric:loss<0.2", "metric:loss:min<0.2" (or :max; else
                            the last value); may be repeated, all must hold. Standard
                            input, where it is no file, is copied to one first (in
                            TMPDIR)
    --since TIME            started or ended since, or running: 2024-05-01,
                            2024-05-01T12:00:00Z, 30d, 2d12h, or milliseconds. What
                            was archived, renamed or tagged since does not count
    --archived include|exclude|only
                            archived experiments (default include)
    --shard K/N             the part K, from 0, of N: what belongs to an experiment by
                            its key, all else by name (FORMAT.md, 8)

Which assets of experiments to keep:
    --asset-type TYPE       of this type; may be repeated
    --asset-name GLOB       with such a name; may be repeated
    --max-asset-size SIZE   no larger than 500MB, 5GiB

Inverted:
    -x, --exclude           drop the RESOURCEs named, and keep all others. Where none
                            is named: drop the experiments and assets that the flags
                            choose, and keep all others

Changes:
    --rename WS/PROJECT=WS2/PROJECT2
    --rename WS=WS2         other names for projects and workspaces; may be repeated

From where, and where to:
    -i FILE                 read a file; - is standard input, which is the default
    --from-dir DIR          make a stream of what cometx download has left in a folder:
                            the one with the workspaces, a workspace, or a project
    -o FILE                 write FILE.partial and rename it when it is whole; - is
                            standard output even if it is a terminal

Modes, which write no stream but lines to standard output, or files:
    -l, --list              a line for each experiment: key, path, name, start, end,
                            state, points, assets, their bytes, skipped items,
                            separated by tabs. The state is finished, running or
                            crashed, with ,archived appended
    --json                  a JSON object for each record, with all that it has;
                            with --list for each experiment
    --sum                   a line for each experiment: its key and a SHA-256 of its
                            content; and one for each project, notes, artifact and
                            its versions, registry model and its versions, panel,
                            view, link and input of an experiment: kind, name and
                            SHA-256. A faithful copy has the same lines
    --points                a table with a row for each metric point
    --values                a table with a row for each parameter and other
    --format csv|tsv|jsonl  of the table (default csv): for pandas, DuckDB and
                            spreadsheets; times are in UTC
    --extract DIR           write projects and experiments as files, as cometx download
                            does; cometx copy reads them, --from-dir too
    --extract -             write the bytes of the one asset that the flags select
    --check                 read everything, check everything, print the totals

Modes:
    --salvage               write what is whole of a damaged or cut stream, as a good
                            one, and report what is lost. Standard input, where it is
                            no file, is copied to one first (in TMPDIR)
    --from-json             make a stream of what --json prints: the same records
    --join                  make one stream of the files named: each project and
                            experiment once. Two that have different records of
                            one experiment are refused, and nothing is written; a
                            shard that is missing beside others is named
    -h, --help              print this text
    --version               print the version

Messages:
    --progress auto|tty|plain|none
                            how progress is shown (default auto)
    -q                      warnings and errors only
    -v                      more

Options can be set by the environment, as COMET_FILTER_RENAME for --rename; modes,
--from-dir, --extract, --format and -x cannot.

Exit codes: 0 all done; 1 failed; 2 usage, nothing written; 3 done, but no experiment or
asset was selected, what --key, --keys-from or --rename names is missing, a shard for
--join too, not all could be salvaged, files of --from-dir are missing, or --extract has
no place for what the stream names as missing; 4 the input is damaged, cut off, aborted
or no stream; 5 or 6 the tool before this one has failed with that code, and the output
says so, too; 129, 130 or 143 interrupted.

Examples:
    comet-export acme/vision | comet-filter -x assets | comet-import newteam/vision
    comet-filter --tag final --rename acme=newteam -i acme.comet.zst | comet-import
    comet-filter --extract - --key KEY --asset-name best.pt -i acme.comet.zst > best.pt
    diff <(comet-filter --sum -i a.comet.zst) <(comet-filter --sum -i b.comet.zst)
`
