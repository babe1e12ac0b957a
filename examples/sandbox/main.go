// Sandbox starts a Comet-compatible server on this machine, for trying the
// tools, or training code that logs to Comet, without an account.
//
//	go run ./examples/sandbox
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"strings"
	"syscall"

	"github.com/comet-stream/comet-stream/internal/comettest"
	"github.com/comet-stream/comet-stream/internal/comettest/inject"
)

const usage = `Usage:
    sandbox [flags]

Starts a Comet-compatible server in memory and prints where it is, one NAME=VALUE
a line:

    COMET_URL_OVERRIDE=http://127.0.0.1:40123/clientlib/
    COMET_API_KEY=sandboxkey0sandboxkey0000
    COMET_WORKSPACE=demo
    URL=http://127.0.0.1:40123/

It ends on an interrupt, and everything in it is gone then.

    -addr ADDR          host and port to listen on (default 127.0.0.1:0, a free port)
    -api-key KEY        the key it knows
    -workspace NAME     the workspace to seed (default demo)
    -seed WHAT          demo (default), empty, or synthetic:NAME=N,... with the names
                        experiments, metrics, points, assets, size, parameters, seed;
                        size takes K, M and G
    -version X.Y.Z      the server version to report, and to behave like
    -prefix PATH        a path below which everything is mounted
    -dir DIR            where uploaded assets are kept (default a temporary directory)
    -discard            keep only size and checksum of uploaded assets
    -moods JSON         moods from the start, as POST /_comettest/moods takes them
    -latency DURATION   time before each answer begins
    -bandwidth BYTES    bytes a second of all connections together; takes K, M and G
    -conn-bandwidth BYTES
                        bytes a second of each connection
    -project-max N          experiments that a project takes (default 25000)
    -requests N             requests a second that are served; those above are answered
                            with 429
    -burst N                requests that are served at once in spite of it (default 100)
    -profile FILE       where a profile of its processor time is left at the end

While it runs, GET /_comettest/state, GET /_comettest/stats, POST /_comettest/stats/reset and
POST /_comettest/moods look at it and change it, and POST /_comettest/faults makes it fail on
purpose; they want no key.

Example:
    go run ./examples/sandbox -seed synthetic:experiments=20,metrics=5,points=1000
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Stdout, os.Stderr, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "sandbox: error: %v\n", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	addr, key, workspace, seed, moods, profile string

	opts    comettest.Options
	network inject.Network
}

func parseFlags(stderr io.Writer, args []string) (*settings, error) {
	s := &settings{}
	fs := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprint(stderr, usage) }
	fs.StringVar(&s.addr, "addr", "127.0.0.1:0", "")
	fs.StringVar(&s.key, "api-key", comettest.DefaultAPIKey, "")
	fs.StringVar(&s.workspace, "workspace", "demo", "")
	fs.StringVar(&s.seed, "seed", "demo", "")
	fs.StringVar(&s.moods, "moods", "", "")
	fs.StringVar(&s.profile, "profile", "", "")
	fs.StringVar(&s.opts.Version, "version", "", "")
	fs.StringVar(&s.opts.Prefix, "prefix", "", "")
	fs.StringVar(&s.opts.Dir, "dir", "", "")
	fs.BoolVar(&s.opts.DiscardBodies, "discard", false, "")
	fs.DurationVar(&s.network.Latency, "latency", 0, "")
	fs.IntVar(&s.opts.Limits.ExperimentsPerProject, "project-max", 0, "")
	fs.Float64Var(&s.network.RequestsPerSecond, "requests", 0, "")
	fs.IntVar(&s.network.Burst, "burst", 100, "")
	fs.Func("bandwidth", "", func(v string) (err error) {
		s.network.BytesPerSecond, err = parseSize(v)
		return err
	})
	fs.Func("conn-bandwidth", "", func(v string) (err error) {
		s.network.ConnBytesPerSecond, err = parseSize(v)
		return err
	})
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return s, nil
}

// run serves until ctx is done.
func run(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	s, err := parseFlags(stderr, args)
	if err != nil {
		return err
	}
	srv, err := s.newServer()
	if err != nil {
		return err
	}
	if err := srv.Listen(s.addr); err != nil {
		return errors.Join(err, srv.Close())
	}
	stop, err := startProfile(s.profile)
	if err != nil {
		return errors.Join(err, srv.Close())
	}
	fmt.Fprintf(stdout, "COMET_URL_OVERRIDE=%s\nCOMET_API_KEY=%s\nCOMET_WORKSPACE=%s\nURL=%s\n",
		srv.ClientlibURL(), s.key, s.workspace, srv.URL())
	<-ctx.Done()
	return errors.Join(srv.Close(), stop())
}

// startProfile begins a profile of the processor time, unless it has no name.
// stop ends it.
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

func (s *settings) newServer() (*comettest.Server, error) {
	s.opts.Keys = []comettest.Key{{
		Key: s.key, User: comettest.DefaultUser, Email: comettest.DefaultUser + "@example.com",
		Admin: true, DefaultWorkspace: s.workspace,
	}}
	s.opts.Workspaces = []string{s.workspace}
	faults := inject.NewFaults(1)
	s.opts.Middleware = func(h http.Handler) http.Handler {
		return s.network.Middleware(faults.Middleware(h))
	}
	if s.network.BytesPerSecond > 0 || s.network.ConnBytesPerSecond > 0 {
		s.opts.Listener = s.network.Listener
	}
	var err error
	if s.opts.Moods, err = parseMoods(s.moods); err != nil {
		return nil, err
	}
	seed, err := parseSeed(s.seed, s.workspace)
	if err != nil {
		return nil, err
	}
	srv, err := comettest.New(s.opts)
	if err != nil {
		return nil, err
	}
	seed(srv)
	return srv, nil
}

// parseSeed returns what fills a server.
func parseSeed(text, workspace string) (func(*comettest.Server), error) {
	what, list, synthetic := strings.Cut(text, ":")
	switch {
	case what == "empty" && !synthetic:
		return func(*comettest.Server) {}, nil
	case what == "demo" && !synthetic:
		return func(srv *comettest.Server) { srv.SeedDemo(workspace) }, nil
	case what != "synthetic":
		return nil, fmt.Errorf("seed %q is not demo, empty or synthetic:…", text)
	}
	spec := comettest.SyntheticSpec{Workspace: workspace, Project: "synthetic", Experiments: 10, Metrics: 5, Points: 1000,
		Assets: 3, AssetSize: 100 << 10, Parameters: 10, Seed: 1}
	for item := range strings.SplitSeq(list, ",") {
		if err := setSynthetic(&spec, item); err != nil {
			return nil, err
		}
	}
	return func(srv *comettest.Server) { srv.SeedSynthetic(spec) }, nil
}
