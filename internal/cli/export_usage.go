package cli

const exportUsage = `Usage:
    comet-export [flags] WORKSPACE[/PROJECT[/EXPERIMENT]] [PATH|RESOURCE ...]
    comet-export -l [PATH]

Reads experiments from a Comet instance and writes them to standard output as a
stream, for comet-import, comet-filter or a file. The source is left as it is.

Arguments:
    WORKSPACE               all projects of a workspace, and what belongs to the
                            workspace: artifacts, registry models, panels, links
    WORKSPACE/PROJECT       all experiments of a project, archived ones included,
                            and its views with the panels that they show
    WORKSPACE/PROJECT/EXPERIMENT
                            one experiment, by its key or by its name
    KEY                     the experiment with this key, wherever it is
    WORKSPACE/artifacts[/NAME[/VERSION-OR-ALIAS]]
    WORKSPACE/model-registry[/NAME[/VERSION-OR-STAGE]]
    WORKSPACE/panels[/NAME]
                            only these
    RESOURCE                what to read of it, everything if none is named:
                              metadata parameters others system requirements git code
                              graph html output metrics system-metrics assets
                              project_metadata project_notes
                              artifacts models panels links
                              project = project_metadata project_notes
                              run = code git output graph requirements

The first argument is a path. Of the others, those with a slash are paths too, so
that WORKSPACE/ is a second workspace. Where the name of a project, artifact or model
holds a slash, or is one of the words above, -l prints how it is written: team%2Fa,
%61rtifacts.

What to export:
    --keys-from FILE        only these experiments: keys, one per line, or lines of -l,
                            or a report; - is standard input. A missing one is named.
                            Where each line has a path in what is exported, as those of
                            -l, the list is taken for the listing: no other is asked
                            for, unless --name, --since, --archived or --changed-from
                            need it
    --skip-keys-from FILE   leave these out; of a report, those that came out
                            well
    --key KEY               the experiment with this key; may be repeated
    --name GLOB             with such a name; may be repeated. * stands for any
                            characters, / included, ? for one, [abc] for one of these
    --tag TAG               with this tag; may be repeated. Reads the tags of each
                            experiment that the other flags allow
    --where CONDITION       with a parameter, other or metric that fulfils it, by < <=
                            > >= = != or ~ GLOB: "lr<0.01", "other:Name~best*",
                            "metric:loss<0.2", "metric:loss:min<0.2" (or :max; else
                            the last value); may be repeated, all must hold. Reads
                            the values of each experiment that the other flags allow
    --since TIME            started or ended since, or running: 2024-05-01,
                            2024-05-01T12:00:00Z, 30d, 2d12h, or milliseconds. It
                            does not see what was archived or renamed since;
                            --changed-from does
    --changed-from FILE     leave out what this archive has and the source has not
                            changed. Exported are experiments that are new, were
                            running, or have another name, file, project, state or times
                            in the listing of their project, or no end; one that is gone
                            from the source is named. Versions of artifacts in the
                            archive are left out, but for those that were open. A
                            listing has no tags, values, points, texts or assets: a
                            change of these after the end is noticed only if the server
                            moves the end, or by --recheck. May be repeated, for a base
                            and what came after it; - is standard input
    --recheck N%            with --changed-from: export N of a hundred of the
                            experiments that look unchanged too, in full, those first
                            that were exported longest ago. 100/N runs, such as 20 of
                            5%, cover all of them
    --archived include|exclude|only
                            archived experiments (default include)
    --shard K/N             the part K, from 0, of N: what belongs to an experiment by
                            its key, all else by name (FORMAT.md, 8)
    --asset-type TYPE       only assets of this type; may be repeated
    --asset-name GLOB       only assets with such a name; may be repeated
    --max-asset-size SIZE   leave out larger assets: 500MB, 5GiB
    -x, --exclude           leave out the RESOURCEs named, and export all others. Where
                            none is named: leave out what the flags choose
    --with-experiments      add the experiments that artifact and model versions
                            come from

Where to:
    -o FILE                 write FILE.partial and rename it when it is whole; run
                            again, it goes on with what FILE.partial has. - is
                            standard output even if it is a terminal
    --level N               level of compression, 1 to 22 (default 3)
    --report FILE           a line of JSON for each experiment, and one for the sum

Modes:
    -l, --list              list workspaces, projects or experiments, one per line:
                            path and key first, separated by tabs; of experiments
                            start, end, state (finished, running or crashed, and
                            ,archived appended) and name
    --json                  with --list, a JSON object per line
    --dry-run               count what would be exported, and write no stream. It
                            reads the lists of the source in full, and looks into
                            200 experiments; of more it says what is likely
    -h, --help              print this text
    --version               print the version

Server (or COMET_EXPORT_API_KEY and COMET_EXPORT_URL_OVERRIDE, or COMET_API_KEY and
COMET_URL_OVERRIDE, or section [comet_export] or [comet] of .comet.config):
` + connectionUsage + rateUsage + patienceUsage + `
Options can be set by the environment, as COMET_EXPORT_RATE for --rate; modes cannot.

Exit codes: 0 all done; 1 failed; 2 usage or configuration; 3 done, but for what is
listed as skipped, or no experiment or asset was selected; 5 the server kept failing,
run it again; 6 key or permission; 129, 130 or 143 interrupted; 141 the output was
closed.

Example:
    comet-export acme/vision | comet-filter -x --tag junk | comet-import newteam/vision
    comet-export -o acme.comet.zst acme
`
