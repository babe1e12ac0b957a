package cli

// The common part of the usage texts of the tools that talk to a server.
const (
	connectionUsage = `    --api-key-file FILE     a file that holds the key; - is standard input
    --url URL               address of the instance (default https://www.comet.com)
    --ca-file FILE          certificates to trust in addition to the system's
    --concurrency N, -j N   requests in flight (default 16)
`
	patienceUsage = `    --retry-max-elapsed D   give up when nothing has succeeded, or one item has
                            failed, for so long (default 15m, and 90m while the
                            server asks for fewer requests; 0 tries nothing again).
                            If it asks for a longer wait, the run ends at once. An
                            address that never answered is given up after 30s
    --absent-words TEXT     a server error with these words means that the item does
                            not exist; may be repeated

Messages:
    --progress auto|tty|plain|none
                            how progress is shown (default auto)
    -q                      warnings and errors only
    -v                      each request too
`
)
