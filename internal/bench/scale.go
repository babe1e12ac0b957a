package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// scale shows what shards of one project gain: many exports at once, as processes and
// in virtual time, from a server that is 20 ms away and takes so many requests a second.
// Then a third of the tasks are killed, and all of it is imported by as many processes,
// of which a third are killed too.
func scale(ctx context.Context, l *lab) error {
	words, rows, err := l.scaled(ctx)
	if err != nil {
		return err
	}
	return l.section("scale", words, []string{"processes", "killed", "requests", "refused", "wall", "in virtual time", "of the ideal", "processor, all", "peak memory, each", "same sums"}, rows)
}

// scaled returns the rows of scale, and what is said of them.
func (l *lab) scaled(ctx context.Context) (words string, rows [][]string, err error) {
	progress([]string{"scale", fmt.Sprint("seed ", l.seed)})
	f, err := l.newField(ctx, far(l.experiments))
	if err != nil {
		return "", nil, err
	}
	defer f.source.stop()
	most := slices.Max(l.shards)
	kills := max(1, most/3)
	for _, shards := range l.shards {
		row, err := f.row(ctx, shards, 0)
		if err != nil {
			return "", nil, fmt.Errorf("%d shards: %w", shards, err)
		}
		rows = append(rows, row)
	}
	killed, err := f.row(ctx, most, kills)
	if err != nil {
		return "", nil, fmt.Errorf("%d shards, some killed: %w", most, err)
	}
	imported, err := f.imports(ctx, most, kills)
	if err != nil {
		return "", nil, fmt.Errorf("import: %w", err)
	}
	rows = append(rows, killed, imported)
	words = fmt.Sprintf("%s experiments; %v, and %.0f requests a second. Random with the seed %d; one listing for all shards, %d requests.",
		thousands(f.experiments), f.latency, f.requests, l.seed, f.listing)
	return words, rows, nil
}

// far is the server of these shards.
func far(experiments int) *shared {
	return &shared{experiments: experiments, latency: 20 * time.Millisecond, requests: 3000, burst: 100}
}

// A field is a source, and what is exported from it.
type field struct {
	*lab
	*shared
	source  *server
	list    string // of the experiments
	listing int    // requests that took
	sums    string // of the first export
	took    time.Duration
}

// flags of the sandbox make the server that the shards share.
func (s *shared) flags(seed string) []string {
	return []string{"-seed", seed, "-discard", "-latency", s.latency.String(), "-requests", fmt.Sprint(s.requests), "-burst", fmt.Sprint(s.burst)}
}

func (l *lab) newField(ctx context.Context, s *shared) (*field, error) {
	f := &field{lab: l, shared: s, list: l.file("list")}
	var err error
	if f.source, err = l.serve(ctx, s.flags(fmt.Sprintf(small, s.experiments))...); err != nil {
		return nil, err
	}
	_, err = l.pipe(ctx, "", f.list, exporter(f.source, "-l", source))
	if err == nil {
		f.listing, _, err = f.source.traffic()
	}
	if err != nil {
		f.source.stop()
		return nil, err
	}
	return f, nil
}

// shard returns where a shard is kept.
func (f *field) shard(name string, k, shards int) string {
	return f.file(fmt.Sprintf("%s.%d-of-%d.comet.zst", name, k, shards))
}

// row exports the project in shards, and compares their sums with those of before.
func (f *field) row(ctx context.Context, shards, kills int) ([]string, error) {
	files, out, err := f.exports(ctx, f.source, "shard", shards, kills)
	if err != nil {
		return nil, err
	}
	f.took = out.wall
	sums, err := f.sumsOf(ctx, files)
	if f.sums == "" {
		f.sums = sums
	}
	virtual, ideal := "", ""
	if kills == 0 {
		out, err := f.virtual(ctx, shards)
		if err != nil {
			return nil, err
		}
		virtual = figure(out.Wall.Seconds(), "s")
		ideal = figure(out.Wall.Seconds()/f.ideal(out.Requests-out.Refused, shards).Seconds(), "×")
	}
	return out.row(shards, virtual, ideal, sums == f.sums), err
}

// exports exports the project of a server in shards.
func (f *field) exports(ctx context.Context, from *server, name string, shards, kills int) (files []string, out *done, err error) {
	for k := range shards {
		files = append(files, f.shard(name, k, shards))
	}
	out, err = f.tasks(ctx, from, shards, kills, func(k int) (string, step) {
		return "", exporter(from, "--keys-from", f.list, "--shard", fmt.Sprintf("%d/%d", k, shards), "-o", files[k], source)
	})
	return files, out, err
}

