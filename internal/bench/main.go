// Bench runs the workloads of docs/benchmarks.md: the three tools as processes
// against the embedded server as a process of its own, with the latency and the
// bandwidth that a workload asks for. It prints ratios within the run, and
// asserts nothing.
//
//	make bench        # keeps its table in docs/benchmarks.md
//	make bench-large  # adds the asset of 20 GB
//	go run ./internal/bench -only W1,W6 -o -
//	go run ./internal/bench -only W1 -profile DIR
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
	profile := flag.String("profile", "", "the `folder` where every tool and server leaves a profile")
	flag.Parse()
	if err := run(ctx, *large, *only, *out, *profile); err != nil {
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
	{"W8", false, bombMemory},
}

func run(ctx context.Context, large bool, only, out, profile string) error {
	l, err := newLab(ctx, profile)
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
		l.begin(w.name)
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
	dir      string
	sandbox  string
	table    table
	profiles *profiles
}

// newLab makes a lab, with profiles in a folder if that is not "".
func newLab(ctx context.Context, profile string) (*lab, error) {
	dir, err := os.MkdirTemp("", "comet-stream-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir}
	if l.sandbox, err = l.build(ctx, "./examples/sandbox"); err == nil && profile != "" {
		l.profiles, err = l.newProfiles(ctx, profile)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// build builds a program of this module, and returns where it is.
func (l *lab) build(ctx context.Context, program string) (string, error) {
	binary := l.file(filepath.Base(program))
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, program)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", program, err)
	}
	return binary, nil
}

// begin is called before each workload.
func (l *lab) begin(workload string) {
	if l.profiles != nil {
		l.profiles.workload = workload
	}
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

func (l *lab) file(name string) string { return filepath.Join(l.dir, name) }

// toolDir is where make leaves the tools.
const toolDir = "bin"

// tool returns the path of one of the three tools.
func tool(name string) string { return filepath.Join(toolDir, name) }
