package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// profiles makes the processes of a run leave profiles in a folder, and reports
// the processor time of each. A nil one does nothing.
type profiles struct {
	dir      string
	profiled string // the program of that name
	workload string // that is being run
	n        int    // processes that have been named
}

// newProfiles makes the folder, and the program that runs the tools.
func (l *lab) newProfiles(ctx context.Context, dir string) (*profiles, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	profiled, err := l.build(ctx, "./internal/bench/profiled")
	return &profiles{dir: dir, profiled: profiled}, err
}

// next returns the path, without an extension, of the profiles of the next
// process.
func (p *profiles) next(what string) string {
	p.n++
	return filepath.Join(p.dir, fmt.Sprintf("%s-%02d-%s", p.workload, p.n, what))
}

// tool returns the arguments that run one of the three tools, whose own they
// were, and what the process is called.
func (p *profiles) tool(args []string) (profiled []string, name string) {
	if p == nil || filepath.Dir(args[0]) != toolDir {
		return args, ""
	}
	name = p.next(filepath.Base(args[0]))
	return slices.Concat([]string{p.profiled, name, filepath.Base(args[0])}, args[1:]), name
}

// server returns the flags that the sandbox is to have, and what the process is
// called.
func (p *profiles) server(flags []string) (profiled []string, name string) {
	if p == nil {
		return flags, ""
	}
	name = p.next("server")
	return append([]string{"-profile", name + ".cpu"}, flags...), name
}

// ended reports a process that has ended, unless it has no name.
func (p *profiles) ended(name string, s *os.ProcessState) {
	if name != "" {
		fmt.Fprintf(os.Stderr, "bench: %s: %.2f s of processor\n", name, (s.UserTime() + s.SystemTime()).Seconds())
	}
}
