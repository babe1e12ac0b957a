// Bench runs the workloads of docs/benchmarks.md: the three tools as processes
// against the embedded server as a process of its own, with the latency and the
// bandwidth that a workload asks for. It prints ratios within the run, and
// asserts nothing. COMETX may name the executable of cometx 3.6.11, which then
// does the same beside them (pip install cometx==3.6.11 comet-ml==3.58.8).
//
//	make bench        # keeps its table in docs/benchmarks.md
//	make bench-large  # adds the asset of 20 GB
//	go run ./internal/bench -only W1,W6 -o -
//	go run ./internal/bench -only W1 -profile DIR
//	make bench-growth # W4 with 1,000 to 100,000 experiments
//	make bench-scale  # 25,000 experiments by 1 to 16 shards
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
	o := options{shards: []int{1, 2, 4, 8, 16}}
	flag.BoolVar(&o.large, "large", false, "also run W5, one asset of 20 GB")
	flag.StringVar(&o.sizes, "sizes", "1000,5000", "the numbers of `experiments` of W4")
	flag.IntVar(&o.experiments, "experiments", 25_000, "the `number` of experiments of scale")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "the `number` that what is random in scale comes from")
	flag.StringVar(&o.only, "only", "", "the workloads to run, separated by commas")
	flag.StringVar(&o.out, "o", filepath.Join("docs", "benchmarks.md"), "where the tables are kept, - for nowhere")
	flag.StringVar(&o.profile, "profile", "", "the `folder` where every tool and server leaves a profile")
	flag.IntVar(&o.simulate, "simulate", 0, "only the virtual time of scale, with so many `shards`")
	flag.Parse()
	if o.simulate > 0 {
		simulateHere(o)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// options are what the flags say.
type options struct {
	large              bool
	only, out, profile string
	sizes              string
	experiments        int
	shards             []int
	simulate           int
	seed               uint64
}

// when says what a workload waits for.
type when int

const (
	always  when = iota
	ifLarge      // for -large, or its name
	ifNamed      // for its name
)

// A workload measures one thing and adds its rows to the table.
type workload struct {
	name string
	when when
	run  func(context.Context, *lab) error
}

var workloads = []workload{
	{"W1", always, manyExperiments},
	{"W2", always, largeAssets},
	{"W3", always, longSeries},
	{"W4", always, growth},
	{"W5", ifLarge, hugeAsset},
	{"W6", always, filterSpeed},
	{"W7", always, crowdedMemory},
	{"W8", always, bombMemory},
	{"W9", always, quotas},
	{"scale", ifNamed, scale},
}

func run(ctx context.Context, o options) error {
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	var failed error // of workloads; the results of the others are kept
	var chosen []string
	if o.only != "" {
		chosen = strings.Split(o.only, ",")
	}
	for _, w := range workloads {
		named := slices.Contains(chosen, w.name)
		if !named && (chosen != nil || w.when == ifNamed || w.when == ifLarge && !o.large) {
			continue
		}
		began := time.Now()
		l.begin(w.name)
		if err := w.run(ctx, l); err != nil {
			err = fmt.Errorf("%s: %w", w.name, err)
			if ctx.Err() != nil {
				return err
			}
			l.table.note(w.name, "**failed**, as standard error says", "")
			failed = errors.Join(failed, err)
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %.0f s\n", w.name, time.Since(began).Seconds())
	}
	if o.out == "-" || chosen != nil {
		return failed
	}
	return errors.Join(failed, l.table.keep(o.out))
}

// A lab is where the measuring is done: the programs, and room for files.
type lab struct {
	options
	dir      string
	sandbox  string
	table    table
	profiles *profiles
}

// newLab makes a lab.
func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "comet-stream-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, dir: dir}
	if l.sandbox, err = l.build(ctx, "./examples/sandbox"); err == nil && o.profile != "" {
		l.profiles, err = l.newProfiles(ctx, o.profile)
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
var toolDir = "bin"

// tool returns the path of one of the three tools.
func tool(name string) string { return filepath.Join(toolDir, name) }
