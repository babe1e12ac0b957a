package api

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet/gate"
	"github.com/comet-stream/comet-stream/internal/comet/scan"
	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// Options configures a [Conn]. The zero value of a field means its default.
type Options struct {
	// URL is the client library's address as COMET_URL_OVERRIDE holds it,
	// [DefaultURL] if empty. Everything else is derived from it.
	URL string
	// RESTURL overrides the derived base of the REST API. It must be on the
	// host of URL.
	RESTURL string
	// APIKey is sent as it is, the address part of a smart key included.
	APIKey string
	// UserAgent names the program to the server.
	UserAgent string
	// LibVersion is the version of the client library to speak as in a
	// handshake: servers refuse versions that are too old.
	LibVersion string
	// AllowHeaderName and AllowHeaderValue add a header that a gateway in
	// front of the server asks for.
	AllowHeaderName, AllowHeaderValue string
	// CAFile is a PEM file of certificates to trust in addition to the system's,
	// or a folder of such files.
	CAFile string
	// Proxy finds the proxy for a request, [http.ProxyFromEnvironment] if nil.
	Proxy func(*http.Request) (*url.URL, error)
	// Transport replaces the network. CAFile, Proxy and the pool settings are
	// unused then.
	Transport http.RoundTripper

	Retry Retry
	// Timeouts are 30 s for a connection, 3 min for an answer and 1 min for a
	// stall where they are zero.
	Timeouts transport.Timeouts

	// AbsentWords are texts that mean, within the words of an error of this
	// server, that what was asked for does not exist: those of servers that say
	// so in words of their own. Upper and lower case are the same.
	AbsentWords []string

	// Rate is how many requests may begin, by default any number.
	Rate transport.Rate
	// PaceFile, if not empty, is where the clients of several processes share what they
	// learn of a server that answers 429. It is of the address and the key, and is made
	// when it is needed.
	PaceFile string
	// MaxInFlight is how many requests may be under way at once, 16 if zero.
	MaxInFlight int

	// Counters are added to while the client works, if not nil.
	Counters *transport.Counters
	// Notify, if not nil, is called with each failed try that will be repeated.
	// It is called from the goroutine that made the call and must not block.
	Notify func(Trouble)
	// Waits, if not nil, is called with waits of more than ten seconds: for the next
	// try when they begin, for the network once ten seconds are over. It is called
	// from any goroutine and must not block.
	Waits func(Wait)
	// Unclear, if not nil, is called once a call with words of the server's own that
	// stay unclear: they may mean that what was asked for does not exist, see
	// AbsentWords. It is called as Notify is, and must not block.
	Unclear func(call, words string)
	// Succeeded, if not nil, is called whenever something comes out well, which
	// ends a trouble. It is called as Notify is, and must not block.
	Succeeded func()
	// Logger gets a record at the debug level for each try.
	Logger *slog.Logger
}

// Retry bounds how long and how often a call is repeated.
type Retry struct {
	// MaxElapsed is how long nothing at all may succeed before a call fails
	// with [ErrOutage], and how long a call may fail before it is given up while
	// others succeed, 15 minutes if zero; negative: nothing is repeated. A
	// request that is under way gets ten seconds at least. A server that has
	// never answered is given up after 30 seconds.
	MaxElapsed time.Duration
	// MaxThrottled is how long nothing may succeed while the server answers
	// 429, 90 minutes or MaxElapsed if zero, whichever is more. When it asks for
	// a longer wait than is left of that, a call fails at once with [ErrLongWait].
	MaxThrottled time.Duration
	// Tries is how often one call is tried while others succeed, 12 if zero.
	// Fewer do where its endpoint answers others, or where calls of it have been
	// given up for the same reason.
	Tries int
	// Base is the longest first wait and Cap the longest of all, half a
	// second and 30 seconds if zero. Waits grow exponentially with full
	// jitter. The server's Retry-After goes before them.
	Base, Cap time.Duration
}

// Trouble is a failed try that will be repeated.
type Trouble struct {
	Method, Path string
	Err          error         // what happened; holds no key
	Throttled    bool          // the server asked to slow down
	Try          int           // 1 for the first
	Since        time.Time     // of the first failure in a row of this call
	Wait         time.Duration // until the next try
}

// Wait is a wait of more than ten seconds.
type Wait struct {
	Why   error // of which call, and what for; holds no key
	Until time.Time
}

