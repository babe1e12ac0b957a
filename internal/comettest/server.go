package comettest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comet-stream/comet-stream/internal/comettest/api"
	"github.com/comet-stream/comet-stream/internal/comettest/artifacts"
	"github.com/comet-stream/comet-stream/internal/comettest/assets"
	"github.com/comet-stream/comet-stream/internal/comettest/blob"
	"github.com/comet-stream/comet-stream/internal/comettest/experiments"
	"github.com/comet-stream/comet-stream/internal/comettest/logged"
	"github.com/comet-stream/comet-stream/internal/comettest/mood"
	"github.com/comet-stream/comet-stream/internal/comettest/projects"
	"github.com/comet-stream/comet-stream/internal/comettest/registry"
	"github.com/comet-stream/comet-stream/internal/comettest/seed"
	"github.com/comet-stream/comet-stream/internal/comettest/state"
	"github.com/comet-stream/comet-stream/internal/comettest/store"
)

// Server is a Comet-compatible instance. It is an [http.Handler], and can
// listen by itself. All methods may be called at any time from any goroutine.
type Server struct {
	seed.Seeds
	stats
	opts    Options
	in      *api.Instance
	api     *api.Handler
	handler http.Handler // with the control endpoints, counted

	mu      sync.Mutex
	servers []*http.Server
	waiting sync.WaitGroup
	active  activeConns
	url     string // of the first listener
	storage string // of the second host, once it was needed
}

// New returns a server that has its workspaces and does not listen yet.
func New(opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if _, err := api.ParseVersion(opts.Version); err != nil {
		return nil, fmt.Errorf("comettest: version %q is not three numbers: %w", opts.Version, err)
	}
	bodies, err := blob.NewDir(opts.Dir, opts.DiscardBodies)
	if err != nil {
		return nil, err
	}
	now := func() int64 { return opts.Clock().UnixMilli() }
	st := store.New(bodies)
	s := &Server{opts: opts, Seeds: seed.New(st, opts.Keys[0].User, now)}
	s.in = &api.Instance{
		Store: st, Keys: opts.Keys, Limits: opts.Limits, Statuses: opts.Statuses, Release: opts.Version,
		Prefix: strings.TrimSuffix(opts.Prefix, "/"), Now: now, StorageURL: s.storageURL, HeartbeatTimeout: opts.HeartbeatTimeout,
	}
	s.stats.keep = opts.RequestLog
	s.SetMoods(opts.Moods)
	for _, k := range opts.Keys {
		st.EnsureWorkspace(k.User, k.User, now())
	}
	for _, name := range opts.Workspaces {
		s.SeedWorkspace(name)
	}
	s.api = api.New(s.in, projects.Routes(), experiments.Routes(), logged.Routes(), assets.Routes(), artifacts.Routes(), registry.Routes())
	s.handler = s.withControl()
	return s, nil
}

// Start returns a server that listens on a free port of 127.0.0.1 until the
// test ends.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatalf("comettest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("comettest: close: %v", err)
		}
	})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatalf("comettest: %v", err)
	}
	return s
}

// Listen begins to serve on addr, a host and port, and returns.
func (s *Server) Listen(addr string) error {
	url, err := s.listen(addr, s)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url == "" {
		s.url = url
	}
	return nil
}

// listen serves h on addr and returns the address as a URL without path.
func (s *Server) listen(addr string, h http.Handler) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	host := ln.Addr().String()
	if s.opts.Listener != nil {
		ln = s.opts.Listener(ln)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, TLSConfig: s.opts.TLS.Clone()}
	srv.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what tests are for
	srv.ConnState = s.active.connState
	s.mu.Lock()
	s.servers = append(s.servers, srv)
	s.mu.Unlock()
	if s.opts.TLS != nil {
		s.waiting.Go(func() { srv.ServeTLS(ln, "", "") })
		return "https://" + host, nil
	}
	s.waiting.Go(func() { srv.Serve(ln) })
	return "http://" + host, nil
}

// Route is a call that a server knows.
type Route = api.Endpoint

// Routes returns the calls that the server knows, sorted by path.
func (s *Server) Routes() []Route { return s.api.Endpoints() }

// Moods are the ways in which a server differs from the documented one.
type Moods = mood.Moods

