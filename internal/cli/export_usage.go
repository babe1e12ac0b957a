package cli

const exportUsage = `Usage:
    comet-export [flags] WORKSPACE[/PROJECT[/EXPERIMENT]] [PATH|RESOURCE ...]
    comet-export -l [PATH]

Reads experiments from a Comet instance and writes them as a stream to standard
output, for comet-import, comet-filter or a file. The source is not changed.

Arguments:
    WORKSPACE               all projects of a workspace, and its artifacts,
                            registry models, panels and links
    WORKSPACE/PROJECT       all experiments of a project, archived ones too, and
                            its views with their panels
    WORKSPACE/PROJECT/EXPERIMENT
                            one experiment, by key or by name
    KEY                     the experiment with this key, in any project
    WORKSPACE/artifacts[/NAME[/VERSION-OR-ALIAS]]
    WORKSPACE/model-registry[/NAME[/VERSION-OR-STAGE]]
    WORKSPACE/panels[/NAME]
                            only these
` + resourceUsage + `
The first argument is a path, and so is each further one with a slash:
WORKSPACE/ is a second workspace. The address of a page in the browser is a path
too. -l prints how to write a name with a slash, or one that is a word above:
team%2Fa, %61rtifacts.

Which experiments to export (all flags must match, any value of a repeated one;
--tag and --where read each experiment that the others select):
    --key KEY               with this key; may be repeated
    --keys-from FILE        with these keys: one per line, or lines of -l, or a
                            report; - is standard input. Missing ones are named.
                            If all lines have paths, as those of -l, the
                            projects are not listed again, unless --name,
                            --since, --archived or --changed-from need that
` + skipKeysUsage + nameUsage + `    --tag TAG               with this tag; may be repeated
` + whereUsage + `    --since TIME            started or ended since then, or running: 2024-05-01,
                            2024-05-01T12:00:00Z, 30d, 2d12h, or milliseconds.
                            For renamed or archived ones see --changed-from
    --changed-from FILE     not those that this archive has and that have not
                            changed: the same name, file, project, state and
                            times in the listing. Those deleted at the source
                            are named. Closed artifact versions in the archive
                            are left out. A change of tags, values, points,
                            texts or assets after the end shows only if the
                            server moves the end, or by --recheck. May be
                            repeated, for a base and its increments; - is
                            standard input
    --recheck N%            with --changed-from: also N% of the experiments that
                            look unchanged, those first that were exported
                            longest ago: 20 runs with 5% export all of them
                            again
` + stateUsage + `
Which assets to export:
    --asset-type TYPE       of this type; may be repeated
    --asset-name GLOB       with such a name; may be repeated
    --max-asset-size SIZE   no larger than 500MB, 5GiB

Changes of the selection:
    -x, --exclude           leave out the RESOURCEs named; if none is named,
                            leave out the experiments and assets that flags
                            select
    --with-experiments      add the experiments that artifact versions and model
                            versions come from

Output:
    -o FILE                 write FILE.partial, and rename it when it is
                            complete; run again, it continues FILE.partial. - is
                            standard output even if it is a terminal
    --level N               compression level, 1 to 22 (default 3)
    --report FILE           a JSON line for each experiment, and one with totals

Modes:
    -l, --list              list workspaces, projects or experiments, one per
                            line, separated by tabs: path, key; for experiments
                            start, end, state (finished, running or crashed,
                            then ,archived) and name
    --json                  with --list: a JSON object per line
    --dry-run               count what would be exported; writes no stream.
                            Reads all lists, and samples 200 experiments
` + helpUsage + `
Server (or COMET_EXPORT_API_KEY and COMET_EXPORT_URL_OVERRIDE, or COMET_API_KEY
and COMET_URL_OVERRIDE, or section [comet_export] or [comet] of .comet.config):
` + connectionUsage + messagesUsage + `
Variables set options too: COMET_EXPORT_RATE sets --rate. They set no mode.

Exit codes: 0 all done; 1 failed; 2 usage or configuration; 3 done, but items
were skipped, or nothing was selected; 5 the server kept failing, run it again;
6 key or permission; 129, 130 or 143 interrupted; 141 standard output was
closed.

Examples:
    comet-export -l acme
    comet-export acme/vision | comet-import newteam/vision
    comet-export acme/vision | comet-filter -x --tag junk | comet-import newteam
    comet-export -o acme.comet.zst acme
`
