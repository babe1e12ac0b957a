// Comet-filter passes a stream of experiments on, less what it is told to drop,
// or tells what is in it.
package main

import (
	"os"

	"github.com/comet-stream/comet-stream/internal/cli"
)

func main() {
	stdio := cli.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(cli.Main("comet-filter", cli.Filter, stdio, os.Args[1:]))
}
