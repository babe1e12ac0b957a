package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comet-stream/comet-stream/internal/cli"
	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

// A shared server is what many exports meet together.
type shared struct {
	experiments int
	latency     time.Duration
	requests    float64 // a second
	burst       int
}

// ideal returns how long requests take of shards that know the quota, and have 16 of
// them under way each.
func (s *shared) ideal(requests int64, shards int) time.Duration {
	n := float64(requests)
	return time.Duration(max((n-float64(s.burst))/s.requests, n*s.latency.Seconds()/float64(16*shards)) * float64(time.Second))
}

// simulated is what a simulation came to.
type simulated struct {
	Wall              time.Duration // virtual
	Requests, Refused int64
	Listings          int // pages of experiments
	Interrupted       int // tasks
	files             []string
}

// simulate exports a project in shards, all at once, each as a batch system would run
// it, from a server in this process. Time is virtual: it stands still while anything
// computes, so that what is measured are the waits for the server. Of the tasks, some
// are interrupted at random times within a while, and run again.
func (s *shared) simulate(t *testing.T, dir string, shards, interrupts int, within time.Duration, seed uint64) (out simulated) {
	first := &shared{experiments: 1}
	first.farm(t, dir).export(t.Context(), io.Discard, "lab/many") // makes what all writers of the process share
	synctest.Test(t, func(t *testing.T) {
		f := s.farm(t, dir)
		began := time.Now()
		list := f.list()
		random := rand.New(rand.NewPCG(seed, 0))
		ends := make(map[int]time.Duration)
		for _, k := range random.Perm(shards)[:interrupts] {
			ends[k] = time.Duration(random.Int64N(int64(within)))
		}
		var tasks sync.WaitGroup
		for k := range shards {
			file := filepath.Join(dir, fmt.Sprintf("shard.%d-of-%d.comet.zst", k, shards))
			out.files = append(out.files, file)
			tasks.Go(func() {
				f.task(ends[k], "--keys-from", list, "--shard", fmt.Sprintf("%d/%d", k, shards), "-o", file, "lab/many")
			})
		}
		tasks.Wait()
		out.Wall, out.Interrupted = time.Since(began), f.interrupted
		stats := f.shape.Stats()
		out.Requests, out.Refused = stats.Requests, stats.Refused
		out.Listings = f.server.Counts()["GET /api/rest/v2/experiments"]
	})
	return out
}

// farm starts a server, and returns what runs tasks of it.
func (s *shared) farm(t *testing.T, dir string) *farm {
	srv, err := comettest.New(comettest.Options{Workspaces: []string{"lab"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() }) // it has no listener
	srv.SeedSynthetic(comettest.SyntheticSpec{Workspace: "lab", Project: "many", Experiments: s.experiments,
		Metrics: 2, Points: 10, Assets: 1, AssetSize: 1000, Parameters: 4, Seed: 1})
	shape := &inject.Network{Latency: s.latency, RequestsPerSecond: s.requests, Burst: s.burst}
	return &farm{t: t, dir: dir, server: srv, shape: shape, network: inProcess{shape.Middleware(srv)}}
}

// A farm runs tasks of one server.
type farm struct {
	t       *testing.T
	dir     string
	server  *comettest.Server
	shape   *inject.Network
	network http.RoundTripper

	mu          sync.Mutex
	interrupted int
}

// list lists the experiments into a file.
func (f *farm) list() string {
	name := filepath.Join(f.dir, "many.list")
	file, err := os.Create(name)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	f.export(f.t.Context(), file, "-l", "lab/many")
	return name
}

// task runs an export to its end. One with an end before that is interrupted then, and
// run again.
func (f *farm) task(end time.Duration, args ...string) {
	ctx := f.t.Context()
	if end > 0 {
		short, cancel := context.WithTimeoutCause(ctx, end, context.Canceled)
		defer cancel()
		if f.export(short, io.Discard, args...) {
			return
		}
		f.mu.Lock()
		f.interrupted++
		f.mu.Unlock()
	}
	f.export(ctx, io.Discard, args...)
}

// export runs comet-export, and reports whether it came to its end.
func (f *farm) export(ctx context.Context, stdout io.Writer, args ...string) bool {
	var talk bytes.Buffer
	stdio := cli.IO{Stdout: stdout, Stderr: &talk, Client: func(o *comet.Options) {
		o.Transport, o.PaceFile = f.network, filepath.Join(f.dir, "pace")
	}}
	stdio.Stdin = strings.NewReader(comettest.DefaultAPIKey)
	err := cli.Export(ctx, stdio, append([]string{"-q", "--api-key-file", "-", "--url", "http://comet.test/clientlib/"}, args...))
	if err != nil && !(errors.Is(err, context.Canceled) && ctx.Err() != nil) {
		f.t.Errorf("%v: %v\n%s", args, err, &talk)
	}
	return err == nil
}

// inProcess is the network to a server in this process.
type inProcess struct{ http.Handler }

func (n inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, in := httptest.NewRecorder(), req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	n.ServeHTTP(answer, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}
