// Profiled runs one of the three tools as its own program would, and leaves a
// profile of the processor in NAME.cpu and one of the memory in NAME.heap.
//
//	profiled NAME comet-export|comet-filter|comet-import [ARGUMENT ...]
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/comet-stream/comet-stream/internal/cli"
)

var tools = map[string]func(context.Context, cli.IO, []string) error{
	"comet-export": cli.Export,
	"comet-filter": cli.Filter,
	"comet-import": cli.Import,
}

func main() {
	if len(os.Args) < 3 || tools[os.Args[2]] == nil {
		fmt.Fprintln(os.Stderr, "profiled: error: want a NAME, one of the three tools and its arguments")
		os.Exit(cli.ExitUsage)
	}
	code, err := run(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "profiled: error:", err)
		os.Exit(cli.ExitFailed)
	}
	os.Exit(code)
}

// run returns the exit code of the tool.
func run(name, tool string, args []string) (code int, err error) {
	cpu, err := os.Create(name + ".cpu")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return 0, err
	}
	stdio := cli.IO{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	code = cli.Main(tool, tools[tool], stdio, args)
	pprof.StopCPUProfile()
	return code, writeHeap(name + ".heap")
}

// writeHeap writes what had been allocated, and what of that was in use when
// the garbage collector ran last.
func writeHeap(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
