package cli

// What the usage texts of several tools have in common. No line is longer than
// 80 columns.
const (
	resourceUsage = `    RESOURCE                only these kinds of data (default all):
                              metadata parameters others system requirements
                              git code graph html output metrics
                              system-metrics assets project_metadata
                              project_notes artifacts models panels links
                              project = project_metadata project_notes
                              run = code git output graph requirements
`
	nameUsage = `    --name GLOB             with such a name; may be repeated. * matches any
                            characters, / included, ? one, [abc] one of these
`
	whereUsage = `    --where CONDITION       with a parameter, other or metric for which < <= >
                            >= = != or ~ GLOB holds: "lr<0.01",
                            "other:Name~best*", "metric:loss<0.2" (the last
                            value), "metric:loss:min<0.2" (or :max); all of
                            several must hold
`
	stateUsage = `    --archived include|exclude|only
                            archived experiments (default include)
    --shard K/N             part K, from 0, of N: experiments by a hash of their
                            key, all else by name (stream/FORMAT.md, section 8)
`
	skipKeysUsage = `    --skip-keys-from FILE   not these; of a report, not those that succeeded
`
	connectionUsage = `    --api-key-file FILE     file with the key; - is standard input
    --url URL               address of the instance (default
                            https://www.comet.com)
    --ca-file FILE          certificates to trust in addition to the system's
    --concurrency N, -j N   requests in flight (default 16)
    --rate N/s|N/h|none     limit of requests per second or hour of this
                            process; processes that share a key share its quota.
                            Default for comet.com: 3000 at once, then 12000/h,
                            within its quota of 15000/h (uploads do not count);
                            else none
    --retry-max-elapsed D   give up when nothing has succeeded, or one item has
                            failed, for so long (default 15m, or 90m while the
                            server answers 429; 0: no retry), at once if the
                            server asks for a longer wait, and after 30s if it
                            has never answered
    --absent-words TEXT     treat a server error with these words as "no such
                            item"; may be repeated
`
	messagesUsage = `
Messages:
    --progress auto|tty|plain|none
                            how progress is shown (default auto)
    -q                      warnings and errors only
    -v                      details: each request
`
	helpUsage = `    -h, --help              print this text
    --version               print the version
`
)
