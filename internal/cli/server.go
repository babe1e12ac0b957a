package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
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
	rate        rate.Limit
	concurrency int
	retryMax    time.Duration
	absentWords []string
}

// addServerFlags declares --api-key-file, --url and --ca-file for a side, and
// --rate, --concurrency, --retry-max-elapsed and --absent-words.
func (c *command) addServerFlags(side config.Side) {
	f := &c.server
	f.side = side
	c.RateVar(&f.rate, "rate")
	c.IntVar(&f.concurrency, "concurrency", 16, "")
	f.retryMax = 15 * time.Minute
	c.SpanVar(&f.retryMax, "retry-max-elapsed")
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

// server is one side of a migration: a client of it, and what the user is told
// of it.
type server struct {
	*comet.Client
	endpoint *config.Endpoint
	report   *progress.Reporter
	trouble  *progress.Trouble
}

// openServer finds the address and the key of the command's side and returns a
// client of it, which has not spoken to the server yet. Its requests are
// counted in the progress, and a trouble with it that lasts is told. The caller
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
	if c.server.concurrency < 1 {
		return nil, c.usagef("--concurrency %d: want 1 or more", c.server.concurrency)
	}
	s := &server{endpoint: endpoint, report: report, trouble: report.NewTrouble(endpoint.Address())}
	s.Client, err = comet.New(c.clientOptions(s))
	if err != nil {
		return nil, withCode(ExitUsage, err)
	}
	return s, nil
}

// clientOptions says how to talk to the server.
func (c *command) clientOptions(s *server) comet.Options {
	f := c.server
	retry := comet.Retry{MaxElapsed: f.retryMax}
	if f.retryMax == 0 {
		retry.MaxElapsed = -1 // the client takes 0 for its default, the user for none
	}
	return comet.Options{
		URL:              s.endpoint.URL.String(),
		APIKey:           string(s.endpoint.APIKey),
		UserAgent:        c.name + "/" + version(),
		AllowHeaderName:  s.endpoint.HeaderName,
		AllowHeaderValue: s.endpoint.HeaderValue,
		CAFile:           s.endpoint.CAFile,
		Retry:            retry,
		AbsentWords:      f.absentWords,
		ReadRate:         f.rate,
		WriteRate:        f.rate,
		MaxInFlight:      f.concurrency,
		Counters:         &c.traffic,
		Notify:           func(t comet.Trouble) { s.trouble.Failed(t.Err.Error()) },
		Succeeded:        s.trouble.Succeeded,
		Logger:           s.report.Logger(),
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
		err = errors.New("the answer names no user, as that of a Comet instance would")
	}
	if err != nil {
		return nil, s.explainFirst(err)
	}
	s.report.Info("%s %s as %q (key from %s)", direction, s.endpoint.Address(), account.UserName, s.endpoint.APIKeyFrom)
	return account, nil
}

// explainFirst is explain for the first request: what goes wrong before the
// server has ever answered may be the fault of its address.
func (s *server) explainFirst(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, comet.ErrUnauthorized), errors.Is(err, comet.ErrForbidden), isUntrusted(err):
		return s.explain(err)
	}
	hints := []string{fmt.Sprintf("the address comes from %s; is a Comet instance there?", s.endpoint.URLFrom)}
	if errors.Is(err, comet.ErrServer) {
		hints = append(hints, "if there is, run the same command again once it answers")
	}
	return withCode(ExitCode(err), fmt.Errorf("%s: %w", s.endpoint.Address(), err), hints...)
}

// isUntrusted reports whether a certificate was signed by someone unknown.
func isUntrusted(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}

// explain adds to an error that the server, or the way to it, is the cause of
// what the user can do about it. Other errors are returned as they are.
func (s *server) explain(err error) error {
	address := s.endpoint.Address()
	switch {
	case errors.Is(err, comet.ErrUnauthorized):
		return withCode(ExitCode(err), err, fmt.Sprintf("the key comes from %s; is it a key of %s?", s.endpoint.APIKeyFrom, address))
	case errors.Is(err, comet.ErrForbidden):
		return withCode(ExitCode(err), err, fmt.Sprintf("the key from %s may not do this on %s", s.endpoint.APIKeyFrom, address))
	}
	if isUntrusted(err) {
		return withCode(ExitCode(err), err, fmt.Sprintf("--ca-file names a file of certificates to trust for %s", address))
	}
	return err
}

// codeOfCall returns the exit code for a call to a server that failed.
func codeOfCall(err *comet.Error) int {
	switch {
	case errors.Is(err, comet.ErrUnauthorized), errors.Is(err, comet.ErrForbidden):
		return ExitDenied
	case errors.Is(err, comet.ErrServer), errors.Is(err, comet.ErrUncertain), errors.Is(err, comet.ErrThrottled),
		err.Status >= http.StatusInternalServerError:
		return ExitServer
	}
	return ExitFailed
}
