// Bench runs the workloads of docs/benchmarks.md: the three tools as processes
// against the embedded server as a process of its own, with the latency and the
// bandwidth that a workload asks for. It prints ratios within the run, and
// asserts nothing.
//
//	make bench        # keeps its table in docs/benchmarks.md
//	make bench-large  # adds the asset of 20 GB
//	go run ./internal/bench -only W1,W6 -o -
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	large := flag.Bool("large", false, "also run W5, one asset of 20 GB")
	only := flag.String("only", "", "the workloads to run, separated by commas")
	out := flag.String("o", filepath.Join("docs", "benchmarks.md"), "where the table is kept, - for nowhere")
	flag.Parse()
	if err := run(ctx, *large, *only, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// A workload measures one thing and adds its rows to the table.
type workload struct {
	name  string
	large bool
	run   func(context.Context, *lab) error
}

var workloads = []workload{
	{"W1", false, manyExperiments},
	{"W2", false, largeAssets},
	{"W3", false, longSeries},
	{"W4", false, tinyExperiments},
	{"W5", true, hugeAsset},
	{"W6", false, filterSpeed},
	{"W7", false, crowdedMemory},
}

func run(ctx context.Context, large bool, only, out string) error {
	l, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	var chosen []string
	if only != "" {
		chosen = strings.Split(only, ",")
	}
	for _, w := range workloads {
		if chosen == nil && w.large && !large || chosen != nil && !slices.Contains(chosen, w.name) {
			continue
		}
		began := time.Now()
		if err := w.run(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", w.name, time.Since(began).Seconds())
	}
	if out == "-" || chosen != nil {
		return nil
	}
	return l.table.keep(out)
}

// A lab is where the measuring is done: the programs, and room for files.
type lab struct {
	dir     string
	sandbox string
	table   table
}

func newLab(ctx context.Context) (*lab, error) {
	dir, err := os.MkdirTemp("", "comet-stream-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, sandbox: filepath.Join(dir, "sandbox")}
	build := exec.CommandContext(ctx, "go", "build", "-o", l.sandbox, "./examples/sandbox")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("build the sandbox: %w", err), l.close())
	}
	return l, nil
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

func (l *lab) file(name string) string { return filepath.Join(l.dir, name) }

// tool returns the path of one of the three tools.
func tool(name string) string { return filepath.Join("bin", name) }
