// Package transport is the chain that each request passes on its way to a server,
// one job a link: it keeps to a rate, bounds what is in flight, adds the headers,
// ends what does not move, counts, and unpacks. It knows nothing of calls.
package transport

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // where the system has no certificates, as in a container
	"golang.org/x/time/rate"
)

// Options is what the chain and the network below it need. Nothing of it has
// a default.
type Options struct {
	// Scheme and Host are of the instance: requests to it alone get the
	// credentials and are held to the rate.
	Scheme, Host string
	// APIKey and the allow header are the credentials.
	APIKey, AllowHeaderName, AllowHeaderValue string
	UserAgent                                 string
	Rate                                      Rate
	MaxInFlight                               int
	Timeouts                                  Timeouts
	Counters                                  *Counters
	Link                                      *Link
	Logger                                    *slog.Logger

	// CAFile and Proxy are for the network.
	CAFile string
	Proxy  func(*http.Request) (*url.URL, error)
}

// New builds the RoundTrippers that each request passes, one job each:
// wait for the rate, wait for a free slot, add headers, watch for stalls,
// count and log, unpack, and last the network.
func New(network http.RoundTripper, o Options) http.RoundTripper {
	var rt http.RoundTripper = &unzipper{network, o.Link}
	rt = &observer{next: rt, stats: o.Counters, log: o.Logger}
	rt = &watchdog{next: rt, answer: o.Timeouts.Answer, stall: o.Timeouts.Stall}
	rt = &headers{next: rt, o: o}
	rt = &slots{next: rt, limit: &limiter{limit: o.MaxInFlight}, stats: o.Counters}
	if o.Rate.PerSecond > 0 && o.Rate.PerSecond != rate.Inf {
		rt = &pacer{next: rt, host: o.Host, Rate: o.Rate, limiter: o.Rate.limiter(), stats: o.Counters}
	}
	return rt
}

// NewNetwork returns a transport with connections for all that may be in
// flight, so that none is closed only to be opened again.
func NewNetwork(o Options) (*http.Transport, error) {
	tc := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pool, err := certPool(o.CAFile)
		if err != nil {
			return nil, err
		}
		tc.RootCAs = pool
	}
	dialer := &net.Dialer{Timeout: o.Timeouts.Connect, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  o.Proxy,
		OnProxyConnectResponse: checkProxy,
		DialContext:            o.Link.dial(dialer.DialContext),
		TLSClientConfig:        tc,
		TLSHandshakeTimeout:    o.Timeouts.Connect,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * o.MaxInFlight,
		MaxIdleConnsPerHost:    o.MaxInFlight + 2,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		ReadBufferSize:         64 << 10,
		WriteBufferSize:        64 << 10,
		DisableCompression:     true, // see unzipper
		// A connection that many requests share must not die unnoticed.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}, nil
}

// checkProxy returns an error if a proxy makes no connection.
func checkProxy(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{proxy.Host, resp.StatusCode}
}

// certPool returns the certificates of the system, and those of a file or of the
// files of a folder.
func certPool(file string) (*x509.CertPool, error) {
	files := []string{file}
	if entries, err := os.ReadDir(file); err == nil {
		files = nil
		for _, e := range entries {
			files = append(files, filepath.Join(file, e.Name()))
		}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	found := false
	for _, name := range files {
		pem, err := os.ReadFile(name)
		if err != nil && name == file {
			return nil, fmt.Errorf("CA file: %w", err)
		}
		// Files of a folder that are not certificates, or cannot be read, are
		// ignored.
		found = pool.AppendCertsFromPEM(pem) || found
	}
	if !found {
		return nil, fmt.Errorf("CA file %q holds no PEM certificate", file)
	}
	return pool, nil
}

// Marks say what the chain has to know of a request.
type Marks struct {
	// Storage marks a request that goes to the server's storage by a signed
	// address, which serves as the credential.
	Storage bool
	// LibraryWrite marks what the client library writes, for which no quota is
	// documented.
	LibraryWrite bool
	// Plain marks a read of so much that it may be quicker as it is than compressed.
	// The reading of its answer may end with [ErrSlow].
	Plain bool
}

type marksKey struct{}

// WithMarks returns a context for requests with the marks.
func WithMarks(ctx context.Context, m Marks) context.Context {
	return context.WithValue(ctx, marksKey{}, m)
}

func marksOf(ctx context.Context) Marks {
	m, _ := ctx.Value(marksKey{}).(Marks)
	return m
}

// headers adds the user agent, and for the configured host alone the key and
// the allow header. Its storage gets neither, also where that is on this host:
// beside a signature they are one credential too many.
type headers struct {
	next http.RoundTripper
	o    Options
}

func (h *headers) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", h.o.UserAgent)
	if !marksOf(req.Context()).Storage && req.URL.Host == h.o.Host && (req.URL.Scheme == h.o.Scheme || req.URL.Scheme == "https") {
		req.Header.Set("Authorization", h.o.APIKey)
		if h.o.AllowHeaderName != "" {
			req.Header.Set(h.o.AllowHeaderName, h.o.AllowHeaderValue)
		}
	}
	return h.next.RoundTrip(req)
}