func (o *Options) setDefaults() {
	setDefault(&o.UserAgent, "comet-stream")
	setDefault(&o.LibVersion, "3.47.0")
	setDefault(&o.Retry.MaxElapsed, 15*time.Minute)
	setDefault(&o.Retry.MaxThrottled, max(90*time.Minute, o.Retry.MaxElapsed))
	setDefault(&o.Retry.Tries, 12)
	setDefault(&o.Retry.Base, 500*time.Millisecond)
	setDefault(&o.Retry.Cap, 30*time.Second)
	setDefault(&o.Timeouts.Connect, 30*time.Second)
	setDefault(&o.Timeouts.Answer, 3*time.Minute)
	setDefault(&o.Timeouts.Stall, time.Minute)
	if o.Retry.MaxElapsed > 0 {
		o.Timeouts.Stall = min(o.Timeouts.Stall, max(o.Retry.MaxElapsed, transport.LeastPatience))
	}
	setDefault(&o.MaxInFlight, 16)
	setDefault(&o.Counters, new(transport.Counters))
	setDefault(&o.Logger, slog.New(slog.DiscardHandler))
}

func (o *Options) chain(addr address) transport.Options {
	return transport.Options{
		Scheme: addr.scheme, Host: addr.host,
		APIKey: o.APIKey, AllowHeaderName: o.AllowHeaderName, AllowHeaderValue: o.AllowHeaderValue, UserAgent: o.UserAgent,
		Rate: o.Rate, MaxInFlight: o.MaxInFlight, Timeouts: o.Timeouts,
		Counters: o.Counters, Link: new(transport.Link), Logger: o.Logger, CAFile: o.CAFile, Proxy: o.Proxy,
	}
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Conn is what is known of a server, and how calls of it are made.
type Conn struct {
	Server  *Server
	Key     string
	Lib     string
	http    *http.Client
	network http.RoundTripper // below what http wraps around it
	retry   retrier
	storage retrier // of direct uploads: their host fails and recovers by itself
	stats   *transport.Counters
	log     *slog.Logger
	judge   *judge

	unclear unclearWords

	largeTurn chan struct{} // see [scan.NewRoom]
	packing   *packing
}

// ReadAccount is read also to see whether a server answers at all.
var ReadAccount = Read{"account-details", scan.ValueNamed("userName", "defaultWorkspaceName"), []string{"user", "account"}}

// New returns a connection. It does not speak to the server yet.
func New(o Options) (*Conn, error) {
	if o.APIKey == "" {
		return nil, errors.New("comet: no API key")
	}
	if strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("comet: the API key contains characters that are not allowed in keys")
	}
	addr, err := parseAddress(o.URL, o.RESTURL)
	if err != nil {
		return nil, err
	}
	o.setDefaults()
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	chain := o.chain(addr)
	network := o.Transport
	if network == nil {
		if network, err = transport.NewNetwork(chain); err != nil {
			return nil, err
		}
	}
	c := &Conn{
		Server:  &Server{addr: addr},
		Key:     o.APIKey,
		Lib:     o.LibVersion,
		http:    &http.Client{Transport: transport.New(network, chain), CheckRedirect: checkRedirect},
		network: network,
		stats:   o.Counters,
		log:     o.Logger,

		packing:   newPacking(),
		largeTurn: make(chan struct{}, 1),

		unclear: unclearWords{report: o.Unclear},
	}
	c.Server.conn = c
	c.judge = &judge{server: c.Server, secrets: newSecrets(o.APIKey, o.AllowHeaderValue), absentWords: o.AbsentWords}
	for _, r := range []*retrier{&c.retry, &c.storage} {
		r.Retry, r.stats, r.notify, r.waits, r.onSuccess, r.probe, r.sample = o.Retry, o.Counters, o.Notify, o.Waits, o.Succeeded, c.Server.answers, c.Server.answersWell
	}
	c.retry.gate = gate.New(o.Retry.MaxThrottled, o.PaceFile)
	c.storage.optional, c.storage.answer = true, storageAnswer
	return c, nil
}

// CloseIdle closes the connections that wait for a next request.
func (c *Conn) CloseIdle() {
	// http.Client would ask the outermost RoundTripper, which has none.
	if n, ok := c.network.(interface{ CloseIdleConnections() }); ok {
		n.CloseIdleConnections()
	}
}