// Moods returns the present moods.
func (s *Server) Moods() mood.Moods { return *s.in.Moods.Load() }

// SetMoods replaces the moods. Requests that have begun keep the old ones.
func (s *Server) SetMoods(m mood.Moods) { s.in.Moods.Store(m) }

// AdjustMoods changes the present moods by f, at once against other callers.
func (s *Server) AdjustMoods(f func(*mood.Moods)) { s.in.Moods.Adjust(f) }

// State returns what the server has stored, as [state.Of] does. Several options are not
// joined: the last one counts.
func (s *Server) State(opts ...state.Options) *state.State {
	var o state.Options
	for _, o = range opts {
	}
	return state.Of(s.in.Store, s.in.Now(), s.opts.HeartbeatTimeout, s.in.Moods.Load(), o)
}

// Close waits up to five seconds for requests in flight, ends all listeners
// and removes the bodies of assets if their directory was a temporary one.
func (s *Server) Close() error {
	s.mu.Lock()
	servers := s.servers
	s.servers = nil
	s.mu.Unlock()
	s.active.wait(5 * time.Second)
	for _, srv := range servers {
		srv.Close()
	}
	s.waiting.Wait()
	return s.in.Store.Bodies.Close()
}

// Connections returns how many connections have been accepted, and how many of
// them are open: an import that was killed can do nothing more once its own have
// been accepted and closed.
func (s *Server) Connections() (accepted, open int64) {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return s.active.accepted, s.active.open
}

// activeConns counts the connections with a request in work. Unlike
// [http.Server.Shutdown] it does not wait for those that clients opened and
// have not used yet.
type activeConns struct {
	mu             sync.Mutex
	conns          map[net.Conn]bool
	idle           chan struct{} // closed when there are none, if someone waits
	accepted, open int64         // all connections
}

func (a *activeConns) connState(conn net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch state {
	case http.StateNew:
		a.accepted++
		a.open++
	case http.StateClosed, http.StateHijacked:
		a.open--
	}
	if a.conns == nil {
		a.conns = make(map[net.Conn]bool)
	}
	if state == http.StateActive {
		a.conns[conn] = true
		return
	}
	delete(a.conns, conn)
	if len(a.conns) == 0 && a.idle != nil {
		close(a.idle)
		a.idle = nil
	}
}

func (a *activeConns) wait(atMost time.Duration) {
	a.mu.Lock()
	if len(a.conns) == 0 {
		a.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	a.idle = idle
	a.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(atMost):
	}
}

// URL is the root of the instance, prefix included, with a slash at its end.
// It is empty before Listen.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url == "" {
		return ""
	}
	return s.url + s.in.Prefix + "/"
}

// ClientlibURL is the value for COMET_URL_OVERRIDE.
func (s *Server) ClientlibURL() string {
	if u := s.URL(); u != "" {
		return u + "clientlib/"
	}
	return ""
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handler.ServeHTTP(w, r)
}

// storageURL is the address of the second host, which begins to listen at the
// first call. It goes by another host name than the first.
func (s *Server) storageURL() (string, error) {
	s.mu.Lock()
	url := s.storage
	s.mu.Unlock()
	if url != "" {
		return url, nil
	}
	url, err := s.listen("127.0.0.1:0", s.wrap(assets.NewStorage(s.in)))
	if err != nil {
		return "", err
	}
	scheme, host, _ := strings.Cut(url, "://")
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return "", errors.Join(errors.New("comettest: second host"), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.storage == "" {
		s.storage = scheme + "://localhost:" + port
	}
	return s.storage, nil
}

func (s *Server) wrap(h http.Handler) http.Handler {
	if s.opts.Middleware == nil {
		return h
	}
	return s.opts.Middleware(h)
}

// withControl mounts the API and the control endpoints. Control paths that the
// server does not know go through the middleware, which may have some of its
// own.
func (s *Server) withControl() http.Handler {
	wrapped := s.wrap(s.api)
	api := s.counted(wrapped, s.api.Endpoint)
	control := s.controlMux()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, controlPrefix) {
			api.ServeHTTP(w, r)
			return
		}
		if h, pattern := control.Handler(r); pattern != "" {
			h.ServeHTTP(w, r)
			return
		}
		wrapped.ServeHTTP(w, r)
	})
}
