// Comet-export reads experiments from a Comet instance and writes them to
// standard output as a stream.
package main

import (
	"os"

	"github.com/comet-stream/comet-stream/internal/cli"
)

func main() {
	stdio := cli.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(cli.Main("comet-export", cli.Export, stdio, os.Args[1:]))
}
