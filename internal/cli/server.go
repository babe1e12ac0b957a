package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/comet-stream/comet-stream/internal/comet"
	"github.com/comet-stream/comet-stream/internal/config"
	"github.com/comet-stream/comet-stream/internal/progress"
	"golang.org/x/time/rate"
)

// serverFlags are the flags of the tools that talk to a server.
type serverFlags struct {
	side        config.Side
	credentials config.Flags
	rate        rate.Limit // 0 if not given
	concurrency int
	retryMax    time.Duration // negative if not given
	absentWords []string
}

// addServerFlags declares --api-key-file, --url and --ca-file for a side, and
// --rate, --concurrency, --retry-max-elapsed and --absent-words.
func (c *command) addServerFlags(side config.Side) {
	f := &c.server
	f.side = side
	c.Func("rate", "", func(s string) (err error) { f.rate, err = parseRate(s); return err })
	c.IntVar(&f.concurrency, "concurrency", 16, "")
	f.retryMax = -1
	c.Func("retry-max-elapsed", "", func(s string) (err error) { f.retryMax, err = parseSpan(s); return err })
	c.ListVar(&f.absentWords, "absent-words")
	// The variables of the credentials are read by package config, together
	// with its files.
	for name, p := range map[string]*string{
		"api-key-file": &f.credentials.APIKeyFile,
		"url":          &f.credentials.URL,
		"ca-file":      &f.credentials.CAFile,
	} {
		c.StringVar(p, name, "", "")
		c.noEnv[name] = true
	}
}

// oneStdin returns an error if more than one of the flags given, and
// --api-key-file, has the value "-".
func (c *command) oneStdin(flags map[string]string) error {
	flags["--api-key-file"] = c.server.credentials.APIKeyFile
	var readers []string
	for name, value := range flags {
		if value == "-" {
			readers = append(readers, name)
		}
	}
	if len(readers) < 2 {
		return nil
	}
	slices.Sort(readers)
	return c.usagef("only one of %s can read standard input", strings.Join(readers, " and "))
}

// server is one side of a migration: a client of it, and what the user sees of
// it.
type server struct {
	*comet.Client
	endpoint *config.Endpoint
	rate     comet.Rate
	report   *progress.Reporter
	trouble  *progress.Trouble
	proxy    func(*http.Request) (*url.URL, error)
}

// openServer finds the address and the key of the command's side and returns a
// client of it, which has not spoken to the server yet. Its requests are
// counted in the progress, and a trouble with it that lasts is reported. The caller
// closes it before the report.
func (c *command) openServer(report *progress.Reporter) (*server, error) {
	// Without a home directory there is no ~/.comet.config, and no error.
	home, _ := os.UserHomeDir()
	places := config.Places{LookupEnv: os.LookupEnv, Home: home, Stdin: c.stdio.Stdin}
	endpoint, err := config.Resolve(c.server.side, c.server.credentials, places)
	if err != nil {
		return nil, err
	}
	for _, warning := range endpoint.Warnings {
		report.Warn("%s", warning)
	}
	if err := c.checkPages(endpoint); err != nil {
		return nil, err
	}
	if c.server.concurrency < 1 {
		return nil, c.usagef("--concurrency %d: want 1 or more", c.server.concurrency)
	}
	s := &server{
		endpoint: endpoint, rate: c.server.rateFor(endpoint.URL), report: report, trouble: report.NewTrouble(endpoint.Address()),
	}
	if s.proxy, err = proxyFromEnv(); err != nil {
		return nil, err
	}
	options := c.clientOptions(s)
	if c.stdio.Client != nil {
		c.stdio.Client(&options)
	}
	s.Client, err = comet.New(options)
	if err != nil {
		var hints []string
		if endpoint.CAFile != "" {
			hints = []string{"the certificates come from " + endpoint.CAFileFrom}
		}
		return nil, withCode(ExitUsage, err, hints...)
	}
	return s, nil
}

// clientOptions says how to talk to the server.
func (c *command) clientOptions(s *server) comet.Options {
	f := c.server
	var retry comet.Retry
	switch {
	case f.retryMax == 0:
		retry.MaxElapsed = -1 // the client takes 0 for its default, the user for none
	case f.retryMax > 0:
		retry.MaxElapsed, retry.MaxThrottled = f.retryMax, f.retryMax
	}
	return comet.Options{
		URL:              s.endpoint.URL.String(),
		APIKey:           string(s.endpoint.APIKey),
		UserAgent:        c.name + "/" + version(),
		AllowHeaderName:  s.endpoint.HeaderName,
		AllowHeaderValue: s.endpoint.HeaderValue,
		CAFile:           s.endpoint.CAFile,
		Proxy:            s.proxy,
		Retry:            retry,
		AbsentWords:      f.absentWords,
		Rate:             s.rate,
		PaceFile:         paceFile(s.endpoint),
		MaxInFlight:      f.concurrency,
		Counters:         &c.traffic,
		Notify:           func(t comet.Trouble) { s.trouble.Failed(t.Err.Error()) },
		Succeeded:        s.trouble.Succeeded,
		Waits:            func(w comet.Wait) { s.report.Wait(w.Why.Error(), w.Until) },
		Unclear: func(call, words string) {
			s.report.Warn("%s: the server answers %q; if that means that there is no such item, run again with --absent-words %q", call, words, words)
		},
		Logger: s.report.Logger(),
	}
}