// imports imports the shards of the last row into one project, and compares what comes
// out of that.
func (f *field) imports(ctx context.Context, shards, kills int) ([]string, error) {
	to, err := f.serve(ctx, f.flags("empty")...)
	if err != nil {
		return nil, err
	}
	defer to.stop()
	out, err := f.tasks(ctx, to, shards, kills, func(k int) (string, step) { return f.shard("shard", k, shards), importer(to, source) })
	if err != nil {
		return nil, err
	}
	back, _, err := f.exports(ctx, to, "back", shards, 0)
	if err != nil {
		return nil, err
	}
	sums, err := f.sumsOf(ctx, back)
	row := out.row(shards, "", "", sums == f.sums)
	row[0] += " imports"
	return row, err
}

// done is what a number of tasks came to.
type done struct {
	wall, cpu         time.Duration
	requests, refused int
	peak              int64 // of the largest process
	killed            int
}

func (d *done) row(n int, virtual, ideal string, same bool) []string {
	equal := "yes"
	if !same {
		equal = "**no**"
	}
	row := []string{fmt.Sprint(n), fmt.Sprint(d.killed), thousands(d.requests), thousands(d.refused), figure(d.wall.Seconds(), "s"), virtual, ideal,
		figure(d.cpu.Seconds(), "s"), figure(float64(d.peak)/1e6, "MB"), equal}
	progress(row)
	return row
}

// tasks runs n tasks concurrently against a server. Some of them are killed, at a
// random time within the first half of the last run, and run again.
func (f *field) tasks(ctx context.Context, s *server, n, kills int, task func(k int) (in string, what step)) (*done, error) {
	if err := s.resetStats(); err != nil {
		return nil, err
	}
	before, refused, err := s.traffic()
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(f.seed, uint64(n)))
	ends := make([]time.Duration, n)
	for _, k := range random.Perm(n)[:kills] {
		ends[k] = time.Duration(random.Int64N(int64(f.took) / 2))
	}
	out := &done{}
	var mu sync.Mutex
	var failed error
	var wait sync.WaitGroup
	began := time.Now()
	for k := range n {
		in, what := task(k)
		wait.Go(func() {
			res, killed, err := f.task(ctx, ends[k], in, what)
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			out.killed += killed
			for i := range res {
				out.peak = max(out.peak, res[i].peak[0])
				out.cpu += res[i].cpu[0]
			}
		})
	}
	wait.Wait()
	out.wall = time.Since(began)
	if failed != nil {
		return nil, failed
	}
	out.requests, out.refused, err = s.traffic()
	out.requests, out.refused = out.requests-before, out.refused-refused
	return out, err
}

// task runs one process to its end. One with an end before that is killed then, and run
// again.
func (f *field) task(ctx context.Context, end time.Duration, in string, what step) (all []*result, killed int, err error) {
	if end > 0 {
		short, cancel := context.WithTimeout(ctx, end)
		res, err := f.pipe(short, in, "", what)
		cancel()
		if res != nil {
			all = append(all, res)
		}
		if err == nil || short.Err() == nil {
			return all, 0, err
		}
		killed = 1
	}
	res, err := f.pipe(ctx, in, "", what)
	if err != nil {
		return nil, 0, err
	}
	return append(all, res), killed, nil
}

// sumsOf returns a sum of the sums of streams together.
func (f *field) sumsOf(ctx context.Context, files []string) (string, error) {
	all, sums := f.file("all.comet.zst"), f.file("sums")
	defer os.Remove(all)
	if err := concat(all, files...); err != nil {
		return "", err
	}
	if _, err := f.pipe(ctx, all, sums, filter("--sum")); err != nil {
		return "", err
	}
	text, err := os.ReadFile(sums)
	return fmt.Sprintf("%x of %d lines", sha256.Sum256(text), strings.Count(string(text), "\n")), err
}

// virtual simulates shards in a process of its own: virtual time is for tests, of which
// a process runs some and ends.
func (f *field) virtual(ctx context.Context, shards int) (out simulated, err error) {
	self, err := os.Executable()
	if err != nil {
		return out, err
	}
	cmd := exec.CommandContext(ctx, self, "-simulate", fmt.Sprint(shards), "-experiments", fmt.Sprint(f.experiments), "-seed", fmt.Sprint(f.seed))
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("simulate: %w\n%s", err, text)
	}
	return out, json.NewDecoder(bytes.NewReader(text)).Decode(&out)
}

// simulateHere simulates shards, prints what that came to, and ends the process.
func simulateHere(o options) {
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "simulate", F: func(t *testing.T) {
		out := far(o.experiments).simulate(t, t.TempDir(), o.simulate, 0, 0, o.seed)
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
			t.Error(err)
		}
	}}}, nil, nil)
}
