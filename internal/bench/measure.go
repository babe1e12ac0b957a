package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A step is one process of a pipe.
type step struct {
	args []string
	env  []string
	dir  string // where it runs, "" for here
}

func exporter(s *server, args ...string) step {
	return step{append([]string{tool("comet-export"), "-q"}, args...), s.source(), ""}
}

func importer(s *server, args ...string) step {
	return step{append([]string{tool("comet-import"), "-q"}, args...), s.destination(), ""}
}

func filter(args ...string) step {
	return step{append([]string{tool("comet-filter"), "-q"}, args...), nil, ""}
}

// A result is what a pipe took.
type result struct {
	wall     time.Duration
	first    time.Duration   // to the first byte on the last stdout, 0 if none
	peak     []int64         // resident set of each process at its highest, in bytes
	cpu      []time.Duration // processor time of each process
	output   int64           // bytes on the last stdout
	requests int             // of a server, where they are counted
}

// pipe runs the steps as one pipe from the file in (or nothing) to the file out
// (or nowhere), and measures it.
func (l *lab) pipe(ctx context.Context, in, out string, steps ...step) (*result, error) {
	stdin, err := openInput(in)
	if err != nil {
		return nil, err
	}
	sink := &sink{w: io.Discard}
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		sink.w = f
	}
	cmds := make([]*exec.Cmd, len(steps))
	words := make([]bytes.Buffer, len(steps))
	names := make([]string, len(steps))
	for i, s := range steps {
		s.args, names[i] = l.profiles.tool(s.args)
		cmds[i] = exec.CommandContext(ctx, s.args[0], s.args[1:]...)
		cmds[i].Dir = s.dir
		cmds[i].Env = append(os.Environ(), s.env...)
		cmds[i].Stderr = &words[i]
	}
	last := len(cmds) - 1
	began := time.Now()
	for i, c := range cmds {
		if i == 0 {
			c.Stdin = stdin
		} else {
			r, w, err := os.Pipe()
			if err != nil {
				return nil, err
			}
			cmds[i-1].Stdout, c.Stdin = w, r
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmds[last].Stdout = writer
	watches := make([]*watch, len(cmds))
	for i, c := range cmds {
		if err := c.Start(); err != nil {
			return nil, err
		}
		watches[i] = watchMemory(c.Process.Pid)
		closeFile(c.Stdin)
		closeFile(c.Stdout)
	}
	if _, err := io.Copy(sink, reader); err != nil {
		return nil, err
	}
	res := &result{output: sink.n}
	if !sink.first.IsZero() {
		res.first = sink.first.Sub(began)
	}
	var failed error
	for i, c := range cmds {
		if err := c.Wait(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w: %s", strings.Join(c.Args, " "), err, strings.TrimSpace(words[i].String())))
		}
		res.peak = append(res.peak, watches[i].end())
		res.cpu = append(res.cpu, c.ProcessState.UserTime()+c.ProcessState.SystemTime())
		l.profiles.ended(names[i], c.ProcessState)
	}
	res.wall = time.Since(began)
	return res, failed
}

func openInput(name string) (*os.File, error) {
	if name == "" {
		name = os.DevNull
	}
	return os.Open(name)
}

// closeFile closes this process's end of a pipe.
func closeFile(f any) {
	if f, ok := f.(*os.File); ok {
		f.Close()
	}
}

// sink counts what it is given, and knows when it began.
type sink struct {
	w     io.Writer
	n     int64
	first time.Time
}

func (s *sink) Write(p []byte) (int, error) {
	if s.first.IsZero() && len(p) > 0 {
		s.first = time.Now()
	}
	n, err := s.w.Write(p)
	s.n += int64(n)
	return n, err
}

func size(name string) (int64, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// concat writes files one after the other into one.
func concat(name string, files ...string) error {
	out, err := os.Create(filepath.Clean(name))
	if err != nil {
		return err
	}
	for _, from := range files {
		in, err := os.Open(from)
		if err != nil {
			return errors.Join(err, out.Close())
		}
		_, err = io.Copy(out, in)
		in.Close()
		if err != nil {
			return errors.Join(err, out.Close())
		}
	}
	return out.Close()
}
