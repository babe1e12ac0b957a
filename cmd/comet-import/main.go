// Comet-import reads a stream and writes its experiments to a Comet instance.
package main

import (
	"os"

	"github.com/comet-stream/comet-stream/internal/cli"
)

func main() {
	stdio := cli.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(cli.Main("comet-import", cli.Import, stdio, os.Args[1:]))
}