// observer counts and logs.
type observer struct {
	next  http.RoundTripper
	stats *Counters
	log   *slog.Logger
}

func (o *observer) RoundTrip(req *http.Request) (*http.Response, error) {
	o.stats.Requests.Add(1)
	req = wrapBody(req, func(rc io.ReadCloser) io.ReadCloser { return &counted{rc: rc, n: &o.stats.BytesOut} })
	began := time.Now()
	resp, err := o.next.RoundTrip(req)
	// The query stays out of the record: it holds the key of some calls.
	attrs := []any{"method", req.Method, "host", req.URL.Host, "path", req.URL.Path, "took", time.Since(began)}
	if err != nil {
		o.log.DebugContext(req.Context(), "request failed", attrs...)
		return nil, err
	}
	o.log.DebugContext(req.Context(), "request", append(attrs, "status", resp.StatusCode)...)
	resp.Body = &counted{rc: resp.Body, n: &o.stats.BytesIn}
	return resp, nil
}

// counted adds the bytes read to a counter.
type counted struct {
	rc io.ReadCloser
	n  *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.rc.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *counted) Close() error { return c.rc.Close() }

var errRate = errors.New("the limit of --rate is reached")

// Rate is how many requests to the instance may begin.
type Rate struct {
	PerSecond rate.Limit // 0 or [rate.Inf]: any number
	Burst     int        // at once, 0: those of a second, and one at least
	// RESTOnly leaves out what the client library writes.
	RESTOnly bool
}

func (r Rate) limiter() *rate.Limiter {
	return rate.NewLimiter(r.PerSecond, max(1, cmp.Or(r.Burst, int(r.PerSecond))))
}

// pacer keeps requests to a rate.
type pacer struct {
	Rate
	next    http.RoundTripper
	host    string
	limiter *rate.Limiter
	stats   *Counters
}

func (p *pacer) RoundTrip(req *http.Request) (*http.Response, error) {
	if l := p.limiter; p.counts(req) {
		p.stats.Waiting.Add(1)
		wait := time.Duration((1 - l.Tokens()) / float64(l.Limit()) * float64(time.Second))
		if w := waitingOf(req.Context()); wait > ReportAfter && w.Report != nil {
			w.Report(errRate, time.Now().Add(wait))
		}
		err := l.Wait(req.Context())
		p.stats.Waiting.Add(-1)
		if err != nil {
			return nil, closeBody(req, err)
		}
	}
	return p.next.RoundTrip(req)
}

// counts reports whether a request is held to the rate.
func (p *pacer) counts(req *http.Request) bool {
	marks := marksOf(req.Context())
	return req.URL.Host == p.host && !marks.Storage && !(p.RESTOnly && marks.LibraryWrite)
}

// wrapBody returns a copy of the request with its body wrapped, also where the
// transport gets the body again to send it over another connection.
func wrapBody(req *http.Request, wrap func(io.ReadCloser) io.ReadCloser) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	r := *req
	r.Body = wrap(req.Body)
	if req.GetBody != nil {
		r.GetBody = func() (io.ReadCloser, error) {
			rc, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return wrap(rc), nil
		}
	}
	return &r
}

// closeBody closes the body of a request that is not sent, which a
// RoundTripper must.
func closeBody(req *http.Request, err error) error {
	if req.Body != nil {
		req.Body.Close()
	}
	return err
}

// ProxyError is the answer of a proxy that makes no connection.
type ProxyError struct {
	Host   string
	Status int
}

func (e *ProxyError) Error() string {
	s := fmt.Sprintf("the proxy %s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Status == http.StatusProxyAuthRequired {
		s += " (its address must hold user and password, as http://user:password@" + e.Host + ")"
	}
	return s
}
