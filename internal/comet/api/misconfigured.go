package api

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/comet-stream/comet-stream/internal/comet/transport"
)

// misconfigures reports whether a failure is what a wrong address or proxy leads
// to. From a server that has worked before it is a failure like any other:
// gateways redirect to a page of their own while they are in trouble.
func misconfigures(e *Error) bool {
	switch e.Status {
	case http.StatusProxyAuthRequired, http.StatusNetworkAuthenticationRequired:
		return true
	case 0, http.StatusBadRequest:
	default:
		return false
	}
	if pe, ok := errors.AsType[*transport.ProxyError](e.Err); ok {
		return pe.Status/100 == 4 && pe.Status != http.StatusRequestTimeout && pe.Status != http.StatusTooManyRequests
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](e.Err); ok {
		return true
	}
	return errors.Is(e.Err, http.ErrSchemeMismatch) || errors.Is(e.Err, errTLSPort) || errors.Is(e.Err, ErrMoved)
}

// isCertificateError reports whether one side does not take the certificate of the other.
// It is the server's fault as likely as that of the configuration, and passes as
// little.
func isCertificateError(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error" // an alert of TLS, over a certificate that we have not, say
}

// errTLSPort says that the address begins with http:// and the port speaks TLS.
var errTLSPort = errors.New("the port speaks TLS (the address must begin with https://)")

// explainNetworkError returns an error of the network, in other words where those do not say
// what to do.
func explainNetworkError(err error) error {
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w (the port speaks plain HTTP: the address must begin with http://, or name another port)", err)
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`):
		// The answer is an alert of TLS.
		return errTLSPort
	}
	return err
}

// saysTLSPort recognises the answer 400 of a server to plain HTTP on a port for
// TLS.
func saysTLSPort(status int, body []byte) bool {
	return status == http.StatusBadRequest && containsAny(string(body), "http request to an https server",
		"http request was sent to https port", "plain http to an ssl-enabled", "host and port requires tls")
}

// ErrMoved is a redirect that is not followed.
var ErrMoved = errors.New("redirected")

// redirectError says where such a redirect leads.
type redirectError struct{ from, to *url.URL }

func (e *redirectError) Unwrap() error { return ErrMoved }

func (e *redirectError) Error() string {
	to := url.URL{Scheme: e.to.Scheme, Host: e.to.Host, Path: e.to.Path}
	s := ErrMoved.Error() + " to " + to.String()
	if base, ok := strings.CutSuffix(to.String(), e.from.EscapedPath()); ok {
		return s + " (if the instance has moved there, set its address to " + base + "/)"
	}
	return s + " (is the address right? if this is a login page, set it to an address that reaches the API without login)"
}

// checkRedirect follows the redirects of a read on the same host, and wherever
// they lead those of contents, which may be in storage, and of what goes to
// storage. The headers RoundTripper adds no credential for another host; this
// sees to the ones that net/http would copy.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	t := traceOf(first.Context())
	switch {
	case len(via) >= 10:
		return ErrRedirects
	case t != nil && t.call.storage != nil && req.Method == first.Method:
	// net/http would go on with a GET, or send the body to a place that was not
	// asked for.
	case first.Method != http.MethodGet:
		return &redirectError{first.URL, req.URL}
	case t != nil && t.call.Want == WantBytes:
	case !sameOrigin(first.URL, req.URL):
		return &redirectError{first.URL, req.URL}
	}
	// The referrer holds the query of the address before.
	req.Header.Del("Referer")
	if req.URL.Host != first.URL.Host {
		req.Header.Del("Authorization")
		req.Header.Del("Comet-Sdk-Api")
	}
	return nil
}

// sameOrigin reports whether two addresses are of one scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		switch {
		case u.Port() != "":
			return u.Port()
		case u.Scheme == "https":
			return "443"
		}
		return "80"
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}