// Close ends the connections.
func (s *server) Close() {
	s.trouble.Close()
	s.CloseIdle()
}

// introduce asks the server whom the key belongs to, and tells the user where
// data goes "from" or "to", and as whom.
func (s *server) introduce(ctx context.Context, direction string) (*comet.Account, error) {
	account, err := s.Account(ctx)
	if err == nil && account.UserName == "" && account.DefaultWorkspace == "" {
		err = errors.New("the response names no user: not a Comet instance")
	}
	if err != nil {
		return nil, s.explainFirst(ctx, err)
	}
	s.report.Info("%s %s as %q (key from %s)", direction, s.endpoint.Address(), account.UserName, s.endpoint.APIKeyFrom)
	return account, nil
}

// explainFirst is explain for the first request: what goes wrong before the
// server has ever answered may be the fault of its address.
func (s *server) explainFirst(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, comet.ErrUnauthorized), errors.Is(err, comet.ErrForbidden):
		return s.explain(err)
	}
	if answered(err) {
		if found := s.FindAddress(ctx); found != "" && found != s.Clientlib() {
			return s.wrongPath(fmt.Errorf("%s: %w", s.Clientlib(), err), found)
		}
	}
	code, hints := ExitCode(err), []string{fmt.Sprintf("the address comes from %s; is a Comet instance there?", s.endpoint.URLFrom)}
	if isUnreachable(err) {
		hints = append(hints, fmt.Sprintf("no answer from %s: check host, port, firewalls, and that the server runs", hostPort(s.endpoint.URL)))
	}
	if proxy, err := s.proxy(&http.Request{URL: s.endpoint.URL}); err == nil && proxy != nil {
		hints = append(hints, fmt.Sprintf("requests go through the proxy %s, which an environment variable sets", proxy.Host))
	}
	if errors.Is(err, comet.ErrServer) && code == ExitServer {
		hints = append(hints, "run the same command again once it answers")
	}
	return withCode(code, fmt.Errorf("%s: %w", s.endpoint.Address(), err), append(hints, s.hints(err)...)...)
}

// checkPath makes sure that the path of the address leads to both APIs of the
// instance, before anything is written.
func (s *server) checkPath(ctx context.Context) error {
	err := s.CheckAddress(ctx)
	if e, ok := errors.AsType[*comet.AddressError](err); ok {
		return s.wrongPath(err, e.Found)
	}
	return err
}

// wrongPath says where the instance is, if found is not empty.
func (s *server) wrongPath(err error, found string) error {
	hint := fmt.Sprintf("the address comes from %s; its path is usually /clientlib/", s.endpoint.URLFrom)
	if found != "" {
		hint = fmt.Sprintf("the address comes from %s; set it to %s", s.endpoint.URLFrom, found)
	}
	return withCode(ExitUsage, err, hint)
}

// answered reports whether something has answered, though not as an instance does.
func answered(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return !ok || ce.Status != 0 && ce.Status < http.StatusInternalServerError && ce.Status != http.StatusTooManyRequests
}

// isUnreachable reports whether no answer at all has come.
func isUnreachable(err error) bool {
	ce, ok := errors.AsType[*comet.Error](err)
	return ok && ce.Status == 0 && errors.Is(err, comet.ErrOutage) && !errors.Is(err, comet.ErrNotJSON) && !errors.Is(err, comet.ErrUnclear)
}

// hostPort returns host and port of an address.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(port, "443"))
}

// explain adds to an error that the server, or the way to it, is the cause of
// what the user can do about it. Other errors are returned as they are.
func (s *server) explain(err error) error {
	if hints := s.hints(err); len(hints) > 0 {
		return withCode(ExitCode(err), err, hints...)
	}
	return err
}

// hints returns what the user can do about an error.
func (s *server) hints(err error) []string {
	address := s.endpoint.Address()
	switch {
	case errors.Is(err, comet.ErrUnauthorized):
		return []string{fmt.Sprintf("the key comes from %s; is it a key of %s?", s.endpoint.APIKeyFrom, address)}
	case errors.Is(err, comet.ErrForbidden):
		return []string{fmt.Sprintf("the key from %s may not do this on %s", s.endpoint.APIKeyFrom, address)}
	case errors.Is(err, comet.ErrLongWait):
		return []string{"run the same command again then, or raise --retry-max-elapsed"}
	case is[x509.UnknownAuthorityError](err):
		return []string{fmt.Sprintf("name the certificate authority of %s with --ca-file", address)}
	}
	return nil
}

// codeOfCall returns the exit code for a call to a server that failed.
func codeOfCall(err *comet.Error) int {
	switch {
	case errors.Is(err, comet.ErrMisconfigured):
		return ExitUsage
	case err.Denied():
		return ExitDenied
	case errors.Is(err, comet.ErrNotFound):
		return ExitFailed
	case errors.Is(err, comet.ErrServer), errors.Is(err, comet.ErrUncertain), errors.Is(err, comet.ErrUnclear), err.Status != 0:
		return ExitServer
	}
	return ExitFailed
}
